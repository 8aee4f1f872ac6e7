// Rate tokens sold on from hand to hand, against Redis: what changes hands, what still counts, what is refused.
import { marketKey } from '@tender/credits/redis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type BucketDraft, TokenHand } from '../src/testing/index.js';
import { START_MS, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';

let server: TestRedis;
let market: TestMarket;
let tokens: TokenHand;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

beforeEach(async () => {
  market = await server.market({
    agents: [{ id: 'ann' }, { id: 'cid' }, { id: 'sys', class: 'system' as const }],
    pools: [],
    grantMicro: 1_000,
  });
  await market.setClock(START_MS);
  tokens = new TokenHand(market.redis, market.market);
});

/** Ten requests at ten micro-credits, two of them reserved, one a second; noise costs nothing. */
const REQUESTS = { name: 'requests', capacity: 10, refillPerSecond: 1, reserve: 2, priceMicro: '10' };
const requests = (n: number) => ({ amounts: { requests: n } });
async function open(draft: BucketDraft = {}): Promise<void> {
  const reply = await tokens.openBucket({ limits: [REQUESTS], noiseMaxPermille: 1000, ...draft });
  expect(reply).toMatchObject({ ok: true });
}

it('is sold in parts: credits, tokens and the part of the payment change hands in one step', async () => {
  await open();
  await tokens.take({ agent: 'ann', hold: 'h1', ...requests(5) });
  await tokens.offer('ann', 'h1', 'cid', { requests: 2 }, 70);
  const buy = { agent: 'cid', of: 'h1', hold: 'b1', ...requests(2) };
  expect(await tokens.buy({ ...buy, maxPrice: 69 })).toMatchObject({
    detail: 'below-reserve-price',
    priceMicro: '70',
  });
  expect(await tokens.buy({ ...buy, ...requests(3) })).toMatchObject({ detail: 'stale' });
  const bought = await tokens.buy(buy);
  expect(bought).toMatchObject({ ok: true, unitsMicro: { requests: '0' }, amountMicro: '0' });
  expect(await tokens.buy(buy)).toEqual({ ...bought, replayed: true });
  // 1000 + 70 - 50 set aside, of which 20 are paid.
  expect([await market.available('ann'), await market.pending('ann')]).toEqual([1_020, 30]);
  expect([await market.available('cid'), await market.available('pool-account')]).toEqual([930, 20]);
  expect(await tokens.return('cid', 'b1', { requests: 1 })).toMatchObject({
    returned: { requests: 1 },
    paidMicro: '0',
  });
  expect(await tokens.return('ann', 'h1', {})).toMatchObject({ returned: { requests: 0 }, paidMicro: '50' });
  await market.check();
});

// Whichever name a Redis puts first, one of the two would name the wrong fault if it looked at one name after the other.
it.each([
  ['requests', 'tokens'],
  ['tokens', 'requests'],
])('of %s is not offered with %s, whatever else is wrong with the offer', async (has, lacks) => {
  await open({ limits: [REQUESTS, { ...REQUESTS, name: 'tokens' }] });
  await tokens.take({ agent: 'ann', hold: 'h1', amounts: { [has]: 1 }, maxPrice: 10 });
  expect(await tokens.offer('ann', 'h1', 'cid', { [has]: 2, [lacks]: 1 }, 0)).toMatchObject({ detail: 'malformed' });
  expect(await tokens.offer('ann', 'h1', 'cid', { [has]: 2 }, 0)).toMatchObject({ detail: 'no-capacity' });
  await market.check();
});

it('counts as taken by the seller still, and as had by the buyer: passing it on makes nobody quiet', async () => {
  await open();
  await tokens.take({ agent: 'ann', hold: 'h1', ...requests(6), maxPrice: 600 });
  const takenBy = () => market.redis.hgetall(marketKey(market.market, 'taken', 'api'));
  const before = (await takenBy()).ann;
  for (const hold of ['b1', 'b2']) {
    await tokens.offer('ann', 'h1', 'cid', { requests: 2 }, 0);
    expect(await tokens.buy({ agent: 'cid', of: 'h1', hold, ...requests(2) })).toMatchObject({ ok: true });
  }
  const { ann, cid } = await takenBy();
  expect(ann).toBe(before);
  const used = (text: string | undefined) => Number(text!.split(',')[2]);
  expect(used(cid)).toBe(2 * Math.floor(used(ann) / 3));
  // Two are left in hand; what is given back of them alone counts no more.
  await tokens.return('ann', 'h1', { requests: 0 });
  expect(used((await takenBy()).ann)).toBe(used(cid));
  await market.check();
});

it("is bought within an owner's share of what was taken of late alone", async () => {
  // A window gives 60 requests, an owner's agents have 6 of them.
  await open({ ownerMaxPermille: 100 });
  await tokens.take({ agent: 'cid', hold: 'own', ...requests(4) });
  const pass = async (n: number) => {
    await tokens.take({ agent: 'ann', hold: `h${n}`, ...requests(n), maxPrice: 100 });
    await tokens.offer('ann', `h${n}`, 'cid', { requests: n }, 0);
    return tokens.buy({ agent: 'cid', of: `h${n}`, hold: `b${n}`, ...requests(n) });
  };
  expect(await pass(2)).toMatchObject({ ok: true });
  expect(await pass(1)).toMatchObject({ ok: false, detail: 'token-limit' });
  await market.check();
});

it('that class system took from the reserve is sold to class system alone', async () => {
  await open();
  await tokens.take({ agent: 'sys', hold: 'h1', ...requests(9) });
  expect(await tokens.offer('sys', 'h1', 'ann', requests(1).amounts, 1)).toMatchObject({
    detail: 'reserved-for-system',
  });
});

it('is bought of nobody whom the rules keep from it, nor by rules that were replaced, nor of another than was judged', async () => {
  await open();
  await tokens.take({ agent: 'ann', hold: 'h1', ...requests(2) });
  await tokens.offer('ann', 'h1', 'cid', { requests: 1 }, 5);
  const buy = { agent: 'cid', of: 'h1', hold: 'b1' };
  const barred = { rule: 'no-cid', detail: 'not-permitted', message: 'rule no-cid: cid is denied' } as const;
  const before = await market.dump();
  expect(await tokens.buy({ ...buy, seller: 'ann', barred })).toMatchObject({ ok: false, ...barred });
  for (const moved of [{ policy: 1 }, { seller: 'ben' }, { seller: '' }]) {
    const message = expect.stringMatching(/^the policy/);
    expect(await tokens.buy({ ...buy, ...moved })).toMatchObject({ ok: false, detail: 'stale', message });
  }
  expect(await market.dump()).toEqual(before);
  const bought = await tokens.buy({ ...buy, seller: 'ann' });
  expect(bought).toMatchObject({ ok: true });
  // Rules of later change nothing of what was done.
  expect(await tokens.buy({ ...buy, policy: 1, barred })).toEqual({ ...bought, replayed: true });
  await market.check();
});
