// What prices remember of an award: enough to say whether another bid would have won in it.
import { z } from 'zod';
import { idText, poolIdText, timeMs } from '../ids.js';

/** Of the winners the lowest so many: a bid that would push out more than these counts as lost. */
export const MAX_RUNGS = 16;

const micro = z.int().min(0);
const rung = z.object({ participant: idText, price: micro, units: z.int().min(1) });

/** Prices in micro-credits per unit and `durationMs`, as they were bid. */
export const awardPointSpec = z.object({
  cfp: idText,
  at: timeMs,
  durationMs: z.int().min(1),
  /** Offered, and sold. */
  units: z.int().min(1),
  sold: z.int().min(1),
  /** The clearing price. */
  price: micro,
  /** Winners, the lowest bid first. */
  ladder: z.array(rung).max(MAX_RUNGS),
  /** The highest bid that lost. */
  losing: rung.omit({ units: true }).optional(),
  /** A bid lost to the priority reserve: what was left over was for accounts of class system. */
  walled: z.boolean(),
});
export type AwardPoint = z.infer<typeof awardPointSpec>;

/** What one broker tells the others of the awards that it committed. */
export const pricesMessage = z.object({
  v: z.literal(1),
  /** The broker: it hears itself. */
  from: z.string().min(1),
  points: z.array(z.object({ pool: poolIdText, point: awardPointSpec })).min(1),
});
export type PricesMessage = z.infer<typeof pricesMessage>;

/** A bid as it was shown, with what came of it. */
export interface PointBid {
  readonly participant: string;
  readonly units: number;
  /** Micro-credits per unit. */
  readonly price: number;
  readonly outcome: 'won' | 'lost' | 'barred';
  readonly detail?: string | undefined;
}

/** What an award leaves behind, given its bids in rank order: in one pass, since a broker does so for each of its awards. */
export function awardPoint(
  award: Pick<AwardPoint, 'cfp' | 'at' | 'durationMs' | 'units' | 'price'>,
  ranked: readonly PointBid[],
): AwardPoint {
  const { cfp, at, durationMs, units, price } = award;
  const ladder: AwardPoint['ladder'] = [];
  let losing: AwardPoint['losing'];
  let sold = 0;
  let walled = false;
  for (let n = ranked.length - 1; n >= 0; n -= 1) {
    const bid = ranked[n]!;
    if (bid.detail === 'reserved-for-system') walled = true;
    if (bid.outcome === 'lost') losing = { participant: bid.participant, price: bid.price };
    if (bid.outcome !== 'won') continue;
    sold += bid.units;
    if (ladder.length < MAX_RUNGS) ladder.push({ participant: bid.participant, price: bid.price, units: bid.units });
  }
  return { cfp, at, durationMs, units, sold, price, ladder, ...(losing === undefined ? {} : { losing }), walled };
}

/** A bid that somebody thinks about. */
export interface ImaginedBid {
  readonly participant: string;
  /** Micro-credits per unit and `durationMs`. */
  readonly price: number;
  readonly durationMs: number;
  readonly units: number;
  /** Whether its account is of class system. */
  readonly system: boolean;
}

/**
 * Whether a bid would have won in an award, in the place of what its bidder bid there: by the rule of clearing (see
 * auction/clear.ts), bids in rank order, each whole or not at all. Compared by the millisecond where the call was for
 * another length. Where the award does not tell, the answer is no: equal prices (a lot decides), winners beyond the
 * ladder, a price below every one that is known of that call (its reserve price may have been lower).
 */
export function wouldWin(point: AwardPoint, bid: ImaginedBid): boolean {
  const price =
    bid.durationMs === point.durationMs ? bid.price : Math.floor((bid.price / bid.durationMs) * point.durationMs);
  const { ladder, losing, units, sold, walled } = point;
  if (price < Math.min(point.price, losing?.price ?? point.price)) return false;
  let [ahead, known, own] = [0, 0, 0];
  for (const winner of ladder) {
    known += winner.units;
    if (winner.participant === bid.participant) own += winner.units;
    else if (winner.price >= price) ahead += winner.units;
  }
  // What the bidder itself had won there would have gone to whoever lost with a higher bid, and more with it.
  if (own > 0 && losing !== undefined && losing.price >= price) return false;
  const beyond = sold - known;
  const kept = walled && !bid.system ? units - sold : 0;
  return bid.units <= units - beyond - ahead - kept;
}
