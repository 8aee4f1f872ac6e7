// Engaging: every check by name and without a trace where it refuses, how offers fill a call, and who takes over.
import { metaKey } from '@tender/credits/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contractStems } from '../src/index.js';
import { type EngageDraft, type OfferDraft, openPool } from '../src/testing/index.js';
import { START_MS, specRows, startTestRedis, type TestRedis } from './market-under-test.js';
import { type TaskMarket, taskMarket } from './task-market.js';

const NKEY = `U${'A'.repeat(55)}`;
const OTHER_NKEY = `U${'B'.repeat(55)}`;

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

const ben: OfferDraft = { participant: 'ben' };
const cid: OfferDraft = { participant: 'cid', price: 120 };
const dot: OfferDraft = { participant: 'dot', price: 140 };

interface Row {
  /** As SPEC.md has it, where it has the check. */
  readonly check: string;
  readonly detail: string;
  readonly before?: (market: TaskMarket) => Promise<unknown>;
  readonly draft: Omit<EngageDraft, 'conversation'> & { readonly conversation?: string };
}

const engaged = (draft: Partial<EngageDraft>) => (market: TaskMarket) =>
  market.tasks.engage({ conversation: 'k0', task: 'task-0', offers: [ben], ...draft });
const held = (market: TaskMarket) => market.hand.call({ cfp: 'h1', slots: [0, 1], by: 'ben' });
const holding: OfferDraft = { ...ben, hold: 'h1', units: 2 };

