// Random steps in a market small enough that ids, slots, intents and keys clash all the time.
import fc from 'fast-check';
import { auctionRules, type MarketCommand, type Ruling, rankBids, type SealKind, type ShownBid } from '../src/index.js';
import { type ApprovalDraft, approvalDraft, approvalDrafts } from './approval-steps.js';
import { allotted, type Order, order } from './budget-orders.js';
import { AGENTS, ANNS_NKEY, any, often, SYSTEM_AGENT } from './drawn.js';
import { type EngageDraft, engageDraft, lifeDrafts, type ReportDraft, reportDraft } from './task-steps.js';

const DIGEST = 'd'.repeat(43);
const DEPOSIT = '3';

type Unkeyed<C> = C extends { key: string } ? Omit<C, 'key' | 'digest'> : C;
/** A command whose idempotency key is drawn beside it and whose digest follows from its body. */
export type Draft =
  | Unkeyed<Exclude<MarketCommand, { kind: 'engage' | 'report' | ApprovalDraft['kind'] }>>
  | EngageDraft
  | ReportDraft
  | ApprovalDraft;

export type Step =
  | { readonly kind: 'wait'; readonly ms: number }
  /** As redlock does: all or none, and only where nobody has one; `force` sets them all the same. */
  | { readonly kind: 'lock'; readonly slots: readonly number[]; readonly value: string; readonly force: boolean }
  | { readonly kind: 'unlock'; readonly slots: readonly number[] }
  | { readonly kind: 'ask'; readonly command: Draft; readonly key: string }
  /** An earlier command once more, under the same key. */
  | { readonly kind: 'again'; readonly which: number }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'grant' | 'retire'; readonly agent: string; readonly amount: number }
  | { readonly kind: 'order'; readonly order: Order };

const newCfp = fc.constantFrom('c1', 'c2', 'c3', 'c4', 'c5', 'c6');
const cfp = fc.oneof({ weight: 12, arbitrary: any }, { weight: 1, arbitrary: newCfp });
const slots = fc.oneof(
  { weight: 12, arbitrary: fc.uniqueArray(fc.nat({ max: 4 }), { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 3 }) },
);
const agent = fc.constantFrom(...AGENTS, SYSTEM_AGENT, SYSTEM_AGENT);
const contract = often(any, fc.constantFrom('c1-1', 'c9-1'));
const holder = fc.oneof({ weight: 7, arbitrary: fc.constant('holder') }, { weight: 1, arbitrary: agent });
const seller = often(fc.constant('seller'), fc.constant('ann'));
const strangerOrSeller = fc.constantFrom('seller', 'seller', 'seller', 'ann');
const durationMs = fc.constantFrom(1_000, 1_000, 3_001, 70);
const ttlMs = fc.constantFrom(50, 800, 3_000, 3_000);
const seals = fc.constantFrom<SealKind[][]>(['mac', 'ed25519'], ['mac', 'ed25519'], ['mac']).map((list) => [...list]);

const bid = fc.record(
  {
    participant: fc.oneof(
      { weight: 20, arbitrary: agent },
      { weight: 1, arbitrary: fc.constantFrom('nobody', 'seller', 'pool-account') },
    ),
    intent: fc.nat({ max: 7 }).map((n) => `i${n}`),
    units: fc.constantFrom(1, 1, 1, 2, 3),
    price: fc.integer({ min: 1, max: 40 }),
    /** Counted from now; a script is told the instant. */
    until_ms: often(fc.constant(5_000), fc.constant(-1)),
    nkey: fc.oneof({ weight: 10, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant(ANNS_NKEY) }),
    limit: often(fc.constant(undefined), fc.constantFrom(20, 40)),
  },
  { requiredKeys: ['participant', 'intent', 'units', 'price', 'until_ms'] },
);
const bids = fc.array(bid, { minLength: 1, maxLength: 5 }).map((list): ShownBid[] => rankBids(DIGEST, list));

/** How far from the rules' version: mostly the one that there is. */
const policy = often(fc.constant(0), fc.constant(1));

const openCall = fc.record({
  kind: fc.constant('open-call' as const),
  ...{ by: seller, cfp: newCfp, slots, durationMs, ttlMs, seals },
  pool: often(fc.constant('gpu'), fc.constant('tpu')),
  rule: fc.constantFrom(...auctionRules),
  reservePriceMicro: fc.constantFrom('5', '10', '10', '12', '20'),
  windowMs: fc.constant(10),
  termsDigest: fc.constant(DIGEST),
  depositMicro: fc.constantFrom(...Array(8).fill(undefined), DEPOSIT, DEPOSIT, '0'),
});
const depositOf = (who: string): fc.Arbitrary<Draft> =>
  fc.record({
    ...{ kind: fc.constant('deposit' as const), by: often(fc.constant(who), agent), cfp, agent: fc.constant(who) },
    amountMicro: fc.constantFrom(DEPOSIT, DEPOSIT, DEPOSIT, '4', 'nan'),
    policy,
  });
