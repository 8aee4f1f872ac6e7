// Tasks with hard constraints and machines with limits, drawn by the seed; and the one rule that says which fit.
import type { Detail } from '@tender/market';
import type { Prng } from '../prng.js';

export interface Need {
  readonly name: string;
  readonly memoryMb: number;
  readonly tokens: number;
  readonly dependencies: readonly string[];
  /** Its data goes to cleared machines only. */
  readonly confidential: boolean;
  /** Where it may run; the first is what the buyer would like best. */
  readonly regions: readonly string[];
  /** Done so long after the call, as the buyer would like it, and at the latest. */
  readonly wantedMs: number;
  readonly latestMs: number;
  /** The most that the buyer pays, in micro-credits. */
  readonly budgetMicro: number;
}

export interface Machine {
  readonly name: string;
  readonly memoryMb: number;
  readonly tokens: number;
  readonly has: readonly string[];
  readonly region: string;
  /** How long a task takes here. */
  readonly takesMs: number;
  /** So many tasks at once. */
  readonly room: number;
  /** The least that it works for, in micro-credits. */
  readonly costMicro: number;
}

const regions = ['eu-north', 'eu-west', 'us-east'] as const;
const libraries = ['cuda-12', 'imagenet', 'ffmpeg'] as const;
const CREDIT = 1_000_000;

const pick = <T>(prng: Prng, from: readonly T[]): T => from[prng.int(from.length)]!;
const some = <T>(prng: Prng, from: readonly T[], share: number): T[] => from.filter(() => prng.next() < share);

export function drawNeeds(prng: Prng, count: number): Need[] {
  return Array.from({ length: count }, (_, index) => {
    const allowed = some(prng, regions, 0.5);
    const wantedMs = 60_000 * (1 + prng.int(3));
    return {
      name: `task-${index + 1}`,
      memoryMb: 8192 * (1 + prng.int(6)),
      tokens: 10_000 * prng.int(6),
      dependencies: some(prng, libraries, 0.2),
      confidential: prng.next() < 0.4,
      regions: allowed.length === 0 ? [pick(prng, regions)] : allowed,
      wantedMs,
      latestMs: wantedMs * (1 + prng.int(3)),
      budgetMicro: CREDIT * (6 + prng.int(10)),
    };
  });
}

export function drawMachines(prng: Prng, count: number): Machine[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `machine-${index + 1}`,
    memoryMb: 16_384 * (1 + prng.int(5)),
    tokens: 10_000 * (1 + prng.int(6)),
    has: some(prng, libraries, 0.75),
    region: regions[index % regions.length]!,
    // Never to the second what somebody asks: nothing hangs on how long a message was on its way.
    takesMs: 60_000 * (1 + prng.int(4)) - 10_000,
    room: 2 + prng.int(2),
    costMicro: CREDIT * (2 + prng.int(7)),
  }));
}

/** What kept a machine from a task, as its refusal names it; none where it can do it by `withinMs` for `micro`. */
export function obstacle(
  need: Pick<Need, 'regions' | 'dependencies' | 'tokens' | 'memoryMb'>,
  machine: Machine,
  withinMs: number,
  micro: number,
): Detail | undefined {
  if (!need.regions.includes(machine.region)) return 'region';
  if (need.dependencies.some((one) => !machine.has.includes(one))) return 'missing-dependency';
  if (need.tokens > machine.tokens) return 'token-limit';
  if (need.memoryMb > machine.memoryMb) return 'no-capacity';
  if (machine.takesMs > withinMs) return 'deadline-infeasible';
  return machine.costMicro > micro ? 'below-reserve-price' : undefined;
}
