// What agents say to each other: one discriminated union on the performative.
import { microText } from '@tender/credits';
import { z } from 'zod';
import { chequeSpec } from './cheque.js';
import { askingEnvelopeOf, envelopeOf } from './envelope.js';
import { contractIdText, idText, timeMs } from './ids.js';
import { details, reasons } from './refusal.js';
import { callSpec } from './terms.js';

/** At most this many bids of one host in one message. */
export const MAX_BIDS_PER_MESSAGE = 512;

/** initiator → all who listen to the pool. */
export const cfpMessage = askingEnvelopeOf('cfp', callSpec);

/** participant or host → initiator: sealed bids, of one agent or of many behind one host. */
export const proposeMessage = envelopeOf(
  'propose',
  z.strictObject({ cfp: idText, cheques: z.array(chequeSpec).min(1).max(MAX_BIDS_PER_MESSAGE) }),
);

/** participant or host → initiator: no bid, and why. */
export const refuseMessage = envelopeOf(
  'refuse',
  z.strictObject({
    cfp: idText,
    participants: z.array(idText).min(1).max(MAX_BIDS_PER_MESSAGE),
    reason: z.enum(reasons),
    detail: z.enum(details),
    final: z.boolean(),
    retryAfterMs: z.int().min(0).optional(),
  }),
);

/** participant or host → initiator: takes its bids back, before the call closes. */
export const withdrawMessage = envelopeOf(
  'withdraw',
  z.strictObject({ cfp: idText, participants: z.array(idText).min(1).max(MAX_BIDS_PER_MESSAGE) }),
);

/** One winner's lease as the bank made it; prices per unit, amount for all units, times by the broker's clock. */
export const winnerSpec = z.strictObject({
  contract: contractIdText,
  participant: idText,
  intent: idText,
  units: z.int(),
  slots: z.array(z.int()),
  fences: z.array(z.int()),
  priceMicro: microText,
  amountMicro: microText,
  startedAt: timeMs,
  until: timeMs,
});
export type Winner = z.infer<typeof winnerSpec>;

/** initiator → winner or its host: what the bank committed. */
export const acceptMessage = envelopeOf(
  'accept-proposal',
  z.strictObject({ cfp: idText, winners: z.array(winnerSpec).min(1).max(MAX_BIDS_PER_MESSAGE) }),
);

/** initiator → loser or its host: `clearingPriceMicro` is what would have had to be beaten, where something was sold. */
export const rejectMessage = envelopeOf(
  'reject-proposal',
  z.strictObject({
    cfp: idText,
    losers: z
      .array(
        z.strictObject({
          participant: idText,
          intent: idText,
          detail: z.enum(details),
          /** When it may pass, as the initiator says: in so many ms, and of `over-budget` by the broker's clock. */
          retryAfterMs: timeMs.optional(),
          retryAt: timeMs.optional(),
        }),
      )
      .min(1)
      .max(MAX_BIDS_PER_MESSAGE),
    clearingPriceMicro: microText.optional(),
  }),
);

/** initiator → all who listen to the pool: the call ended without an award. */
export const cancelMessage = envelopeOf('cancel', z.strictObject({ cfp: idText, detail: z.enum(details) }));

/** To the sender of something that could not be read. */
export const notUnderstoodMessage = envelopeOf(
  'not-understood',
  z.strictObject({ detail: z.literal('malformed'), message: z.string().max(1024) }),
);

export const agentMessage = z.discriminatedUnion('performative', [
  cfpMessage,
  proposeMessage,
  refuseMessage,
  withdrawMessage,
  acceptMessage,
  rejectMessage,
  cancelMessage,
  notUnderstoodMessage,
]);
export type ProposeMessage = z.infer<typeof proposeMessage>;
export type RefuseMessage = z.infer<typeof refuseMessage>;
export type WithdrawMessage = z.infer<typeof withdrawMessage>;
export type AcceptMessage = z.infer<typeof acceptMessage>;
export type RejectMessage = z.infer<typeof rejectMessage>;
