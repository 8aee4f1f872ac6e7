// What rate tokens cost through the SDK, who gets the scarce ones, and what an upstream's word does to a bucket.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Agent } from '../src/index.js';
import { few, heldBy, levelOf, type TokenMarket, tokenMarket, upstream } from './token-market.js';

let m: TokenMarket;
let idle: Agent;

beforeAll(async () => {
  m = await tokenMarket('sdk-token-prices');
  idle = await m.sdkAgent('idle');
});
afterAll(() => m.stop());

describe('prices', () => {
  test('a price below the reserve price is refused at once, with what it would cost', async () => {
    const id = await m.bucket([few(10, { priceMicro: '50' })]);
    const taken = await idle.takeTokens(id, { requests: 2, maxPriceMicro: 99 });
    expect(taken).toMatchObject({ ok: false, detail: 'below-reserve-price', priceMicro: '100' });
    const quoted = await idle.bucket(id, { requests: 2 });
    expect(quoted).toMatchObject({ ok: true, quote: { priceMicro: '100', noisePermille: 1000, startInMs: 0 } });
    const never = { ok: false, detail: 'no-capacity', final: true };
    expect(await idle.bucket(id, { requests: 11 })).toMatchObject(never);
    const tooMany = await idle.takeTokens(id, { requests: 11, maxPriceMicro: 9999 });
    expect(tooMany).toMatchObject(never);
    expect(tooMany).not.toHaveProperty('retryAfterMs');
    expect(await idle.bucket(id, { words: 1 })).toMatchObject({ ok: false, detail: 'malformed' });
    expect(await idle.bucket('nothing')).toMatchObject({ ok: false, detail: 'unknown' });
  });

  test('a quote is for the amounts that are asked about, with what would pass, and those who wait first', async () => {
    const id = await m.bucket([few(10, { priceMicro: '10' }), { name: 'tokens', capacity: 100, refillPerSecond: 1 }]);
    const never = await idle.bucket(id, { requests: 11, tokens: 300 });
    expect(never).toMatchObject({ ok: false, detail: 'no-capacity', final: true });
    expect(never).toMatchObject({ message: expect.stringContaining('at most 10 of requests and 100 of tokens') });
    const holder = await m.sdkAgent('keeps');
    const held = heldBy(await holder.takeTokens(id, { tokens: 60, maxPriceMicro: 60 }));
    const quoteFor = async (tokens: number, maxPriceMicro: number) => {
      const view = await idle.bucket(id, { tokens, maxPriceMicro });
      if (!view.ok) throw new Error(view.message);
      return view.quote!;
    };
    // Forty are left: enough for twenty, unless somebody comes first who takes sixty once more.
    expect(await quoteFor(20, 20)).toMatchObject({ priceMicro: '20', startInMs: 0, winProbability: 0.25 });
    expect(await quoteFor(20, 21)).toMatchObject({ priceMicro: '20', startInMs: 0, winProbability: 0.75 });
    const large = await quoteFor(100, 100);
    expect(large.startInMs).toBeGreaterThan(30_000);
    expect(large.winProbability).toBeLessThan(0.3);
    // Who waits for all of it, for twice the price, comes before whoever offers less.
    const waits = (await m.sdkAgent('waits')).takeTokens(id, { tokens: 100, maxPriceMicro: 200 }, { waitMs: 20_000 });
    await expect.poll(async () => (await quoteFor(20, 20)).startInMs).toBeGreaterThan(50_000);
    expect((await quoteFor(20, 20)).winProbability).toBeLessThan(0.3);
    expect(await quoteFor(20, 41)).toMatchObject({ startInMs: 0 });
    await held.release();
    expect(await waits).toMatchObject({ ok: true });
  });

  test('the scarce go to who offers most, all at the highest price that was offered in vain', async () => {
    const id = await m.bucket([few(4, { priceMicro: '100' })]);
    const holder = await m.sdkAgent('holder');
    const all = heldBy(await holder.takeTokens(id, { requests: 4, maxPriceMicro: 1000 }));
    const bidders = await Promise.all([500, 200, 400, 300, 150, 250].map((bid) => m.sdkAgent(`bids-${bid}`)));
    const arrived = await m.takes();
    const patience = new AbortController();
    const won: [string, number][] = [];
    const wishes = bidders.map(async (agent) => {
      const order = { requests: 1, maxPriceMicro: Number(agent.id.slice(5)) };
      const one = heldBy(await agent.takeTokens(id, order, { waitMs: 50_000, signal: patience.signal }));
      won.push([agent.id, one.amountMicro]);
    });
    const ended = Promise.allSettled(wishes);
    await arrived(6);
    await all.release();
    await expect
      .poll(() => won.toSorted())
      .toEqual([
        ['bids-250', 200],
        ['bids-300', 200],
        ['bids-400', 200],
        ['bids-500', 200],
      ]);
    // The others wait on, in vain.
    patience.abort(new Error('enough'));
    expect((await ended).filter(({ status }) => status === 'rejected')).toHaveLength(2);
  });

  test('who took much of late pays more for the same', async () => {
    const limits = [{ name: 'requests', capacity: 1000, refillPerSecond: 100, priceMicro: '100' }];
    const id = await m.bucket(limits, { noiseMaxPermille: 5000, noiseWindowMs: 10_000 });
    const [noisy, quiet] = [await m.sdkAgent('noisy'), await m.sdkAgent('quiet')];
    heldBy(await noisy.takeTokens(id, { requests: 500, maxPriceMicro: 100_000 }));
    const order = { requests: 1, maxPriceMicro: 1000 };
    expect(heldBy(await quiet.takeTokens(id, order))).toMatchObject({ amountMicro: 100, noisePermille: 1000 });
    const loud = heldBy(await noisy.takeTokens(id, order));
    expect(loud.noisePermille).toBeGreaterThan(2000);
    expect(loud.amountMicro).toBe(Math.ceil((100 * loud.noisePermille) / 1000));
  });

  test('by proportional share nobody is outbid: each gets its part', async () => {
    const id = await m.bucket([few(12)], { rule: 'proportional-share' });
    const holder = await m.sdkAgent('keeper');
    const all = heldBy(await holder.takeTokens(id, { requests: 12, maxPriceMicro: 1000 }));
    const sharers = await Promise.all(['one', 'two', 'three'].map((name) => m.sdkAgent(`share-${name}`)));
    const arrived = await m.takes();
    const wishes = sharers.map((agent, n) => {
      const order = { requests: 8, maxPriceMicro: 1000 * (n + 1) };
      return agent.takeTokens(id, order, { waitMs: 50_000, atLeast: { requests: 1 } });
    });
    await arrived(3);
    await all.release();
    const shares = (await Promise.all(wishes)).map((one) => heldBy(one));
    expect(shares.map(({ amounts }) => amounts.requests)).toEqual([4, 4, 4]);
    expect(shares.map(({ amountMicro }) => amountMicro)).toEqual([4, 4, 4]);
  });

  test('an account of class system finds its reserve, and comes before the crowd', async () => {
    const id = await m.bucket([few(10, { reserve: 4 })]);
    const system = await m.sdkAgent('guardian', { account: { class: 'system' } });
    const holder = await m.sdkAgent('hoarder');
    const all = heldBy(await holder.takeTokens(id, { requests: 6, maxPriceMicro: 1000 }));
    const crowd = await Promise.all(Array.from({ length: 5 }, (_, n) => m.sdkAgent(`crowd-${n}`)));
    const arrived = await m.takes();
    const patience = new AbortController();
    const waiting = { waitMs: 50_000, signal: patience.signal };
    const ended = Promise.allSettled(
      crowd.map(async (agent) => heldBy(await agent.takeTokens(id, { requests: 2, maxPriceMicro: 500_000 }, waiting))),
    );
    await arrived(5);
    // It does not wait behind them.
    const fromReserve = await system.takeTokens(id, { requests: 4, maxPriceMicro: 4 }, { waitMs: 0 });
    expect(heldBy(fromReserve).amountMicro).toBe(4);
    // Nothing is left for it: it waits, and is the first who is served.
    const next = system.takeTokens(id, { requests: 6, maxPriceMicro: 6 }, { waitMs: 50_000 });
    await arrived(7);
    await all.release();
    expect(heldBy(await next).amountMicro).toBe(6);
    patience.abort(new Error('enough'));
    expect((await ended).map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
  });
});

describe('feedback', () => {
  test('429s cut the refill, a quiet time lets it grow again', async () => {
    const limits = [{ name: 'requests', capacity: 20, refillPerSecond: 200 }];
    const id = await m.bucket(limits, { decreasePermille: 500, backOffMs: 100, increasePermille: 10 });
    const caller = await m.sdkAgent('caller');
    let perSecond = 0;
    const api = await upstream(() => perSecond);
    const call = () =>
      caller.withTokens(id, { requests: 1, maxPriceMicro: 1000 }, () => fetch(api.url), { retries: 0 });
    const factor = async () => ((await idle.bucket(id)) as { factorPermille?: number }).factorPermille!;
    // Each 429 halves it, but not two within a tenth of a second.
    for (let cuts = 1; cuts <= 3; cuts++) {
      await expect
        .poll(async () => {
          expect((await call()).status).toBe(429);
          return factor();
        })
        .toBeLessThan(1000 / 2 ** cuts + 100);
    }
    const cut = await factor();
    perSecond = 100;
    expect((await call()).status).toBe(200);
    await expect.poll(factor).toBeGreaterThan(cut);
  });

  test('what the upstream says is left lowers a level, and raises none', async () => {
    const agent = await m.sdkAgent('reader');
    const id = await m.bucket([few(100), few(1000, { name: 'tokens' })]);
    const told = new Headers({
      'x-ratelimit-remaining-requests': '40',
      'anthropic-ratelimit-tokens-remaining': '5000',
    });
    const answer = new Response('x', { headers: told });
    await agent.withTokens(id, { requests: 1, tokens: 10, maxPriceMicro: 100 }, () => answer);
    expect([await levelOf(agent, id), await levelOf(agent, id, 'tokens')]).toEqual([40, 990]);
  });
});