const openPool = fc
  .record({
    slots: fc.integer({ min: 4, max: 6 }),
    reserve: fc.constantFrom(0, 2, 3, 4, 7),
    reservePriceMicro: fc.constantFrom('0', '5', '10'),
    maxTerms: fc.constantFrom(1, 1, 2, 64),
    graceMs: fc.constantFrom(0, 0, 800),
    idleMs: fc.constantFrom(0, 0, 900),
    compensationPermille: fc.constantFrom(0, 100, 1_000),
    lendMs: fc.constantFrom(0, 0, 1_000),
    noiseMaxPermille: fc.constantFrom(1_000, 1_000, 3_000),
    noiseWindowMs: fc.constantFrom(1_000, 5_000, 60_000),
    ownerMax: fc.constantFrom(0, 0, 0, 3),
    seals,
    account: often(fc.constant('pool-account'), fc.constant('ann')),
    seller: often(fc.constant('seller'), fc.constant('nobody')),
  })
  .map((spec) => ({ kind: 'open-pool' as const, by: 'operator', pool: { pool: 'gpu', ...spec } }));

const maxPriceMicro = fc.constantFrom('1000', '1000', '1000', '3');
const bound = fc.record(
  {
    ...{
      rule: fc.constantFrom('r1', 'r2'),
      of: fc.constantFrom('term' as const, 'contract' as const, 'payer' as const),
    },
    ...{ least: fc.constantFrom(1, 21), most: fc.constantFrom(9, 19, 25, 60) },
  },
  { requiredKeys: ['rule', 'of'] },
);
const denied = { rule: 'no-ann', detail: 'not-permitted' as const, message: 'rule no-ann: ann is denied' };
const ruling: fc.Arbitrary<Pick<Ruling, 'barred' | 'bounds'>> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ barred: denied }) },
  { weight: 2, arbitrary: fc.record({ bounds: fc.array(bound, { minLength: 1, maxLength: 2 }) }) },
);
const renewal = fc
  .record({ kind: fc.constant('renew' as const), by: holder, contract, maxPriceMicro, policy, ruling })
  .map(({ ruling: said, ...drawn }) => ({ ...drawn, ...said }));
const command: fc.Arbitrary<Draft> = fc.oneof(
  { weight: 2, arbitrary: openPool },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('extend-call' as const), by: strangerOrSeller, cfp, ttlMs }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release-call' as const), by: seller, cfp }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lapse-call' as const), cfp }) },
  {
    weight: 16,
    arbitrary: fc.record({
      ...{ kind: fc.constant('award' as const), by: seller, cfp, bids },
      termsDigest: often(fc.constant(DIGEST), fc.constant('e'.repeat(43))),
      policy,
    }),
  },
  { weight: 3, arbitrary: often(agent, fc.constantFrom('nobody', 'seller')).chain(depositOf) },
  { weight: 8, arbitrary: renewal },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('settle' as const), by: holder, contract }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ kind: fc.constant('preempt-lease' as const), by: fc.constantFrom('seller', 'operator', 'ann'), contract },
      operator: fc.constantFrom(undefined, undefined, true as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ kind: fc.constant('hear' as const), by: holder, contract },
      step: fc.constantFrom('run' as const, 'progress' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('expire-lease' as const), contract }) },
  { weight: 4, arbitrary: approvalDraft },
  { weight: 6, arbitrary: engageDraft },
  { weight: 24, arbitrary: reportDraft },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('overdue-task' as const), contract: often(any, fc.constant('k9-t1')) }),
  },
);

const key = fc.oneof(
  { weight: 12, arbitrary: fc.nat({ max: 1e9 }).map((n) => `fresh-${n}`) },
  { weight: 1, arbitrary: fc.constantFrom('key-one', 'key-two') },
);

