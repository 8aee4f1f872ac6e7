// Policies: one row per rule and edge, who comes first where several say no, and what a refusal tells.
import { describe, expect, it, test } from 'vitest';
import {
  beyondRules,
  capsOn,
  judgePolicy,
  type PolicyFacts,
  type PolicyVerdict,
  policyRefusal,
  policySpec,
  type Rule,
  ruleOnParties,
  ruleOnTake,
  ruleOnTerm,
} from '../src/index.js';

const HOUR = 3_600_000;
/** Two units for half an hour: at 1000 the unit's hour costs as much. */
const facts: PolicyFacts = {
  ...{ payer: 'ann', payee: 'ben', resource: 'gpu.h100', amountMicro: 1000, units: 2, durationMs: HOUR / 2 },
  ...{ region: 'eu', dataClass: 'confidential', reportEveryMs: 500, rebatePermille: 100, bondMicro: 50 },
};

type Draft = Rule extends infer R
  ? R extends Rule
    ? Omit<R, 'id' | 'scope'> & Partial<Pick<R, 'scope'>>
    : never
  : never;
const rulesOf = (...drafts: Draft[]) =>
  policySpec.parse({ rules: drafts.map((draft, n) => ({ id: `r${n + 1}`, ...draft })) });

/** What a verdict comes to in a table: `ok`, `ok <limit>`, `approval <ms>`, a detail, or the authorization. */
function shown(verdict: PolicyVerdict): string {
  if (verdict.ok) return verdict.limitMicro === undefined ? 'ok' : `ok ${verdict.limitMicro}`;
  if (verdict.kind === 'approval') return `approval ${verdict.withinMs}`;
  return verdict.kind === 'refused' ? verdict.detail : verdict.authorization;
}

const more = (change: Partial<PolicyFacts>) => ({ ...facts, ...change });
const cap = (maxMicro: string, per: 'contract' | 'payer' = 'contract'): Draft => ({
  kind: 'budget-cap',
  maxMicro,
  per,
});
const floor = (unitHourMicro: string): Draft => ({ kind: 'price-floor', unitHourMicro });
const ceiling = (unitHourMicro: string): Draft => ({ kind: 'price-ceiling', unitHourMicro });
const margin = (marginPermille: number): Draft => ({ kind: 'minimum-margin', marginPermille });
const sla = (rule: object): Draft => ({ kind: 'sla', ...rule });
const cleared = (rule: object): Draft => ({ kind: 'data-class', from: 'confidential', cleared: [], ...rule });
const approval = (aboveMicro: string): Draft => ({ kind: 'approval', aboveMicro, withinMs: 5_000 });

const rows: [string, Draft, PolicyFacts, string][] = [
  ['a contract at its cap', cap('1000'), facts, 'ok'],
  ['a contract above its cap', cap('999'), facts, 'over-budget'],
  ['a payer’s cap is told', cap('5000', 'payer'), facts, 'ok 5000'],
  ['alone above the payer’s cap', cap('999', 'payer'), facts, 'over-budget'],
  ['at the floor', floor('1000'), facts, 'ok'],
  ['below the floor', floor('1001'), facts, 'below-reserve-price'],
  ['a floor rounds up', floor('1'), more({ amountMicro: 0, units: 1, durationMs: 1 }), 'below-reserve-price'],
  ['at the ceiling', ceiling('1000'), facts, 'ok'],
  ['above the ceiling', ceiling('999'), facts, 'over-budget'],
  ['a ceiling rounds down', ceiling('1'), more({ amountMicro: 1, units: 1, durationMs: 1 }), 'over-budget'],
  ['14 digits', floor('99999999999999'), more({ amountMicro: 99_999_999_999_998 }), 'below-reserve-price'],
  ['nothing, with a ceiling of nothing', ceiling('0'), more({ amountMicro: 0 }), 'ok'],
  ['at the margin', margin(200), more({ costMicro: 800 }), 'ok'],
  ['below the margin', margin(200), more({ costMicro: 801 }), 'below-reserve-price'],
  ['all of it is margin', margin(1000), more({ costMicro: 1 }), 'below-reserve-price'],
  ['a cost that nobody knows', margin(999), facts, 'ok'],
  ['as long as may be', sla({ maxDurationMs: HOUR / 2 }), facts, 'ok'],
  ['too long', sla({ maxDurationMs: HOUR / 2 - 1 }), facts, 'deadline-infeasible'],
  ['heard of often enough', sla({ maxReportEveryMs: 500 }), facts, 'ok'],
  ['too seldom', sla({ maxReportEveryMs: 499 }), facts, 'deadline-infeasible'],
  ['the least rebate', sla({ minRebatePermille: 100 }), facts, 'ok'],
  ['too small a rebate', sla({ minRebatePermille: 101 }), facts, 'deadline-infeasible'],
  ['the least bond', sla({ minBondMicro: '50' }), facts, 'ok'],
  ['too small a bond', sla({ minBondMicro: '51' }), facts, 'deadline-infeasible'],
  ['the region', { kind: 'region', regions: ['us', 'eu'] }, facts, 'ok'],
  ['another region', { kind: 'region', regions: ['us'] }, facts, 'region'],
  ['no region', { kind: 'region', regions: ['us'] }, more({ region: undefined }), 'ok'],
  ['data below the class', cleared({ from: 'restricted' }), facts, 'ok'],
  ['data of the class', cleared({}), facts, 'clearance:confidential'],
  ['data above the class', cleared({ from: 'internal' }), facts, 'clearance:internal'],
  ['cleared', cleared({ cleared: ['be*'] }), facts, 'ok'],
  ['cleared, elsewhere', cleared({ cleared: ['ben'], regions: ['us'] }), facts, 'region'],
  ['not cleared, and elsewhere', cleared({ regions: ['us'] }), facts, 'region'],
  ['of no class', cleared({}), more({ dataClass: undefined }), 'ok'],
  ['both allowed', { kind: 'allow', agents: ['ann', 'b*'] }, facts, 'ok'],
  ['the payer is not', { kind: 'allow', agents: ['ben'] }, facts, 'not-permitted'],
  ['the payee is not', { kind: 'allow', agents: ['ann'] }, facts, 'not-permitted'],
  ['a payer’s dealings', { kind: 'allow', agents: ['ben'], scope: { payers: ['ann'] } }, facts, 'ok'],
  ['a payee’s dealings', { kind: 'allow', agents: ['ann'], scope: { payees: ['ben'] } }, facts, 'ok'],
  ['both named', { kind: 'deny', agents: ['ben'], scope: { payers: ['*'], payees: ['*'] } }, facts, 'not-permitted'],
  ['the payer denied', { kind: 'deny', agents: ['ann'] }, facts, 'not-permitted'],
  ['the payee denied', { kind: 'deny', agents: ['ben'] }, facts, 'not-permitted'],
  ['all denied but them', { kind: 'deny', agents: ['cid', 'anna', 'be'] }, facts, 'ok'],
  ['as dear as may be', approval('1000'), facts, 'ok'],
  ['dearer', approval('999'), facts, 'approval 5000'],
];

