// The registry's part for rate tokens: buckets, and what is taken from them, given back, sold on, and due.
import { accountClasses, type BucketSpec } from '@tender/credits';
import { defineScript } from '@tender/credits/redis';
import { z } from 'zod';
import type { BuyAsked, OfferAsked, ReturnAsked, TakesAsked } from '../model/tokens-command.js';
import { details } from '../refusal.js';
import { holdEnds } from '../tokens.js';
import { type FieldsOf, folders, type Keyed, replyOf } from './script-reply.js';

export type { BuyAsked, OfferAsked, ReturnAsked } from '../model/tokens-command.js';

const tokens = z.record(z.string(), z.number());

/** What tells who holds what; prices as digit strings. */
const held = {
  hold: z.string(),
  bucket: z.string(),
  agent: z.string(),
  /** Of the account that took it from the bucket. */
  class: z.enum(accountClasses),
  amounts: tokens,
  unitsMicro: z.record(z.string(), z.string()),
  amountMicro: z.string(),
  ratePermille: z.number(),
  noisePermille: z.number(),
  expiresAt: z.number(),
  at: z.number(),
  /** Of a hold that is asked for again: how it has ended. */
  ended: z.enum(holdEnds).optional(),
};

/**
 * A refusal of a take. With `wait` it is none for good: `ms` from now it could be served, after those who came before
 * it, and for `priceMicro` it would have been served now (or, where there is nothing to be had, next); `offeredPermille`
 * is the rate that it offered, where it was cleared with the others and nothing was left for it. `retryAt`: when
 * the budget that is spent has its next window. `priceMicro`: of `below-reserve-price`, what it costs at least.
 */
const notTaken = z.object({
  ok: z.literal(false),
  detail: z.enum(details),
  message: z.string(),
  wait: z
    .object({
      ms: z.number(),
      priceMicro: z.string(),
      system: z.literal(true).optional(),
      offeredPermille: z.number().optional(),
    })
    .optional(),
  retryAt: z.number().optional(),
  priceMicro: z.string().optional(),
  /** The rule of the market's policy that says no. */
  rule: z.string().optional(),
});
const takeReply = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), replayed: z.boolean().optional(), ...held }),
  notTaken,
]);
export type TakeReply = z.infer<typeof takeReply>;
const takesReply = z.object({
  /** In the order of the takes. */
  answers: z.array(takeReply),
  /** Whole tokens of each limit that are in the bucket thereafter; of none where it is paused, or there is no such bucket. */
  left: tokens,
});
export type TakesReply = z.infer<typeof takesReply>;

const openBucketReply = replyOf({ bucket: z.string(), at: z.number() });
const returnReply = replyOf({
  hold: z.string(),
  bucket: z.string(),
  agent: z.string(),
  /** Whole tokens that went back to the bucket. */
  returned: tokens,
  paidMicro: z.string(),
  refundedMicro: z.string(),
  /** Of the refill, after what the upstream said. */
  factorPermille: z.number(),
  /** 0 where the upstream asked for no pause. */
  pausedUntil: z.number(),
  at: z.number(),
});
export type ReturnInput = Keyed & ReturnAsked;
export type ReturnReply = z.infer<typeof returnReply>;

const offerTokensReply = replyOf({ hold: z.string(), to: z.string(), priceMicro: z.string() });
const buyReply = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), replayed: z.boolean().optional(), ...held }),
  notTaken,
]);
export type BuyReply = z.infer<typeof buyReply>;
const expireHoldReply = replyOf({
  hold: z.string(),
  bucket: z.string(),
  agent: z.string(),
  paidMicro: z.string(),
  at: z.number(),
});

/** A bucket as Redis keeps it, unturned, and what is known of the account that asks: `readBucket` makes it readable. */
const bucketReply = z.object({
  /** Absent where there is no such bucket. */
  fields: z.record(z.string(), z.string()).optional(),
  /** `start,prev,cur` of the account's owner (or the account): its recent takings. */
  use: z.string().optional(),
  class: z.enum(['system', 'standard']).optional(),
  at: z.number(),
});
export type BucketReply = z.infer<typeof bucketReply>;

export const tokenScripts = {
  openBucket: defineScript<Keyed & { bucket: BucketSpec }, z.infer<typeof openBucketReply>>(
    folders,
    'open-bucket',
    openBucketReply,
  ),
  /** Takes that arrived together on one bucket. */
  takeTokens: defineScript<TakesAsked, TakesReply>(folders, 'take-tokens', takesReply),
  /** Returns that arrived together; an answer for each, in their order. */
  returnTokens: defineScript<{ returns: readonly ReturnInput[] }, ReturnReply[]>(
    folders,
    'return-tokens',
    z.array(returnReply),
  ),
  offerTokens: defineScript<Keyed & OfferAsked, z.infer<typeof offerTokensReply>>(
    folders,
    'offer-tokens',
    offerTokensReply,
  ),
  buyTokens: defineScript<BuyAsked, BuyReply>(folders, 'buy-tokens', buyReply),
  /** The sweeper's, of what is due as `hold:<id>`. */
  expireHold: defineScript<{ hold: string }, z.infer<typeof expireHoldReply>>(folders, 'expire-hold', expireHoldReply),
  bucketView: defineScript<{ bucket: string; agent?: string | undefined }, BucketReply>(
    folders,
    'bucket-view',
    bucketReply,
  ),
};

export const tokenScriptFields = {
  openBucket: { by: 1, key: 1, digest: 1, bucket: 1 },
  takeTokens: { bucket: 1, takes: 1, policy: 1 },
  returnTokens: { returns: 1 },
  offerTokens: { by: 1, key: 1, digest: 1, hold: 1, to: 1, amounts: 1, price: 1 },
  buyTokens: {
    ...{ by: 1, hold: 1, digest: 1, agent: 1, of: 1, amounts: 1, maxPrice: 1 },
    ...{ policy: 1, barred: 1, seller: 1 },
  },
  expireHold: { hold: 1 },
  bucketView: { bucket: 1, agent: 1 },
} satisfies { [Name in keyof typeof tokenScripts]: Record<FieldsOf<(typeof tokenScripts)[Name]>, 1> };
