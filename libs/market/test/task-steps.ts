// Random engagements and reports, drawn without regard to what there is: names and times are put in when they are taken.
import { canonicalJson } from '@tender/credits';
import fc from 'fast-check';
import {
  type EngageAsked,
  type Issues,
  type MarketBook,
  type MarketCommand,
  type ReportAsked,
  rankOffers,
  type StandbyRuling,
  type TaskOffer,
} from '../src/index.js';
import { AGENTS, ANNS_NKEY, any, often, SYSTEM_AGENT } from './drawn.js';

/** Times count from now; `hold` is `any-<n>` for one of the calls that are open, or empty. */
type DrawnOffer = Omit<TaskOffer, 'issuesText'>;
export type EngageDraft = { readonly kind: 'engage'; readonly by: string } & Omit<
  EngageAsked,
  'offers' | 'frameText'
> & {
    readonly offers: readonly DrawnOffer[];
  };
/** `by` is `provider` or `buyer` for who that is then. */
export type ReportDraft = { readonly kind: 'report'; readonly by: string } & ReportAsked;

const buyer = fc.constantFrom(...AGENTS, SYSTEM_AGENT);
const offer: fc.Arbitrary<DrawnOffer> = fc.record({
  participant: often(
    fc.constantFrom(...AGENTS, SYSTEM_AGENT, 'seller', 'seller'),
    fc.constantFrom('nobody', 'pool-account'),
  ),
  intent: fc.nat({ max: 9 }).map((n) => `i${n}`),
  until_ms: often(fc.constant(5_000), fc.constant(-1)),
  nkey: fc.oneof({ weight: 10, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant(ANNS_NKEY) }),
  price: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 1, max: 25 }) }, { weight: 1, arbitrary: fc.constant(59) }),
  units: fc.constantFrom(1, 1, 2, 3),
  scope: fc.constantFrom(400, 600, 1_000),
  startBy: fc.constantFrom(0, 0, 800, 3_000),
  deadline: often(fc.constantFrom(400, 3_000, 20_000), fc.constant(-1)),
  durationMs: fc.constantFrom(1, 1_000, 3_001),
  hold: fc.oneof({ weight: 2, arbitrary: fc.constant('') }, { weight: 1, arbitrary: any }),
  completesAt: fc.constantFrom(500, 1_000, 2_500),
  quality: fc.constantFrom(0, 500, 1_000),
  risk: fc.constantFrom(0, 400),
  barred: fc.oneof(
    { weight: 25, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant('region' as const) },
  ),
});

const conditions = fc.record({
  graceMs: fc.constantFrom(0, 500, 2_000),
  reportEveryMs: fc.constantFrom(500, 5_000),
  lateMs: fc.constantFrom(0, 1_000, 7_000),
  rebatePermille: fc.constantFrom(0, 333, 1_000),
  bondMicro: fc.constantFrom('0', '0', '3', '7'),
  penaltyPermille: fc.constantFrom(0, 100, 1_000),
  disputeMs: fc.constantFrom(0, 0, 700, 5_000),
});

const rules = fc.constantFrom(
  { rule: 'lowest-price' as const },
  { rule: 'best-score' as const, weights: { cost: 700, speed: 500, quality: 300, risk: 100 } },
);
const fills = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      fill: fc.constant('one' as const),
      counts: fc.constant('units' as const),
      total: fc.constantFrom(1, 1, 2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      fill: fc.constantFrom('all' as const, 'some' as const),
      counts: fc.constant('units' as const),
      total: fc.constantFrom(2, 4),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      fill: fc.constantFrom('all' as const, 'some' as const),
      counts: fc.constant('scope' as const),
      total: fc.constant(1_000),
    }),
  },
);

export const engageDraft: fc.Arbitrary<EngageDraft> = fc
  .record({
    buyer,
    by: fc.constantFrom('buyer', 'buyer', 'buyer', 'buyer', 'buyer', 'buyer', 'buyer', 'ben'),
    conversation: fc.constantFrom('k1', 'k2', 'k3', 'k4', 'k5', 'k6'),
    task: fc.constantFrom('render', 'train', 'sort'),
    policy: often(fc.constant(0), fc.constant(1)),
    limitMicro: fc.constantFrom(undefined, undefined, undefined, '30', '1000'),
    approved: often(fc.constant(undefined), fc.constant(true as const)),
    rules,
    fills,
    conditions,
    offers: fc.array(offer, { minLength: 1, maxLength: 5 }),
  })
  .map(({ rules: ranked, fills: filled, limitMicro, approved, by, ...drawn }) => ({
    ...{ kind: 'engage', resource: 'gpu', ...drawn, ...ranked, ...filled, by: by === 'buyer' ? drawn.buyer : by },
    ...(limitMicro === undefined ? {} : { limitMicro }),
    ...(approved === undefined ? {} : { approved }),
  }));

