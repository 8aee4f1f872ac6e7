// The order of bids: highest price first, ties by a hash that no bidder can steer.
import { createHash } from 'node:crypto';

/** What ranking and clearing need of a bid; `price` in micro-credits per unit. */
export interface PricedBid {
  readonly participant: string;
  readonly intent: string;
  readonly units: number;
  readonly price: number;
}

function lot(seed: string, participant: string): string {
  return createHash('sha256').update(`${seed}|${participant}`).digest('hex');
}

/**
 * Ranks bids by price, ties by SHA-256 of the call's digest and the participant (the intent, which a bidder could
 * choose to win ties, stays out), then by intent. Pure: the same bids in any order give the same ranking.
 */
export function rankBids<T extends PricedBid>(seed: string, bids: readonly T[]): T[] {
  const lots = new Map<string, string>();
  const lotOf = (participant: string) => {
    let drawn = lots.get(participant);
    if (drawn === undefined) {
      drawn = lot(seed, participant);
      lots.set(participant, drawn);
    }
    return drawn;
  };
  return [...bids].sort((a, b) => {
    if (a.price !== b.price) return b.price - a.price;
    if (a.participant !== b.participant) return lotOf(a.participant) < lotOf(b.participant) ? -1 : 1;
    return a.intent < b.intent ? -1 : a.intent > b.intent ? 1 : 0;
  });
}