it.each(rows)('%s', (_why, rule, about, expected) => {
  expect(shown(judgePolicy(rulesOf(rule), about))).toBe(expected);
});

describe('a scope', () => {
  const scopes: [object, 'applies' | 'is another’s'][] = [
    [{}, 'applies'],
    [{ payers: ['cid', 'ann'] }, 'applies'],
    [{ payers: ['cid'] }, 'is another’s'],
    [{ payees: ['ben'] }, 'applies'],
    [{ payees: ['ann'] }, 'is another’s'],
    [{ resources: ['gpu.*'] }, 'applies'],
    [{ resources: ['gpu'] }, 'is another’s'],
    [{ payers: ['ann'], payees: ['ben'], resources: ['tpu.*'] }, 'is another’s'],
  ];
  it.each(scopes)('%j %s', (scope, expected) => {
    const { ok } = judgePolicy(rulesOf({ ...cap('0'), scope } as Draft), facts);
    expect(ok).toBe(expected !== 'applies');
  });
});

describe('of several rules', () => {
  const orders: [string, Draft[], string, string?][] = [
    ['refusals come first', [approval('0'), cleared({}), cap('1')], 'over-budget', 'r3'],
    ['then authorizations', [approval('0'), cleared({})], 'clearance:confidential', 'r2'],
    ['the first that refuses speaks', [ceiling('1'), cap('1')], 'over-budget', 'r1'],
    [
      'the first approval sets the time',
      [approval('10'), { ...approval('0'), withinMs: 100 } as Draft],
      'approval 5000',
      'r1',
    ],
    ['the smallest of a payer’s caps', [cap('9000', 'payer'), cap('3000', 'payer'), cap('4000', 'payer')], 'ok 3000'],
    ['no rule', [], 'ok'],
  ];
  it.each(orders)('%s', (_why, drafts, expected, rule) => {
    const verdict = judgePolicy(rulesOf(...drafts), facts);
    expect(shown(verdict)).toBe(expected);
    expect(verdict.ok ? undefined : verdict.rule).toBe(rule);
  });
});

test('an agent’s own rules are about others', () => {
  const own = rulesOf({ kind: 'allow', agents: ['ben'] });
  expect(judgePolicy(own, facts, 'ann').ok).toBe(true);
  expect(judgePolicy(own, more({ payee: 'cid' }), 'ann')).toMatchObject({ detail: 'not-permitted' });
});

