#!/usr/bin/env node
// The command line: `tender up`, `demo`, `sim`, `scenario`, `check`, and what operators type.
import { Command, CommanderError } from 'commander';
import { simulatorHelp } from './app-process.js';
import { RefusedByBank } from './as-operator.js';
import { check } from './check.js';
import { cliConfig, UsageError } from './config.js';
import { addHouseFlags, addKeepFlags, houseFlags, whole } from './house-flags.js';
import { INTERRUPTED } from './interrupt.js';
import { addOperatorCommands } from './operator-commands.js';
import { type ScenarioFlags, scenario } from './scenario.js';
import { demo, sim } from './trading.js';
import { up } from './up.js';

const program = new Command('tender')
  .description('A marketplace for swarms of agents that share scarce compute.')
  .showHelpAfterError()
  .exitOverride();

addKeepFlags(addHouseFlags(program.command('up')))
  .description('run a market until Ctrl-C, and say how to trade in it')
  .action(async (_, command: Command) => {
    process.exitCode = await up(cliConfig(), houseFlags(command));
  });

addHouseFlags(program.command('demo'))
  .description('start a market, let a swarm trade in it, check it, and leave a report')
  .allowUnknownOption()
  .allowExcessArguments()
  .addHelpText('after', simulatorHelp)
  .action(async (_, command: Command) => {
    process.exitCode = await demo(cliConfig(), houseFlags(command), command.args);
  });

addHouseFlags(program.command('sim'))
  .description(
    'let a swarm trade in the market that NATS_URL and TENDER_OPERATOR_SEED name, or in one of its own; --report FILE writes a report',
  )
  .allowUnknownOption()
  .allowExcessArguments()
  .addHelpText('after', simulatorHelp)
  .action(async (_, command: Command) => {
    const pool =
      command.getOptionValueSource('pool') === 'cli' ? ['--pool', command.opts<{ pool: string }>().pool] : [];
    process.exitCode = await sim(cliConfig(), houseFlags(command), [...command.args, ...pool]);
  });

program
  .command('scenario [names...]')
  .description(
    'play patterns of negotiation by name, or all, in the market that NATS_URL and TENDER_OPERATOR_SEED name, or in one of its own; no name lists them',
  )
  .option('--seed <number>', 'makes the same agents, tasks and prices again', '1')
  .option(
    '--llm-trace <file>',
    'rate-tokens: requests of a recorded trace, TIMESTAMP,ContextTokens,GeneratedTokens (default: a synthetic one)',
  )
  .option('--quiet-upstream', 'rate-tokens: the upstream says nothing of what is left, only its 429s tell')
  .option('--seconds <count>', 'rate-tokens: how long agents ask, unmanaged and through the market')
  .option('--report <file>', 'writes the report, one HTML page')
  .option('--log', 'prints every move: who, what, when, how much')
  .option('-o, --output <form>', 'what is printed: table, json', 'table')
  .option('--brokers <count>', 'brokers side by side, in a market of its own', whole(1, 16), 1)
  .action(async (names: string[], flags: ScenarioFlags) => {
    process.exitCode = await scenario(cliConfig(), names, flags);
  });

program
  .command('check')
  .description('check every invariant of the market that REDIS_URL and TENDER_MARKET name')
  .action(async () => {
    process.exitCode = await check(cliConfig());
  });

addOperatorCommands(program);

// Whoever reads only the beginning (`tender up | head`) has read enough: end, and quietly.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

/** 0 all well, 1 a breach, a refusal or a market that broke down, 2 not to be done as asked, 3 no such thing, 130 interrupted. */
async function main(): Promise<void> {
  try {
    for (const command of program.commands) command.exitOverride();
    await program.parseAsync();
  } catch (error) {
    // Commander has said what is wrong.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== '') process.stderr.write(`${message}\n`);
      process.exitCode = error instanceof UsageError ? 2 : error instanceof RefusedByBank ? error.exitCode : 1;
    }
  }
}

await main();
// A pipe takes what is long piece by piece: all of it, unless somebody would have it end now.
if (process.exitCode !== INTERRUPTED) await new Promise((written) => process.stdout.write('', written));
// Sockets of clients that still try to reconnect must not keep a finished command alive.
process.exit();
