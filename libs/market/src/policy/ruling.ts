// What a broker judged, for the script that commits: by which version of the rules, whom they bar, and up to which sums.
import { MAX_MICRO } from '@tender/credits';
import type { Detail } from '../refusal.js';
import { judgePolicy } from './judge.js';
import type { Policy, PolicyFacts, Rule } from './policy.js';
import { policyRefusal } from './policy-refusal.js';
import { inScope } from './scope.js';
import { priceOf } from './unit-hours.js';

/** A rule's bound upon a sum that the books alone know, in micro-credits. */
export interface RuleBound {
  readonly rule: string;
  /** This payment; all that the contract costs with it; all that the payer has set aside with it. */
  readonly of: keyof BoundedSums;
  readonly least?: number | undefined;
  readonly most?: number | undefined;
}

export interface BoundedSums {
  readonly term: number;
  readonly contract: number;
  readonly payer: number;
}

/** Which rule says no, and how. */
export interface BrokenRule {
  readonly rule: string;
  readonly detail: Detail;
}

export interface Ruling {
  /** The version of the rules by which it was judged. */
  readonly policy: number;
  readonly barred?: (BrokenRule & { readonly message: string }) | undefined;
  readonly bounds?: readonly RuleBound[] | undefined;
}

/** What the rules say of one who stands by: its price is known, what its buyer will have set aside is not. */
export interface StandbyRuling extends Pick<Ruling, 'bounds'> {
  readonly barred?: BrokenRule | undefined;
}

/**
 * What all rules say of one more term of a lease, whose price the script alone knows. Those that ask for approval are
 * not asked: leases are sold and prolonged by the clock, and nobody could look in time.
 */
export function ruleOnTerm(policy: Policy, facts: Omit<PolicyFacts, 'amountMicro'>): Omit<Ruling, 'policy'> {
  const sums: Rule['kind'][] = ['budget-cap', 'price-floor', 'price-ceiling', 'minimum-margin', 'approval'];
  const rules = policy.rules.filter(({ kind }) => !sums.includes(kind));
  const verdict = judgePolicy({ rules }, { ...facts, amountMicro: 0 });
  const bounds = policy.rules.filter(({ scope }) => inScope(scope, facts)).flatMap((rule) => boundOf(rule, facts));
  if (verdict.ok) return bounds.length === 0 ? {} : { bounds };
  const { detail, message } = policyRefusal(verdict);
  return { barred: { rule: verdict.rule, detail, message } };
}

/** What all rules say of an offer that is to take over; `policy` without those that ask, where nobody is to be asked. */
export function ruleOnStandby(policy: Policy, facts: PolicyFacts): StandbyRuling {
  const verdict = judgePolicy(policy, facts);
  if (verdict.ok) return capsOn(policy, facts);
  return { barred: { rule: verdict.rule, detail: policyRefusal(verdict).detail } };
}

type Parties = Pick<PolicyFacts, 'payer' | 'payee' | 'resource'>;

/** What binds a take of rate tokens, which is no contract either: a payer's caps, and who is dealt with. */
export function ruleOnTake(policy: Policy, parties: Parties): Omit<Ruling, 'policy'> {
  return { ...capsOn(policy, parties), ...ruleOnParties(policy, parties) };
}

/** Whether two may deal with each other: what binds a purchase of tokens from another holder, paid at once. */
export function ruleOnParties(policy: Policy, parties: Parties): Pick<Ruling, 'barred'> {
  const rules = policy.rules.filter(isAboutParties);
  const verdict = judgePolicy({ rules }, { ...parties, amountMicro: 0, units: 0, durationMs: 0 });
  if (verdict.ok) return {};
  const { detail, message } = policyRefusal(verdict);
  return { barred: { rule: verdict.rule, detail, message } };
}

export function isAboutParties({ kind }: Rule): boolean {
  return kind === 'allow' || kind === 'deny';
}

/** The caps alone on all that a payer has set aside, for what is no contract: deposits and rate tokens. */
export function capsOn(policy: Policy, parties: Parties): Omit<Ruling, 'policy' | 'barred'> {
  const bounds = policy.rules.flatMap((rule) =>
    rule.kind === 'budget-cap' && rule.per === 'payer' && inScope(rule.scope, parties)
      ? [{ rule: rule.id, of: 'payer' as const, most: Number(rule.maxMicro) }]
      : [],
  );
  return bounds.length === 0 ? {} : { bounds };
}

function boundOf(rule: Rule, facts: Pick<PolicyFacts, 'units' | 'durationMs'>): RuleBound[] {
  switch (rule.kind) {
    case 'budget-cap':
      return [{ rule: rule.id, of: rule.per, most: Number(rule.maxMicro) }];
    case 'price-floor':
      return [{ rule: rule.id, of: 'term', least: sumOf(priceOf(rule.unitHourMicro, facts, 'up')) }];
    case 'price-ceiling':
      return [{ rule: rule.id, of: 'term', most: sumOf(priceOf(rule.unitHourMicro, facts, 'down')) }];
    default:
      return [];
  }
}

/** What no payment can come to bounds as well one micro-credit above all that there can be. */
function sumOf(sum: bigint): number {
  return sum > BigInt(MAX_MICRO) ? MAX_MICRO + 1 : Number(sum);
}

/** The first rule that a sum does not keep to; rules.lua states the same. */
export function beyondRules(
  bounds: readonly RuleBound[] | undefined,
  sums: Partial<BoundedSums>,
): BrokenRule | undefined {
  for (const { rule, of, least, most } of bounds ?? []) {
    const sum = sums[of];
    if (sum === undefined) continue;
    if (most !== undefined && sum > most) return { rule, detail: 'over-budget' };
    if (least !== undefined && sum < least) return { rule, detail: 'below-reserve-price' };
  }
  return undefined;
}