test('a refusal names the rule, what is missing and what would pass', () => {
  const refusalOf = (...drafts: Draft[]) => {
    const verdict = judgePolicy(rulesOf(...drafts), facts);
    if (verdict.ok) throw new Error('passes');
    return policyRefusal(verdict);
  };
  expect(refusalOf(floor('2001'))).toMatchObject({
    ...{ status: 463, reason: 'policy-refused', detail: 'below-reserve-price', rule: 'r1' },
    message: expect.stringContaining('it costs 2001, not 1000'),
  });
  expect(refusalOf({ kind: 'region', regions: ['us'] })).toMatchObject({ status: 455, reason: 'policy-refused' });
  expect(refusalOf(cleared({}))).toMatchObject({ status: 262, authorization: 'clearance:confidential', rule: 'r1' });
  expect(refusalOf(approval('0'))).toMatchObject({ status: 262, authorization: 'approval:r1', rule: 'r1' });
});

describe('a sum that the script alone knows', () => {
  const { amountMicro: _amount, region: _region, dataClass: _class, ...term } = facts;
  const all = [
    ...[cap('1000'), cap('900', 'payer'), floor('500'), ceiling('700'), sla({ maxDurationMs: HOUR / 2 })],
    ...[{ kind: 'deny' as const, agents: ['carl'] }, approval('1'), margin(200)],
  ];

  it.each([0, 1, 499, 500, 501, 699, 700, 701, 900, 901, 1_000, 1_001])(
    '%s is judged as one that is known',
    (amount) => {
      const sums = { term: amount, contract: amount, payer: amount };
      for (const draft of all) {
        const policy = rulesOf(draft);
        const { barred, bounds } = ruleOnTerm(policy, term);
        const told = barred?.detail ?? beyondRules(bounds, sums)?.detail ?? 'ok';
        const known = judgePolicy(policy, { ...term, amountMicro: amount });
        // Leases are not approved.
        const expected = known.ok || known.kind === 'approval' ? 'ok' : shown(known);
        expect(told, `${draft.kind} ${amount}`).toBe(expected);
      }
    },
  );

  it('names the rule that bars, whatever it costs; scopes hold', () => {
    const deny = { kind: 'deny' as const, agents: ['ann'] };
    expect(ruleOnTerm(rulesOf(deny), term)).toMatchObject({ barred: { rule: 'r1', detail: 'not-permitted' } });
    expect(ruleOnTerm(rulesOf(sla({ maxDurationMs: 1 })), term).barred?.detail).toBe('deadline-infeasible');
    expect(ruleOnTerm(rulesOf({ ...ceiling('1'), scope: { resources: ['tpu*'] } }), term)).toEqual({});
  });

  it('in 14 digits: what nothing can exceed, and what nothing can come to', () => {
    const long = { ...term, units: 1_000, durationMs: 720 * HOUR };
    const { bounds } = ruleOnTerm(rulesOf(ceiling('99999999999999'), floor('99999999999999')), long);
    expect(beyondRules(bounds?.slice(0, 1), { term: 99_999_999_999_999 })).toBeUndefined();
    expect(beyondRules(bounds, { term: 99_999_999_999_999 })?.detail).toBe('below-reserve-price');
  });

  it('of deposits and rate tokens is bounded by a payer’s caps alone', () => {
    const parties = { payer: 'ann', payee: 'till', resource: 'api' };
    const elsewhere = { ...cap('7', 'payer'), scope: { payers: ['ben'] } };
    const policy = rulesOf(cap('5'), cap('900', 'payer'), floor('9'), elsewhere, { kind: 'deny', agents: ['ann'] });
    expect(capsOn(policy, parties)).toEqual({ bounds: [{ rule: 'r2', of: 'payer', most: 900 }] });
  });

  it('of rate tokens keeps those from each other who may not deal; of a purchase nothing else', () => {
    const parties = { payer: 'ann', payee: 'till', resource: 'api' };
    const deny = (agents: string[], scope = {}) => ({ kind: 'deny' as const, agents, scope });
    const allow = (agents: string[], scope = {}) => ({ kind: 'allow' as const, agents, scope });
    const barredBy = (...rules: Parameters<typeof rulesOf>) => ruleOnParties(rulesOf(...rules), parties).barred?.rule;
    expect(barredBy(cap('0', 'payer'), cap('0'), floor('9'), sla({ maxDurationMs: 1 }))).toBeUndefined();
    expect(barredBy(allow(['ann', 'till']), deny(['ben']), deny(['a*']))).toBe('r3');
    expect(barredBy(allow(['ben'], { resources: ['gpu*'] }), deny(['till'], { payees: ['till'] }))).toBeUndefined();
    expect(barredBy(allow(['ben', 'till'], { payers: ['ann'] }), deny(['till'], { payers: ['ann'] }))).toBe('r2');
    const policy = rulesOf(cap('7', 'payer'), allow(['till']));
    expect(ruleOnTake(policy, parties)).toEqual({
      bounds: [{ rule: 'r1', of: 'payer', most: 7 }],
      barred: { rule: 'r2', detail: 'not-permitted', message: 'rule r2: ann is none of till' },
    });
    expect(ruleOnTake(rulesOf(), parties)).toEqual({});
  });
});

test('two rules of one id are no policy', () => {
  const rule = { id: 'r1', ...cap('1') };
  expect(policySpec.safeParse({ rules: [rule, rule] }).success).toBe(false);
});
