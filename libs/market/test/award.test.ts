// The award: one success among many, every refusal by name, and refusals that change nothing.
import { metaKey, runScript } from '@tender/credits/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AwardBatch, MAX_BATCH, marketScripts } from '../src/redis/index.js';
import type { BidDraft, CallDraft } from '../src/testing/index.js';
import { START_MS, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';

const NKEY = `U${'A'.repeat(55)}`;
const OTHER_NKEY = `U${'B'.repeat(55)}`;

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

const ann = (price: number, bid: Partial<BidDraft> = {}): BidDraft => ({ participant: 'ann', price, ...bid });
const ben = (price: number, bid: Partial<BidDraft> = {}): BidDraft => ({ participant: 'ben', price, ...bid });

describe('500 at once after one slot', () => {
  it('the same call under 500 keys: one award, 499 told that it is a duplicate', async () => {
    const { redis, market, hand, available, check } = await server.market();
    await hand.call({ cfp: 'c1', slots: [0] });
    const batch = new AwardBatch(redis, market);
    const inputs = Array.from({ length: 500 }, () => hand.awardInput('c1', [ann(10)]));
    const replies = await Promise.all(inputs.map((input) => batch.award(input)));
    expect(replies.filter(({ ok }) => ok)).toHaveLength(1);
    expect(replies.filter((reply) => !reply.ok && reply.detail === 'duplicate')).toHaveLength(499);
    expect(await available('ann')).toBe(1_000);
    expect(await redis.xlen(`{${market}}:journal`)).toBe(Number(await redis.hget(`{${market}}:meta`, 'seq')));
    await check();
  });

  it('500 calls whose locks were taken from each other: the last holder alone, the others lost the lock', async () => {
    const { redis, market, hand, reader, pending, check } = await server.market();
    for (let n = 0; n < 500; n += 1) await hand.call({ cfp: `c${n}`, slots: [0], reservePriceMicro: '7' });
    const batch = new AwardBatch(redis, market);
    const order = Array.from({ length: 500 }, (_, n) => (n * 263) % 500);
    const bid = (n: number) => ({ participant: ['ann', 'ben', 'cid', 'dot'][n % 4]!, price: 10 });
    const replies = await Promise.all(order.map((n) => batch.award(hand.awardInput(`c${n}`, [bid(n)]))));
    const winners = replies.filter((reply) => reply.ok);
    expect(winners.map((reply) => reply.cfp)).toEqual(['c499']);
    expect(replies.filter((reply) => !reply.ok && reply.detail === 'lock-lost')).toHaveLength(499);
    expect(await pending('dot')).toBe(7);
    expect((await reader.contract('c499-1'))?.fences).toEqual([1]);
    await check();
  });

  it('500 calls, each with the lock again for a moment: the fence lets the first through alone', async () => {
    const { hand, check } = await server.market();
    for (let n = 0; n < 500; n += 1) await hand.call({ cfp: `c${n}`, slots: [0] });
    const details: string[] = [];
    for (let n = 0; n < 500; n += 1) {
      await hand.lock('gpu', [0], `lock-c${n}`);
      const reply = await hand.award(`c${n}`, [ann(1)]);
      details.push(reply.ok ? 'ok' : reply.detail);
    }
    expect(details).toEqual(['ok', ...Array(499).fill('lock-lost')]);
    await check();
  });
});

describe('winners', () => {
  it('many in one call: each its own slots, fences, payment; all at one price', async () => {
    const { hand, pending, available, check } = await server.market();
    await hand.call({ cfp: 'c1', slots: [5, 2, 7, 0] });
    const reply = await hand.award('c1', [ann(50), ben(40, { units: 2 }), ann(30), ben(20), ann(10)]);
    if (!reply.ok) throw new Error(reply.message);
    expect(
      reply.winners.map(({ contract, slots, fences, amountMicro }) => [contract, slots, fences, amountMicro]),
    ).toEqual([
      ['c1-1', [5], [1], '20'],
      ['c1-2', [2, 7], [1, 1], '40'],
      ['c1-3', [0], [1], '20'],
    ]);
    expect(reply).toMatchObject({ clearingPriceMicro: '20', outbid: { participant: 'ben', priceMicro: '20' } });
    expect(reply.verdicts.map(({ outcome }) => outcome)).toEqual(['won', 'won', 'won', 'lost', 'lost']);
    expect([await pending('ann'), await available('ann')]).toEqual([40, 960]);
    await check();
  });

  it('fewer than the units: the slots that are left are free, and their locks are gone', async () => {
    const { redis, market, hand, reader, check } = await server.market();
    await hand.call({ cfp: 'c1', slots: [0, 1, 2] });
    const reply = await hand.award('c1', [ann(50, { units: 4 }), ben(40, { units: 2 })]);
    expect(reply).toMatchObject({ ok: true, winners: [{ participant: 'ben', slots: [0, 1], priceMicro: '0' }] });
    expect(await reader.freeCount('gpu')).toBe(6);
    await hand.call({ cfp: 'c2', slots: [2] });
    const asked = { cfp: 'c2', pool: 'gpu', units: 8 };
    const offer = await runScript(redis, marketScripts.offer, metaKey(market), asked);
    expect(offer.slots.sort()).toEqual([3, 4, 5, 6, 7]);
    expect(offer).toMatchObject({ known: true, seller: 'seller', reservePriceMicro: '0' });
    await check();
  });

  it.each([
    ['uniform-price', ['30', '30']],
    ['second-price', ['40', '30']],
    ['first-price', ['50', '40']],
  ] as const)('pay by the rule: %s', async (rule, prices) => {
    const { hand, check } = await server.market();
    await hand.call({ cfp: 'c1', slots: [0, 1], rule, reservePriceMicro: '3' });
    const reply = await hand.award('c1', [ann(50), ben(40), { participant: 'cid', price: 30 }]);
    expect(reply.ok && reply.winners.map(({ priceMicro }) => priceMicro)).toEqual(prices);
    await check();
  });

  it('14 digits to the last: price, balance and payment', async () => {
    const most = 99_999_999_999_999;
    const { hand, available, pending, reader, check } = await server.market({
      agents: [{ id: 'ann' }],
      grantMicro: most,
    });
    await hand.call({ cfp: 'c1', slots: [0], rule: 'first-price' });
    expect(await hand.award('c1', [ann(most)])).toMatchObject({ winners: [{ amountMicro: String(most) }] });
    expect([await available('ann'), await pending('ann')]).toEqual([0, most]);
    expect((await reader.contract('c1-1'))?.amountMicro).toBe(String(most));
    await check();
    await hand.release('ann', 'c1-1');
    await check();
  });
});

interface BarredCase {
  readonly why: string;
  readonly detail: string;
  readonly bid: BidDraft;
  readonly call?: Partial<CallDraft>;
  readonly before?: (market: TestMarket) => Promise<unknown>;
  readonly reserve?: number;
}

/** Each bid ranks first and cannot win; ben's behind it can. */
const barredCases: BarredCase[] = [
  { why: 'under the reserve price', detail: 'below-reserve-price', bid: ann(39), call: { reservePriceMicro: '40' } },
  { why: "the initiator's own", detail: 'not-permitted', bid: { participant: 'seller', price: 90 } },
  { why: 'past its time', detail: 'expired', bid: ann(90, { until_ms: START_MS - 1 }) },
  { why: 'of nobody', detail: 'unknown', bid: { participant: 'nobody', price: 90 } },
  { why: "of a pool's account", detail: 'unknown', bid: { participant: 'pool-account', price: 90 } },
  { why: "of the treasury's", detail: 'unknown', bid: { participant: 'treasury', price: 90 } },
  { why: "sealed by another's nkey", detail: 'bad-signature', bid: ann(90, { nkey: OTHER_NKEY }) },
  {
    why: 'sealed by an nkey where the account has none',
    detail: 'bad-signature',
    bid: { participant: 'cid', price: 90, nkey: NKEY },
  },
  { why: 'sealed as the call does not take it', detail: 'not-permitted', bid: ann(90), call: { seals: ['ed25519'] } },
  {
    ...{ why: 'sealed by an nkey where the call takes macs', detail: 'not-permitted', bid: ann(90, { nkey: NKEY }) },
    call: { seals: ['mac'] },
  },
  {
    ...{ why: 'under an intent that has won', detail: 'duplicate', bid: ann(90, { intent: 'once' }) },
    before: async ({ hand }) => {
      await hand.call({ cfp: 'c0', slots: [7] });
      await hand.award('c0', [ann(1, { intent: 'once', until_ms: START_MS })]);
    },
  },
  { why: 'not covered', detail: 'insufficient-credits', bid: ann(1_001) },
  { why: 'not covered for all units', detail: 'insufficient-credits', bid: ann(501, { units: 2 }) },
  {
    ...{ why: 'beyond what the rules let its payer set aside', detail: 'over-budget', bid: ann(90, { limit: 189 }) },
    before: async ({ hand }) => {
      await hand.call({ cfp: 'c0', slots: [7], reservePriceMicro: '100' });
      await hand.award('c0', [ann(100, { until_ms: START_MS })]);
    },
  },
  { why: 'for what is reserved', detail: 'reserved-for-system', bid: ann(90), reserve: 8 },
];

describe('a bid that may not win', () => {
  async function marketOf({ reserve = 0, before, call }: BarredCase, cfp: string): Promise<TestMarket> {
    const market = await server.market({
      agents: [{ id: 'ann', nkey: NKEY }, { id: 'ben', class: 'system' }, { id: 'cid' }],
      pools: [{ pool: 'gpu', slots: 8, reserve }],
    });
    await market.setClock(START_MS);
    await before?.(market);
    await market.hand.call({ cfp, slots: [0, 1], ...call });
    return market;
  }
  const timed = (bid: BidDraft): BidDraft => ({ until_ms: START_MS, ...bid });

  it.each(barredCases)('$why: $detail; the next one wins', async (row) => {
    const { hand, check } = await marketOf(row, 'c1');
    const other = timed(ben(40, row.call?.seals?.includes('mac') === false ? { participant: 'ann', nkey: NKEY } : {}));
    const bids = row.detail === 'below-reserve-price' ? [other, timed(row.bid)] : [timed(row.bid), other];
    const reply = await hand.award('c1', bids);
    if (!reply.ok) throw new Error(reply.message);
    const verdict = reply.verdicts.find(({ detail }) => detail !== undefined);
    const outcome = row.detail === 'reserved-for-system' ? 'lost' : 'barred';
    expect(verdict).toMatchObject({ participant: row.bid.participant, outcome, detail: row.detail });
    expect(reply.winners).toHaveLength(1);
    await check();
  });

  it.each(barredCases)('$why, alone: the award is refused as $detail and nothing has changed', async (row) => {
    const { hand, dump, check } = await marketOf(row, 'c1');
    const before = await dump();
    expect(await hand.award('c1', [timed(row.bid)])).toMatchObject({ ok: false, detail: row.detail });
    expect(await dump()).toEqual(before);
    await check();
  });

  it('twice in one award under the same intent: the second is barred', async () => {
    const { hand, check } = await server.market();
    await hand.call({ cfp: 'c1', slots: [0, 1] });
    const reply = await hand.award('c1', [ann(50, { intent: 'same' }), ann(50, { intent: 'same' })]);
    expect(reply).toMatchObject({
      ok: true,
      verdicts: [{ outcome: 'won' }, { outcome: 'barred', detail: 'duplicate' }],
    });
    await check();
  });

  it('for more than its account has after what it won before in the same award', async () => {
    const { hand, check } = await server.market();
    await hand.call({ cfp: 'c1', slots: [0, 1, 2] });
    const reply = await hand.award('c1', [ann(600), ann(500), ann(400)]);
    expect(reply.ok && reply.verdicts.map(({ outcome, detail }) => detail ?? outcome)).toEqual([
      ...['won', 'insufficient-credits', 'won'],
    ]);
    await check();
  });

  it('the system agent takes what is reserved', async () => {
    const { hand, check } = await server.market({
      agents: [{ id: 'ann' }, { id: 'sys', class: 'system' }],
      pools: [{ pool: 'gpu', slots: 2, reserve: 1 }],
    });
    await hand.call({ cfp: 'c1', slots: [0, 1] });
    const reply = await hand.award('c1', [ann(50), ann(40), { participant: 'sys', price: 30 }]);
    expect(reply.ok && reply.winners.map(({ participant, priceMicro }) => [participant, priceMicro])).toEqual([
      ['ann', '0'],
      ['sys', '0'],
    ]);
    await check();
  });
});

type Refused = [
  why: string,
  detail: string,
  given: (market: TestMarket) => Promise<unknown>,
  ask?: { readonly cfp?: string; readonly by?: string; readonly termsDigest?: string },
];

const refusedCases: Refused[] = [
  ['of a call that nobody opened', 'unknown', async () => {}, { cfp: 'c9' }],
  ["of another's call", 'not-permitted', async () => {}, { by: 'ann' }],
  ['of a call that is awarded', 'duplicate', ({ hand }) => hand.award('c1', [ben(5, { until_ms: START_MS })])],
  ['of a call that was released', 'expired', ({ hand }) => hand.releaseCall('c1')],
  [
    ...(['of a call that lapsed', 'lock-lost'] as const),
    async ({ hand, setClock }) => {
      await setClock(START_MS + 60_001);
      await hand.lapseCall('c1');
    },
  ],
  ['under other terms', 'stale', async () => {}, { termsDigest: 'e'.repeat(43) }],
  [
    'by rules that were replaced',
    'stale',
    async ({ redis, market }) => redis.hset(metaKey(market), 'policyVersion', 1),
  ],
  ['whose lock ran out', 'lock-lost', async ({ hand, redis }) => redis.pexpire(hand.lockKey('gpu', 1), 0)],
  ['whose lock is gone', 'lock-lost', async ({ hand, redis }) => redis.del(hand.lockKey('gpu', 0))],
  ["whose lock is another's", 'lock-lost', async ({ hand }) => hand.lock('gpu', [1], 'another')],
  [
    ...(['whose slot was awarded and is free again', 'lock-lost'] as const),
    async ({ hand }) => {
      await hand.call({ cfp: 'c2', slots: [1] });
      await hand.award('c2', [ben(5, { until_ms: START_MS })]);
      await hand.release('ben', 'c2-1');
      await hand.lock('gpu', [1], 'lock-c1');
    },
  ],
  ['that comes late', 'late', ({ setClock }) => setClock(START_MS + 60_001)],
];

describe('an award', () => {
  it.each(refusedCases)('%s is refused as %s, and nothing has changed', async (_why, detail, given, ask = {}) => {
    const market = await server.market();
    await market.setClock(START_MS);
    await market.hand.call({ cfp: 'c1', slots: [0, 1] });
    await given(market);
    const before = await market.dump();
    const { cfp = 'c1', ...draft } = ask;
    const reply = await market.hand.award(cfp, [ann(10, { until_ms: START_MS + 90_000 })], draft);
    expect(reply).toMatchObject({ ok: false, detail });
    expect(await market.dump()).toEqual(before);
    // A version that no journal tells of was the test's alone.
    await market.redis.hdel(metaKey(market.market), 'policyVersion');
    await market.check();
  });

  it('at the last millisecond is in time', async () => {
    const { hand, setClock, check } = await server.market();
    await setClock(START_MS);
    await hand.call({ cfp: 'c1', slots: [0] });
    await setClock(START_MS + 60_000);
    expect(await hand.award('c1', [ann(10, { until_ms: START_MS + 60_000 })])).toMatchObject({ ok: true });
    await check();
  });

  it('asked again under its key gets the first answer, and nothing changes', async () => {
    const { hand, dump, check } = await server.market();
    await hand.call({ cfp: 'c1', slots: [0] });
    const input = hand.awardInput('c1', [ann(10)]);
    const [first] = await hand.awards([input]);
    const before = await dump();
    expect(await hand.awards([input, input])).toEqual([
      { ...first, replayed: true },
      { ...first, replayed: true },
    ]);
    expect(await dump()).toEqual(before);
    await check();
  });

  it('under a key that another body used is refused', async () => {
    const { hand, dump, check } = await server.market();
    await hand.call({ cfp: 'c1', slots: [0] });
    await hand.call({ cfp: 'c2', slots: [1] });
    const { key } = hand.awardInput('c1', []);
    await hand.award('c1', [ann(10)], { key });
    const before = await dump();
    expect(await hand.award('c2', [ann(10)], { key })).toMatchObject({ ok: false, detail: 'duplicate' });
    expect(await dump()).toEqual(before);
    await check();
  });

  it('that was refused may be asked again under its key', async () => {
    const { hand, check } = await server.market();
    await hand.call({ cfp: 'c1', slots: [0] });
    const input = hand.awardInput('c1', [ann(10)]);
    await hand.redis.del(hand.lockKey('gpu', 0));
    expect((await hand.awards([input]))[0]).toMatchObject({ ok: false, detail: 'lock-lost' });
    await hand.lock('gpu', [0], 'lock-c1');
    expect((await hand.awards([input]))[0]).toMatchObject({ ok: true, winners: [{ slots: [0] }] });
    await check();
  });
});

describe('a batch', () => {
  it('of 64 awards where every third cannot be: each is whole by itself', async () => {
    const { hand, redis, market, check } = await server.market({ pools: [{ pool: 'gpu', slots: 128 }] });
    for (let n = 0; n < 64; n += 1) await hand.call({ cfp: `c${n}`, slots: [2 * n, 2 * n + 1] });
    for (let n = 0; n < 64; n += 3) await redis.del(hand.lockKey('gpu', 2 * n + 1));
    const batch = new AwardBatch(redis, market);
    const bids = [ann(1, { units: 1 }), ben(1)];
    const replies = await Promise.all(
      Array.from({ length: MAX_BATCH }, (_, n) => batch.award(hand.awardInput(`c${n}`, bids))),
    );
    expect(replies.map(({ ok }) => ok)).toEqual(Array.from({ length: 64 }, (_, n) => n % 3 !== 0));
    const held = await redis.scard(`{${market}}:free:gpu`);
    expect(held).toBe(128 - 2 * 42);
    await check();
  });

  it('whose awards want the same credits: the first in the batch have them', async () => {
    const { hand, check } = await server.market();
    for (let n = 0; n < 4; n += 1) await hand.call({ cfp: `c${n}`, slots: [n], rule: 'first-price' });
    const replies = await hand.awards([0, 1, 2, 3].map((n) => hand.awardInput(`c${n}`, [ann(400)])));
    expect(replies.map((reply) => (reply.ok ? 'ok' : reply.detail))).toEqual([
      ...['ok', 'ok', 'insufficient-credits', 'insufficient-credits'],
    ]);
    await check();
  });

  it('tells each caller when Redis is away, and commits nothing twice when asked again', async () => {
    const { redis, market, hand, check } = await server.market();
    await hand.call({ cfp: 'c1', slots: [0] });
    const cut = redis.duplicate();
    cut.on('error', () => {});
    await new Promise((resolve) => cut.once('ready', resolve));
    const batch = new AwardBatch(cut, market);
    const input = hand.awardInput('c1', [ann(10)]);
    const pending = batch.award(input);
    cut.disconnect();
    const answers = await Promise.allSettled([pending, batch.award(input)]);
    for (const { status } of answers) expect(status).toBe('rejected');
    const again = await new AwardBatch(redis, market).award(input);
    expect(again).toMatchObject({ ok: true, winners: [{ slots: [0], fences: [1] }] });
    await check();
  });
});
