// Which bids an initiator shows the bank: the winners, what sets their price, and standbys if a winner is barred.
import { type CallRule, clear } from '../auction/clear.js';
import { rankBids } from '../auction/rank.js';
import { MAX_SHOWN_BIDS } from '../terms.js';
import type { BookedBid } from './bid-book.js';

export interface Selection {
  /** At most MAX_SHOWN_BIDS, in rank order; empty where nothing can be sold. */
  readonly shown: readonly BookedBid[];
  /** All usable bids in rank order; `shown` is taken from it. */
  readonly ranked: readonly BookedBid[];
  /** Those that cannot win whatever the others bid; each has its `fault`. */
  readonly unusable: readonly BookedBid[];
}

/** Ranks by the call's digest (ties), clears by its rule, and picks; pure, the order of arrival does not matter. */
export function selectBids(rule: CallRule, digest: string, bids: readonly BookedBid[], standbys: number): Selection {
  const usable: BookedBid[] = [];
  const unusable: BookedBid[] = [];
  for (const bid of bids) (bid.fault === undefined ? usable : unusable).push(bid);
  const ranked = rankBids(digest, usable);
  const { verdicts } = clear(rule, ranked);
  let lastWinner = -1;
  verdicts.forEach((verdict, index) => {
    if (verdict.outcome === 'won') lastWinner = index;
  });
  if (lastWinner < 0) return { shown: [], ranked, unusable };
  const needed = ranked.slice(0, Math.min(ranked.length, lastWinner + 2 + Math.max(0, standbys)));
  if (needed.length <= MAX_SHOWN_BIDS) return { shown: needed, ranked, unusable };
  // Bids too large for what was left, ranked between winners, go first: they can neither win nor set a uniform price.
  const fitting = needed.filter((_, index) => index > lastWinner || verdicts[index]!.outcome === 'won');
  return { shown: fitting.slice(0, MAX_SHOWN_BIDS), ranked, unusable };
}
