// Who gets the tokens of a bucket that several ask for at the same instant, and at which price.
import type { AccountClass } from './account.js';
import { MAX_MICRO } from './amount.js';
import { floorOf, mostOf, spareTokens, TOKEN, type Tokens, waitMsFor } from './bucket-flow.js';
import type { Bucket } from './token-bucket.js';

/** The highest rate that a bid is taken for, in thousandths of the reserve prices. */
export const MAX_RATE = 1_000_000_000;

/** A take that may win: its account, credits and budget were looked at before. */
export interface TokenBid {
  readonly class: AccountClass;
  readonly amounts: Tokens;
  /** Content with so much; `amounts` where only all of it will do. */
  readonly least: Tokens;
  /** The rate that it offers, as `offeredRate` has it. */
  readonly offered: number;
  /** What its owner took of late. */
  readonly use: number;
  /** Nobody pays for having bid against itself: one's own offers in vain set no price for one. Absent: nobody's. */
  readonly owner?: string | undefined;
}

/** What came of a bid: tokens at a rate; or when it could have them (in ms) and what rate it would take now. */
export type TokenVerdict =
  | { readonly granted: Tokens; readonly rate: number }
  | { readonly granted?: undefined; readonly waitMs: number; readonly rate: number };

export interface Cleared {
  /**
   * The clearing rate, in thousandths of the reserve prices: the highest that was offered in vain, at least the whole;
   * where all winners are of the owner who offered it, the highest of another.
   */
  readonly rate: number;
  /** In the order of the bids. */
  readonly verdicts: readonly TokenVerdict[];
}

/** What was offered in vain, as a winner of each owner pays it. */
function ratesOf(lost: readonly TokenBid[]): (owner: string | undefined) => number {
  const high = (bids: readonly TokenBid[]) => bids.reduce((most, { offered }) => Math.max(most, offered), 1000);
  const rate = high(lost);
  const highest = lost.find(({ offered }) => offered === rate)?.owner;
  const ofOthers = highest === undefined ? rate : high(lost.filter(({ owner }) => owner !== highest));
  return (owner) => (owner !== undefined && owner === highest ? ofOthers : rate);
}

/** What a token costs at a rate, for a taker of this noise, in micro-credits, rounded up. */
export function unitPrice(price: number, rate: number, noise: number): number {
  return Math.min(MAX_MICRO, Math.ceil((price * rate * noise) / 1_000_000));
}

/** What tokens cost together. */
export function costOf(bucket: Bucket, amounts: Tokens, rate: number, noise: number): number {
  return bucket.limits.reduce((sum, { price }, index) => sum + amounts[index]! * unitPrice(price, rate, noise), 0);
}

/**
 * The rate that `max` micro-credits offer for these amounts: noise counts against it, so that who took much of late
 * must offer more for the same rank. Undefined where it is less than the reserve prices.
 */
export function offeredRate(bucket: Bucket, amounts: Tokens, max: number, noise: number): number | undefined {
  if (max < costOf(bucket, amounts, 1000, noise)) return undefined;
  const base = bucket.limits.reduce((sum, { price }, index) => sum + amounts[index]! * price, 0);
  if (base === 0) return 1000;
  return Math.min(MAX_RATE, Math.max(1000, Math.floor((Math.floor((max * 1000) / base) * 1000) / noise)));
}

/**
 * Clears the bids on a bucket that was brought to `nowMs`, and takes the winners' tokens from its levels. Class system
 * comes first; then, by uniform price, whoever offers the higher rate, or by proportional share whoever took less of
 * late. The first that does not fit is given the part that is there, if it is content with that, and whoever comes
 * behind it waits: were they let through, a large take would starve.
 */
export function clearTokens(bucket: Bucket, bids: readonly TokenBid[], nowMs: number): Cleared {
  const order = rankTokenBids(bucket, bids);
  const granted = new Map<number, Tokens>();
  const paused = nowMs < bucket.pausedUntil;
  if (!paused) {
    const standard = order.filter((index) => bids[index]!.class !== 'system');
    const served = giveInOrder(bucket, bids, order.slice(0, order.length - standard.length), granted, nowMs);
    if (served && bucket.spec.rule === 'proportional-share') giveShares(bucket, bids, standard, granted, nowMs);
    else if (served) giveInOrder(bucket, bids, standard, granted, nowMs);
  }
  const lost = order.filter((index) => !granted.has(index));
  const auctioned = bucket.spec.rule === 'uniform-price';
  const rateOf = auctioned ? ratesOf(lost.map((index) => bids[index]!)) : () => 1000;
  const rates = [...granted.keys()].map((index) => rateOf(bids[index]!.owner));
  const waits = waitsOf(bucket, bids, order, granted, nowMs);
  return {
    rate: rates.length > 0 ? Math.max(...rates) : rateOf(undefined),
    verdicts: bids.map((bid, index) => {
      const tokens = granted.get(index);
      if (tokens === undefined) return waits.get(index)!;
      // Who comes first by its class may have offered less than others lost with.
      return { granted: tokens, rate: Math.min(rateOf(bid.owner), bid.offered) };
    }),
  };
}

