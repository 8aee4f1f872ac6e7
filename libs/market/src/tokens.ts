// Rate tokens on the wire: to take, give back, sell on and ask for them; libs/credits has what a bucket is.
import { bucketRules, MAX_LIMITS, MAX_TOKENS, microText } from '@tender/credits';
import { z } from 'zod';
import { idemKeyText, idText, poolIdText, timeMs } from './ids.js';

/** Of each limit so much; no bucket has more limits, and what is said of others would only fill the journal. */
const ofLimits = (amount: z.ZodInt) =>
  z
    .record(idText, amount.max(MAX_TOKENS))
    .refine((amounts) => Object.keys(amounts).length <= MAX_LIMITS, `names ${MAX_LIMITS} limits at most`);

/** Whole tokens by the name of their limit; at least one. */
export const tokenAmounts = ofLimits(z.int().min(1)).refine(
  (amounts) => Object.keys(amounts).length > 0,
  'names at least one limit of the bucket',
);
export type TokenAmounts = z.infer<typeof tokenAmounts>;

const usedAmounts = ofLimits(z.int().min(0));
const speaksFor = { agent: idText.optional() };

/**
 * Tokens of a bucket, taken at once or waited for. `hold` is the caller's own, new id: it names the tokens, and asked
 * again with the same body gives the same answer.
 */
export const takeTokensSpec = z.strictObject({
  hold: idText,
  bucket: poolIdText,
  amounts: tokenAmounts,
  /** Content with less, but no less than this, where not everything is there: a part of each limit alike. */
  atLeast: tokenAmounts.optional(),
  /** The most that all of them may cost together. */
  maxPriceMicro: microText,
  /** What was not given back by then counts as used. */
  ttlMs: z.int().min(10).max(3_600_000),
  /** How long it may wait for its turn; within the envelope's `replyBy`. */
  waitMs: z.int().min(0).max(60_000).default(0),
  ...speaksFor,
});

/** What the upstream answered to a request that was made under a hold: one word per hold is heard. */
export const upstreamWord = z.strictObject({
  /** The HTTP status. */
  status: z.int().min(100).max(599),
  /** Of a 429 or 503. */
  retryAfterMs: z.int().min(0).max(3_600_000).optional(),
  /** Of its rate-limit headers: what it says is left, by limit. */
  remaining: usedAmounts.optional(),
});
export type UpstreamWord = z.infer<typeof upstreamWord>;

/** Ends a hold: what was used is paid, the rest comes back. More than was held may have been used. */
export const returnTokensSpec = z.strictObject({
  key: idemKeyText,
  hold: idText,
  /** By limit; limits that are not named were used as they were held. */
  used: usedAmounts,
  upstream: upstreamWord.optional(),
  ...speaksFor,
});

/** Offers tokens of a hold to one other agent; a second offer of the same hold takes the place of the first. */
export const offerTokensSpec = z.strictObject({
  key: idemKeyText,
  hold: idText,
  to: idText,
  amounts: tokenAmounts,
  priceMicro: microText,
  ...speaksFor,
});

/** Takes up such an offer: credits and tokens change hands in one step. The tokens are held under the new id `hold`. */
export const buyTokensSpec = z.strictObject({
  hold: idText,
  /** The seller's hold. */
  of: idText,
  amounts: tokenAmounts,
  maxPriceMicro: microText,
  ...speaksFor,
});

/** How a hold ends: given back, by the clock, or with the last of it sold. */
export const holdEnds = ['settled', 'expired', 'sold'] as const;
export type HoldEnd = (typeof holdEnds)[number];

/** Tokens in hand. Prices in micro-credits per token; `amountMicro` is set aside, what is not used comes back. */
export const heldTokens = z.object({
  hold: idText,
  bucket: poolIdText,
  amounts: tokenAmounts,
  /** By limit, what each token costs: the reserve price × rate × noise, rounded up. */
  unitsMicro: z.record(idText, microText),
  amountMicro: microText,
  /** The clearing rate, in thousandths of the reserve prices. */
  ratePermille: z.int(),
  /** What the taker's own share of the recent takings multiplies it with, in thousandths. */
  noisePermille: z.int(),
  expiresAt: timeMs,
  /** Told to who asks again under a hold that has ended meanwhile: nothing is in hand any more. */
  ended: z.enum(holdEnds).optional(),
});
export type HeldTokens = z.infer<typeof heldTokens>;

export const returnedTokens = z.object({
  hold: idText,
  /** Given back to the bucket. */
  returned: usedAmounts,
  paidMicro: microText,
  refundedMicro: microText,
});

/** A bucket as it stands, and where amounts are named what they would cost and how soon they could be had. */
export const bucketView = z.object({
  bucket: poolIdText,
  account: idText,
  rule: z.enum(bucketRules),
  limits: z.array(
    z.object({
      name: idText,
      capacity: z.int(),
      refillPerSecond: z.number(),
      reserve: z.int(),
      priceMicro: microText,
      /** Whole tokens there now; below zero where more was used than held. */
      level: z.int(),
    }),
  ),
  /** How much of the refill flows: less than 1000 after the upstream said 429. */
  factorPermille: z.int(),
  /** Absent while it gives. */
  pausedUntil: timeMs.optional(),
  spotPermille: z.int(),
  /** For the amounts that were asked about. */
  quote: z
    .object({
      /** What they cost now for the one that asks, its noise included. */
      priceMicro: microText,
      noisePermille: z.int(),
      /** When they can be expected, those who wait before it first; 0 for now. */
      startInMs: z.int(),
      /** Of a bid of `maxPriceMicro` for these amounts: how likely it is to be served in the next clearing. */
      winProbability: z.number().min(0).max(1).optional(),
    })
    .optional(),
});
export type BucketView = z.infer<typeof bucketView>;

export const tokenRequests = {
  tokens: takeTokensSpec,
  return: returnTokensSpec,
  'offer-tokens': offerTokensSpec,
  'buy-tokens': buyTokensSpec,
  bucket: z.strictObject({
    bucket: poolIdText,
    amounts: tokenAmounts.optional(),
    maxPriceMicro: microText.optional(),
    ...speaksFor,
  }),
} as const;

export const tokenResults = {
  tokens: heldTokens,
  return: returnedTokens,
  'offer-tokens': z.object({ hold: idText, to: idText, priceMicro: microText }),
  'buy-tokens': heldTokens,
  bucket: bucketView,
} as const;
