// Facts that the broker publishes once they are committed: several of one pool travel in one message.
import { microText } from '@tender/credits';
import { z } from 'zod';
import { contractIdText, idText, poolIdText, timeMs } from './ids.js';
import { winnerSpec } from './messages.js';
import { auctionRules } from './terms.js';

export const awardedFact = z.object({
  cfp: idText,
  initiator: idText,
  at: timeMs,
  rule: z.enum(auctionRules),
  /** Offered; the winners' units may be fewer. */
  units: z.int(),
  durationMs: z.int(),
  clearingPriceMicro: microText,
  winners: z.array(winnerSpec),
  /** The highest bid that lost, price per unit. */
  outbid: z.object({ participant: idText, priceMicro: microText }).optional(),
});
export type AwardedFact = z.infer<typeof awardedFact>;

export const settledFact = z.object({
  contract: contractIdText,
  participant: idText,
  at: timeMs,
  outcome: z.enum(['released', 'expired']),
  slots: z.array(z.int()),
  paidMicro: microText,
  refundedMicro: microText,
});
export type SettledFact = z.infer<typeof settledFact>;

/** `tender.<market>.event.awarded.<pool>` */
export const awardedEvent = z.object({
  v: z.literal(1),
  kind: z.literal('awarded'),
  pool: poolIdText,
  facts: z.array(awardedFact).min(1),
});

/** `tender.<market>.event.settled.<pool>` */
export const settledEvent = z.object({
  v: z.literal(1),
  kind: z.literal('settled'),
  pool: poolIdText,
  facts: z.array(settledFact).min(1),
});

export const marketEvent = z.discriminatedUnion('kind', [awardedEvent, settledEvent]);
export type MarketEvent = z.infer<typeof marketEvent>;
