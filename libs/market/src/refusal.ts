// Refusals are values with a closed vocabulary: a program can act on each without reading prose.
import { microText } from '@tender/credits';
import { z } from 'zod';
import { idText, timeMs } from './ids.js';

/** AGTP's reasons. */
export const reasons = [
  'out-of-scope',
  'policy-refused',
  'composition-impossible',
  'ambiguous',
  'synthesis-disabled',
] as const;
export type Reason = (typeof reasons)[number];

/**
 * Ours, closed too. `malformed`, `unknown`, `not-permitted` and `unavailable` go with 400, 404, 455 and 503,
 * `authorization-required` with 262; `denied` is an operator's no.
 */
export const details = [
  'outbid',
  'below-reserve-price',
  'insufficient-credits',
  'over-budget',
  'no-capacity',
  'reserved-for-system',
  'deadline-infeasible',
  'missing-dependency',
  'token-limit',
  'region',
  'expired',
  'late',
  'stale',
  'not-your-turn',
  'no-improvement',
  'round-limit',
  'rating-too-low',
  'duplicate',
  'lock-lost',
  'bad-signature',
  'frozen',
  'malformed',
  'unknown',
  'not-permitted',
  'unavailable',
  'authorization-required',
  'denied',
] as const;
export type Detail = (typeof details)[number];

interface Meaning {
  readonly status: number;
  readonly reason: Reason;
  /** Whether the same request can never pass. */
  readonly final: boolean;
  readonly retryAfterMs?: number;
}

/** What each detail means on the wire: exhaustive, so that a new detail cannot be forgotten here. */
export const meanings: Readonly<Record<Detail, Meaning>> = {
  outbid: { status: 463, reason: 'policy-refused', final: true },
  'below-reserve-price': { status: 463, reason: 'policy-refused', final: true },
  'insufficient-credits': { status: 456, reason: 'policy-refused', final: false },
  'over-budget': { status: 456, reason: 'policy-refused', final: false },
  'no-capacity': { status: 409, reason: 'composition-impossible', final: false, retryAfterMs: 100 },
  'reserved-for-system': { status: 463, reason: 'policy-refused', final: false, retryAfterMs: 1000 },
  'deadline-infeasible': { status: 422, reason: 'composition-impossible', final: true },
  'missing-dependency': { status: 422, reason: 'composition-impossible', final: false },
  'token-limit': { status: 429, reason: 'policy-refused', final: false },
  region: { status: 455, reason: 'out-of-scope', final: true },
  expired: { status: 410, reason: 'out-of-scope', final: true },
  late: { status: 408, reason: 'out-of-scope', final: true },
  stale: { status: 409, reason: 'ambiguous', final: false },
  'not-your-turn': { status: 409, reason: 'ambiguous', final: false },
  'no-improvement': { status: 422, reason: 'policy-refused', final: false },
  'round-limit': { status: 463, reason: 'policy-refused', final: true },
  'rating-too-low': { status: 455, reason: 'policy-refused', final: true },
  duplicate: { status: 409, reason: 'ambiguous', final: true },
  'lock-lost': { status: 409, reason: 'composition-impossible', final: true },
  'bad-signature': { status: 455, reason: 'policy-refused', final: true },
  frozen: { status: 455, reason: 'policy-refused', final: false },
  malformed: { status: 400, reason: 'ambiguous', final: true },
  unknown: { status: 404, reason: 'out-of-scope', final: true },
  'not-permitted': { status: 455, reason: 'out-of-scope', final: true },
  unavailable: { status: 503, reason: 'synthesis-disabled', final: false, retryAfterMs: 200 },
  'authorization-required': { status: 262, reason: 'policy-refused', final: false },
  denied: { status: 463, reason: 'policy-refused', final: true },
};

/** What came of a bid that was shown to the bank. */
export const verdictSpec = z.object({
  participant: idText,
  intent: idText,
  outcome: z.enum(['won', 'lost', 'barred']),
  detail: z.enum(details).optional(),
  /** Of `over-budget`: when the bidder's budget has its next window. */
  retryAt: timeMs.optional(),
});
export type ShownVerdict = z.infer<typeof verdictSpec>;

/** A refusal on the wire. `message` says to people what was wrong and what would pass. */
export const refusalSpec = z.object({
  ok: z.literal(false),
  status: z.int(),
  reason: z.enum(reasons),
  detail: z.enum(details),
  message: z.string(),
  final: z.boolean(),
  retryAfterMs: z.int().optional(),
  /** Of an award in which no bid could win: what kept each from it. */
  verdicts: z.array(verdictSpec).optional(),
  /** The rule of a policy that was broken. */
  rule: idText.optional(),
  /** The authorization that is missing (262). */
  authorization: z.string().max(128).optional(),
  /** When it would pass by itself: the next window of a budget that is spent. By the broker's clock. */
  retryAt: timeMs.optional(),
  /** The price at which it would pass now (429). */
  priceMicro: microText.optional(),
});
export type Refusal = z.infer<typeof refusalSpec>;

/** Builds a refusal of a detail; `message` completes "refused because …, what would pass is …". */
export function refusal(
  detail: Detail,
  message: string,
  more: Pick<Refusal, 'rule' | 'authorization' | 'retryAfterMs' | 'retryAt' | 'priceMicro'> = {},
): Refusal {
  const meaning = meanings[detail];
  return {
    ok: false,
    status: meaning.status,
    reason: meaning.reason,
    detail,
    message,
    final: meaning.final,
    ...(meaning.retryAfterMs === undefined ? {} : { retryAfterMs: meaning.retryAfterMs }),
    ...more,
  };
}