/** A call's locks are mostly taken just before it opens, under the value that it names; often it is awarded at once. */
const opening: fc.Arbitrary<Step[]> = fc
  .record({ draft: openCall, bids, keys: fc.tuple(key, key), locked: often(fc.constant(true), fc.constant(false)) })
  .chain((drawn) =>
    fc
      .record({
        ...{ force: fc.boolean(), awarded: fc.boolean(), laidDown: often(fc.constant(true), fc.constant(false)) },
        capped: fc.constantFrom(undefined, undefined, undefined, 2, 5),
      })
      .map((more) => ({ ...drawn, ...more })),
  )
  .map(({ draft, bids: shown, keys, locked, force, awarded, laidDown, capped }): Step[] => {
    const value = `lock-${draft.cfp}`;
    const lock: Step = { kind: 'lock', slots: draft.slots, value, force };
    const open: Step = { kind: 'ask', command: { ...draft, lockValue: value }, key: keys[0] };
    const award = { kind: 'award' as const, by: 'seller', cfp: draft.cfp, bids: shown, termsDigest: DIGEST, policy: 0 };
    const payers = draft.depositMicro === DEPOSIT && laidDown ? shown.map(({ participant }) => participant) : [];
    const deposits = payers.map((payer, n): Step => {
      const command: Draft = {
        ...{ kind: 'deposit', by: payer, agent: payer, cfp: draft.cfp, amountMicro: DEPOSIT, policy: 0 },
        ...(capped === undefined ? {} : { bounds: [{ rule: 'purse', of: 'payer', most: capped }] }),
      };
      return { kind: 'ask', command, key: `${keys[0]}-d${n}` };
    });
    return [
      ...(locked ? [lock] : []),
      open,
      ...deposits,
      ...(awarded ? [{ kind: 'ask' as const, command: award, key: keys[1] }] : []),
    ];
  });

const ends = ['progress', 'settle', 'preempt-lease', 'renew', 'expire-lease'] as const;
function endOf(how: (typeof ends)[number], lease: string): Draft {
  switch (how) {
    case 'progress':
      return { kind: 'hear', by: 'holder', contract: lease, step: 'progress' };
    case 'settle':
      return { kind: how, by: 'holder', contract: lease };
    case 'preempt-lease':
      return { kind: how, by: 'seller', contract: lease };
    case 'renew':
      return { kind: how, by: 'holder', contract: lease, maxPriceMicro: '1000', policy: 0 };
    case 'expire-lease':
      return { kind: how, contract: lease };
  }
}

/** Heard of in between, so that it lasts. */
function renewedAgain(lease: string, keys: readonly [string, string]): Step[] {
  return [
    { kind: 'wait', ms: 500 },
    { kind: 'ask', command: endOf('progress', lease), key: `${keys[0]}-still` },
    { kind: 'wait', ms: 500 },
    { kind: 'ask', command: endOf('renew', lease), key: `${keys[1]}-again` },
  ];
}

/** A lease that is won, begun and ended, or a part of that. */
const held: fc.Arbitrary<Step[]> = fc
  .record({
    ...{ won: opening, cfp: newCfp, begun: fc.boolean(), ms: fc.constantFrom(1, 30, 400, 999) },
    ...{ how: fc.constantFrom(...ends), keys: fc.tuple(key, key) },
  })
  .map(({ won, cfp: named, begun, ms, how, keys }): Step[] => {
    const opened = won.find((step) => step.kind === 'ask');
    const call = opened?.kind === 'ask' && 'cfp' in opened.command ? opened.command.cfp : named;
    const run: Draft = { kind: 'hear', by: 'holder', contract: `${call}-1`, step: 'run' };
    return [
      ...won,
      ...(begun ? [{ kind: 'ask' as const, command: run, key: keys[0] }] : []),
      { kind: 'wait', ms },
      { kind: 'ask', command: endOf(how, `${call}-1`), key: keys[1] },
      ...(how === 'renew' ? renewedAgain(`${call}-1`, keys) : []),
    ];
  });

/** A lease that is won at 10 a term and renewed as far as rules let it. */
const ruled: fc.Arbitrary<Step[]> = fc
  .record({
    cfp: newCfp,
    by: fc.constantFrom(...AGENTS),
    said: ruling,
    keys: fc.array(key, { minLength: 4, maxLength: 4 }),
  })
  .map(({ cfp: id, by, said, keys }): Step[] => {
    const value = `lock-${id}`;
    const terms = {
      rule: 'first-price',
      reservePriceMicro: '10',
      durationMs: 1_000,
      windowMs: 10,
      ttlMs: 3_000,
    } as const;
    const won = { participant: by, intent: `ruled-${keys[0]}`, units: 1, price: 10, until_ms: 5_000 };
    const asks: Draft[] = [
      {
        ...{ kind: 'open-call', by: 'seller', cfp: id, pool: 'gpu', slots: [0], lockValue: value, ...terms },
        ...{ seals: ['mac'], termsDigest: DIGEST },
      },
      { kind: 'award', by: 'seller', cfp: id, bids: [won], termsDigest: DIGEST, policy: 0 },
      { ...endOf('renew', `${id}-1`), ...said } as Draft,
      endOf('settle', `${id}-1`),
    ];
    return [
      { kind: 'lock', slots: [0], value, force: false },
      ...asks.map((command, index): Step => ({ kind: 'ask', command, key: keys[index]! })),
    ];
  });

