// Leases: what renewal and early release cost, who may speak for a holder, and an end that comes once.
import { marketKey } from '@tender/credits/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { costOfUse, type RuleBound, type Ruling, renewalPrice } from '../src/index.js';
import { openPool, POOL_ACCOUNT } from '../src/testing/index.js';
import { refundCases, renewalCases } from './lease-cases.js';
import { type Leased, leasedMarket } from './leased-market.js';
import { START_MS, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

const leased = (how: Leased) => leasedMarket(server, how);

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

/** Sells a slot to cid at its reserve price, and has it given back. */
async function sellOnce(hand: TestMarket['hand'], cfp: string, paid: { priceMicro: number; durationMs: number }) {
  const { priceMicro, durationMs } = paid;
  await hand.call({ cfp, slots: [5], durationMs, reservePriceMicro: String(priceMicro) });
  const bids = [{ participant: 'cid', intent: cfp, price: Math.max(priceMicro, 1), until_ms: START_MS }];
  expect(await hand.award(cfp, bids)).toMatchObject({ ok: true, clearingPriceMicro: String(priceMicro) });
  await hand.release('cid', `${cfp}-1`);
}

const denied = { rule: 'no-ann', detail: 'not-permitted', message: 'rule no-ann: ann is denied' } as const;
const cap = { rule: 'cap', most: 9 } as const;

describe('a renewal', () => {
  it.each(renewalCases)('$why: $price', ({ why: _why, price, durationMs, ...going }) => {
    expect(renewalPrice(going, durationMs)).toBe(price);
  });

  it.each(renewalCases)('as the script prices it, $why: $price', async (row) => {
    const { hand, redis, market } = await leased({ price: 0, durationMs: row.durationMs, units: 2 });
    const pool = marketKey(market, 'pool', 'gpu');
    // What the lease itself was sold for would be in the memory, too: no row asks for it.
    await redis.hdel(pool, 'recent');
    for (const [n, paid] of [...row.recent].reverse().entries()) await sellOnce(hand, `x${n}`, paid);
    const remembered = row.recent.map((paid) => `${paid.priceMicro}/${paid.durationMs}`).join(',');
    expect((await redis.hget(pool, 'recent')) ?? '').toBe(remembered);
    await openPool(redis, market, { pool: 'gpu', slots: 8, reservePriceMicro: String(row.reservePrice) });
    const reply = await hand.renew('ann', 'c1-1', '1000');
    expect(reply).toMatchObject({ ok: true, priceMicro: String(row.price), amountMicro: String(2 * row.price) });
  });

  it('is not moved by one overpaid lease, and forgets what lies six sales back', async () => {
    const { hand, redis, market, check } = await leased({ price: 30, durationMs: 1_000 });
    await sellOnce(hand, 'friend', { priceMicro: 900, durationMs: 10 });
    expect(await hand.renew('ann', 'c1-1', '30')).toMatchObject({ ok: true, priceMicro: '30' });
    for (const n of [1, 2, 3, 4, 5]) await sellOnce(hand, `x${n}`, { priceMicro: 10 + n, durationMs: 1_000 });
    expect(await redis.hget(marketKey(market, 'pool', 'gpu'), 'recent')).toBe(
      '15/1000,14/1000,13/1000,12/1000,11/1000',
    );
    await check();
  });

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
    { by?: string; max?: string; contract?: string; rules?: Partial<Ruling> }?,
  ][] = [
    ['of a contract that nobody made', 'unknown', async () => {}, { contract: 'c9-1' }],
    ['by another', 'not-permitted', async () => {}, { by: 'ben' }],
    ["by the pool's account", 'not-permitted', async () => {}, { by: POOL_ACCOUNT }],
    ['of a lease that is settled', 'expired', ({ hand }) => hand.release('ann', 'c1-1')],
    ['at its end', 'expired', ({ setClock }) => setClock(START_MS + 1_000)],
    ['dearer than the most that is offered', 'below-reserve-price', async () => {}, { max: '9' }],
    ['for no amount', 'below-reserve-price', async () => {}, { max: '1e3' }],
    ['for nan', 'below-reserve-price', async () => {}, { max: 'nan' }],
    ['judged by rules that were replaced', 'stale', async () => {}, { rules: { policy: 1 } }],
    ['of one whom a rule denies', 'not-permitted', async () => {}, { rules: { barred: denied } }],
    ['of a term above a ceiling', 'over-budget', async () => {}, { rules: { bounds: [{ ...cap, of: 'term' }] } }],
    [
      'of a term below a floor',
      'below-reserve-price',
      async () => {},
      { rules: { bounds: [{ rule: 'floor', of: 'term', least: 11 }] } },
    ],
    [
      'of a lease above its cap',
      'over-budget',
      async () => {},
      { rules: { bounds: [{ ...cap, of: 'contract', most: 19 }] } },
    ],
    ['beyond a payer’s cap', 'over-budget', async () => {}, { rules: { bounds: [{ ...cap, of: 'payer', most: 19 }] } }],
    ['that is not covered', 'insufficient-credits', ({ ledger }) => spend(ledger, 981)],
  ];
  it.each(refusals)('%s is refused as %s, and nothing has changed', async (_why, detail, given, ask = {}) => {
    const market = await leased({ price: 10, durationMs: 1_000 });
    await given(market);
    const before = await market.dump();
    const reply = await market.hand.renew(ask.by ?? 'ann', ask.contract ?? 'c1-1', ask.max ?? '10', ask.rules);
    expect(reply).toMatchObject({ ok: false, detail });
    const rule = ask.rules?.barred?.rule ?? ask.rules?.bounds?.[0]?.rule;
    expect('rule' in reply ? reply.rule : undefined).toBe(rule);
    expect(await market.dump()).toEqual(before);
    await market.check();
  });

  it('within every bound passes, to the micro-credit; a term that is over is set aside no more', async () => {
    const { hand, setClock, check } = await leased({ price: 10, durationMs: 1_000 });
    const bounds: RuleBound[] = [
      { rule: 'unit-hour', of: 'term', least: 10, most: 10 },
      { rule: 'payer', of: 'payer', most: 20 },
      { rule: 'contract', of: 'contract', most: 30 },
    ];
    expect(await hand.renew('ann', 'c1-1', '10', { bounds })).toMatchObject({ ok: true });
    await setClock(START_MS + 1_500);
    expect(await hand.renew('ann', 'c1-1', '10', { bounds })).toMatchObject({ ok: true });
    await setClock(START_MS + 2_500);
    const refused = { ok: false, detail: 'over-budget', rule: 'contract' };
    expect(await hand.renew('ann', 'c1-1', '10', { bounds })).toMatchObject(refused);
    await check();
  });

  it('that was committed is answered so again, whatever the rules say since', async () => {
    const { hand, check } = await leased({ price: 10, durationMs: 1_000 });
    const key = hand.key();
    const first = await hand.renew('ann', 'c1-1', '10', { key });
    expect(await hand.renew('ann', 'c1-1', '10', { key, policy: 7, barred: denied })).toEqual({
      ...first,
      replayed: true,
    });
    await check();
  });

  it('beyond the pool’s most terms is refused', async () => {
    const { hand, check } = await leased({ price: 10, durationMs: 1_000, pool: { maxTerms: 1 } });
    expect(await hand.renew('ann', 'c1-1', '10')).toMatchObject({ ok: false, detail: 'round-limit' });
    await check();
  });

  it('asked again under its key pays once', async () => {
    const { hand, pending, check } = await leased({ price: 10, durationMs: 1_000 });
    const key = hand.key();
    const first = await hand.renew('ann', 'c1-1', '10', { key });
    expect(await hand.renew('ann', 'c1-1', '10', { key })).toEqual({ ...first, replayed: true });
    expect(await hand.renew('ann', 'c1-1', '11', { key })).toMatchObject({ ok: false, detail: 'duplicate' });
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
