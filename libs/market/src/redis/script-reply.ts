// What all of the market's scripts share: who asks, how a reply is told from a refusal, where the .lua files lie.
import { creditsLua, type Script } from '@tender/credits/redis';
import { z } from 'zod';
import { details, verdictSpec } from '../refusal.js';

export const folders = [new URL('../../src/redis/lua/', import.meta.url), creditsLua];

/** A script's refusal: the codec's table turns the detail into status and reason. */
const refused = z.object({
  ok: z.literal(false),
  detail: z.enum(details),
  message: z.string(),
  verdicts: z.array(verdictSpec).optional(),
  /** Of `over-budget`: when the next window of what is spent begins, and how far that is, by the market's clock. */
  retryAt: z.int().optional(),
  retryAfterMs: z.int().optional(),
  /** The rule of the market's policy that says no. */
  rule: z.string().optional(),
});

/** What became of deposits with a change: whose scripts end some say so. */
export const depositEnds = z.array(
  z.object({
    cfp: z.string(),
    pool: z.string(),
    agent: z.string(),
    amountMicro: z.string(),
    state: z.enum(['returned', 'forfeited']),
    at: z.number(),
  }),
);

export function replyOf<S extends z.ZodRawShape>(shape: S) {
  return z.discriminatedUnion('ok', [
    z.object({ ok: z.literal(true), replayed: z.boolean().optional(), ...shape }),
    refused,
  ]);
}

/** Who asks, under which idempotency key, with which body. */
export interface Keyed {
  readonly by: string;
  readonly key: string;
  readonly digest: string;
}

/** The names of a script's input fields, of each of its forms. */
export type FieldsOf<Of> =
  Of extends Script<infer Input, unknown> ? (Input extends unknown ? keyof Input : never) : never;
