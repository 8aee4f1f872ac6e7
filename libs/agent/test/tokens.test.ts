// Rate tokens through the SDK: taken, waited for, worked under, given back and sold on.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Agent } from '../src/index.js';
import { CREDIT } from './support.js';
import { few, heldBy, levelOf, moneyOf, type TokenMarket, tokenMarket, upstream } from './token-market.js';

let m: TokenMarket;
let idle: Agent;

beforeAll(async () => {
  m = await tokenMarket('sdk-tokens');
  idle = await m.sdkAgent('idle');
});
afterAll(() => m.stop());

describe('with tokens', () => {
  test('the whole dance: taken, worked under, what was not used is back and not paid', async () => {
    const agent = await m.sdkAgent('dancer');
    const id = await m.bucket([few(10), few(10_000, { name: 'tokens', priceMicro: '20' })]);
    const before = await moneyOf(agent);
    const result = await agent.withTokens(id, { requests: 1, tokens: 3000, maxPrice: 100_000 }, async (held) => {
      expect(held).toMatchObject({ bucket: id, amounts: { requests: 1, tokens: 3000 }, amountMicro: 60_001 });
      expect(held.signal.aborted).toBe(false);
      expect(await levelOf(agent, id, 'tokens')).toBe(7000);
      expect(await moneyOf(agent)).toEqual([before[0] - 60_001, 60_001]);
      held.used({ tokens: 1200 });
      return 'an answer';
    });
    expect(result).toBe('an answer');
    expect(await levelOf(agent, id)).toBe(9);
    expect(await levelOf(agent, id, 'tokens')).toBe(8800);
    expect(await moneyOf(agent)).toEqual([before[0] - 24_001, 0]);
  });

  test('what nobody said anything about counts as used', async () => {
    const agent = await m.sdkAgent('silent');
    const id = await m.bucket([few(10)]);
    await agent.withTokens(id, { requests: 4, maxPriceMicro: 100 }, () => undefined);
    expect(await levelOf(agent, id)).toBe(6);
  });

  test('more than was held may have been used: it is paid, and the bucket is in debt', async () => {
    const agent = await m.sdkAgent('glutton');
    const id = await m.bucket([few(10)]);
    const [before] = await moneyOf(agent);
    await agent.withTokens(id, { requests: 8, maxPriceMicro: 100 }, (held) => held.used({ requests: 15 }));
    expect(await levelOf(agent, id)).toBe(-5);
    expect(await moneyOf(agent)).toEqual([before - 15, 0]);
  });

  test('an exception in the work is thrown on, and what was known to be unused is back', async () => {
    const agent = await m.sdkAgent('clumsy');
    const id = await m.bucket([few(10)]);
    const work = agent.withTokens(id, { requests: 5, maxPriceMicro: 100 }, (held) => {
      held.used({ requests: 2 });
      throw new Error('the work broke');
    });
    await expect(work).rejects.toThrow('the work broke');
    expect(await levelOf(agent, id)).toBe(8);
  });

  test('a 429 is heard by itself, waited for and tried again; the refused request counts, its tokens come back', async () => {
    const agent = await m.sdkAgent('polite');
    const id = await m.bucket([few(10), few(1000, { name: 'tokens' })], { decreasePermille: 500, increasePermille: 1 });
    let answers = 0;
    const api = await upstream(() => (answers++ === 0 ? 0 : 100), { 'retry-after-ms': '150' });
    const started = performance.now();
    const response = await agent.withTokens(id, { requests: 1, tokens: 100, maxPriceMicro: 1000 }, () =>
      fetch(api.url),
    );
    expect([response.status, await response.text()]).toEqual([200, 'done']);
    expect(performance.now() - started).toBeGreaterThan(149);
    expect(api.seen).toEqual({ ok: 1, refused: 1 });
    expect(await levelOf(agent, id)).toBe(8);
    expect(await levelOf(agent, id, 'tokens')).toBe(900);
    // Halved, and a thousandth more for each second that it took to come here.
    const { factorPermille } = (await agent.bucket(id)) as { factorPermille: number };
    expect(factorPermille).toBeGreaterThanOrEqual(500);
    expect(factorPermille).toBeLessThan(600);
  });

  test('an error that carries a 429 is one; when the retries are used up, the last result stands', async () => {
    const agent = await m.sdkAgent('unlucky');
    const id = await m.bucket([few(10)]);
    let tries = 0;
    const refused = Object.assign(new Error('too many'), { status: 429, headers: { 'retry-after-ms': '20' } });
    const throwing = () => {
      tries += 1;
      throw refused;
    };
    const work = agent.withTokens(id, { requests: 1, maxPriceMicro: 100 }, throwing, { retries: 1 });
    await expect(work).rejects.toBe(refused);
    expect(tries).toBe(2);
    const api = await upstream(() => 0, { 'retry-after-ms': '20' });
    const once = await agent.withTokens(id, { requests: 1, maxPriceMicro: 100 }, () => fetch(api.url), { retries: 0 });
    expect(once.status).toBe(429);
    // A pause that is longer than anybody wants to wait is not waited for.
    const busy = await upstream(() => 0, { 'retry-after': '3600' });
    const patience = { waitMs: 1000 };
    const late = await agent.withTokens(id, { requests: 1, maxPriceMicro: 100 }, () => fetch(busy.url), patience);
    expect(late.status).toBe(429);
    const view = await agent.bucket(id);
    expect(view.ok && view.pausedUntil! - agent.now()).toBeGreaterThan(50_000);
  });

  const senseless: [string, Parameters<Agent['withTokens']>[1], object][] = [
    ['no price', { requests: 1 }, {}],
    ['two prices', { requests: 1, maxPrice: 1, maxPriceMicro: 2 }, {}],
    ['a price below zero', { requests: 1, maxPriceMicro: -1 }, {}],
    ['half a price', { requests: 1, maxPriceMicro: 0.5 }, {}],
    ['no limit', { maxPriceMicro: 1 }, {}],
    ['no tokens', { requests: 0, maxPriceMicro: 1 }, {}],
    ['half a token', { requests: 0.5, maxPriceMicro: 1 }, {}],
    ['a limit with capitals', { Requests: 1, maxPriceMicro: 1 }, {}],
    ['a wait below zero', { requests: 1, maxPriceMicro: 1 }, { waitMs: -1 }],
    ['no number of retries', { requests: 1, maxPriceMicro: 1 }, { retries: Number.NaN }],
    ['no time to hold them', { requests: 1, maxPriceMicro: 1 }, { ttlMs: 0 }],
    ['content with nothing', { requests: 1, maxPriceMicro: 1 }, { atLeast: {} }],
  ];
  test.each(senseless)('what makes no sense is refused before anything is asked: %s', async (_name, order, options) => {
    await expect(idle.withTokens('api', order, () => 1, options)).rejects.toThrow(RangeError);
  });
});

