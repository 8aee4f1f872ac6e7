// Rate-token buckets: an upstream's limits as something that can be taken, held, given back and sold on.
import { z } from 'zod';
import { idText } from './account.js';
import { microText } from './amount.js';
import { dottedIdText } from './transfer.js';

/** At most so many limits on one bucket: requests per minute and tokens per minute, for instance. */
export const MAX_LIMITS = 4;
/** The largest capacity and the largest number of tokens of one limit; levels are kept in millionths of a token. */
export const MAX_TOKENS = 1_000_000_000;

export const bucketRules = ['uniform-price', 'proportional-share'] as const;

/** `system`: accounts of that class alone. */
export const bucketHears = ['all', 'system'] as const;

const tokens = z.int().min(1).max(MAX_TOKENS);

export const bucketLimitSpec = z.strictObject({
  /** What is limited, `requests` or `tokens` for instance. */
  name: idText,
  capacity: tokens,
  /** As the upstream grants it at best; three decimals at most. */
  refillPerSecond: z
    .number()
    .min(0.001)
    .max(MAX_TOKENS)
    .refine((rate) => Number.isInteger(Math.round(rate * 1e6) / 1e3), 'has three decimals at most'),
  /** The priority reserve: so many tokens only accounts of class system take. */
  reserve: z.int().min(0).max(MAX_TOKENS).default(0),
  /** The reserve price of one token, in micro-credits. */
  priceMicro: microText.default('1'),
});

export const bucketSpec = z
  .strictObject({
    bucket: dottedIdText,
    /** The account of kind pool that is paid; opened before. */
    account: idText,
    limits: z
      .array(bucketLimitSpec)
      .min(1, 'a bucket has at least one')
      .max(MAX_LIMITS, `a bucket has at most ${MAX_LIMITS}`),
    /** How scarce tokens are given: to the highest bids at the highest losing one, or to each its part at the reserve price. */
    rule: z.enum(bucketRules).default('uniform-price'),
    /** 0: the reserve is walled off. Above: lent while no system account took anything for so long, in ms. */
    lendAfterMs: z.int().min(0).max(86_400_000).default(0),
    /** How far an agent's own share of the recent takings raises its price: 1000 not at all, 4000 up to fourfold. */
    noiseMaxPermille: z.int().min(1000).max(100_000).default(4000),
    /** What counts as recent, in ms. */
    noiseWindowMs: z.int().min(1000).max(86_400_000).default(60_000),
    /** The share of a window's refill that the agents of one owner may take together. */
    ownerMaxPermille: z.int().min(1).max(1000).default(1000),
    /** The longest time that tokens are held for. */
    maxTtlMs: z.int().min(100).max(3_600_000).default(600_000),
    /** Of the refill, after the upstream said 429; at most once in `backOffMs`. */
    decreasePermille: z.int().min(100).max(1000).default(700),
    backOffMs: z.int().min(100).max(600_000).default(2000),
    /** Given back to the refill every second without a 429, in thousandths of the whole. */
    increasePermille: z.int().min(0).max(1000).default(20),
    /** The refill never falls below this share of the whole. */
    leastPermille: z.int().min(1).max(1000).default(50),
    /** How long one Retry-After pauses the bucket at most; 0: it is not believed. */
    maxPauseMs: z.int().min(0).max(600_000).default(60_000),
    /** Whose word about the upstream counts: whoever lies can slow the bucket down for all. */
    hears: z.enum(bucketHears).default('all'),
  })
  .superRefine(({ limits }, issue) => {
    if (new Set(limits.map(({ name }) => name)).size < limits.length) {
      issue.addIssue({ code: 'custom', path: ['limits'], message: 'each limit has a name of its own' });
    }
    for (const { name, reserve, capacity } of limits) {
      if (reserve <= capacity) continue;
      issue.addIssue({ code: 'custom', path: ['limits'], message: `${name}: the reserve is at most the capacity` });
    }
  });
export type BucketSpec = z.infer<typeof bucketSpec>;

/** One limit as the bank keeps it. */
export interface BucketLimit {
  readonly name: string;
  readonly capacity: number;
  /** Thousandths of a token a second at the whole refill: times ms, millionths of a token, so that nothing is rounded. */
  readonly refillMilli: number;
  readonly reserve: number;
  /** Micro-credits per token. */
  readonly price: number;
  /** In millionths of a token, at `Bucket.at`; below zero where more was used than was held. */
  level: number;
}

/** A bucket as the bank keeps it; `at` and all other times in ms since the epoch. */
export interface Bucket {
  readonly id: string;
  readonly account: string;
  readonly limits: readonly BucketLimit[];
  readonly spec: Omit<BucketSpec, 'bucket' | 'account' | 'limits'>;
  at: number;
  /** Thousandths of the whole refill that flow now; raised by whole steps, a second each, counted from `factorAt`. */
  factor: number;
  factorAt: number;
  /** Until when nothing is given: the upstream's Retry-After; 0 where it said none. */
  pausedUntil: number;
  /** When the refill was last cut; 0: never. */
  cutAt: number;
  /** When an account of class system last took from it; 0: never. */
  systemAt: number;
  /** The last clearing rate: thousandths of the reserve prices. */
  spotPermille: number;
  /** When that was more than 1000, for the last time; 0: never. */
  scarceAt: number;
}
