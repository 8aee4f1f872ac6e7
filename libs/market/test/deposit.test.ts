// Deposits: who may lay one down, and where it goes; SPEC.md's tables walked row by row.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { depositId, MAX_DEPOSITS } from '../src/index.js';
import { openPool, TaskHand } from '../src/testing/index.js';
import { ann, asking, award, both, cid, DEPOSIT, GRACE_MS, GRANT, LONG, type Refusal } from './deposit-market.js';
import { START_MS, specRows, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

const refusals: readonly Refusal[] = [
  { check: 'the agent has an account of kind agent', detail: 'unknown', ask: { agent: 'nobody' } },
  { check: 'the asker is the agent or its host', detail: 'not-permitted', ask: { by: 'cid' } },
  { check: 'the call is known to the bank', detail: 'unknown', ask: { cfp: 'c9' } },
  {
    ...{ check: 'the call is open', detail: 'expired' },
    given: ({ hand }) => hand.releaseCall('c1', 'ben'),
  },
  {
    ...{ check: 'the `awardBy` that was announced first is ahead', detail: 'late' },
    given: async ({ hand, setClock }) => {
      expect(await hand.extendCall('c1', 120_000, 'ben')).toMatchObject({ ok: true });
      await setClock(START_MS + 60_001);
    },
  },
  { check: 'the agent is not its initiator', detail: 'not-permitted', ask: { agent: 'ben', by: 'ben' } },
  { check: 'the amount is 1 to 14 digits', detail: 'malformed', ask: { micro: '7e1' } },
  { check: 'the amount is what the call asks, if it asks', detail: 'stale', ask: { micro: '69' } },
  {
    ...{ check: '`until`, where it is named, is that `awardBy`', detail: 'stale', ask: { untilMs: START_MS + 60_001 } },
    given: ({ hand }) => hand.extendCall('c1', 60_001, 'ben'),
  },
  {
    ...{ check: 'what it laid down has not ended before', detail: 'expired' },
    given: async ({ hand }) => {
      await hand.deposit('ann', 'c1', DEPOSIT);
      expect(await hand.withdrawDeposit('ann', 'c1')).toMatchObject({ ok: true });
    },
  },
  {
    ...{ check: 'it is not laid down yet, under another key', detail: 'duplicate' },
    given: ({ hand }) => hand.deposit('ann', 'c1', DEPOSIT, 'zed'),
  },
  {
    ...{ check: 'fewer than 512 bidders have', detail: 'no-capacity' },
    given: async ({ redis, market }) => {
      const fields = Array.from({ length: MAX_DEPOSITS }, (_, n) => [`a${n}`, '0']).flat();
      await redis.hset(`{${market}}:deposits:c1`, ...fields);
    },
  },
  {
    ...{ check: "the rules by which it was judged are the market's", detail: 'stale' },
    ask: { policy: 1 },
  },
  {
    ...{ check: "with it the agent stays below the rules' cap for a payer", detail: 'over-budget' },
    given: ({ hand }) =>
      hand
        .call({ cfp: 'c2', by: 'ben', slots: [2], depositMicro: DEPOSIT })
        .then(() => hand.deposit('ann', 'c2', DEPOSIT)),
    ask: { bounds: [{ rule: 'purse', of: 'payer', most: 139 }] },
  },
  {
    ...{ check: 'the amount is available', detail: 'insufficient-credits' },
    given: ({ ledger }) => ledger.apply({ kind: 'retire', by: 'operator', key: 'poor', from: 'ann', amount: '931' }),
  },
  {
    ...{ check: "the agent's budgets have it left", detail: 'over-budget' },
    given: async ({ ledger }) => {
      const asked = { by: 'operator' };
      const budget = { id: 'team', window: 'hour', amountMicro: '69', keepPermille: 0, carryCapMicro: '0' } as const;
      const open = { kind: 'open-budget', budget: { ...budget, borrowMicro: '0', lendPermille: 0 } } as const;
      expect(await ledger.apply({ ...asked, ...open, key: 'open-team' })).toMatchObject({ status: 'done' });
      const named = { kind: 'set-account', account: { id: 'ann', budget: 'team' } } as const;
      expect(await ledger.apply({ ...asked, ...named, key: 'name-team' })).toMatchObject({ status: 'done' });
    },
  },
];

describe('laying it down', () => {
  it.each(refusals)('$detail, unless $check', async ({ check, detail, given, ask = {} }) => {
    const market = await asking(server);
    await given?.(market);
    const { agent = 'ann', cfp = 'c1', micro = DEPOSIT, by = agent, ...more } = ask;
    const before = await market.dump();
    const asked = await market.hand.deposit(agent, cfp, micro, by, market.hand.key(), more);
    expect(asked).toMatchObject({ ok: false, detail });
    expect(await market.dump()).toEqual(before);
    expect(specRows()).toContain(`${check}|\`${detail}\``);
  });

  it('twice under one key is once; a call that asks for none takes none', async () => {
    const { hand, available, pending, check } = await asking(server);
    const until = START_MS + 60_000;
    const first = await hand.deposit('ann', 'c1', DEPOSIT, 'zed', 'one-and-only', { untilMs: until });
    expect(first).toMatchObject({ ok: true, cfp: 'c1', agent: 'ann', amountMicro: DEPOSIT, until, pool: 'gpu' });
    const again = await hand.deposit('ann', 'c1', DEPOSIT, 'zed', 'one-and-only', { untilMs: until });
    expect(again).toEqual({ ...first, replayed: true });
    expect([await available('ann'), await pending('ann')]).toEqual([930, 70]);
    await hand.call({ cfp: 'c2', by: 'ben', slots: [2] });
    expect(await hand.deposit('ann', 'c2', DEPOSIT)).toMatchObject({ ok: false, detail: 'stale' });
    await check();
  });

  it('a pool whose leases need not begin asks for none', async () => {
    const { hand, redis, market, dump } = await asking(server);
    await openPool(redis, market, { pool: 'gpu', slots: 8, seller: 'ben' });
    await hand.lock('gpu', [2], 'lock-c2');
    const before = await dump();
    const asked = await hand.openCall({ cfp: 'c2', by: 'ben', slots: [2], depositMicro: DEPOSIT });
    expect(asked).toMatchObject({ ok: false, detail: 'missing-dependency' });
    expect(await dump()).toEqual(before);
  });
});

const BACK_AT_ONCE = 'back with the award';
/** Ends a story before the deposit is looked at; what the lease itself costs ann is nothing where she wins alone. */
const stories: Readonly<Record<string, (market: TestMarket) => Promise<unknown>>> = {
  'its bid loses': (market) => both(market, cid(90, { units: 2 }), ann(80)),
  'its bid is barred': (market) => both(market, ann(GRANT + 1), cid(90)),
  'it never bids': (market) => both(market, cid(90)),
  'it wins': (market) => both(market, ann(90)),
  'it wins, and the pool asks nobody to begin any more': async (market) => {
    for (const agent of ['ann', 'cid']) await market.hand.deposit(agent, 'c1', DEPOSIT);
    await openPool(market.redis, market.market, { pool: 'gpu', slots: 8, seller: 'ben' });
    await award(market, ann(90));
  },
  'it wins and begins': async (market) => {
    await both(market, ann(90));
    expect(await market.hand.hear('zed', 'c1-1', 'run')).toMatchObject({ ok: true });
  },
  'it wins and does not begin within the grace': async (market) => {
    await both(market, ann(90));
    await market.setClock(START_MS + GRACE_MS);
    expect(await market.hand.expire('c1-1')).toMatchObject({ outcome: 'unstarted' });
  },
  'it does not begin, and lets go after the grace': async (market) => {
    await both(market, ann(90));
    await market.setClock(START_MS + GRACE_MS + 100);
    expect(await market.hand.release('ann', 'c1-1')).toMatchObject({ outcome: 'unstarted' });
  },
  'it lets go before it begins, within the grace': async (market) => {
    await both(market, ann(90));
    expect(await market.hand.release('ann', 'c1-1')).toMatchObject({ outcome: 'released' });
  },
  'the seller takes the slots back before it begins': async (market) => {
    await both(market, ann(90));
    expect(await market.hand.preempt('ben', 'c1-1')).toMatchObject({ outcome: 'preempted' });
  },
  'it wins two leases and begins one': async (market) => {
    await both(market, ann(90), ann(80));
    await market.hand.hear('ann', 'c1-2', 'run');
  },
  'it wins two leases and begins both': async (market) => {
    await both(market, ann(90), ann(80));
    for (const lease of ['c1-2', 'c1-1']) await market.hand.hear('ann', lease, 'run');
  },
  'it wins two leases, begins one and not the other': async (market) => {
    await both(market, ann(90), ann(80));
    await market.hand.hear('ann', 'c1-2', 'run');
    await market.setClock(START_MS + GRACE_MS);
    expect(await market.hand.expire('c1-1')).toMatchObject({ outcome: 'unstarted' });
  },
  'it wins two leases, begins one and lets the other go': async (market) => {
    await both(market, ann(90), ann(80));
    await market.hand.hear('ann', 'c1-2', 'run');
    await market.hand.release('ann', 'c1-1');
  },
  'the call is released': async ({ hand }) => {
    await hand.deposit('ann', 'c1', DEPOSIT);
    expect(await hand.releaseCall('c1', 'ben')).toMatchObject({ ok: true });
  },
  'the initiator dies, and the call lapses': async ({ hand, setClock }) => {
    await hand.deposit('ann', 'c1', DEPOSIT);
    await setClock(START_MS + 60_001);
    expect(await hand.lapseCall('c1')).toMatchObject({ ok: true });
  },
  'it withdraws before the call closes': async ({ hand, setClock }) => {
    await hand.deposit('ann', 'c1', DEPOSIT);
    await setClock(START_MS + 999);
    expect(await hand.withdrawDeposit('ann', 'c1')).toMatchObject({ ok: true });
  },
  'it withdraws when the call has closed': async ({ hand, setClock }) => {
    await hand.deposit('ann', 'c1', DEPOSIT);
    await setClock(START_MS + 1_000);
    expect(await hand.withdrawDeposit('ann', 'c1')).toMatchObject({ detail: 'late' });
  },
  'the call is extended, and what was announced first is over': async ({ hand, setClock }) => {
    await hand.deposit('ann', 'c1', DEPOSIT);
    await hand.extendCall('c1', 3_600_000, 'ben');
    await setClock(START_MS + 60_001);
    expect(await hand.returnDeposits('c1')).toMatchObject({ ok: true });
  },
  'it wins, and what was announced first is over': async (market) => {
    await market.hand.deposit('ann', 'c1', DEPOSIT);
    await award(market, ann(90));
    await market.setClock(START_MS + 60_001);
    expect(await market.hand.returnDeposits('c1')).toMatchObject({ detail: 'expired' });
  },
  'the slots go to a task instead': async ({ hand, redis, market }) => {
    await hand.deposit('ann', 'c1', DEPOSIT);
    const tasks = new TaskHand(redis, market, () => START_MS);
    const offer = { participant: 'ben', hold: 'c1', units: 2, price: 60, durationMs: 500, until_ms: LONG };
    const bought = { conversation: 'k1', buyer: 'cid', by: 'cid', offers: [offer] };
    expect(await tasks.engage(bought)).toMatchObject({ ok: true });
  },
};

describe('where it goes', () => {
  const rows = specRows()
    .map((row) => row.split('|'))
    .filter(
      ([, goes = '', more]) => more === undefined && ['back', 'set aside', 'to the pool', BACK_AT_ONCE].includes(goes),
    );
  it('is told in SPEC.md', () => expect(rows.map(([what]) => what)).toEqual(Object.keys(stories)));

  it.each(rows)('%s: %s', async (what = '', goes) => {
    const market = await asking(server);
    await stories[what]!(market);
    const { available, pending, ledger, check } = market;
    // What leases cost is told apart by the ledger: a term is a transfer of its own.
    const states = { back: 'voided', 'set aside': 'pending', 'to the pool': 'posted', [BACK_AT_ONCE]: 'voided' };
    const transfer = await ledger.transfer(depositId('c1', 'ann'));
    expect(transfer).toMatchObject({ state: states[goes as keyof typeof states], amount: 70, debit: 'ann' });
    const aside = goes === 'set aside' ? 70 : 0;
    expect(await pending('ann')).toBe(aside);
    expect(await available('ann')).toBe(GRANT - aside - (goes === 'to the pool' ? 70 : 0));
    if (goes === 'to the pool') expect(await available('pool-account')).toBe(70);
    // Cid's never depends on ann's: it stays aside where cid won.
    const won = ['its bid loses', 'its bid is barred', 'it never bids'].includes(what);
    expect((await ledger.transfer(depositId('c1', 'cid')))?.state ?? 'voided').toBe(won ? 'pending' : 'voided');
    await check();
  });

  it('a batch of 512 bidders has all of it back with one award', async () => {
    const crowd = Array.from({ length: MAX_DEPOSITS }, (_, n) => ({ id: `a${n}` }));
    const pools = [{ pool: 'gpu', slots: 2, graceMs: GRACE_MS }];
    const { hand, pending, check } = await server.market({ agents: crowd, grantMicro: GRANT, pools });
    await hand.call({ cfp: 'c1', slots: [0], depositMicro: DEPOSIT });
    await Promise.all(crowd.map(({ id }) => hand.deposit(id, 'c1', DEPOSIT)));
    const reply = await hand.award('c1', [{ participant: 'a0', price: 9 }]);
    expect(reply).toMatchObject({ ok: true });
    expect(await Promise.all(crowd.map(({ id }) => pending(id)))).toEqual(crowd.map((_, n) => (n === 0 ? 70 : 0)));
    await check();
  });

  it('without it a bid is barred and sets no price; an award of such bids alone is refused', async () => {
    const { hand, dump, check } = await asking(server);
    const before = await dump();
    expect(await hand.award('c1', [ann(90)], { by: 'ben' })).toMatchObject({ ok: false, detail: 'missing-dependency' });
    expect(await dump()).toEqual(before);
    await hand.deposit('cid', 'c1', DEPOSIT);
    const reply = await hand.award('c1', [ann(90), cid(80), ann(70)], { by: 'ben' });
    expect(reply).toMatchObject({ clearingPriceMicro: '0', winners: [{ participant: 'cid' }] });
    expect(reply.verdicts?.map(({ detail }) => detail)).toEqual([
      'missing-dependency',
      undefined,
      'missing-dependency',
    ]);
    await check();
  });
});