describe('waiting', () => {
  test('what is not there is waited for, and given when it has flowed in', async () => {
    const agent = await m.sdkAgent('patient');
    const id = await m.bucket([{ name: 'requests', capacity: 10, refillPerSecond: 20 }]);
    const started = performance.now();
    heldBy(await agent.takeTokens(id, { requests: 10, maxPriceMicro: 100 }));
    const held = heldBy(await agent.takeTokens(id, { requests: 6, maxPriceMicro: 100 }, { waitMs: 50_000 }));
    // Six tokens at twenty a second.
    expect(performance.now() - started).toBeGreaterThan(299);
    expect(performance.now() - started).toBeLessThan(25_000);
    expect(held.amounts).toEqual({ requests: 6 });
  });

  test('who does not want to wait, or not long enough, hears when to come back and at what price', async () => {
    const agent = await m.sdkAgent('hasty');
    const id = await m.bucket([{ name: 'requests', capacity: 10, refillPerSecond: 0.1 }]);
    heldBy(await agent.takeTokens(id, { requests: 10, maxPriceMicro: 100 }));
    const now = await agent.takeTokens(id, { requests: 5, maxPriceMicro: 100 }, { waitMs: 0 });
    expect(now).toMatchObject({ ok: false, status: 429, detail: 'token-limit', final: false });
    const soon = await agent.takeTokens(id, { requests: 5, maxPriceMicro: 100 }, { waitMs: 120 });
    expect(soon).toMatchObject({ ok: false, detail: 'token-limit' });
    if (soon.ok) throw new Error('taken');
    expect(soon.retryAfterMs).toBeGreaterThan(20_000);
    expect(soon.retryAfterMs).toBeLessThan(50_001);
    expect(Number(soon.priceMicro)).toBeGreaterThanOrEqual(5);
    await expect(
      agent.withTokens(id, { requests: 5, maxPriceMicro: 100 }, () => 1, { waitMs: 0 }),
    ).rejects.toMatchObject({ name: 'RefusedError', refusal: { detail: 'token-limit' } });
  });

  test('what is given back is given out at once', async () => {
    const agent = await m.sdkAgent('first');
    const other = await m.sdkAgent('second');
    const id = await m.bucket([few(10)]);
    const held = heldBy(await agent.takeTokens(id, { requests: 10, maxPriceMicro: 100 }));
    const arrived = await m.takes();
    const waiting = other.takeTokens(id, { requests: 10, maxPriceMicro: 100 }, { waitMs: 50_000 });
    await arrived(1);
    expect(await held.release()).toMatchObject({ ok: true, returned: { requests: 10 }, paidMicro: '0' });
    // At once: by itself the bucket would be full again in three hours.
    expect(heldBy(await waiting).amounts).toEqual({ requests: 10 });
  });

  test('an aborted wait ends at once, leaves no wish behind, and takes nothing', async () => {
    const agent = await m.sdkAgent('fickle');
    const other = await m.sdkAgent('steady');
    const id = await m.bucket([few(10)]);
    const held = heldBy(await other.takeTokens(id, { requests: 10, maxPriceMicro: 100 }));
    const controller = new AbortController();
    const why = new Error('changed my mind');
    let worked = false;
    const arrived = await m.takes();
    const work = agent.withTokens(...([id, { requests: 10, maxPriceMicro: 100 }, () => (worked = true)] as const), {
      signal: controller.signal,
    });
    await arrived(1);
    controller.abort(why);
    await expect(work).rejects.toBe(why);
    await held.release();
    // Nobody is ahead of whoever comes now.
    heldBy(await other.takeTokens(id, { requests: 10, maxPriceMicro: 100 }, { waitMs: 50_000 }));
    expect(worked).toBe(false);
    await expect.poll(() => moneyOf(agent)).toEqual([1000 * CREDIT, 0]);
    await expect(agent.takeTokens(id, { requests: 1, maxPriceMicro: 1 }, { signal: controller.signal })).rejects.toBe(
      why,
    );
  });

  test('the signal reaches the work', async () => {
    const agent = await m.sdkAgent('stopper');
    const id = await m.bucket([few(10)]);
    const controller = new AbortController();
    const api = await upstream(() => 100);
    const work = agent.withTokens(
      id,
      { requests: 1, maxPriceMicro: 100 },
      async (held) => {
        controller.abort(new Error('stop'));
        return fetch(api.url, { signal: held.signal });
      },
      { signal: controller.signal },
    );
    await expect(work).rejects.toThrow('stop');
  });

  test('less will do, where it is said', async () => {
    const agent = await m.sdkAgent('modest');
    const id = await m.bucket([few(10)]);
    heldBy(await agent.takeTokens(id, { requests: 6, maxPriceMicro: 100 }));
    const held = heldBy(await agent.takeTokens(id, { requests: 8, maxPriceMicro: 100 }, { atLeast: { requests: 2 } }));
    expect(held).toMatchObject({ amounts: { requests: 4 }, amountMicro: 4 });
  });
});

