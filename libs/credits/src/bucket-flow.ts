// How a bucket fills: its levels over time, the factor of its refill after what the upstream said, and what is kept back.
import type { AccountClass } from './account.js';
import type { Bucket, BucketLimit, BucketSpec } from './token-bucket.js';

/** A level is counted in millionths of a token. */
export const TOKEN = 1_000_000;
/** The refill's whole. */
export const WHOLE = 1000;
/** The recovery's step, in ms. */
const STEP_MS = 1000;
/** What a wait is said to be at most, in ms. */
const MAX_WAIT_MS = 86_400_000;

/** Whole tokens of each limit, in the order of the bucket's limits; 0 where none is named. */
export type Tokens = readonly number[];

/**
 * The bucket of a specification at `nowMs`. A new one is full; one that there `was`, brought to `nowMs` before, keeps
 * its levels by the limits' names, as far as the new capacity has room, and its factor: what was taken stays taken.
 */
export function bucketOf({ bucket: id, account, limits, ...spec }: BucketSpec, nowMs: number, was?: Bucket): Bucket {
  return {
    id,
    account,
    spec,
    limits: limits.map(({ name, capacity, refillPerSecond, reserve, priceMicro }) => {
      const level = was?.limits.find((limit) => limit.name === name)?.level ?? capacity * TOKEN;
      return {
        ...{ name, capacity, reserve, price: Number(priceMicro) },
        refillMilli: Math.floor(refillPerSecond * 1000 + 0.5),
        level: within(capacity, level),
      };
    }),
    ...{ at: nowMs, factor: was?.factor ?? WHOLE, factorAt: was?.factorAt ?? nowMs },
    ...{ pausedUntil: was?.pausedUntil ?? 0, cutAt: was?.cutAt ?? 0, systemAt: was?.systemAt ?? 0 },
    ...{ spotPermille: was?.spotPermille ?? 1000, scarceAt: was?.scarceAt ?? 0 },
  };
}

/** A level as far as the capacity has room: so much above zero, or below it. */
function within(capacity: number, level: number): number {
  return Math.max(-capacity * TOKEN, Math.min(capacity * TOKEN, level));
}

/** A copy whose levels can be tried on. */
export function copyOfBucket(bucket: Bucket): Bucket {
  return { ...bucket, limits: bucket.limits.map((limit) => ({ ...limit })) };
}

/**
 * Lets flow in what has come since `bucket.at`, at the factor of each second, and raises the factor by a step for
 * every whole second since `factorAt`. Each stretch's inflow is rounded down to a millionth.
 */
export function advance(bucket: Bucket, nowMs: number): void {
  const { increasePermille } = bucket.spec;
  while (bucket.factor < WHOLE && increasePermille > 0 && bucket.factorAt + STEP_MS <= nowMs) {
    const edge = bucket.factorAt + STEP_MS;
    fill(bucket, edge);
    bucket.factor = Math.min(WHOLE, bucket.factor + increasePermille);
    bucket.factorAt = edge;
  }
  fill(bucket, nowMs);
}

function fill(bucket: Bucket, untilMs: number): void {
  const ms = untilMs - bucket.at;
  if (ms <= 0) return;
  for (const limit of bucket.limits) {
    const inflow = Math.floor((limit.refillMilli * ms * bucket.factor) / WHOLE);
    limit.level = Math.min(limit.capacity * TOKEN, limit.level + inflow);
  }
  bucket.at = untilMs;
}

/** Whether the priority reserve is lent: no account of class system took anything for long enough. */
export function reserveIsLent({ spec, systemAt }: Bucket, nowMs: number): boolean {
  return spec.lendAfterMs > 0 && nowMs - systemAt >= spec.lendAfterMs;
}

/** What a take of this class leaves of a limit at least, in whole tokens. */
export function floorOf(bucket: Bucket, limit: BucketLimit, cls: AccountClass, nowMs: number): number {
  return cls === 'system' || reserveIsLent(bucket, nowMs) ? 0 : limit.reserve;
}

