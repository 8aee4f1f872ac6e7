// Whether a contract may come about by a policy: refusals first, then missing authorizations, then approvals.
import { parseMicro } from '@tender/credits';
import { dataClasses } from '../task/task.js';
import type { Policy, PolicyFacts, PolicyVerdict, Rule } from './policy.js';
import { inScope, matches } from './scope.js';
import { priceOf } from './unit-hours.js';

type Refused = Extract<PolicyVerdict, { kind: 'refused' }>;
type NotOk = Extract<PolicyVerdict, { ok: false }>;
type RuleOf<K extends Rule['kind']> = Extract<Rule, { kind: K }>;

/**
 * The verdict of all rules together; of several that say no in the same way the first one's. `self` is whose own
 * policy it is, if anybody's: `allow` and `deny` are about those whom it deals with. A fact that is absent (a lease
 * has no region, a buyer does not know costs) is not judged.
 */
export function judgePolicy(policy: Policy, facts: PolicyFacts, self?: string): PolicyVerdict {
  let authorization: NotOk | undefined;
  let approval: NotOk | undefined;
  let limitMicro: number | undefined;
  for (const rule of policy.rules) {
    if (!inScope(rule.scope, facts)) continue;
    const verdict = judgeRule(rule, facts, self);
    if (verdict?.kind === 'refused') return verdict;
    if (verdict?.kind === 'authorization') authorization ??= verdict;
    if (verdict?.kind === 'approval') approval ??= verdict;
    if (rule.kind === 'budget-cap' && rule.per === 'payer') {
      limitMicro = Math.min(limitMicro ?? Number.POSITIVE_INFINITY, micro(rule.maxMicro));
    }
  }
  return authorization ?? approval ?? (limitMicro === undefined ? { ok: true } : { ok: true, limitMicro });
}

function judgeRule(rule: Rule, facts: PolicyFacts, self: string | undefined): NotOk | undefined {
  switch (rule.kind) {
    case 'budget-cap':
      return judgeCap(rule, facts);
    case 'price-floor':
      return judgeFloor(rule, facts);
    case 'price-ceiling':
      return judgeCeiling(rule, facts);
    case 'minimum-margin':
      return judgeMargin(rule, facts);
    case 'sla':
      return judgeSla(rule, facts);
    case 'region':
      return judgeRegion(rule, rule.regions, facts);
    case 'data-class':
      return judgeDataClass(rule, facts);
    case 'allow':
    case 'deny':
      return judgeParties(rule, facts, self);
    case 'approval': {
      const dearer = facts.amountMicro > micro(rule.aboveMicro);
      return dearer ? { ok: false, kind: 'approval', rule: rule.id, withinMs: rule.withinMs } : undefined;
    }
  }
}

function judgeCap(rule: RuleOf<'budget-cap'>, { amountMicro, payer }: PolicyFacts): Refused | undefined {
  if (amountMicro <= micro(rule.maxMicro)) return undefined;
  const most = rule.per === 'contract' ? 'a contract costs' : `all that ${payer} has set aside is`;
  return refused(rule, 'over-budget', `it costs ${amountMicro} micro-credits; ${most} at most ${rule.maxMicro}`);
}

function judgeFloor(rule: RuleOf<'price-floor'>, facts: PolicyFacts): Refused | undefined {
  const least = priceOf(rule.unitHourMicro, facts, 'up');
  if (BigInt(facts.amountMicro) >= least) return undefined;
  const offered = `at ${rule.unitHourMicro} micro-credits per unit and hour at least`;
  return refused(rule, 'below-reserve-price', `${offered} it costs ${least}, not ${facts.amountMicro}`);
}

function judgeCeiling(rule: RuleOf<'price-ceiling'>, facts: PolicyFacts): Refused | undefined {
  const most = priceOf(rule.unitHourMicro, facts, 'down');
  if (BigInt(facts.amountMicro) <= most) return undefined;
  const offered = `at ${rule.unitHourMicro} micro-credits per unit and hour at most`;
  return refused(rule, 'over-budget', `${offered} it costs ${most}, not ${facts.amountMicro}`);
}

