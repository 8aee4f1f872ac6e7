// The life of a lease: what its holder says, each kind of end and what it costs, and the table of states.
import { marketKey } from '@tender/credits/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPool, POOL_ACCOUNT } from '../src/testing/index.js';
import { endingCases, refundCases, renewalCases } from './lease-cases.js';
import { type Leased, leasedMarket } from './leased-market.js';
import { START_MS, specRows, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

const leased = (how: Leased) => leasedMarket(server, how);

describe('an end before its time', () => {
  it.each(endingCases)('$why: $outcome, $paid paid, compensation $compensation', async (row) => {
    const { graceMs, idleMs, ranAtMs, by, atMs, ...end } = row;
    const pool = { graceMs, idleMs, compensationPermille: 250 };
    const { hand, setClock, available, pending, check } = await leased({ price: 1_000, durationMs: 1_000, pool });
    if (ranAtMs !== undefined) {
      await setClock(START_MS + ranAtMs);
      expect(await hand.hear('ann', 'c1-1', 'run')).toMatchObject({ ok: true });
    }
    await setClock(START_MS + atMs);
    const reply = await settled[by]({ hand });
    if (!reply.ok) throw new Error(reply.message);
    expect(reply).toMatchObject({ outcome: end.outcome, paidMicro: String(end.paid) });
    expect(reply.refundedMicro).toBe(String(1_000 - end.paid));
    expect(reply.compensationMicro).toBe(end.outcome === 'preempted' ? String(end.compensation) : undefined);
    expect(await available('ann')).toBe(1_000 - end.paid + end.compensation);
    expect(await pending('ann')).toBe(0);
    expect(await available(POOL_ACCOUNT)).toBe(end.paid - end.compensation);
    await check();
  });

  const settled = {
    holder: ({ hand }: Pick<TestMarket, 'hand'>) => hand.release('ann', 'c1-1'),
    seller: ({ hand }: Pick<TestMarket, 'hand'>) => hand.preempt('seller', 'c1-1'),
    operator: ({ hand }: Pick<TestMarket, 'hand'>) => hand.preempt('op', 'c1-1', true),
    clock: ({ hand }: Pick<TestMarket, 'hand'>) => hand.expire('c1-1'),
  };

  it('in the second term is compensated by that term’s price, and the next one is given back', async () => {
    const pool = { compensationPermille: 500 };
    const { hand, setClock, available, check } = await leased({ price: 100, durationMs: 1_000, pool });
    await setClock(START_MS + 900);
    await hand.renew('ann', 'c1-1', '100');
    await setClock(START_MS + 1_400);
    await hand.renew('ann', 'c1-1', '100');
    const reply = await hand.preempt('seller', 'c1-1');
    expect(reply).toMatchObject({ paidMicro: '140', refundedMicro: '160', compensationMicro: '50' });
    expect(await available('ann')).toBe(1_000 - 140 + 50);
    await check();
  });

  it('pays its holder no more than the lease brought, whatever else the pool has', async () => {
    const pool = { compensationPermille: 1_000 };
    const { hand, ledger, available, check } = await leased({ price: 1_000, durationMs: 1_000, pool });
    await ledger.apply({ kind: 'grant', by: 'operator', key: 'earned-before', to: POOL_ACCOUNT, amount: '5000' });
    expect(await hand.preempt('seller', 'c1-1')).toMatchObject({ paidMicro: '0', compensationMicro: '0' });
    expect(await available('ann')).toBe(1_000);
    expect(await available(POOL_ACCOUNT)).toBe(5_000);
    await check();
  });

  it('is for the pool’s seller: not for the holder, its host, the pool’s account or another', async () => {
    const { hand, dump, check } = await leased({ price: 10, durationMs: 1_000 });
    const before = await dump();
    for (const by of ['ann', 'zed', 'ben', POOL_ACCOUNT]) {
      expect(await hand.preempt(by, 'c1-1'), by).toMatchObject({ ok: false, detail: 'not-permitted' });
    }
    expect(await dump()).toEqual(before);
    await check();
  });
});

describe('a holder that is heard of', () => {
  const pool = { graceMs: 300, idleMs: 400 };
  const due = async ({ redis, market }: TestMarket) =>
    Number(await redis.zscore(marketKey(market, 'deadlines'), 'lease:c1-1')) - START_MS;

  it('has the time that its pool gives, from when it speaks', async () => {
    const market = await leased({ price: 10, durationMs: 1_000, pool });
    const { hand, setClock, reader, check } = market;
    expect(await due(market)).toBe(300);
    await setClock(START_MS + 200);
    expect(await hand.hear('zed', 'c1-1', 'run')).toMatchObject({ ok: true, dueAt: START_MS + 600 });
    await setClock(START_MS + 599);
    expect(await hand.hear('ann', 'c1-1', 'progress')).toMatchObject({ ok: true, dueAt: START_MS + 999 });
    expect((await reader.contract('c1-1'))?.state).toBe('running');
    await setClock(START_MS + 700);
    expect(await hand.hear('ann', 'c1-1', 'progress')).toMatchObject({ ok: true, dueAt: START_MS + 1_000 });
    // A longer lease is no reason to keep silent for longer than the pool bears.
    expect(await hand.renew('ann', 'c1-1', '10')).toMatchObject({ ok: true, until: START_MS + 2_000 });
    expect(await due(market)).toBe(1_100);
    await check();
  });

  it('says nothing for others', async () => {
    const { hand, dump } = await leased({ price: 10, durationMs: 1_000, pool });
    const before = await dump();
    for (const by of ['ben', 'seller', POOL_ACCOUNT]) {
      expect(await hand.hear(by, 'c1-1', 'run'), by).toMatchObject({ ok: false, detail: 'not-permitted' });
    }
    expect(await dump()).toEqual(before);
  });

  it('keeps what its pool asked when it won, whatever the pool asks later', async () => {
    const market = await leased({ price: 10, durationMs: 1_000, pool });
    await openPool(market.redis, market.market, { pool: 'gpu', slots: 8, graceMs: 10, idleMs: 10 });
    await market.setClock(START_MS + 200);
    expect(await market.hand.hear('ann', 'c1-1', 'run')).toMatchObject({ ok: true, dueAt: START_MS + 600 });
    await market.check();
  });

  it('of a pool that does not ask has all of its term', async () => {
    const market = await leased({ price: 10, durationMs: 1_000 });
    expect(await due(market)).toBe(1_000);
    expect(await market.hand.hear('ann', 'c1-1', 'run')).toMatchObject({ ok: true, dueAt: START_MS + 1_000 });
    await market.check();
  });
});

type LeaseState = 'none' | 'awarded' | 'running' | 'next term paid' | 'unstarted' | 'idle' | 'over' | 'settled';
const events = ['run', 'progress', 'renew', 'release', 'preempt', 'expire'] as const;
type LeaseEvent = (typeof events)[number];

/** SPEC.md has the same table: → leads to a state or an outcome, all else is refused. */
const leaseTransitions: Record<LeaseState, readonly string[]> = {
  none: ['unknown', 'unknown', 'unknown', 'unknown', 'unknown', 'unknown'],
  awarded: ['→ running', 'not-your-turn', '→ renewed', '→ released', '→ preempted', 'stale'],
  running: ['duplicate', '→ running', '→ renewed', '→ released', '→ preempted', 'stale'],
  'next term paid': ['→ running', 'not-your-turn', 'stale', '→ released', '→ preempted', 'stale'],
  unstarted: ['expired', 'expired', 'expired', '→ unstarted', '→ unstarted', '→ unstarted'],
  idle: ['expired', 'expired', 'expired', '→ idle', '→ idle', '→ idle'],
  over: ['expired', 'expired', 'expired', '→ expired', '→ expired', '→ expired'],
  settled: ['expired', 'expired', 'expired', 'expired', 'expired', 'expired'],
};

describe('the states of a contract', () => {
  const past = (ms: number) => (market: TestMarket) => market.setClock(START_MS + ms);
  const runs = ({ hand }: TestMarket) => hand.hear('ann', 'c1-1', 'run');
  const enter: Record<LeaseState, (market: TestMarket) => Promise<unknown>> = {
    none: async () => {},
    awarded: async () => {},
    running: runs,
    'next term paid': ({ hand }) => hand.renew('ann', 'c1-1', '10'),
    unstarted: past(800),
    idle: async (market) => [await runs(market), await past(900)(market)],
    over: past(1_000),
    settled: ({ hand }) => hand.release('ann', 'c1-1'),
  };
  const take: Record<LeaseEvent, (market: TestMarket, id: string) => Promise<string>> = {
    run: async ({ hand }, id) => shown(await hand.hear('ann', id, 'run'), 'running'),
    progress: async ({ hand }, id) => shown(await hand.hear('ann', id, 'progress'), 'running'),
    renew: async ({ hand }, id) => shown(await hand.renew('ann', id, '10'), 'renewed'),
    release: async ({ hand }, id) => shown(await hand.release('ann', id)),
    preempt: async ({ hand }, id) => shown(await hand.preempt('seller', id)),
    expire: async ({ hand }, id) => shown(await hand.expire(id)),
  };
  function shown(reply: { ok: true; outcome?: string } | { ok: false; detail: string }, done = ''): string {
    return reply.ok ? `→ ${reply.outcome ?? done}` : reply.detail;
  }
  const rows = (Object.keys(leaseTransitions) as LeaseState[]).flatMap((state) =>
    events.map((event, index) => [state, event, leaseTransitions[state][index]!] as const),
  );

  it.each(rows)('%s, %s: %s', async (state, event, expected) => {
    // What the clock would end early ends by its term where the table says that it is over.
    const pool = state === 'over' ? {} : { graceMs: 800, idleMs: 900 };
    const market = await leased({ price: 10, durationMs: 1_000, pool });
    await enter[state](market);
    const before = await market.dump();
    expect(await take[event](market, state === 'none' ? 'c9-1' : 'c1-1')).toBe(expected);
    if (!expected.startsWith('→')) expect(await market.dump()).toEqual(before);
    await market.check();
  });

  it('are told in SPEC.md, and so are the tables of prices', () => {
    const told = specRows();
    for (const [state, cells] of Object.entries(leaseTransitions)) expect(told).toContain([state, ...cells].join('|'));
    for (const row of refundCases) expect(told).toContain(Object.values(row).join('|'));
    for (const { why, graceMs, idleMs, ranAtMs, by, atMs, outcome, paid, compensation } of endingCases) {
      const cells = [
        why,
        graceMs || 'none',
        idleMs || 'none',
        ranAtMs ?? 'never',
        by,
        atMs,
        outcome,
        paid,
        compensation,
      ];
      expect(told).toContain(cells.join('|'));
    }
    for (const { why, recent, reservePrice, durationMs, price } of renewalCases) {
      const paid = recent.map((one) => `${one.priceMicro}/${one.durationMs}`).join(', ');
      expect(told).toContain([why, paid || 'none', reservePrice, durationMs, price].join('|'));
    }
  });
});
