// An operator's (or an agent's own) rules as data: what may be agreed, what must be approved, what is refused.
import { microText } from '@tender/credits';
import { z } from 'zod';
import { idText, type poolIdText } from '../ids.js';
import { permille } from '../task/issues.js';
import { dataClasses } from '../task/task.js';

/** To whom and what a rule applies; a list that is absent matches all. `*` at an entry's end matches what follows. */
const pattern = z.string().regex(/^[a-z0-9.-]{0,64}\*?$/, 'an id, or the beginning of one and *');
const scopeSpec = z.strictObject({
  payers: z.array(pattern).min(1).max(256).optional(),
  payees: z.array(pattern).min(1).max(256).optional(),
  resources: z.array(pattern).min(1).max(64).optional(),
});
export type RuleScope = z.infer<typeof scopeSpec>;

const rule = { id: idText, scope: scopeSpec.default({}) };

export const ruleSpec = z.discriminatedUnion('kind', [
  /** One contract, or all that a payer has set aside at a time, costs at most so much. */
  z.strictObject({ ...rule, kind: z.literal('budget-cap'), maxMicro: microText, per: z.enum(['contract', 'payer']) }),
  /** Per unit and hour. */
  z.strictObject({ ...rule, kind: z.literal('price-floor'), unitHourMicro: microText }),
  z.strictObject({ ...rule, kind: z.literal('price-ceiling'), unitHourMicro: microText }),
  /** A provider's own: the price exceeds its cost by this share of the price. */
  z.strictObject({ ...rule, kind: z.literal('minimum-margin'), marginPermille: permille }),
  z.strictObject({
    ...rule,
    kind: z.literal('sla'),
    maxReportEveryMs: z.int().min(50).optional(),
    maxDurationMs: z.int().min(1).optional(),
    minRebatePermille: permille.optional(),
    minBondMicro: microText.optional(),
  }),
  z.strictObject({ ...rule, kind: z.literal('region'), regions: z.array(idText).min(1).max(64) }),
  /** Data of this class and above goes only to those cleared for it (262), and only to these regions. */
  z.strictObject({
    ...rule,
    kind: z.literal('data-class'),
    from: z.enum(dataClasses),
    cleared: z.array(pattern).max(256),
    regions: z.array(idText).min(1).max(64).optional(),
  }),
  /** Nobody but these, or anybody but these, is dealt with. */
  z.strictObject({ ...rule, kind: z.literal('allow'), agents: z.array(pattern).min(1).max(256) }),
  z.strictObject({ ...rule, kind: z.literal('deny'), agents: z.array(pattern).min(1).max(256) }),
  /** Dearer contracts wait for an operator (261), so long at most; then they are rejected. */
  z.strictObject({
    ...rule,
    kind: z.literal('approval'),
    aboveMicro: microText,
    withinMs: z
      .int()
      .min(100)
      .max(7 * 86_400_000)
      .default(3_600_000),
  }),
]);
export type Rule = z.infer<typeof ruleSpec>;

export const policySpec = z.strictObject({
  rules: z
    .array(ruleSpec)
    .max(256)
    .refine((rules) => new Set(rules.map(({ id }) => id)).size === rules.length, 'two rules have one id'),
});
export type Policy = z.infer<typeof policySpec>;

/** What rules are asked about: one contract to be, in what direction ever. */
export interface PolicyFacts {
  readonly payer: string;
  readonly payee: string;
  readonly resource: z.infer<typeof poolIdText>;
  /** For all units and the whole duration. */
  readonly amountMicro: number;
  readonly units: number;
  readonly durationMs: number;
  readonly region?: string | undefined;
  readonly dataClass?: (typeof dataClasses)[number] | undefined;
  readonly reportEveryMs?: number | undefined;
  readonly rebatePermille?: number | undefined;
  readonly bondMicro?: number | undefined;
  /** Known to the provider alone. */
  readonly costMicro?: number | undefined;
}

/** `limitMicro`: the most that the payer may have set aside with this contract, where a rule caps it. */
export type PolicyVerdict =
  | { readonly ok: true; readonly limitMicro?: number | undefined }
  | { readonly ok: false; readonly kind: 'approval'; readonly rule: string; readonly withinMs: number }
  | {
      readonly ok: false;
      readonly kind: 'refused';
      readonly rule: string;
      readonly detail: 'over-budget' | 'below-reserve-price' | 'deadline-infeasible' | 'region' | 'not-permitted';
      readonly message: string;
    }
  | {
      readonly ok: false;
      readonly kind: 'authorization';
      readonly rule: string;
      readonly authorization: string;
      readonly message: string;
    };
