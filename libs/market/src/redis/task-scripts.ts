// The registry's part for tasks: closing on offers, and each step of a contract's life.
import { defineScript } from '@tender/credits/redis';
import { z } from 'zod';
import { passedOverSpec } from '../events.js';
import type { EngageAsked, ReportAsked } from '../model/task-command.js';
import { verdictSpec } from '../refusal.js';
import { keptStates, type TaskStep, taskOutcomes, taskSteps } from '../task/life-cycle.js';
import { depositEnds, type FieldsOf, folders, type Keyed, replyOf } from './script-reply.js';

export type EngageInput = Keyed & EngageAsked;
export type ReportInput = Keyed & ReportAsked;

const numbers = z.array(z.number());
const engageReply = replyOf({
  conversation: z.string(),
  at: z.number(),
  contracts: z.array(
    z.object({
      contract: z.string(),
      participant: z.string(),
      intent: z.string(),
      priceMicro: z.string(),
      units: z.number(),
      startBy: z.number(),
      deadline: z.number(),
      slots: numbers.default([]),
      fences: numbers.default([]),
      dueAt: z.number(),
    }),
  ),
  verdicts: z.array(verdictSpec),
  deposits: depositEnds.optional(),
});
export type EngageReply = z.infer<typeof engageReply>;

const reportReply = replyOf({
  contract: z.string(),
  /** `overdue` where the asked step came after the contract's time. */
  step: z.enum(Object.keys(taskSteps) as [TaskStep, ...TaskStep[]]),
  state: z.enum(keptStates),
  attempt: z.number(),
  participant: z.string(),
  at: z.number(),
  dueAt: z.number(),
  percent: z.number(),
  outcome: z.enum(taskOutcomes).optional(),
  paidMicro: z.string().optional(),
  refundedMicro: z.string().optional(),
  bondTo: z.enum(['buyer', 'provider']).optional(),
  passedOver: z.array(passedOverSpec).optional(),
  deposits: depositEnds.optional(),
});
export type ReportReply = z.infer<typeof reportReply>;

export const taskScripts = {
  engage: defineScript<EngageInput, EngageReply>(folders, 'engage', engageReply),
  report: defineScript<ReportInput | { readonly kind: 'overdue'; readonly contract: string }, ReportReply>(
    folders,
    'report',
    reportReply,
  ),
};

export const taskScriptFields = {
  engage: {
    ...{
      by: 1,
      key: 1,
      digest: 1,
      buyer: 1,
      conversation: 1,
      task: 1,
      resource: 1,
      policy: 1,
      limitMicro: 1,
      approved: 1,
      tokens: 1,
    },
    ...{ frameText: 1, fill: 1, counts: 1, total: 1, conditions: 1, rule: 1, weights: 1, offers: 1 },
  },
  report: {
    ...{ kind: 1, by: 1, key: 1, digest: 1, contract: 1, step: 1, agent: 1, process: 1, operator: 1, percent: 1 },
    ...{ deadline: 1, text: 1, receiptOutcome: 1, paidMicro: 1, bondTo: 1, policy: 1, rulings: 1 },
  },
} satisfies { [Name in keyof typeof taskScripts]: Record<FieldsOf<(typeof taskScripts)[Name]>, 1> };
