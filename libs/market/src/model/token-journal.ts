// The journal's entries of rate tokens; the entry of a take or a purchase is the hold's own record, verbatim.
import { accountClasses, bucketSpec, MAX_TOKENS, microText } from '@tender/credits';
import { z } from 'zod';
import { idText, poolIdText, timeMs } from '../ids.js';
import { tokenAmounts, upstreamWord } from '../tokens.js';

const amount = z.int().min(0);
const usedAmounts = z.record(idText, z.int().min(0).max(MAX_TOKENS));
const keyed = { at: timeMs, by: idText, key: z.string().min(1), digest: z.string().min(1) };

/** What is in hand, by whom it was asked for, and in whose name it counts as recent use. */
const held = {
  ...{ at: timeMs, by: idText, digest: z.string().min(1), hold: idText, agent: idText, who: idText },
  /** Of the account that took it from the bucket. */
  class: z.enum(accountClasses),
  bucket: poolIdText,
  payee: idText,
  amounts: tokenAmounts,
  unitsMicro: z.record(idText, microText),
  amountMicro: microText,
  ratePermille: z.int().min(1000),
  noisePermille: z.int().min(1000),
  expiresAt: timeMs,
};

export const takeEntry = z.strictObject({
  kind: z.literal('take'),
  ...held,
  maxPrice: amount,
  /** The rate of the clearing; what this take pays is never more than it offered. */
  clearingPermille: z.int().min(1000),
  /** The budgets that it was charged to, each with its window: `<id>:<start>,…`. */
  budgets: z.string().min(1).optional(),
  /** What its clearing left of each limit, in whole tokens; with the last take of each clearing. */
  left: z.record(idText, z.int()).optional(),
});
export const buyEntry = z.strictObject({
  kind: z.literal('buy-tokens'),
  ...held,
  /** The seller's hold, and what all of it was sold for. */
  of: idText,
  price: amount,
});

export const tokenEntries = [
  z.strictObject({ kind: z.literal('open-bucket'), bucket: bucketSpec, ...keyed }),
  takeEntry,
  buyEntry,
  z.strictObject({
    kind: z.literal('return'),
    hold: idText,
    /** Of every limit that was held. */
    used: usedAmounts,
    upstream: upstreamWord.optional(),
    /** Of what was set aside; and for what was used beyond it. */
    paid: amount,
    extra: amount,
    ...keyed,
  }),
  z.strictObject({
    kind: z.literal('offer-tokens'),
    hold: idText,
    to: idText,
    amounts: tokenAmounts,
    price: amount,
    ...keyed,
  }),
  z.strictObject({ kind: z.literal('expire-hold'), hold: idText, paid: amount, at: timeMs }),
] as const;

export type TakeEntry = z.infer<typeof takeEntry>;
export type BuyEntry = z.infer<typeof buyEntry>;
export type TokenEntry = z.infer<(typeof tokenEntries)[number]>;
