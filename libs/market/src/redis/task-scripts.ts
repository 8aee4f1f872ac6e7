// The registry's part for tasks: closing on offers, and each step of a contract's life.
import { defineScript } from '@tender/credits/redis';
import { z } from 'zod';
import { verdictSpec } from '../refusal.js';
import type { Conditions } from '../task/deal.js';
import { keptStates, type TaskStep, taskOutcomes, taskSteps } from '../task/life-cycle.js';
import type { BuyRule, Weights } from '../task/offer.js';
import type { Fill } from '../task/task-call.js';
import { type FieldsOf, folders, type Keyed, replyOf } from './script-reply.js';

/** An offer whose seal holds, as the script takes it. Ranked before it is shown. */
export interface TaskOffer {
  readonly participant: string;
  readonly intent: string;
  readonly until_ms: number;
  /** Set where the offer was sealed by it: the script compares it with the account's. */
  readonly nkey?: string | undefined;
  /** In micro-credits, for the whole task. */
  readonly price: number;
  readonly units: number;
  readonly scope: number;
  readonly startBy: number;
  readonly deadline: number;
  readonly durationMs: number;
  /** The provider's call whose locked slots do the work; empty where there is none. */
  readonly hold: string;
  /** The issues as JSON, as they were sealed; kept verbatim. */
  readonly issuesText: string;
  readonly completesAt: number;
  readonly quality: number;
  readonly risk: number;
}

export interface EngageInput extends Keyed {
  readonly buyer: string;
  readonly conversation: string;
  readonly task: string;
  readonly resource: string;
  /** The version of the policy by which the offers were judged. */
  readonly policy: number;
  /** The most that the buyer may have set aside with these contracts. */
  readonly limitMicro?: string | undefined;
  /** The frame as JSON; kept verbatim. */
  readonly frameText: string;
  readonly fill: Fill['kind'];
  /** What is counted, and up to how much. */
  readonly counts: Fill['by'];
  readonly total: number;
  readonly conditions: Conditions;
  readonly rule: BuyRule;
  readonly weights?: Weights | undefined;
  readonly offers: readonly TaskOffer[];
}

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
});
export type EngageReply = z.infer<typeof engageReply>;

export interface ReportInput extends Keyed {
  readonly contract: string;
  readonly step: Exclude<TaskStep, 'overdue'>;
  /** Set where an operator's request was checked. */
  readonly operator?: true | undefined;
  readonly percent?: number | undefined;
  readonly deadline?: number | undefined;
  /** The receipt as JSON, kept verbatim, or what people are told. */
  readonly text?: string | undefined;
  readonly receiptOutcome?: 'done' | 'failed' | undefined;
  readonly paidMicro?: string | undefined;
  readonly bondTo?: 'buyer' | 'provider' | undefined;
}

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
    ...{ by: 1, key: 1, digest: 1, buyer: 1, conversation: 1, task: 1, resource: 1, policy: 1, limitMicro: 1 },
    ...{ frameText: 1, fill: 1, counts: 1, total: 1, conditions: 1, rule: 1, weights: 1, offers: 1 },
  },
  report: {
    ...{ kind: 1, by: 1, key: 1, digest: 1, contract: 1, step: 1, operator: 1, percent: 1, deadline: 1, text: 1 },
    ...{ receiptOutcome: 1, paidMicro: 1, bondTo: 1 },
  },
} satisfies { [Name in keyof typeof taskScripts]: Record<FieldsOf<(typeof taskScripts)[Name]>, 1> };