describe('sold on', () => {
  test('credits and tokens change hands in one step; the seller keeps the rest', async () => {
    const [seller, buyer, third] = [await m.sdkAgent('vendor'), await m.sdkAgent('client'), await m.sdkAgent('third')];
    const id = await m.bucket([few(100, { priceMicro: '10' })]);
    const ttlMs = 600_000;
    const held = heldBy(await seller.takeTokens(id, { requests: 10, maxPriceMicro: 100 }, { ttlMs }));
    expect(await held.offer('client', { requests: 4, priceMicro: 60 })).toMatchObject({ ok: true, to: 'client' });
    const order = { requests: 4, maxPriceMicro: 60 };
    expect(await third.buyTokens(held.hold, order)).toMatchObject({ ok: false, detail: 'not-permitted' });
    expect((await buyer.buyTokens(held.hold, { ...order, maxPriceMicro: 59 })).ok).toBe(false);
    const bought = heldBy(await buyer.buyTokens(held.hold, order));
    expect(bought).toMatchObject({ bucket: id, amounts: { requests: 4 } });
    // When the seller's own would, as far as their clocks agree.
    expect(Math.abs(bought.expiresAt - held.expiresAt)).toBeLessThan(30_000);
    expect((await buyer.buyTokens(held.hold, order)).ok).toBe(false);
    expect(await bought.return({ requests: 3 })).toMatchObject({
      ok: true,
      returned: { requests: 1 },
      refundedMicro: '0',
    });
    expect(await held.return({ requests: 5 })).toMatchObject({ ok: true, returned: { requests: 1 } });
    expect(await levelOf(idle, id)).toBe(92);
    expect(await moneyOf(buyer)).toEqual([1000 * CREDIT - 60, 0]);
    // Nine tokens of ten are paid to the bucket, four of them with the buyer's credits; the tenth came back.
    expect(await moneyOf(seller)).toEqual([1000 * CREDIT + 60 - 90, 0]);
  });
});

