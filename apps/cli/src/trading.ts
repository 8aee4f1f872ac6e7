// `tender demo` and `tender sim`: a swarm trades, in a market of its own or in one that runs.
import { resolve } from 'node:path';
import { validateSimulator } from './app-process.js';
import { type CliConfig, UsageError } from './config.js';
import { openHouse } from './house.js';
import type { HouseFlags } from './house-flags.js';
import { INTERRUPTED, onInterrupt } from './interrupt.js';
import { runSimulator } from './sim-run.js';

const say = (line: string) => void process.stdout.write(`  ${line}\n`);

/** A market that lasts as long as its run has a name of its own, so that servers which others use stay clean. */
function passingMarket(): string {
  return `run-${Date.now().toString(36)}`;
}

/** Starts a market, trades in it, checks it, and leaves a report. Returns the exit code. */
export async function demo(config: CliConfig, flags: HouseFlags, simArgs: readonly string[]): Promise<number> {
  const startedMs = Date.now();
  const args = hasFlag(simArgs, '--report') ? simArgs : ['--report', resolve('tender-report.html'), ...simArgs];
  const code = await inOwnHouse(config, flags, args);
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(0);
  if (code === 0) process.stdout.write(`\nDone in ${seconds} seconds; nothing is left running.\n`);
  return code;
}

/** Trades in the market that the environment names, or in one of its own. Returns the exit code. */
export async function sim(config: CliConfig, flags: HouseFlags, simArgs: readonly string[]): Promise<number> {
  if (config.natsUrl === undefined || config.operatorSeed === undefined) return inOwnHouse(config, flags, simArgs);
  if (flags.given.length > 0) {
    throw new UsageError(
      `${flags.given.join(', ')}: the market at ${config.natsUrl} has its pool already. Unset NATS_URL to trade in a market of your own.`,
    );
  }
  const interrupt = onInterrupt();
  const code = await runSimulator({ args: simArgs, env: config.inherited, interrupt });
  if (code === INTERRUPTED) process.stdout.write('\nInterrupted: no report was written; the market goes on.\n');
  if (code === 0 && !hasFlag(simArgs, '--report')) process.stdout.write('\n--report FILE writes a report of a run.\n');
  return code;
}

async function inOwnHouse(config: CliConfig, flags: HouseFlags, simArgs: readonly string[]): Promise<number> {
  const interrupt = onInterrupt();
  // What was typed stands last, so that an option whose argument was forgotten does not swallow one of these.
  const args = ['--pool', flags.plan.pool, ...simArgs];
  if (flags.plan.reserve > 0 && !hasFlag(simArgs, '--system-agents')) {
    args.unshift('--system-agents', String(flags.systemAgents));
  }
  await validateSimulator(args, config.inherited);
  process.stdout.write('Opening a market:\n');
  const opening = openHouse({ ...flags, config, market: passingMarket(), httpPort: 0, say });
  const house = await Promise.race([opening, interrupt.signalled.then(() => undefined)]);
  if (house === undefined) {
    // Whatever has started by then goes down again before this process does.
    await opening.then(
      (late) => late.stop(),
      () => undefined,
    );
    return interrupted();
  }
  let code: number;
  try {
    const env = { ...config.inherited, ...house.env };
    code = await runSimulator({ args, env, interrupt, broken: house.broken });
  } finally {
    await house.stop();
  }
  return code === INTERRUPTED ? interrupted() : code;
}

function interrupted(): number {
  process.stdout.write('\nInterrupted: no report was written; nothing is left running.\n');
  return INTERRUPTED;
}

function hasFlag(args: readonly string[], flag: string): boolean {
  return args.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
}