const steps: readonly ReportAsked['step'][] = [
  ...([
    'take',
    'take',
    'take',
    'run',
    'run',
    'run',
    'resume',
    'resume',
    'turn-down',
    'turn-down',
    'progress',
    'ask-time',
  ] as const),
  ...([
    'done',
    'done',
    'fail',
    'grant-time',
    'deny-time',
    'accept',
    'dispute',
    'decommit',
    'preempt',
    'resolve',
  ] as const),
];
const owners: Readonly<Record<ReportAsked['step'], string>> = {
  ...{
    take: 'provider',
    run: 'provider',
    resume: 'provider',
    'turn-down': 'provider',
    progress: 'provider',
    'ask-time': 'provider',
  },
  ...{ done: 'provider', fail: 'provider', 'grant-time': 'buyer', 'deny-time': 'buyer', accept: 'buyer' },
  ...{ dispute: 'buyer', decommit: 'buyer', preempt: 'operator', resolve: 'operator' },
};

const ruling: fc.Arbitrary<StandbyRuling> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ barred: { rule: 'no-ann', detail: 'not-permitted' as const } }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(4, 20, 59).map((most) => ({ bounds: [{ rule: 'cap', of: 'payer' as const, most }] })),
  },
);
const said = fc.record({
  policy: often(fc.constant(0), fc.constant(1)),
  rulings: fc.oneof(fc.constant(undefined), fc.array(ruling, { minLength: 1, maxLength: 4 })),
  step: fc.constantFrom(...steps),
  contract: often(any, fc.constantFrom('k9-t1', 'c1-1')),
  other: fc.constantFrom(...Array(5).fill(undefined), 'provider', 'ben', 'cid'),
  percent: often(fc.constantFrom(0, 40), fc.constant(101)),
  deadline: often(fc.constant(30_000), fc.constant(-1)),
  receiptOutcome: often(fc.constant(undefined), fc.constantFrom('done' as const, 'failed' as const)),
  paidMicro: often(fc.constantFrom('0', '1', '5'), fc.constantFrom('1e3', '60')),
  bondTo: fc.constantFrom('buyer' as const, 'provider' as const),
  process: often(fc.constant('process-1'), fc.constantFrom(undefined, 'process-2')),
  agent: often(fc.constant(undefined), fc.constantFrom('ann', 'ben', 'cid')),
});
export const reportDraft: fc.Arbitrary<ReportDraft> = said.map(
  ({ other, ...all }): ReportDraft => ({ ...told(all.step, all), by: other ?? owners[all.step] }),
);

type Said = Omit<ReportAsked, 'operator' | 'text'>;

/** What belongs to a step of all that could be said. */
function told(step: ReportAsked['step'], all: Said): ReportDraft {
  const { contract, percent, deadline, receiptOutcome, paidMicro, bondTo, process, agent, policy, rulings } = all;
  return {
    ...{ kind: 'report', step, contract, by: owners[step] },
    ...(owners[step] === 'operator' ? { operator: true as const } : {}),
    ...(process === undefined ? {} : { process }),
    ...(agent === undefined ? {} : { agent }),
    ...(step === 'progress' ? { percent } : {}),
    ...(step === 'ask-time' ? { deadline } : {}),
    ...(step === 'done' || step === 'fail'
      ? { text: '{}', receiptOutcome: receiptOutcome ?? (step === 'done' ? 'done' : 'failed') }
      : {}),
    ...(step === 'resolve' ? { paidMicro, bondTo } : {}),
    ...(step === 'turn-down' ? { policy, ...(rulings === undefined ? {} : { rulings }) } : {}),
  };
}

const paths: readonly (readonly ReportAsked['step'][])[] = [
  ['take', 'run', 'progress', 'done', 'dispute', 'resolve'],
  ['take', 'run', 'ask-time', 'progress', 'grant-time', 'done', 'accept'],
  ['take', 'run', 'ask-time', 'deny-time', 'fail'],
  ['take', 'run', 'ask-time', 'done', 'dispute', 'accept'],
  ['take', 'turn-down', 'take', 'run', 'decommit'],
  ['turn-down', 'turn-down', 'turn-down', 'take'],
  ['take', 'run', 'preempt'],
  ['take', 'resume', 'run', 'resume', 'progress', 'done'],
  ['take', 'run', 'ask-time', 'resume', 'deny-time', 'fail'],
];

