// Slots, calls and what is remembered of them: the faults that a review of the scripts found, each with its proof.
import { marketKey, metaKey, runScript } from '@tender/credits/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CALL_LIFE_MS, ENDED_KEPT_MS } from '../src/index.js';
import { marketScripts } from '../src/redis/index.js';
import { openPool, POOL_ACCOUNT } from '../src/testing/index.js';
import { START_MS, specRows, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

function expectADay(ttlMs: number): void {
  expect(ttlMs).toBeGreaterThan(ENDED_KEPT_MS - 10_000);
  expect(ttlMs).toBeLessThanOrEqual(ENDED_KEPT_MS);
}

describe('a call', () => {
  it('that names a slot twice is refused: two winners would hold it', async () => {
    const { hand, dump, check } = await server.market();
    await hand.lock('gpu', [3], 'lock-c1');
    const before = await dump();
    expect(await hand.openCall({ cfp: 'c1', slots: [3, 3] })).toMatchObject({ ok: false, detail: 'malformed' });
    expect(await dump()).toEqual(before);
    await check();
  });

  it('of a seller that an operator has replaced is extended and awarded no more; it can be released', async () => {
    const { hand, redis, market, dump, check } = await server.market();
    await hand.call({ cfp: 'c1', slots: [0] });
    await openPool(redis, market, { pool: 'gpu', slots: 8, account: POOL_ACCOUNT, seller: 'ben' });
    const before = await dump();
    const bids = [{ participant: 'ann', price: 5 }];
    expect(await hand.award('c1', bids)).toMatchObject({ ok: false, detail: 'not-permitted' });
    expect(await hand.extendCall('c1', 60_000)).toMatchObject({ ok: false, detail: 'not-permitted' });
    expect(await dump()).toEqual(before);
    expect(await hand.releaseCall('c1')).toMatchObject({ ok: true });
    await check();
  });

  it('keeps its id while one of its leases runs: a second call of that id would write over them', async () => {
    const { hand, redis, market, check } = await server.market();
    const record = marketKey(market, 'cfp', 'c1');
    await hand.call({ cfp: 'c1', slots: [0, 1] });
    await hand.award('c1', [
      { participant: 'ann', price: 5 },
      { participant: 'ben', price: 5 },
    ]);
    expect(await redis.pttl(record)).toBe(-1);
    await hand.release('ann', 'c1-1');
    expect(await redis.pttl(record)).toBe(-1);
    await hand.release('ben', 'c1-2');
    expectADay(await redis.pttl(record));
    await check();
  });

  it('stays open for a day at most: an intent is remembered for no less', async () => {
    const { hand, setClock, check } = await server.market();
    await setClock(START_MS);
    await hand.call({ cfp: 'c1', slots: [0], ttlMs: 3_600_000 });
    await hand.lock('gpu', [0], 'lock-c1', CALL_LIFE_MS);
    for (let hour = 1; hour < 24; hour += 1) {
      await setClock(START_MS + hour * 3_600_000 - 1);
      expect(await hand.extendCall('c1', 3_600_000), `hour ${hour}`).toMatchObject({ ok: true });
    }
    await setClock(START_MS + 24 * 3_600_000 - 1);
    expect(await hand.extendCall('c1', 3_600_000)).toMatchObject({ ok: false, detail: 'round-limit' });
    await check();
  });
});

type CallState = 'none' | 'open' | 'late' | 'lock lost' | 'awarded' | 'released' | 'lapsed';
type CallEvent = 'open-call' | 'extend' | 'award' | 'release' | 'lapse';

/** SPEC.md has the same table; `late` and `lock lost` are an open call past its time, or without its lock. */
const callTransitions: Record<CallState, Record<CallEvent, string>> = {
  none: { 'open-call': 'ok', extend: 'unknown', award: 'unknown', release: 'unknown', lapse: 'unknown' },
  open: { 'open-call': 'duplicate', extend: 'ok', award: 'ok', release: 'ok', lapse: 'stale' },
  late: { 'open-call': 'duplicate', extend: 'late', award: 'late', release: 'ok', lapse: 'ok' },
  'lock lost': { 'open-call': 'duplicate', extend: 'lock-lost', award: 'lock-lost', release: 'ok', lapse: 'stale' },
  awarded: { 'open-call': 'duplicate', extend: 'expired', award: 'duplicate', release: 'expired', lapse: 'expired' },
  released: { 'open-call': 'duplicate', extend: 'expired', award: 'expired', release: 'expired', lapse: 'expired' },
  lapsed: { 'open-call': 'duplicate', extend: 'expired', award: 'lock-lost', release: 'expired', lapse: 'expired' },
};

describe('the states of a call', () => {
  const bids = [{ participant: 'ann', price: 5, until_ms: START_MS + 90_000 }];
  const enter: Record<CallState, (market: TestMarket) => Promise<unknown>> = {
    none: async () => {},
    open: ({ hand }) => hand.call({ cfp: 'c1', slots: [0] }),
    late: async (market) => {
      await enter.open(market);
      await market.setClock(START_MS + 60_001);
    },
    'lock lost': async (market) => {
      await enter.open(market);
      await market.redis.del(market.hand.lockKey('gpu', 0));
    },
    awarded: async (market) => {
      await enter.open(market);
      await market.hand.award('c1', bids);
    },
    released: async (market) => {
      await enter.open(market);
      await market.hand.releaseCall('c1');
    },
    lapsed: async (market) => {
      await enter.late(market);
      await market.hand.lapseCall('c1');
    },
  };
  const ask: Record<CallEvent, (market: TestMarket) => Promise<{ ok: boolean; detail?: string }>> = {
    'open-call': async ({ hand }) => {
      await hand.lock('gpu', [1], 'lock-c1');
      return hand.openCall({ cfp: 'c1', slots: [1] });
    },
    extend: ({ hand }) => hand.extendCall('c1', 5_000),
    award: ({ hand }) => hand.award('c1', bids),
    release: ({ hand }) => hand.releaseCall('c1'),
    lapse: ({ hand }) => hand.lapseCall('c1'),
  };
  const rows = (Object.keys(callTransitions) as CallState[]).flatMap((state) =>
    (Object.keys(ask) as CallEvent[]).map((event) => [state, event, callTransitions[state][event]] as const),
  );

  it.each(rows)('%s, %s: %s', async (state, event, expected) => {
    const market = await server.market();
    await market.setClock(START_MS);
    await enter[state](market);
    const reply = await ask[event](market);
    expect(reply.ok ? 'ok' : reply.detail).toBe(expected);
    await market.check();
  });

  it('are told in SPEC.md', () => {
    for (const [state, events] of Object.entries(callTransitions)) {
      expect(specRows()).toContain([state, ...Object.values(events)].join('|'));
    }
  });
});

describe('an intent', () => {
  it('is remembered while its lease runs, and a day longer', async () => {
    const { hand, redis, market, check } = await server.market();
    const record = marketKey(market, 'intent', 'ann:once');
    await hand.call({ cfp: 'c1', slots: [0], durationMs: 30 * 24 * 3_600_000 });
    await hand.award('c1', [{ participant: 'ann', price: 5, intent: 'once' }]);
    expect(await redis.pttl(record)).toBe(-1);
    await hand.release('ann', 'c1-1');
    expectADay(await redis.pttl(record));
    await hand.call({ cfp: 'c2', slots: [1] });
    expect(await hand.award('c2', [{ participant: 'ann', price: 5, intent: 'once' }])).toMatchObject({
      ...{ ok: false, detail: 'duplicate' },
    });
    await check();
  });
});

describe('a cheque', () => {
  it('that holds for longer than a call lives is cashed once all the same: the call’s id is free a day later', async () => {
    const { hand, redis, market, reader, setClock, check } = await server.market();
    await setClock(START_MS);
    const bid = { participant: 'ann', price: 5, intent: 'once', until_ms: START_MS + 10 * 86_400_000 };
    await hand.call({ cfp: 'c1', slots: [0], durationMs: 1_000 });
    expect(await hand.award('c1', [bid])).toMatchObject({ ok: true });
    expect(await reader.contractOfIntent('ann', 'once')).toBe('c1-1');
    await hand.release('ann', 'c1-1');
    // What Redis' own clock forgets within the next nine days.
    const names = await redis.keys(`{${market}}:*`);
    for (const name of names) {
      const ttl = await redis.pttl(name);
      if (ttl > 0 && ttl <= 9 * 86_400_000) await redis.del(name);
    }
    await setClock(START_MS + 9 * 86_400_000);
    await hand.call({ cfp: 'c1', slots: [0], durationMs: 1_000 });
    expect(await hand.award('c1', [bid])).toMatchObject({ ok: false, detail: 'duplicate' });
    await check();
  });
});

describe("a lease's payments", () => {
  it('cannot be taken for a transfer that a caller named like them', async () => {
    const { hand, ledger, pending, check } = await server.market();
    for (const id of ['c1-1-t1', 'c1-1-t2']) {
      const asked = { by: 'ben', key: `key-${id}` };
      const hold = { kind: 'transfer' as const, ...asked, id, from: 'ben', to: 'cid', amount: '7', ttlMs: 60_000 };
      expect((await ledger.apply(hold)).status).toBe('pending');
    }
    await hand.call({ cfp: 'c1', slots: [0], reservePriceMicro: '5' });
    expect(await hand.award('c1', [{ participant: 'ann', price: 5 }])).toMatchObject({ ok: true });
    expect([await pending('ann'), await pending('ben')]).toEqual([5, 14]);
    await check();
  });

  it('stay an amount: a term that would bring their sum to 15 digits is refused', async () => {
    const price = 30_000_000_000_000;
    const { hand, ledger, setClock, check } = await server.market({ agents: [{ id: 'ann' }], grantMicro: 3.3 * price });
    await setClock(START_MS);
    await hand.call({ cfp: 'c1', slots: [0], durationMs: 1_000, reservePriceMicro: String(price) });
    await hand.award('c1', [{ participant: 'ann', price, until_ms: START_MS }]);
    for (const atMs of [900, 1_900]) {
      await setClock(START_MS + atMs);
      expect(await hand.renew('ann', 'c1-1', String(price))).toMatchObject({ ok: true });
    }
    // What the pool has earned flows back, so that the agent could pay for ever.
    const back = { id: 'back', from: POOL_ACCOUNT, to: 'ann', amount: String(price) };
    expect((await ledger.apply({ kind: 'transfer', by: POOL_ACCOUNT, key: 'back', ...back })).status).toBe('posted');
    await setClock(START_MS + 2_900);
    expect(await hand.renew('ann', 'c1-1', String(price))).toMatchObject({ ok: false, detail: 'round-limit' });
    await check();
  });
});

describe('the slots that are offered', () => {
  const offered = async ({ redis, market }: TestMarket, units: number, pool = 'gpu') => {
    const reply = await runScript(redis, marketScripts.offer, metaKey(market), { cfp: 'c1', pool, units });
    return reply.slots;
  };

  it('are found among ever so many that are under negotiation', async () => {
    const market = await server.market({ pools: [{ pool: 'gpu', slots: 400 }] });
    const locked = Array.from({ length: 392 }, (_, n) => n);
    await market.hand.lock('gpu', locked, 'another');
    expect((await offered(market, 8)).sort()).toEqual([392, 393, 394, 395, 396, 397, 398, 399]);
    expect(await offered(market, 9)).toHaveLength(8);
    expect(await offered(market, 2)).toHaveLength(2);
    expect(await offered(market, 2, 'tpu')).toEqual([]);
  });

  it.each([8, 64])('differ from one asker to the next, of %i slots', async (slots) => {
    const market = await server.market({ pools: [{ pool: 'gpu', slots }] });
    const chosen = new Set<number>();
    for (let n = 0; n < 60; n += 1) chosen.add((await offered(market, 1))[0]!);
    expect(chosen.size).toBeGreaterThan(4);
  });

  it('are each named once', async () => {
    const market = await server.market();
    for (let n = 0; n < 50; n += 1) {
      const slots = await offered(market, 8);
      expect(slots.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    }
  });
});
