// What a take would cost in a bucket, when it can be expected, and what of it can never be had: for who asks before it takes.
import {
  type AccountClass,
  type Bucket,
  costOf,
  floorOf,
  mostOf,
  NO_USE,
  noisePermille,
  offeredRate,
  recentUse,
  roomInMs,
  spareTokens,
  type Tokens,
  type Use,
  WHOLE_WINDOW,
  waitMsFor,
  weightOf,
} from '@tender/credits';
import type { ImaginedTake, TakeRank } from './bucket-point.js';

/** Who asks: its class, and what its owner took of late. */
export interface TakeAsker {
  readonly class: AccountClass;
  readonly use?: Use | undefined;
}

/** By what the asker's owner's own takings multiply a price. */
export function noiseFor({ spec }: Bucket, { use = NO_USE }: TakeAsker, nowMs: number): number {
  const recent = recentUse(use, spec.noiseWindowMs, nowMs);
  return noisePermille(recent, WHOLE_WINDOW, spec.noiseMaxPermille);
}

/** What is beyond what such a taker can ever have at once: the limits' names, each with the most that would pass. */
export function beyondReach(
  bucket: Bucket,
  amounts: Tokens,
  { class: cls }: TakeAsker,
): Readonly<Record<string, number>> {
  const { ownerMaxPermille } = bucket.spec;
  const most = bucket.limits.map((limit, n) => {
    const there = mostOf(bucket, limit, cls);
    if (ownerMaxPermille === 1000) return there;
    // The largest amount of this limit alone whose weight is within the owner's share.
    const weighs = (amount: number) =>
      weightOf(
        bucket,
        bucket.limits.map((_, one) => (one === n ? amount : 0)),
      );
    let [fits, tooMuch] = [0, there + 1];
    while (tooMuch - fits > 1) {
      const middle = Math.floor((fits + tooMuch) / 2);
      if (weighs(middle) <= ownerMaxPermille * 1000) fits = middle;
      else tooMuch = middle;
    }
    return fits;
  });
  return Object.fromEntries(
    bucket.limits.flatMap(({ name }, n) => (amounts[n]! > most[n]! ? [[name, most[n]!] as const] : [])),
  );
}

/** The rate of a quote: the last clearing's while tokens were scarce of late, else the reserve prices'. */
function goingRate({ spec, scarceAt, spotPermille }: Bucket, nowMs: number): number {
  const scarce = scarceAt > 0 && nowMs - scarceAt < spec.noiseWindowMs;
  return scarce ? spotPermille : 1000;
}

/** What tokens cost just now, in micro-credits: no promise. */
export function goingCost(bucket: Bucket, amounts: Tokens, asker: TakeAsker, nowMs: number): number {
  return costOf(bucket, amounts, goingRate(bucket, nowMs), noiseFor(bucket, asker, nowMs));
}

/**
 * Where a take stands among others that is to cost `most` micro-credits, or what it would cost just now; undefined where
 * that is less than the reserve prices. By proportional share no rate ranks anybody: it counts as the last one.
 */
export function rankOf(
  bucket: Bucket,
  amounts: Tokens,
  asker: TakeAsker,
  most: number | undefined,
  nowMs: number,
): TakeRank | undefined {
  const rate =
    most === undefined ? goingRate(bucket, nowMs) : offeredRate(bucket, amounts, most, noiseFor(bucket, asker, nowMs));
  if (rate === undefined) return undefined;
  return { rate: bucket.spec.rule === 'uniform-price' ? rate : 0, system: asker.class === 'system' };
}

/** What must be there for a take: of each limit that it names its amount, and what its class leaves. */
export function imaginedTake(
  bucket: Bucket,
  amounts: Tokens,
  asker: TakeAsker,
  rank: TakeRank,
  nowMs: number,
): ImaginedTake {
  const needs = bucket.limits.flatMap((limit, n) =>
    amounts[n] === 0 ? [] : [[limit.name, amounts[n]! + floorOf(bucket, limit, asker.class, nowMs)] as const],
  );
  return { ...rank, needs: Object.fromEntries(needs) };
}

/**
 * The expected time until a take could be served, in ms: those who wait before it first, as the bucket flows now, its
 * owner's share and a reserve that is not lent yet waited for.
 *
 * @param ahead what they want, by limit
 */
export function expectedTakeMs(
  bucket: Bucket,
  amounts: Tokens,
  asker: TakeAsker,
  ahead: Readonly<Record<string, number>>,
  nowMs: number,
): number {
  const { ownerMaxPermille, noiseWindowMs, lendAfterMs } = bucket.spec;
  const first = bucket.limits.map(({ name }) => ahead[name] ?? 0);
  const spare = spareTokens(bucket, asker.class, nowMs);
  const there = amounts.every((amount, n) => amount === 0 || amount + first[n]! <= spare[n]!);
  let ms = there && nowMs >= bucket.pausedUntil ? 0 : flowsInMs(bucket, amounts, asker, first, nowMs);
  if (ownerMaxPermille < 1000) {
    const room = ownerMaxPermille * 1000 - weightOf(bucket, amounts);
    ms = Math.max(ms, roomInMs(asker.use ?? NO_USE, room, noiseWindowMs, nowMs) ?? 0);
  }
  const unlent = bucket.limits.some(
    (limit, n) => amounts[n]! > limit.capacity - floorOf(bucket, limit, asker.class, nowMs),
  );
  return unlent ? Math.max(ms, bucket.systemAt + lendAfterMs - nowMs) : ms;
}

function flowsInMs(bucket: Bucket, amounts: Tokens, { class: cls }: TakeAsker, first: Tokens, nowMs: number): number {
  const needs = bucket.limits.map((limit, n) => {
    if (amounts[n] === 0) return 0;
    const whole = amounts[n]! + first[n]!;
    // What only a lent reserve could give waits for that, not for a level that there can never be.
    const kept = floorOf(bucket, limit, cls, nowMs);
    return amounts[n]! > limit.capacity - kept ? whole : whole + kept;
  });
  return waitMsFor(bucket, needs, nowMs);
}
