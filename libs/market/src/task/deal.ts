// A deal: task, issues and conditions, all that a contract names; and the digest under which a provider seals it.
import { hash } from 'node:crypto';
import { canonicalJson, microText } from '@tender/credits';
import { z } from 'zod';
import { idText } from '../ids.js';
import { type Issues, permille } from './issues.js';
import { taskSpec } from './task.js';

const DAY_MS = 24 * 3_600_000;

/** What happens when things do not go as agreed; fixed by the call. */
export const conditionsSpec = z.strictObject({
  /** So long after `startBy` the start may be late; then the contract is violated. */
  graceMs: z.int().min(0).max(DAY_MS),
  /** A provider that runs says so this often at least; silence beyond it is failure. */
  reportEveryMs: z.int().min(50).max(DAY_MS),
  /** So long after the deadline a result is still taken, for less. */
  lateMs: z
    .int()
    .min(0)
    .max(30 * DAY_MS),
  /** The share of the price that is given back for a result that late; in proportion before. */
  rebatePermille: permille,
  /** Set aside from the provider, and the buyer's where the provider breaks the contract. */
  bondMicro: microText,
  /** The share of the price that a buyer who cancels pays at least. */
  penaltyPermille: permille,
  /** So long after the receipt the buyer may dispute it; 0: settled at once. */
  disputeMs: z
    .int()
    .min(0)
    .max(30 * DAY_MS),
});
export type Conditions = z.infer<typeof conditionsSpec>;

/** What both sides know before any issue is agreed. */
export const frameSpec = z.strictObject({
  market: idText,
  /** The negotiation's id; contracts are called `<conversation>-t<n>` (see contract-id.ts). */
  conversation: idText,
  /** Pays. */
  buyer: idText,
  task: taskSpec,
  conditions: conditionsSpec,
});
export type Frame = z.infer<typeof frameSpec>;

/**
 * 43 characters (SHA-256, base64url) of `tender-deal-1|` and the deal as JSON with sorted keys and no white space,
 * `hold` (the call whose locked slots back the offer, or nothing) beside its fields.
 */
export function dealDigest(frame: Frame, issues: Issues, hold = ''): string {
  return new Deals(frame).digest(issues, hold);
}

/** The deals that can come of one negotiation: what is the same in all of them is written down once. */
export class Deals {
  readonly conversation: string;
  readonly #head: string;
  readonly #tail: string;

  constructor({ market, conversation, buyer, task, conditions }: Frame) {
    this.conversation = conversation;
    // As canonicalJson has them, in the order of their names: buyer … conversation, hold, issues, market, task.
    this.#head = `tender-deal-1|${canonicalJson({ buyer, conditions, conversation }).slice(0, -1)},"hold":`;
    this.#tail = `,${canonicalJson({ market, task }).slice(1)}`;
  }

  /** See `dealDigest`. */
  digest(issues: Issues, hold = ''): string {
    const { batch, deadline, durationMs, priceMicro, region, scope, startBy, units } = issues;
    const sorted = { batch, deadline, durationMs, priceMicro, region, scope, startBy, units };
    const text = `${this.#head}${JSON.stringify(hold)},"issues":${JSON.stringify(sorted)}${this.#tail}`;
    return hash('sha256', text, 'base64url');
  }
}

export const DEFAULT_CONDITIONS: Conditions = {
  graceMs: 30_000,
  reportEveryMs: 30_000,
  lateMs: 60_000,
  rebatePermille: 500,
  bondMicro: '0',
  penaltyPermille: 100,
  disputeMs: 0,
};
