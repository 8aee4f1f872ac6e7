// The options of a market of one's own, the same for `up`, `demo` and `sim`.
import { poolIdText } from '@tender/market';
import { type Command, InvalidArgumentError } from 'commander';
import type { PoolPlan } from './market-setup.js';

export interface HouseFlags {
  readonly plan: PoolPlan;
  readonly brokers: number;
  readonly termMs: number;
  readonly dir?: string | undefined;
  /** Undefined where none was asked for. */
  readonly httpPort?: number | undefined;
  /** How many agents of a demo are of class system, where there is a reserve for them. */
  readonly systemAgents: number;
  /** Which of them were typed. */
  readonly given: readonly string[];
}

interface Raw {
  readonly pool: string;
  readonly slots: number;
  readonly reserve: number;
  readonly reservePrice: number;
  readonly brokers: number;
  readonly term: number;
  readonly dir?: string;
  readonly httpPort?: number;
}

export function whole(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`a whole number from ${least} to ${most} is needed.`);
  };
}

function poolName(text: string): string {
  const parsed = poolIdText.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`${parsed.error.issues[0]?.message}.`);
}

export function addHouseFlags(command: Command): Command {
  return command
    .option('--pool <name>', 'the pool that is opened', poolName, 'gpu.h100')
    .option('--slots <count>', 'its slots', whole(1, 4096), 64)
    .option('--reserve <count>', 'its priority reserve: slots for system agents only', whole(0, 4096), 4)
    .option(
      '--reserve-price <micro>',
      'the least that a slot costs for a term, in micro-credits',
      whole(0, 1e12),
      200_000,
    )
    .option('--term <ms>', 'how long a lease lasts before it must be renewed', whole(50, 86_400_000), 2000)
    .option('--brokers <count>', 'brokers side by side', whole(1, 16), 1);
}

export function addKeepFlags(command: Command): Command {
  return command
    .option('--dir <folder>', 'keeps the market’s data and keys there')
    .option(
      '--http-port <port>',
      'of /metrics, /healthz and /readyz (default: 9464, or another where that is taken)',
      whole(0, 65_535),
    );
}

/** Throws where the options contradict each other. */
export function houseFlags(command: Command): HouseFlags {
  const raw = command.opts<Raw>();
  const typed = (name: string) => command.getOptionValueSource(name) === 'cli';
  // A pool may be smaller than the usual reserve; who asks for a reserve gets it or an error.
  const reserve = typed('reserve') ? raw.reserve : Math.min(raw.reserve, Math.floor(raw.slots / 8));
  if (reserve >= raw.slots) {
    command.error(`error: --reserve ${reserve} leaves nothing of --slots ${raw.slots} to sell to standard agents`);
  }
  return {
    plan: { pool: raw.pool, slots: raw.slots, reserve, reservePriceMicro: String(raw.reservePrice) },
    brokers: raw.brokers,
    termMs: raw.term,
    dir: raw.dir,
    httpPort: raw.httpPort,
    systemAgents: reserve,
    given: ['slots', 'reserve', 'reservePrice', 'term', 'brokers']
      .filter(typed)
      .map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`),
  };
}