/** The most that a take of this class can ever get of a limit, in whole tokens. */
export function mostOf({ spec }: Bucket, limit: BucketLimit, cls: AccountClass): number {
  return cls === 'system' || spec.lendAfterMs > 0 ? limit.capacity : limit.capacity - limit.reserve;
}

/** Whole tokens of each limit that a take of this class can have now, below zero where the level is under its floor. */
export function spareTokens(bucket: Bucket, cls: AccountClass, nowMs: number): Tokens {
  return bucket.limits.map((limit) => Math.floor(limit.level / TOKEN) - floorOf(bucket, limit, cls, nowMs));
}

/**
 * In how many ms so many tokens are there, as the bucket flows now: `needs` whole tokens of each limit, the floor
 * included, 0 where none is needed. The recovery of the factor may make it sooner.
 */
export function waitMsFor(bucket: Bucket, needs: Tokens, nowMs: number): number {
  let ms = Math.max(1, bucket.pausedUntil - nowMs);
  bucket.limits.forEach((limit, index) => {
    const lacks = needs[index]! * TOKEN - limit.level;
    if (needs[index]! > 0 && lacks > 0)
      ms = Math.max(ms, Math.ceil((lacks * WHOLE) / (limit.refillMilli * bucket.factor)));
  });
  return Math.min(ms, MAX_WAIT_MS);
}

/** What the upstream answered, as far as it is about its limits. */
export interface Word {
  readonly status: number;
  readonly retryAfterMs?: number | undefined;
  readonly remaining?: Readonly<Record<string, number>> | undefined;
}

/** Whether what a holder of this class says of the upstream, and of what it used there beyond its hold, is believed. */
export function isHeard({ spec }: Bucket, cls: AccountClass): boolean {
  return spec.hears === 'all' || cls === 'system';
}

/**
 * Takes the upstream's word, on a bucket that was brought to `nowMs`: a 429 cuts the refill (multiplicative decrease,
 * Chiu and Jain 1989, at most once in `backOffMs`, since all who were under way at the time get one), Retry-After
 * pauses the bucket, and what it says is left lowers a level, never raises it. `cls` is the class of whose word it is: a
 * bucket may hear class system alone.
 */
export function hearUpstream(bucket: Bucket, word: Word, cls: AccountClass, nowMs: number): void {
  if (!isHeard(bucket, cls)) return;
  const { decreasePermille, leastPermille, backOffMs } = bucket.spec;
  if (word.status === 429 && (bucket.cutAt === 0 || nowMs - bucket.cutAt >= backOffMs)) {
    bucket.factor = Math.max(leastPermille, Math.floor((bucket.factor * decreasePermille) / WHOLE));
    bucket.factorAt = nowMs;
    bucket.cutAt = nowMs;
  }
  if (word.retryAfterMs !== undefined && (word.status === 429 || word.status === 503)) {
    bucket.pausedUntil = Math.max(bucket.pausedUntil, nowMs + Math.min(word.retryAfterMs, bucket.spec.maxPauseMs));
  }
  for (const limit of bucket.limits) {
    const left = word.remaining?.[limit.name];
    if (left !== undefined) limit.level = Math.min(limit.level, left * TOKEN);
  }
}

/**
 * Settles a limit with what a holder used of what it held, in whole tokens: the rest comes back as far as there is
 * room; what was used beyond it is gone, down to a whole capacity of debt. Returns what there was to come back.
 */
export function reconcile(limit: BucketLimit, held: number, used: number): number {
  const back = (held - used) * TOKEN;
  limit.level = within(limit.capacity, limit.level + back);
  return Math.max(0, held - used);
}

/**
 * What a take counts for in its taker's recent use: the largest of the shares of the limits' refills over the noise
 * window that it takes, in millionths.
 */
export function weightOf(bucket: Bucket, amounts: Tokens): number {
  let weight = 0;
  bucket.limits.forEach(({ refillMilli }, index) => {
    const whole = Math.max(1, Math.floor((refillMilli * bucket.spec.noiseWindowMs) / 1_000_000));
    weight = Math.max(weight, Math.floor((amounts[index]! * 1_000_000) / whole));
  });
  return weight;
}

/** All that a window can give, in the unit of `weightOf`. */
export const WHOLE_WINDOW = 1_000_000;
