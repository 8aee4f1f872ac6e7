// A task's contract as the bank shows it to its two sides.
import { microText } from '@tender/credits';
import { z } from 'zod';
import { contractIdText, idemKeyText, idText, poolIdText, timeMs } from '../ids.js';
import { frameSpec } from './deal.js';
import { issuesSpec } from './issues.js';
import { keptStates, taskOutcomes } from './life-cycle.js';
import { receiptSpec } from './receipt.js';

export const taskView = z.object({
  contract: contractIdText,
  state: z.enum(keptStates),
  frame: frameSpec,
  issues: issuesSpec,
  provider: idText,
  intent: idText,
  /** How many providers it was given to, the present one included. */
  attempt: z.int(),
  /** Runners-up that would take over. */
  standbys: z.int(),
  awardedAt: timeMs,
  /** When the bank ends the present state, if nobody else does. */
  dueAt: timeMs,
  startedAt: timeMs.optional(),
  percent: z.int().min(0).max(100),
  /** The provider's process that works on it, where it said which: no other is heard. */
  process: idemKeyText.optional(),
  /** A later deadline that the provider asks for. */
  askedDeadline: timeMs.optional(),
  /** Slots of the pool that `hold` named, and their fencing tokens. */
  slots: z.array(z.int()),
  fences: z.array(z.int()),
  receipt: receiptSpec.optional(),
  outcome: z.enum(taskOutcomes).optional(),
  paidMicro: microText.optional(),
  refundedMicro: microText.optional(),
  /** Who got the provider's bond. */
  bondTo: z.enum(['buyer', 'provider']).optional(),
  settledAt: timeMs.optional(),
});
export type TaskView = z.infer<typeof taskView>;

/** As an inquiry shows it: also who speaks for the two sides, where they are behind a host. */
export const taskSeen = taskView.extend({
  hosts: z.object({ buyer: idText.optional(), provider: idText.optional() }).optional(),
});

/** One of the contracts that an agent has under way, as it is listed. */
export const taskListed = taskView
  .pick({ contract: true, state: true, provider: true, percent: true, dueAt: true, process: true })
  .extend({ buyer: idText, resource: poolIdText });
export type TaskListed = z.infer<typeof taskListed>;
