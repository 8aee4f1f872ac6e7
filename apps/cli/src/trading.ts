// `tender demo` and `tender sim`: a swarm trades, in a market of its own or in one that runs.
import { resolve } from 'node:path';
import { validateSimulator } from './app-process.js';
import { type CliConfig, UsageError } from './config.js';
import type { HouseFlags } from './house-flags.js';
import { inOthersHouse, inPassingHouse } from './passing-house.js';

const tell = (text: string) => void process.stdout.write(text);
const say = (line: string) => tell(`  ${line}\n`);

/** Starts a market, trades in it, checks it, and leaves a report. Returns the exit code. */
export async function demo(config: CliConfig, flags: HouseFlags, simArgs: readonly string[]): Promise<number> {
  const startedMs = Date.now();
  const args = hasFlag(simArgs, '--report') ? simArgs : ['--report', resolve('tender-report.html'), ...simArgs];
  const code = await inOwnHouse(config, flags, args);
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(0);
  if (code === 0) tell(`\nDone in ${seconds} seconds; nothing is left running.\n`);
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
  const code = await inOthersHouse({ config, args: ['run', ...simArgs], tell });
  if (code === 0 && !hasFlag(simArgs, '--report')) tell('\n--report FILE writes a report of a run.\n');
  return code;
}

async function inOwnHouse(config: CliConfig, flags: HouseFlags, simArgs: readonly string[]): Promise<number> {
  // What was typed stands last, so that an option whose argument was forgotten does not swallow one of these.
  const args = ['--pool', flags.plan.pool, ...simArgs];
  if (flags.plan.reserve > 0 && !hasFlag(simArgs, '--system-agents')) {
    args.unshift('--system-agents', String(flags.systemAgents));
  }
  await validateSimulator(['validate', ...args], config.inherited);
  return inPassingHouse({ ...flags, config, args: ['run', ...args], say, tell });
}

function hasFlag(args: readonly string[], flag: string): boolean {
  return args.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
}