/** An engagement that gives its providers time, and the steps of a life that may come of it. */
export const lifeDrafts: fc.Arbitrary<readonly [EngageDraft, ...ReportDraft[]]> = fc
  .record({
    engagement: engageDraft,
    path: fc.constantFrom(...paths),
    reports: fc.array(said, { minLength: 7, maxLength: 7 }),
  })
  .map(({ engagement, path, reports }) => {
    const offers = engagement.offers.map((drawn) => ({
      ...drawn,
      until_ms: 5_000,
      deadline: drawn.scope < 500 ? 3_000 : 20_000,
    }));
    const patient = { ...engagement.conditions, graceMs: 2_000, reportEveryMs: 5_000 };
    const contract = `${engagement.conversation}-t1`;
    return [
      { ...engagement, policy: 0, conditions: patient, offers },
      ...path.map((step, index) => ({ ...told(step, reports[index]!), contract, by: owners[step] })),
    ];
  });

type Unkeyed<K extends MarketCommand['kind']> = Omit<Extract<MarketCommand, { kind: K }>, 'key' | 'digest'>;

/** The engagement with what there is now; ranked, as the broker does it. */
export function engagementOf(draft: EngageDraft, book: MarketBook, nowMs: number): Unkeyed<'engage'> {
  const open = [...book.calls.values()].filter(({ state }) => state === 'open');
  const offers = draft.offers.map((drawn): TaskOffer & { issues: Issues } => {
    const call = drawn.hold === '' ? undefined : open[Number(drawn.hold.slice(4)) % Math.max(open.length, 1)];
    const units = call !== undefined && drawn.scope > 400 ? call.slots.length : drawn.units;
    const participant = call !== undefined && drawn.quality > 0 ? call.initiator : drawn.participant;
    const { scope, nkey, barred } = drawn;
    // Two of three keep to the terms of the slots behind them.
    const [least, longest] =
      call === undefined || drawn.completesAt > 1_000
        ? [0, Number.POSITIVE_INFINITY]
        : [call.reservePrice * units, call.durationMs];
    const [price, durationMs] = [Math.max(drawn.price, least), Math.min(drawn.durationMs, longest)];
    const at = { startBy: nowMs + drawn.startBy, deadline: nowMs + drawn.deadline };
    const issues = { priceMicro: String(price), ...at, durationMs, units, batch: 1, scope, region: 'eu' };
    const { intent, quality, risk } = drawn;
    return {
      ...{ participant, intent, until_ms: nowMs + drawn.until_ms, price, units, scope, durationMs, ...at },
      ...{ hold: call?.cfp ?? '', completesAt: nowMs + drawn.completesAt, quality, risk, issues },
      ...(nkey === undefined ? {} : { nkey }),
      ...(barred === undefined ? {} : { barred }),
      issuesText: canonicalJson(issues),
    };
  });
  const ranked = rankOffers(draft.conversation, draft.rule, draft.weights, offers);
  const frameText = canonicalJson({ conversation: draft.conversation, note: 'kept "verbatim", é and all: 1e400' });
  const policy = book.policyVersion + draft.policy;
  // One of three names tokens that the buyer has, or no longer has, or that nobody has.
  const named = [
    undefined,
    undefined,
    [...book.holds.values()].findLast(({ taken }) => taken.agent === draft.buyer)?.taken.hold,
  ];
  const tokens =
    draft.task === 'sort'
      ? (named[draft.offers.length % 3] ?? (draft.offers.length === 5 ? 'none' : undefined))
      : undefined;
  const supplied = tokens === undefined ? {} : { tokens };
  return { ...draft, ...supplied, policy, frameText, offers: ranked.map(({ issues: _issues, ...row }) => row) };
}

export function reportOf(draft: ReportDraft, book: MarketBook, nowMs: number): Unkeyed<'report'> | undefined {
  const ids = [...book.tasks.keys()];
  const contract = draft.contract.startsWith('any-')
    ? ids[Number(draft.contract.slice(4)) % Math.max(ids.length, 1)]
    : draft.contract;
  if (contract === undefined) return undefined;
  const task = book.tasks.get(contract);
  const sides: Readonly<Record<string, string>> = { provider: task?.participant ?? 'ben', buyer: task?.buyer ?? 'ben' };
  const asked = draft.deadline === undefined ? draft : { ...draft, deadline: nowMs + draft.deadline };
  const judged = draft.step === 'turn-down' ? { policy: book.policyVersion + (draft.policy ?? 0) } : {};
  return { ...asked, ...judged, contract, by: sides[draft.by] ?? draft.by };
}