function judgeMargin(rule: RuleOf<'minimum-margin'>, { amountMicro, costMicro }: PolicyFacts): Refused | undefined {
  if (costMicro === undefined) return undefined;
  const share = BigInt(1000 - rule.marginPermille);
  const cost = BigInt(costMicro) * 1000n;
  if (BigInt(amountMicro) * share >= cost) return undefined;
  const asked = `a margin of ${rule.marginPermille} thousandths over a cost of ${costMicro} micro-credits`;
  const passes = share === 0n ? 'no price' : `a price of ${(cost + share - 1n) / share}`;
  return refused(rule, 'below-reserve-price', `${asked} is asked: ${passes} would do, not ${amountMicro}`);
}

function judgeSla(rule: RuleOf<'sla'>, facts: PolicyFacts): Refused | undefined {
  const { durationMs, reportEveryMs, rebatePermille, bondMicro } = facts;
  const { maxDurationMs, maxReportEveryMs, minRebatePermille } = rule;
  const no = (what: string) => refused(rule, 'deadline-infeasible', what);
  if (maxDurationMs !== undefined && durationMs > maxDurationMs) {
    return no(`durationMs: at most ${maxDurationMs}, not ${durationMs}`);
  }
  if (maxReportEveryMs !== undefined && reportEveryMs !== undefined && reportEveryMs > maxReportEveryMs) {
    return no(`reportEveryMs: at most ${maxReportEveryMs}, not ${reportEveryMs}`);
  }
  if (minRebatePermille !== undefined && rebatePermille !== undefined && rebatePermille < minRebatePermille) {
    return no(`rebatePermille: at least ${minRebatePermille}, not ${rebatePermille}`);
  }
  if (rule.minBondMicro !== undefined && bondMicro !== undefined && bondMicro < micro(rule.minBondMicro)) {
    return no(`bondMicro: at least ${rule.minBondMicro}, not ${bondMicro}`);
  }
  return undefined;
}

function judgeRegion(rule: Rule, regions: readonly string[], { region }: PolicyFacts): Refused | undefined {
  if (region === undefined || regions.includes(region)) return undefined;
  return refused(rule, 'region', `it runs in ${regions.join(' or ')}, not in ${region}`);
}

function judgeDataClass(rule: RuleOf<'data-class'>, facts: PolicyFacts): NotOk | undefined {
  const { dataClass, payee } = facts;
  if (dataClass === undefined || dataClasses.indexOf(dataClass) < dataClasses.indexOf(rule.from)) return undefined;
  const elsewhere = rule.regions === undefined ? undefined : judgeRegion(rule, rule.regions, facts);
  if (elsewhere !== undefined || rule.cleared.some((pattern) => matches(pattern, payee))) return elsewhere;
  const authorization = `clearance:${rule.from}`;
  const message = `${payee} is not cleared for ${dataClass} data: an operator adds it to rule ${rule.id}`;
  return { ok: false, kind: 'authorization', rule: rule.id, authorization, message };
}

/** Looked at are those whom the scope leaves open, the payee where it names both sides; never the policy's own agent. */
function judgeParties(
  rule: RuleOf<'allow' | 'deny'>,
  { payer, payee }: PolicyFacts,
  self: string | undefined,
): Refused | undefined {
  const { payers, payees } = rule.scope;
  const parties = [
    ...(payers === undefined ? [payer] : []),
    ...(payees === undefined || payers !== undefined ? [payee] : []),
  ];
  const barred = parties.find(
    (party) => party !== self && rule.agents.some((pattern) => matches(pattern, party)) === (rule.kind === 'deny'),
  );
  if (barred === undefined) return undefined;
  const why = rule.kind === 'deny' ? 'is denied' : `is none of ${rule.agents.join(', ')}`;
  return refused(rule, 'not-permitted', `${barred} ${why}`);
}

function refused(rule: Rule, detail: Refused['detail'], message: string): Refused {
  return { ok: false, kind: 'refused', rule: rule.id, detail, message: `rule ${rule.id}: ${message}` };
}

function micro(text: string): number {
  return parseMicro(text) ?? Number.NaN;
}