const rows: readonly Row[] = [
  { check: 'the asker is the buyer or its host', detail: 'not-permitted', draft: { by: 'ben', offers: [cid] } },
  { check: 'the buyer has an account of kind agent', detail: 'unknown', draft: { buyer: 'eve', offers: [ben] } },
  {
    ...{ check: "the rules by which the offers were judged are the market's", detail: 'stale' },
    before: ({ redis, market }) => redis.hset(metaKey(market), 'policyVersion', 2),
    draft: { policy: 1, offers: [ben] },
  },
  {
    ...{ check: 'the task is neither under contract nor done', detail: 'duplicate' },
    before: engaged({ task: 'task-1' }),
    draft: { offers: [cid] },
  },
  {
    ...{ check: 'the buyer has closed on nothing in this conversation', detail: 'duplicate' },
    before: engaged({}),
    draft: { conversation: 'k0', offers: [cid] },
  },
  { check: 'bond and limit are digits', detail: 'malformed', draft: { limitMicro: '1e3', offers: [ben] } },
  {
    check: 'bond and limit are digits',
    detail: 'malformed',
    draft: { conditions: { bondMicro: '-1' }, offers: [ben] },
  },
  {
    ...{ check: '`all`: the offers taken make up the total', detail: 'no-capacity' },
    draft: { fill: 'all', total: 3, offers: [ben, cid] },
  },
  { check: "the market's rules allow it", detail: 'region', draft: { offers: [{ ...ben, barred: 'region' }] } },
  { check: 'the price is a whole amount', detail: 'malformed', draft: { offers: [{ ...ben, price: 1e14 }] } },
  { check: 'the price is a whole amount', detail: 'malformed', draft: { offers: [{ ...ben, price: 0.5 }] } },
  { check: "is not the buyer's own", detail: 'not-permitted', draft: { offers: [{ participant: 'ann' }] } },
  { check: '`until` is not over', detail: 'expired', draft: { offers: [{ ...ben, until_ms: START_MS - 1 }] } },
  {
    check: 'the provider has an account of kind agent',
    detail: 'unknown',
    draft: { offers: [{ participant: 'pool-account' }] },
  },
  {
    ...{ check: "an ed25519 seal's nkey is the account's", detail: 'bad-signature' },
    draft: { offers: [{ participant: 'nat', nkey: OTHER_NKEY }] },
  },
  {
    ...{ check: 'the intent has not won', detail: 'duplicate' },
    before: engaged({ offers: [{ ...ben, intent: 'once' }] }),
    draft: { offers: [{ ...ben, intent: 'once' }] },
  },
  {
    ...{ check: 'the deadline is ahead', detail: 'deadline-infeasible' },
    draft: { offers: [{ ...ben, deadline: START_MS }] },
  },
  { check: '`one`: makes up the total by itself', detail: 'no-capacity', draft: { total: 2, offers: [ben] } },
  {
    ...{
      check: "`hold`: the call is the provider's, and the pool has no other seller by now",
      detail: 'not-permitted',
      before: held,
    },
    draft: { offers: [{ ...holding, participant: 'cid' }] },
  },
  {
    ...{ check: '`hold`: the call is open and in time, its locks and fences hold', detail: 'lock-lost' },
    before: async (market) => {
      await held(market);
      await market.redis.del(market.hand.lockKey('gpu', 1));
    },
    draft: { offers: [holding] },
  },
  {
    ...{ check: '`hold`: the call is open and in time, its locks and fences hold', detail: 'lock-lost' },
    before: async (market) => {
      await held(market);
      await market.hand.releaseCall('h1', 'ben');
      await market.hand.lock('gpu', [0, 1], 'lock-h1');
    },
    draft: { offers: [holding] },
  },
  {
    ...{ check: '`hold`: the call is open and in time, its locks and fences hold', detail: 'lock-lost' },
    before: async (market) => {
      await held(market);
      await market.at(60_001);
    },
    draft: { offers: [{ ...holding, deadline: START_MS + 100_000 }] },
  },
  {
    ...{ check: '`hold`: the call has as many slots as the offer has units', detail: 'no-capacity', before: held },
    draft: { offers: [{ ...holding, units: 1 }] },
  },
  {
    ...{ check: "`hold`: the price is at least the call's reserve price × units", detail: 'below-reserve-price' },
    before: ({ hand }) => hand.call({ cfp: 'h1', slots: [0, 1], by: 'ben', reservePriceMicro: '50' }),
    draft: { offers: [{ ...holding, price: 99 }] },
  },
  {
    ...{ check: "`hold`: the work takes no longer than the call's duration", detail: 'deadline-infeasible' },
    ...{ before: held, draft: { offers: [{ ...holding, durationMs: 60_001 }] } },
  },
  {
    ...{ check: 'the bond is available to the provider', detail: 'insufficient-credits' },
    draft: { conditions: { bondMicro: '10001' }, offers: [ben] },
  },
  {
    ...{ check: "the slots keep within the cap of the buyer's owner", detail: 'over-budget' },
    before: async (market) => {
      await held(market);
      await openPool(market.redis, market.market, { pool: 'gpu', slots: 8, seller: 'ben', ownerMax: 1 });
    },
    draft: { offers: [holding] },
  },
  {
    ...{
      check: 'the slots keep within the wall of the reserve (a buyer of class system: need not)',
      detail: 'reserved-for-system',
    },
    ...{ before: held, draft: { offers: [holding] } },
  },
  {
    ...{ check: 'the price is available to the buyer', detail: 'insufficient-credits' },
    draft: { offers: [{ ...ben, price: 10_001 }] },
  },
  {
    ...{ check: "with it the buyer stays within the rules' limit", detail: 'over-budget', before: engaged({}) },
    draft: { limitMicro: '199', offers: [cid] },
  },
];

/** Six slots of eight are reserved for class system where a row is about the reserve. */
async function marketOf({ detail }: Pick<Row, 'detail'>): Promise<TaskMarket> {
  const reserve = detail === 'reserved-for-system' ? 7 : 0;
  return taskMarket(server, {
    agents: [
      ...['ann', 'ben', 'cid', 'dot'].map((id) => ({ id })),
      { id: 'nat', nkey: NKEY },
      { id: 'sys', class: 'system' },
    ],
    pools: [{ pool: 'gpu', slots: 8, seller: 'ben', reserve }],
  });
}

