// A call for proposals to do a task: what a buyer announces, and in later rounds revises.
import { z } from 'zod';
import { timeMs } from '../ids.js';
import { frameSpec } from './deal.js';
import { boundsSpec, issuesSpec } from './issues.js';
import { buyRules, weightsSpec } from './offer.js';
import { protocolSpec } from './protocol.js';

/**
 * Whether several offers may fill the call together, and counted by what: `one` takes one offer for all of it, `all`
 * several that together make up all of it or none, `some` as many as there are.
 */
export const fillSpec = z.strictObject({ kind: z.enum(['one', 'all', 'some']), by: z.enum(['units', 'scope']) });
export type Fill = z.infer<typeof fillSpec>;

export const taskCallSpec = z.strictObject({
  direction: z.literal('buy'),
  frame: frameSpec,
  /** What the buyer would like, and within what it will talk. */
  ask: issuesSpec,
  bounds: boundsSpec,
  rule: z.enum(buyRules),
  weights: weightsSpec.optional(),
  fill: fillSpec,
  protocol: protocolSpec,
  /** 1, and one more with each revision. */
  round: z.int().min(1).max(64),
  /** Offers of this round are taken until then, by the broker's clock. */
  closesAt: timeMs,
});
export type TaskCall = z.infer<typeof taskCallSpec>;
