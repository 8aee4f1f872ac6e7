// How a negotiation is conducted: the protocol and the stopping rules that bound it; both sides know them beforehand.
import { z } from 'zod';
import { timeMs } from '../ids.js';
import { permille } from './issues.js';

/**
 * `contract-net`: the buyer calls, providers offer, the buyer chooses or revises its call. `monotonic-concession`:
 * both sides propose in turn and only ever concede; Zeuthen's rule says who. `alternating-offers`: Rubinstein's.
 */
export const protocolKinds = ['contract-net', 'monotonic-concession', 'alternating-offers'] as const;

export const protocolSpec = z.strictObject({
  kind: z.enum(protocolKinds),
  /** `fast`: few rounds, large steps. `optimal`: the smallest sufficient concession. */
  mode: z.enum(['fast', 'optimal']),
  /** A round is one proposal of each side. */
  maxRounds: z.int().min(1).max(64),
  /** Each answer is due so long after what it answers. */
  roundMs: z.int().min(20).max(86_400_000),
  /** The whole conversation ends at this time, by the broker's clock. */
  endsAt: timeMs,
  /** A change of price alone moves it by this share of the sender's last price at least. */
  minImprovementPermille: permille,
  /** What a unit of utility is still worth a round later, to each side; 1000 where waiting costs nothing. */
  discountPermille: z.strictObject({ buyer: permille, provider: permille }).optional(),
});
export type Protocol = z.infer<typeof protocolSpec>;

/** Three rejections in one conversation, and it must escalate; three unchanged rounds are an impasse. */
export const MAX_REJECTIONS = 3;
export const MAX_UNCHANGED_ROUNDS = 3;
