// The run as data: what the report draws, the verdict says and a test or script can read.
import { z } from 'zod';

const micro = z.number();
const counts = z.record(z.string(), z.int());

const sampleSpec = z.object({
  atMs: z.number(),
  /** Micro-credits per slot and second. */
  price: z.number().optional(),
  utilisation: z.number(),
  awardsPerSecond: z.number(),
  waiting: z.int(),
  arrived: z.int(),
  met: z.int(),
  unmet: z.int(),
});

const waitSpec = z.object({
  priority: z.string(),
  started: z.int(),
  p50Ms: z.number().optional(),
  p90Ms: z.number().optional(),
  p99Ms: z.number().optional(),
  maxMs: z.number().optional(),
  /** The wait at 0 %, 5 %, … 100 % of the jobs that started. */
  curveMs: z.array(z.number()),
});

const strategySpec = z.object({
  strategy: z.string(),
  agents: z.int(),
  jobs: z.int(),
  met: z.int(),
  valueMicro: micro,
  paidMicro: micro,
});

export const checkSpec = z.object({
  /** Undefined where no check was run; `why` says so. */
  ok: z.boolean().optional(),
  why: z.string().optional(),
  lines: z.array(z.object({ invariant: z.string(), ok: z.boolean(), detail: z.string() })),
});
export type Check = z.infer<typeof checkSpec>;

export const resultSpec = z.object({
  v: z.literal(1),
  run: z.object({
    market: z.string(),
    pool: z.string(),
    slots: z.int(),
    reserve: z.int(),
    agents: z.int(),
    connections: z.int(),
    seconds: z.number(),
    seed: z.int(),
    strategy: z.string(),
    startedAt: z.string(),
    wallMs: z.number(),
    /** How to run it again. */
    command: z.string(),
  }),
  demand: z.object({
    source: z.string(),
    digest: z.string(),
    jobs: z.int(),
    clampedShort: z.int(),
    clampedLong: z.int(),
    trace: z
      .object({
        rows: z.int(),
        used: z.int(),
        unusable: counts,
        outside: counts,
        fractions: z.int(),
        neverScheduled: z.int(),
        fromS: z.number(),
        speed: z.number(),
      })
      .optional(),
  }),
  totals: z.object({
    awards: z.int(),
    renewals: z.int(),
    awardsPerSecond: z.number(),
    creditsTradedMicro: micro,
    meanPriceMicro: micro.optional(),
    meanUtilisation: z.number(),
    met: z.int(),
    unmet: counts,
    cutShort: z.int(),
    valueMicro: micro,
    valueDemandedMicro: micro,
    /** What a clairvoyant scheduler could realise at most (see upper-bound.ts). */
    valueBoundMicro: micro,
    giniBefore: z.number(),
    giniAfter: z.number(),
  }),
  waits: z.array(waitSpec),
  strategies: z.array(strategySpec),
  /** Available and pending, by agent; `afterMicro` is absent where the bank did not answer. */
  credits: z.array(z.object({ agent: z.string(), beforeMicro: micro, afterMicro: micro.optional() })),
  refusals: counts,
  /** Errors that the run survived, by message. */
  disturbances: counts,
  samples: z.array(sampleSpec),
  check: checkSpec,
});
export type Result = z.infer<typeof resultSpec>;
