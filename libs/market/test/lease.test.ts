// Leases: what renewal and each kind of end cost, who may speak for a holder, and an end that comes once.
import { marketKey } from '@tender/credits/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { costOfUse, renewalPrice } from '../src/index.js';
import { openPool, POOL_ACCOUNT } from '../src/testing/index.js';
import { endingCases, refundCases, renewalCases } from './lease-cases.js';
import { START_MS, specRows, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

interface Leased {
  readonly price: number;
  readonly durationMs: number;
  readonly units?: number;
  readonly pool?: Partial<Parameters<typeof openPool>[2]>;
  readonly grantMicro?: number;
}

/** A market at START_MS in which ann holds the lease `c1-1`, won at its own price; zed is its host. */
async function leased({ price, durationMs, units = 1, pool = {}, grantMicro = 1_000 }: Leased): Promise<TestMarket> {
  const others = [{ id: 'ben', host: 'zed' }, { id: 'cid' }];
  const market = await server.market({
    // All the credits that there can be are ann's alone.
    agents: [{ id: 'ann', host: 'zed' }, ...(grantMicro > 1e12 ? [] : others)],
    grantMicro,
    pools: [{ pool: 'gpu', slots: 8, ...pool }],
  });
  await market.setClock(START_MS);
  const slots = Array.from({ length: units }, (_, n) => n);
  const reservePriceMicro = String(price);
  await market.hand.call({ cfp: 'c1', slots, durationMs, reservePriceMicro, rule: 'uniform-price' });
  const reply = await market.hand.award('c1', [
    { participant: 'ann', price: Math.max(price, 1), units, until_ms: START_MS },
  ]);
  if (!reply.ok) throw new Error(reply.message);
  return market;
}

describe('an early release', () => {
  it.each(refundCases)('of $amount for $durationMs ms after $usedMs ms costs $paid', async (row) => {
    const { amount, durationMs, usedMs, paid } = row;
    // Of the first term at least a tenth counts as used.
    expect(costOfUse(amount, Math.max(usedMs, Math.ceil(durationMs / 10)), durationMs)).toBe(paid);
    const market = await leased({ price: amount, durationMs, grantMicro: Math.max(amount, 1) });
    const { hand, setClock, available, pending, check } = market;
    await setClock(START_MS + usedMs);
    const reply = await hand.release('ann', 'c1-1');
    expect(reply).toMatchObject({ ok: true, paidMicro: String(paid), refundedMicro: String(amount - paid) });
    expect(await available('ann')).toBe(Math.max(amount, 1) - paid);
    expect(await pending('ann')).toBe(0);
    expect(await available(POOL_ACCOUNT)).toBe(paid);
    await check();
  });

  it('costs never more than the term, and more use never less', () => {
    for (const amount of [1, 999_999, 1_000_001, 99_999_999_999_999]) {
      let before = 0;
      for (const usedMs of [1, 2, 333, 334, 999, 1_000, 5_000]) {
        const cost = costOfUse(amount, usedMs, 1_000);
        expect(cost).toBeGreaterThanOrEqual(before);
        expect(cost).toBeLessThanOrEqual(amount);
        before = cost;
      }
      expect(before).toBe(amount);
    }
  });

  it('in the second term pays the first in full; of a term that has not begun nothing', async () => {
    const { hand, setClock, available, check } = await leased({ price: 100, durationMs: 1_000 });
    await setClock(START_MS + 900);
    await hand.renew('ann', 'c1-1', '100');
    await setClock(START_MS + 1_250);
    expect(await hand.renew('ann', 'c1-1', '100')).toMatchObject({ ok: true, terms: 3, until: START_MS + 3_000 });
    expect(await hand.release('ann', 'c1-1')).toMatchObject({
      paidMicro: '125',
      refundedMicro: '175',
      outcome: 'released',
    });
    expect(await available('ann')).toBe(875);
    await check();
  });

  it('frees the slots at once, and raises their fences with the next award', async () => {
    const { hand, reader, check } = await leased({ price: 10, durationMs: 1_000, units: 3 });
    expect(await reader.freeCount('gpu')).toBe(5);
    await hand.release('ann', 'c1-1');
    expect(await reader.freeCount('gpu')).toBe(8);
    await hand.call({ cfp: 'c2', slots: [1, 2] });
    const reply = await hand.award('c2', [{ participant: 'ben', price: 1, units: 2, until_ms: START_MS }]);
    expect(reply).toMatchObject({ winners: [{ fences: [2, 2] }] });
    await check();
  });
});

describe('a renewal', () => {
  it.each(renewalCases)('$why: $price', ({ why: _why, price, durationMs, ...going }) => {
    expect(renewalPrice(going, durationMs)).toBe(price);
  });

  it.each(renewalCases.filter(({ spot }) => spot !== undefined))(
    'as the script prices it, $why: $price',
    async (row) => {
      const market = await leased({ price: 0, durationMs: row.durationMs, units: 2 });
      const { hand, check } = market;
      await hand.call({ cfp: 'c2', slots: [5], durationMs: row.spotDurationMs!, reservePriceMicro: String(row.spot) });
      await hand.award('c2', [{ participant: 'cid', price: Math.max(row.spot!, 1), until_ms: START_MS }]);
      await openPool(server.redis, market.market, {
        pool: 'gpu',
        slots: 8,
        reservePriceMicro: String(row.reservePrice),
      });
      const reply = await hand.renew('ann', 'c1-1', '1000');
      expect(reply).toMatchObject({ ok: true, priceMicro: String(row.price), amountMicro: String(2 * row.price) });
      await check();
    },
  );

  it('before the lease has begun its last paid term is refused: the next one is paid already', async () => {
    const { hand, setClock, check } = await leased({ price: 10, durationMs: 1_000 });
    expect(await hand.renew('ann', 'c1-1', '10')).toMatchObject({ ok: true, until: START_MS + 2_000 });
    expect(await hand.renew('ann', 'c1-1', '10')).toMatchObject({ ok: false, detail: 'stale' });
    await setClock(START_MS + 1_000);
    expect(await hand.renew('ann', 'c1-1', '10')).toMatchObject({ ok: true, until: START_MS + 3_000 });
    await check();
  });

  it('pays the terms that are over', async () => {
    const { hand, setClock, available, pending, check } = await leased({ price: 10, durationMs: 1_000 });
    await setClock(START_MS + 999);
    await hand.renew('ann', 'c1-1', '10');
    expect(await available(POOL_ACCOUNT)).toBe(0);
    await setClock(START_MS + 1_999);
    await hand.renew('ann', 'c1-1', '10');
    expect(await available(POOL_ACCOUNT)).toBe(10);
    expect(await pending('ann')).toBe(20);
    await check();
  });

  const refusals: [
    string,
    string,
    (market: TestMarket) => Promise<unknown>,
    { by?: string; max?: string; contract?: string }?,
  ][] = [
    ['of a contract that nobody made', 'unknown', async () => {}, { contract: 'c9-1' }],
    ['by another', 'not-permitted', async () => {}, { by: 'ben' }],
    ["by the pool's account", 'not-permitted', async () => {}, { by: POOL_ACCOUNT }],
    ['of a lease that is settled', 'expired', ({ hand }) => hand.release('ann', 'c1-1')],
    ['at its end', 'expired', ({ setClock }) => setClock(START_MS + 1_000)],
    ['dearer than the most that is offered', 'below-reserve-price', async () => {}, { max: '9' }],
    ['for no amount', 'below-reserve-price', async () => {}, { max: '1e3' }],
    ['for nan', 'below-reserve-price', async () => {}, { max: 'nan' }],
    ['that is not covered', 'insufficient-credits', ({ ledger }) => spend(ledger, 981)],
  ];
  it.each(refusals)('%s is refused as %s, and nothing has changed', async (_why, detail, given, ask = {}) => {
    const market = await leased({ price: 10, durationMs: 1_000 });
    await given(market);
    const before = await market.dump();
    const reply = await market.hand.renew(ask.by ?? 'ann', ask.contract ?? 'c1-1', ask.max ?? '10');
    expect(reply).toMatchObject({ ok: false, detail });
    expect(await market.dump()).toEqual(before);
    await market.check();
  });

  it('beyond the pool’s most terms is refused', async () => {
    const { hand, check } = await leased({ price: 10, durationMs: 1_000, pool: { maxTerms: 1 } });
    expect(await hand.renew('ann', 'c1-1', '10')).toMatchObject({ ok: false, detail: 'round-limit' });
    await check();
  });

  it('asked again under its key pays once', async () => {
    const { hand, pending, check } = await leased({ price: 10, durationMs: 1_000 });
    const key = hand.key();
    const first = await hand.renew('ann', 'c1-1', '10', key);
    expect(await hand.renew('ann', 'c1-1', '10', key)).toEqual({ ...first, replayed: true });
    expect(await hand.renew('ann', 'c1-1', '11', key)).toMatchObject({ ok: false, detail: 'duplicate' });
    expect(await pending('ann')).toBe(20);
    await check();
  });
});

async function spend(ledger: TestMarket['ledger'], amount: number): Promise<void> {
  const asked = { by: 'ann', key: 'spend-all', id: 'spent', from: 'ann', to: 'ben' };
  const { status } = await ledger.apply({ kind: 'transfer', ...asked, amount: String(amount) });
  expect(status).toBe('posted');
}

describe('the end of a lease', () => {
  it('by the clock is told once, however many sweep', async () => {
    const { hand, setClock, available, dump, reader, check } = await leased({ price: 10, durationMs: 1_000 });
    await setClock(START_MS + 999);
    expect(await hand.expire('c1-1')).toMatchObject({ ok: false, detail: 'stale' });
    await setClock(START_MS + 1_000);
    const replies = await Promise.all(Array.from({ length: 10 }, () => hand.expire('c1-1')));
    expect(replies.filter(({ ok }) => ok)).toEqual([expect.objectContaining({ outcome: 'expired', paidMicro: '10' })]);
    const before = await dump();
    expect(await hand.expire('c1-1')).toMatchObject({ ok: false, detail: 'expired' });
    expect(await dump()).toEqual(before);
    expect(await available('ann')).toBe(990);
    expect((await reader.contract('c1-1'))?.state).toBe('settled');
    await check();
  });

  it('told by its holder after it has passed pays all of it, and no more', async () => {
    const { hand, setClock, available, check } = await leased({ price: 10, durationMs: 1_000 });
    await setClock(START_MS + 5_000);
    expect(await hand.release('ann', 'c1-1')).toMatchObject({
      outcome: 'expired',
      paidMicro: '10',
      refundedMicro: '0',
    });
    expect(await available('ann')).toBe(990);
    await check();
  });

  it('is for the holder and its host; not for others, not for another agent of the host', async () => {
    const { hand, dump, check } = await leased({ price: 10, durationMs: 1_000 });
    const before = await dump();
    for (const by of ['ben', 'cid', 'seller', POOL_ACCOUNT]) {
      expect(await hand.release(by, 'c1-1'), by).toMatchObject({ ok: false, detail: 'not-permitted' });
    }
    expect(await hand.release('ann', 'c9-1')).toMatchObject({ ok: false, detail: 'unknown' });
    expect(await dump()).toEqual(before);
    expect(await hand.renew('zed', 'c1-1', '10')).toMatchObject({ ok: true });
    expect(await hand.release('zed', 'c1-1')).toMatchObject({ ok: true });
    await check();
  });

  it('asked for twice under one key is answered twice; under another it has ended', async () => {
    const { hand, available, check } = await leased({ price: 10, durationMs: 1_000 });
    const key = hand.key();
    const first = await hand.release('ann', 'c1-1', key);
    expect(await hand.release('ann', 'c1-1', key)).toEqual({ ...first, replayed: true });
    expect(await hand.release('ann', 'c1-1')).toMatchObject({ ok: false, detail: 'expired' });
    expect(await available('ann')).toBe(999);
    await check();
  });

  it('no transfer of the ledger can anticipate: the payment is not its parties’ to post or void', async () => {
    const { ledger, check } = await leased({ price: 10, durationMs: 1_000 });
    for (const [kind, by] of [
      ['void', 'ann'],
      ['post', POOL_ACCOUNT],
    ] as const) {
      const { status } = await ledger.apply({ kind, by, key: `end-${kind}`, id: 'c1-1.t1' });
      expect(status).toBe('not-party');
    }
    expect((await ledger.apply({ kind: 'expire', id: 'c1-1.t1' })).status).toBe('not-party');
    await check();
  });
});

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
    for (const { why, spot, spotDurationMs, reservePrice, durationMs, price } of renewalCases) {
      const cells = [why, spot ?? 'none', spotDurationMs ?? 'none', reservePrice, durationMs, price];
      expect(told).toContain(cells.join('|'));
    }
  });
});
