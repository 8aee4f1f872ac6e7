// Clearing: who wins, and at what price, given ranked bids and the call's rule. award.lua states the same rules.
import type { Detail } from '../refusal.js';
import type { AuctionRule } from '../terms.js';
import type { PricedBid } from './rank.js';

/** What came of one bid: won at a price per unit, lost to others, or barred for a reason of its own. */
export type Verdict<T> =
  | { readonly bid: T; readonly outcome: 'won'; readonly price: number }
  | { readonly bid: T; readonly outcome: 'lost'; readonly detail?: Detail }
  | { readonly bid: T; readonly outcome: 'barred'; readonly detail: Detail };

export interface Clearing<T> {
  readonly verdicts: readonly Verdict<T>[];
  /** The lowest price that a winner pays per unit; the reserve price where nobody won. */
  readonly clearingPrice: number;
}

export interface CallRule {
  readonly units: number;
  readonly rule: AuctionRule;
  /** Micro-credits per unit. */
  readonly reservePrice: number;
}

/**
 * Fills the units in rank order. A bid is taken whole or not at all; one that asks for more units than are left loses
 * and the next may still fit. `barred` names why a bid may not win at all (not covered, its intent used …), asked in
 * rank order with the bids taken so far; a barred bid sets no price. One that only the priority reserve keeps out
 * (`reserved-for-system`) is covered and has lost to others' demand for the rest: it does set one.
 *
 * The price-setting bid is the highest loser that ranks behind the last winner: a larger bid skipped for size could
 * name more than a winner offered.
 */
export function clear<T extends PricedBid>(
  call: CallRule,
  ranked: readonly T[],
  barred: (bid: T, taken: readonly T[]) => Detail | undefined = () => undefined,
): Clearing<T> {
  const taken: T[] = [];
  let left = call.units;
  const standing = ranked.map((bid) => {
    const detail = bid.price < call.reservePrice ? 'below-reserve-price' : barred(bid, taken);
    if (detail === 'reserved-for-system') return { bid, outcome: 'lost' as const, detail };
    if (detail !== undefined) return { bid, outcome: 'barred' as const, detail };
    if (bid.units > left) return { bid, outcome: 'lost' as const };
    taken.push(bid);
    left -= bid.units;
    return { bid, outcome: 'won' as const };
  });
  let lastWinner = -1;
  standing.forEach((entry, index) => {
    if (entry.outcome === 'won') lastWinner = index;
  });
  const uniform = Math.max(
    call.reservePrice,
    ...standing.slice(lastWinner + 1).flatMap((entry) => (entry.outcome === 'lost' ? [entry.bid.price] : [])),
  );
  let clearingPrice = Number.POSITIVE_INFINITY;
  const verdicts = standing.map((entry, index): Verdict<T> => {
    if (entry.outcome !== 'won') return entry;
    const price = priceOf(call, standing, index, uniform);
    clearingPrice = Math.min(clearingPrice, price);
    return { ...entry, price };
  });
  return { verdicts, clearingPrice: taken.length > 0 ? clearingPrice : call.reservePrice };
}

function priceOf(
  call: CallRule,
  standing: readonly { readonly bid: PricedBid; readonly outcome: string }[],
  index: number,
  uniform: number,
): number {
  switch (call.rule) {
    case 'uniform-price':
      return uniform;
    case 'first-price':
      return standing[index]!.bid.price;
    case 'second-price': {
      const next = standing.slice(index + 1).find((entry) => entry.outcome !== 'barred');
      return Math.max(call.reservePrice, next?.bid.price ?? 0);
    }
  }
}
