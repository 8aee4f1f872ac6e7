#!/usr/bin/env node
// The simulator's process: reads its command line and environment, runs, and says by its exit code what came of it.
import { Command, CommanderError } from 'commander';
import { CannotRun } from './cannot-run.js';
import { addSimOptions, conflict, optionsHelp, type SimOptions } from './options.js';
import { addScenarioOptions, type ScenarioOptions } from './scenarios/options.js';
import { readTrace } from './trace-file.js';

// What trades is loaded only to trade: whoever asks for help, or was refused, does not wait for it.

/** 0 green or no check wanted, 1 an invariant broken or not to be checked, 2 cannot be run as asked, 130 interrupted. */
async function run(options: SimOptions, command: Command): Promise<void> {
  const wrong = strayWord(command) ?? conflict(options);
  if (wrong !== undefined) return fail(wrong, 2);
  const { simConfig } = await import('./config.js');
  const config = simConfig();
  const output = process.stdout;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // The cursor may be hidden; leases that are still held end by themselves.
      if (output.isTTY) output.write('\u001b[?25h');
      process.exit(130);
    });
  }
  const [{ simulate }, { verdictLines }] = await Promise.all([import('./simulate.js'), import('./verdict.js')]);
  const result = await simulate({ options, config, run: Date.now().toString(36).slice(-5), output });
  const coloured = config.coloured && output.isTTY === true;
  output.write(`\n${verdictLines(result, coloured).join('\n')}\n`);
  if (options.report !== undefined) output.write(`\nReport: ${options.report}\n`);
  // Who named the books wanted them checked: a check that could not be made is no success.
  const green = result.check.ok ?? config.redisUrl === undefined;
  process.exitCode = green ? 0 : 1;
}

async function play(names: readonly string[], options: ScenarioOptions): Promise<void> {
  const [{ chosen, runScenarios }, { simConfig }] = await Promise.all([
    import('./scenarios/command.js'),
    import('./config.js'),
  ]);
  const scenarios = chosen(names);
  if (typeof scenarios === 'string') return fail(scenarios, 2);
  const config = simConfig();
  const output = process.stdout;
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupt.abort());
  const run = `s${Date.now().toString(36).slice(-5)}`;
  const { signal } = interrupt;
  try {
    process.exitCode = await runScenarios({ config, names, scenarios, options, run, output, signal });
  } catch (error) {
    if (signal.aborted) process.exit(130);
    throw error;
  }
}

/** The commands' names here are nothing that people type: what they said wrong is told without them. */
function strayWord({ args }: Command): string | undefined {
  return args[0] === undefined ? undefined : `error: ${JSON.stringify(args[0])} is no option: options start with --`;
}

function fail(message: string, code: number): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = code;
}

const program = new Command('tender-sim').description('Trades with a swarm of simulated agents in a running market.');
const trading = program.command('run', { isDefault: true }).description('trade').allowExcessArguments();
addSimOptions(trading).action((options: SimOptions) => run(options, trading));
const validating = program.command('validate').description('only say whether run would take these options');
addSimOptions(validating.allowExcessArguments()).action(async (options: SimOptions) => {
  const wrong = strayWord(validating) ?? conflict(options);
  if (wrong !== undefined) fail(wrong, 2);
  if (options.trace !== undefined) await readTrace(options.trace);
});
program
  .command('options <columns>')
  .description('the options of run, for the help of the commands that take them')
  .action((columns: string) => {
    process.stdout.write(optionsHelp(Number(columns) || 80));
  });
program
  .command('fit <file>')
  .description('measure a trace: the figures that the synthetic demand is fitted to')
  .action(async (file: string) => {
    const [{ fitLines }, { parseTrace }] = await Promise.all([import('./fit.js'), import('./trace.js')]);
    process.stdout.write(`${fitLines(parseTrace(await readTrace(file), 64)).join('\n')}\n`);
  });

addScenarioOptions(program.command('scenario <names...>'))
  .description('play scenarios of negotiation by name, or all')
  .option('--validate', 'only say whether they could be played')
  .action(async (names: string[], options: ScenarioOptions & { validate?: boolean }) => {
    if (options.validate !== true) return play(names, options);
    const { chosen, settingsOf } = await import('./scenarios/command.js');
    const wrong = chosen(names);
    if (typeof wrong === 'string') fail(wrong, 2);
    else await settingsOf(wrong, options);
  });
program
  .command('scenarios')
  .description('list them, a line each')
  .action(async () => {
    const { scenarioList } = await import('./scenarios/command.js');
    process.stdout.write(scenarioList());
  });

for (const command of [program, ...program.commands]) command.exitOverride();
try {
  await program.parseAsync();
} catch (error) {
  // Commander has said it all; its own exit code for a wrong option, 1, is taken by broken invariants.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  const known = error instanceof CannotRun;
  fail(known ? error.message : String(error instanceof Error ? error.stack : error), known ? 2 : 70);
}