/** The bids' numbers in the order in which they are served. */
export function rankTokenBids(
  bucket: Bucket,
  bids: readonly Pick<TokenBid, 'class' | 'offered' | 'use'>[],
): readonly number[] {
  const auctioned = bucket.spec.rule === 'uniform-price';
  return bids
    .map((_, index) => index)
    .sort((a, b) => {
      const [one, two] = [bids[a]!, bids[b]!];
      if (one.class !== two.class) return one.class === 'system' ? -1 : 1;
      if (auctioned && one.offered !== two.offered) return two.offered - one.offered;
      return one.use - two.use || a - b;
    });
}

/** Serves bids of one class until one does not fit; returns whether all of them got all. */
function giveInOrder(
  bucket: Bucket,
  bids: readonly TokenBid[],
  order: readonly number[],
  granted: Map<number, Tokens>,
  nowMs: number,
): boolean {
  for (const index of order) {
    const bid = bids[index]!;
    const spare = spareTokens(bucket, bid.class, nowMs);
    if (fits(bid.amounts, spare)) {
      give(bucket, index, bid.amounts, granted);
      continue;
    }
    const { amounts, least } = bid;
    const part = least === amounts ? undefined : partOf(least, amounts, shareOf(amounts, spare), spare);
    if (part !== undefined) give(bucket, index, part, granted);
    return false;
  }
  return true;
}

/**
 * Proportional share: where not everything fits, whoever is content with less gets the part of its demand that all
 * could have; the others whole, the one that took least of late first. A demand counts for no more than can ever be had
 * at once: else whoever asked for a thousand times that would leave nothing for the others.
 */
function giveShares(
  bucket: Bucket,
  bids: readonly TokenBid[],
  order: readonly number[],
  granted: Map<number, Tokens>,
  nowMs: number,
): void {
  const spare = spareTokens(bucket, 'standard', nowMs);
  const demand = bucket.limits.map((_, limit) => order.reduce((sum, index) => sum + bids[index]!.amounts[limit]!, 0));
  if (!fits(demand, spare)) {
    const most = bucket.limits.map((limit) => mostOf(bucket, limit, 'standard'));
    const counted = order.map((index) => bids[index]!.amounts.map((amount, limit) => Math.min(amount, most[limit]!)));
    const sums = bucket.limits.map((_, limit) => counted.reduce((sum, amounts) => sum + amounts[limit]!, 0));
    const share = shareOf(sums, spare);
    for (const [place, index] of order.entries()) {
      const bid = bids[index]!;
      if (bid.least === bid.amounts) continue;
      const part = partOf(bid.least, counted[place]!, share, spareTokens(bucket, 'standard', nowMs));
      if (part !== undefined) give(bucket, index, part, granted);
    }
  }
  for (const index of order) {
    const { amounts, least } = bids[index]!;
    if (granted.has(index) || (least !== amounts && !fits(demand, spare))) continue;
    if (!fits(amounts, spareTokens(bucket, 'standard', nowMs))) return;
    give(bucket, index, amounts, granted);
  }
}

function give(bucket: Bucket, index: number, amounts: Tokens, granted: Map<number, Tokens>): void {
  bucket.limits.forEach((limit, n) => {
    limit.level -= amounts[n]! * TOKEN;
  });
  granted.set(index, amounts);
}

function fits(amounts: Tokens, spare: Tokens): boolean {
  return amounts.every((amount, limit) => amount === 0 || amount <= spare[limit]!);
}

/** The part of all amounts alike that is there, in millionths. */
function shareOf(amounts: Tokens, spare: Tokens): number {
  return amounts.reduce(
    (share, amount, limit) =>
      amount === 0 ? share : Math.min(share, Math.floor((Math.max(0, spare[limit]!) * 1_000_000) / amount)),
    1_000_000,
  );
}

/** That part of all amounts, but no less of a limit than one is content with; undefined where this is not there. */
function partOf(least: Tokens, amounts: Tokens, share: number, spare: Tokens): Tokens | undefined {
  const part = amounts.map((amount, limit) => Math.max(least[limit]!, Math.floor((amount * share) / 1_000_000)));
  return fits(part, spare) ? part : undefined;
}

/**
 * For each that got nothing: when it could be served, those before it first, as the levels stand now; and the rate
 * that would have beaten whoever of its class was served last, or where none was, whoever waits before it.
 */
function waitsOf(
  bucket: Bucket,
  bids: readonly TokenBid[],
  order: readonly number[],
  granted: ReadonlyMap<number, Tokens>,
  nowMs: number,
): ReadonlyMap<number, TokenVerdict> {
  const waits = new Map<number, TokenVerdict>();
  const ahead = bucket.limits.map(() => 0);
  let beat: { readonly class: AccountClass; readonly rate: number } | undefined;
  let head: typeof beat;
  for (const index of order) {
    const bid = bids[index]!;
    if (granted.has(index)) {
      beat = { class: bid.class, rate: bid.offered + 1 };
      continue;
    }
    bid.least.forEach((amount, limit) => {
      ahead[limit]! += amount;
    });
    const needs = bucket.limits.map((limit, n) =>
      bid.least[n] === 0 ? 0 : ahead[n]! + floorOf(bucket, limit, bid.class, nowMs),
    );
    const rival = [beat, head].find((one) => one?.class === bid.class);
    const rate = bucket.spec.rule === 'uniform-price' ? (rival?.rate ?? 1000) : 1000;
    waits.set(index, { waitMs: waitMsFor(bucket, needs, nowMs), rate });
    if (head?.class !== bid.class) head = { class: bid.class, rate: bid.offered + 1 };
  }
  return waits;
}