describe('behind a host', () => {
  test('agents of a host take and give back in their own name, and nobody else in theirs', async () => {
    const host = await m.sdkHost('token-host');
    const other = await m.sdkHost('other-host');
    const agent = await m.hosted(host, 'guest');
    const id = await m.bucket([few(10)]);
    const result = await agent.withTokens(id, { requests: 3, maxPriceMicro: 100 }, (held) => {
      held.used({ requests: 1 });
      return held.hold;
    });
    expect(result).toMatch(/^[a-z0-9-]+$/);
    expect(await levelOf(agent, id)).toBe(9);
    expect(await moneyOf(agent)).toEqual([1000 * CREDIT - 1, 0]);
    const stranger = await m.hosted(other, 'stranger');
    const foreign = heldBy(await stranger.takeTokens(id, { requests: 1, maxPriceMicro: 1 }));
    expect(await agent.buyTokens(foreign.hold, { requests: 1, maxPriceMicro: 1 })).toMatchObject({ ok: false });
    await foreign.release();
  });
});

describe('a hold', () => {
  test('gives back once, however often it is asked to; what expired counts as used', async () => {
    const agent = await m.sdkAgent('careful');
    const id = await m.bucket([few(10)]);
    const held = heldBy(await agent.takeTokens(id, { requests: 5, maxPriceMicro: 5 }));
    expect(held.remainingMs).toBeGreaterThan(30_000);
    const [one, two] = await Promise.all([held.return({ requests: 1 }), held.return({ requests: 5 })]);
    expect(two).toBe(one);
    expect(one).toMatchObject({ ok: true, returned: { requests: 4 }, paidMicro: '1', refundedMicro: '4' });
    expect(held.remainingMs).toBe(0);
    const brief = heldBy(await agent.takeTokens(id, { requests: 5, maxPriceMicro: 5 }, { ttlMs: 100 }));
    // The clocks agree to half a round trip.
    expect(brief.remainingMs).toBeLessThan(100 + 20_000);
    await expect.poll(() => moneyOf(agent)).toEqual([1000 * CREDIT - 6, 0]);
    expect(await brief.return()).toMatchObject({ ok: false, detail: 'expired' });
    expect(await levelOf(agent, id)).toBe(4);
  });

  test('only what is held can be said to be used', async () => {
    const id = await m.bucket([few(10)]);
    const held = heldBy(await idle.takeTokens(id, { requests: 1, maxPriceMicro: 5 }));
    expect(() => held.used({ words: 1 })).toThrow(RangeError);
    expect(() => held.used({ requests: -1 })).toThrow(RangeError);
    await held.release();
  });
});