describe('an engagement', () => {
  it.each(rows)('$detail: $check', async (row) => {
    const { check, detail, before, draft } = row;
    const market = await marketOf(row);
    await before?.(market);
    const dump = await market.dump();
    const reply = await market.tasks.engage({ conversation: 'k1', ...draft });
    expect(reply).toMatchObject({ ok: false, detail });
    expect(await market.dump()).toEqual(dump);
    const told = specRows().filter((line) => line.startsWith(`${check}|`));
    expect(told, check).toContain(`${check}|${told[0]?.includes('what they say') ? 'what they say' : `\`${detail}\``}`);
    await market.redis.hdel(metaKey(market.market), 'policyVersion');
    await market.check();
  });

  it('twice by one key is one; with another body under it, it is refused', async () => {
    const { tasks, reader, available, check } = await taskMarket(server);
    const draft: EngageDraft = { conversation: 'k1', key: 'the-same-key', offers: [ben, cid] };
    const first = await tasks.engage(draft);
    expect(await tasks.engage(draft)).toEqual({ ...first, replayed: true });
    expect(await tasks.engage({ ...draft, offers: [cid] })).toMatchObject({ ok: false, detail: 'duplicate' });
    expect(await available('ann')).toBe(9_900);
    expect((await reader.task('k1-t1'))?.standbys).toBe(1);
    await check();
  });

  it('whoever closes first under a conversation that is not its own keeps nobody from closing', async () => {
    const { tasks, check } = await taskMarket(server);
    expect(
      await tasks.engage({ conversation: 'k1', buyer: 'dot', offers: [{ participant: 'ben', intent: 'x' }] }),
    ).toMatchObject({
      contracts: [{ contract: 'k1-t1' }],
    });
    const [, stem] = contractStems('k1', 'ann');
    expect(await tasks.engage({ conversation: 'k1', offers: [ben] })).toMatchObject({
      contracts: [{ contract: `${stem}1` }],
    });
    expect(await tasks.engage({ conversation: 'k1', task: 'task-2', offers: [cid] })).toMatchObject({
      detail: 'duplicate',
    });
    expect(await tasks.report('ben', `${stem}1`, 'take')).toMatchObject({ state: 'starting' });
    await check();
  });

  it("keeps frame and issues to the letter, sets price and bond aside, and takes the hold's slots", async () => {
    const { tasks, hand, reader, redis, market, available, pending, check } = await taskMarket(server);
    await hand.call({ cfp: 'h1', slots: [3, 5], by: 'ben' });
    const input = tasks.engageInput({ conversation: 'k1', offers: [holding], by: 'zed' });
    const reply = await tasks.engage({ conversation: 'k1', offers: [holding], by: 'zed' });
    expect(reply).toMatchObject({ ok: true, contracts: [{ contract: 'k1-t1', slots: [3, 5], fences: [1, 1] }] });
    expect(await redis.hmget(`{${market}}:contract:k1-t1`, 'frame', 'issues')).toEqual([
      input.frameText,
      input.offers[0]!.issuesText,
    ]);
    expect([await available('ann'), await pending('ann')]).toEqual([9_900, 100]);
    expect([await available('ben'), await pending('ben')]).toEqual([9_990, 10]);
    expect(await reader.freeCount('gpu')).toBe(6);
    expect(await reader.call('h1')).toMatchObject({ state: 'awarded' });
    expect(await redis.exists(hand.lockKey('gpu', 3))).toBe(0);
    expect(await reader.contractOfIntent('ben', 'intent-0')).toBe('k1-t1');
    await check();
  });

  it('is no lease: what is for leases does not know it', async () => {
    const { tasks, hand, reader } = await taskMarket(server);
    await tasks.engage({ conversation: 'k1', offers: [ben] });
    expect(await reader.contract('k1-t1')).toBeUndefined();
    expect(await hand.renew('ben', 'k1-t1', '100')).toMatchObject({ detail: 'unknown' });
    expect(await hand.release('ben', 'k1-t1')).toMatchObject({ detail: 'unknown' });
    await hand.call({ cfp: 'c1', slots: [0], by: 'ben' });
    await hand.award('c1', [{ participant: 'ann', price: 1, until_ms: START_MS }], { by: 'ben' });
    expect(await reader.task('c1-1')).toBeUndefined();
    expect(await tasks.report('ann', 'c1-1', 'take')).toMatchObject({ detail: 'unknown' });
  });
});

describe('filling a call', () => {
  const outcomes = (reply: object) =>
    'verdicts' in reply
      ? (reply.verdicts as { outcome: string; detail?: string }[]).map(({ outcome, detail }) => detail ?? outcome)
      : [];
  const two: OfferDraft = { participant: 'cid', units: 2 };

  it.each([
    { fill: 'one', counts: 'units', total: 2, offers: [ben, two, dot], came: ['no-capacity', 'won', 'no-capacity'] },
    { fill: 'all', counts: 'units', total: 3, offers: [ben, two, dot], came: ['won', 'won', 'lost'] },
    { fill: 'all', counts: 'units', total: 2, offers: [ben, two, dot], came: ['won', 'won', 'lost'] },
    {
      fill: 'some',
      counts: 'units',
      total: 9,
      offers: [ben, { participant: 'eve' }, dot],
      came: ['won', 'unknown', 'won'],
    },
    {
      fill: 'all',
      counts: 'scope',
      total: 1_000,
      offers: [{ ...ben, scope: 600 }, { ...cid, scope: 400 }, dot],
      came: ['won', 'won', 'lost'],
    },
  ] as const)('$fill of $total $counts: $came', async ({ came, ...draft }) => {
    const { tasks, check } = await taskMarket(server);
    const reply = await tasks.engage({ conversation: 'k1', ...draft });
    expect(outcomes(reply)).toEqual(came);
    await check();
  });

  it('counts what it binds: credits, bonds, intents, holds', async () => {
    const { tasks, hand, check } = await taskMarket(server);
    await hand.call({ cfp: 'h1', slots: [0], by: 'ben' });
    const offers = [
      { ...ben, hold: 'h1', price: 6_000 },
      { ...ben, intent: 'other', hold: 'h1' },
      { ...ben, intent: 'intent-0' },
      { ...ben, intent: 'third' },
      { ...cid, price: 4_001 },
      { ...dot, price: 4_000 },
    ];
    const reply = await tasks.engage({
      conversation: 'k1',
      fill: 'some',
      total: 9,
      conditions: { bondMicro: '6000' },
      offers,
    });
    expect(outcomes(reply)).toEqual([
      'won',
      'lock-lost',
      'duplicate',
      'insufficient-credits',
      'insufficient-credits',
      'won',
    ]);
    await check();
  });

  it('leaves the reserve to a buyer of class system', async () => {
    const market = await marketOf({ detail: 'reserved-for-system' });
    await held(market);
    expect(await market.tasks.engage({ conversation: 'k1', buyer: 'sys', offers: [holding] })).toMatchObject({
      ok: true,
    });
    await market.check();
  });
});

describe('a task', () => {
  it('can be given out again once its contract has failed, and not after it was done', async () => {
    const { tasks, check } = await taskMarket(server);
    for (const [conversation, step] of [
      ['k1', 'decommit'],
      ['k2', 'done'],
    ] as const) {
      expect(await tasks.engage({ conversation, offers: [{ ...ben, intent: conversation }] })).toMatchObject({
        ok: true,
      });
      for (const before of ['take', 'run'] as const) await tasks.report('ben', `${conversation}-t1`, before);
      expect(await tasks.report('ben', `${conversation}-t1`, step)).toMatchObject({ state: 'settled' });
    }
    expect(await tasks.engage({ conversation: 'k3', offers: [cid] })).toMatchObject({ detail: 'duplicate' });
    await check();
  });

  it('in parts stays given out until the last part has ended', async () => {
    const { tasks, check } = await taskMarket(server);
    await tasks.engage({ conversation: 'k1', fill: 'all', total: 2, offers: [ben, cid] });
    await tasks.report('ben', 'k1-t1', 'decommit');
    expect(await tasks.engage({ conversation: 'k2', offers: [dot] })).toMatchObject({ detail: 'duplicate' });
    await tasks.report('cid', 'k1-t2', 'decommit');
    expect(await tasks.engage({ conversation: 'k2', offers: [dot] })).toMatchObject({ ok: true });
    await check();
  });
});