/** What waits is decided, and what is approved is closed. */
const approved: fc.Arbitrary<Step[]> = fc
  .record({ drafts: approvalDrafts, keys: fc.array(key, { minLength: 3, maxLength: 3 }) })
  .map(({ drafts, keys }) => drafts.map((command, index): Step => ({ kind: 'ask', command, key: keys[index]! })));

/** A call of the seller's own, not announced, an engagement that may take its slots at once or by a turn-down; its end. */
const hired: fc.Arbitrary<Step[]> = fc
  .record({
    ...{ draft: openCall, life: lifeDrafts, keys: fc.array(key, { minLength: 4, maxLength: 4 }) },
    ended: fc.constantFrom(true, true, false),
  })
  .map(({ draft, life, keys, ended }): Step[] => {
    const value = `lock-${draft.cfp}`;
    const [engagement] = life;
    const [offer] = engagement.offers;
    const held = { ...offer!, hold: 'any-0', scope: 1_000, quality: 500, price: 2, intent: 'held', barred: undefined };
    const report = { kind: 'report', contract: `${engagement.conversation}-t1` } as const;
    const asks: Draft[] = [
      { ...draft, by: 'seller', pool: 'gpu', reservePriceMicro: '5', lockValue: value },
      { ...engagement, offers: [...engagement.offers.map((other) => ({ ...other, price: 1 })), held] },
      { ...report, by: 'provider', step: 'turn-down' },
      ...(ended ? [{ ...report, by: 'buyer', step: 'decommit' } as const] : []),
    ];
    return [
      { kind: 'lock', slots: draft.slots, value, force: false },
      ...asks.map((command, index): Step => ({ kind: 'ask', command, key: keys[index]! })),
    ];
  });

/** A life is lived slowly or fast. */
const lived: fc.Arbitrary<Step[]> = fc
  .record({
    drafts: lifeDrafts,
    keys: fc.array(key, { minLength: 8, maxLength: 8 }),
    ms: fc.constantFrom(1, 30, 400, 999),
  })
  .map(({ drafts, keys, ms }) =>
    drafts.flatMap((command, index): Step[] => [
      { kind: 'ask', command, key: keys[index]! },
      { kind: 'wait', ms },
    ]),
  );

const single: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(1, 30, 400, 999, 2_000).map((ms): Step => ({ kind: 'wait', ms })) },
  { weight: 28, arbitrary: fc.record({ kind: fc.constant('ask' as const), command, key }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('again' as const), which: fc.nat({ max: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unlock' as const), slots }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'sweep' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ kind: fc.constantFrom('grant' as const, 'retire' as const), agent },
      amount: fc.integer({ min: 1, max: 60 }),
    }),
  },
);

const ordered = (said: Order): Step => ({ kind: 'order', order: said });

const parts = [
  { weight: 4, arbitrary: opening },
  { weight: 7, arbitrary: held },
  { weight: 2, arbitrary: approved },
  { weight: 2, arbitrary: ruled },
  { weight: 3, arbitrary: hired },
  { weight: 3, arbitrary: lived },
  { weight: 24, arbitrary: single.map((step) => [step]) },
];
const listOf = (part: fc.Arbitrary<Step[]>) =>
  fc.array(part, { minLength: 18, maxLength: 34 }).map((list) => list.flat());

/** With an operator who allots, and time for a window to turn. */
const budgeted = listOf(
  fc.oneof(
    ...parts,
    { weight: 1, arbitrary: order.map((said) => [ordered(said)]) },
    { weight: 1, arbitrary: fc.constantFrom<Step[]>([{ kind: 'wait', ms: 20_000 }], [{ kind: 'wait', ms: 60_000 }]) },
  ),
);

/** About 60 steps. */
export const steps: fc.Arbitrary<Step[]> = fc.oneof(
  { weight: 2, arbitrary: listOf(fc.oneof(...parts)) },
  { weight: 1, arbitrary: fc.tuple(allotted, budgeted).map(([orders, list]) => [...orders.map(ordered), ...list]) },
);
