// Deposits on the wire: what a call asks of its bidders is laid down, and taken back while it takes bids.
import { microText, positiveMicroText } from '@tender/credits';
import { z } from 'zod';
import { idemKeyText, idText, timeMs } from './ids.js';

export const depositRequests = {
  /**
   * Lays down what a call asks of its bidders; `agent` where a host does it. Amount and `until`, the `awardBy` that was
   * announced, are as the call told them: refused where the bank knows others.
   */
  deposit: z.strictObject({
    ...{ key: idemKeyText, cfp: idText, amountMicro: positiveMicroText, agent: idText.optional() },
    until: timeMs.optional(),
  }),
  /** Takes it back while the call takes bids, and all bids in that call with it. */
  'withdraw-deposit': z.strictObject({ key: idemKeyText, cfp: idText, agent: idText.optional() }),
} as const;

export const depositResults = {
  /** It goes back at `until` at the latest, unless its bidder has won by then. */
  deposit: z.object({ cfp: idText, amountMicro: microText, until: timeMs.optional() }),
  'withdraw-deposit': z.object({ cfp: idText }),
} as const;
