// Buckets in the model: opening one, or changing one that exists; open-bucket.lua's rules.
import {
  advance,
  type Bucket,
  type BucketSpec,
  bucketOf,
  hasFaded,
  NO_USE,
  parseMicro,
  TOKEN,
  type Tokens,
  type Use,
  usedMore,
  weightOf,
} from '@tender/credits';
import type { TokenAmounts } from '../tokens.js';
import { type Answer, type Done, refused } from './command.js';
import type { MarketState } from './market-state.js';

export function openBucket(market: MarketState, spec: BucketSpec, nowMs: number): Answer<Done['open-bucket']> {
  if (market.ledger.account(spec.account)?.kind !== 'pool') return refused('unknown');
  for (const [index, { name, capacity, reserve, priceMicro }] of spec.limits.entries()) {
    if (parseMicro(priceMicro) === undefined || reserve > capacity) return refused('malformed');
    if (spec.limits.findIndex((limit) => limit.name === name) !== index) return refused('malformed');
  }
  commitBucket(market, spec, nowMs);
  return { ok: true, bucket: spec.bucket, at: nowMs };
}

export function commitBucket(market: MarketState, spec: BucketSpec, nowMs: number): void {
  market.ledger.tick(nowMs);
  const was = market.buckets.get(spec.bucket);
  if (was !== undefined) advance(was, nowMs);
  // Of another window's halves nothing could be told any more: recent use counts anew.
  if (was?.spec.noiseWindowMs !== spec.noiseWindowMs) market.taken.delete(spec.bucket);
  market.buckets.set(spec.bucket, bucketOf(spec, nowMs, was));
}

/** A stored bucket, brought to `nowMs`: only for who changes it in the same step. */
export function bucketAt(market: MarketState, id: string, nowMs: number): Bucket {
  const bucket = market.buckets.get(id);
  if (bucket === undefined) throw new Error(`there is no bucket ${id}`);
  advance(bucket, nowMs);
  return bucket;
}

/** Amounts by name in the order of the bucket's limits; a limit that there is no more is left out. */
export function byLimit(bucket: Bucket, amounts: TokenAmounts): Tokens {
  return bucket.limits.map(({ name }) => amounts[name] ?? 0);
}

/** Whole tokens of each limit that are in a bucket, below zero where more was used than held. */
export function tokensIn({ limits }: Bucket): Readonly<Record<string, number>> {
  return Object.fromEntries(limits.map(({ name, level }) => [name, Math.floor(level / TOKEN)]));
}

/** Counts more as somebody's recent use, or less of what was taken at `atMs`. */
export function countUse(
  market: MarketState,
  bucket: Bucket,
  who: string,
  weight: number,
  nowMs: number,
  atMs = nowMs,
): void {
  if (weight === 0) return;
  const taken: Map<string, Use> = market.taken.get(bucket.id) ?? new Map();
  market.taken.set(bucket.id, taken);
  const { noiseWindowMs } = bucket.spec;
  const use = usedMore(taken.get(who) ?? NO_USE, weight, noiseWindowMs, nowMs, atMs);
  // Whoever took last stands last: what has faded is found at the front.
  taken.delete(who);
  taken.set(who, use);
  for (const [other, old] of taken) {
    if (!hasFaded(old, noiseWindowMs, nowMs)) return;
    taken.delete(other);
  }
}

export function weightIn(bucket: Bucket, amounts: TokenAmounts): number {
  return weightOf(bucket, byLimit(bucket, amounts));
}
