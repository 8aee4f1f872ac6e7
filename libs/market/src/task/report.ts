// What the two sides of a task's contract tell the bank: each step of its life that they take.
import { z } from 'zod';
import { contractIdText, idemKeyText, idText, timeMs } from '../ids.js';
import { receiptSpec } from './receipt.js';

const reportOf = {
  key: idemKeyText,
  contract: contractIdText,
  /** Whose step it is, where the sender is its host. */
  agent: idText.optional(),
  /** Which of the provider's processes speaks: once one has said so, taking the contract or resuming it, no other is heard. */
  process: idemKeyText.optional(),
};
const plain = <S extends string>(step: S) => z.strictObject({ ...reportOf, step: z.literal(step) });
/** Each step of a contract's life that its sides take; see task/life-cycle.ts for whose it is. */
export const reportSpec = z.discriminatedUnion('step', [
  plain('take'),
  plain('run'),
  z.strictObject({ ...reportOf, step: z.literal('resume'), process: idemKeyText }),
  z.strictObject({ ...reportOf, step: z.literal('turn-down'), message: z.string().max(512) }),
  z.strictObject({ ...reportOf, step: z.literal('progress'), percent: z.int().min(0).max(100) }),
  z.strictObject({ ...reportOf, step: z.literal('ask-time'), deadline: timeMs }),
  plain('grant-time'),
  plain('deny-time'),
  z.strictObject({ ...reportOf, step: z.literal('done'), receipt: receiptSpec }),
  z.strictObject({ ...reportOf, step: z.literal('fail'), receipt: receiptSpec }),
  plain('decommit'),
  plain('accept'),
  z.strictObject({ ...reportOf, step: z.literal('dispute'), message: z.string().max(512) }),
]);
