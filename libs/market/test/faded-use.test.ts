// Recent use is forgotten when nothing is left of it: however many owners come and go, no more is kept than of who lately came.
import { marketKey } from '@tender/credits/redis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TokenHand } from '../src/testing/index.js';
import { START_MS, startTestRedis, type TestRedis } from './market-under-test.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

const WINDOW_MS = 1_000;
const OWNERS = 200;
const agents = Array.from({ length: OWNERS }, (_, n) => ({ id: `agent-${n}` }));

it('of a bucket: ten new owners in each window', async () => {
  const market = await server.market({ agents, pools: [], grantMicro: 1_000 });
  await market.setClock(START_MS);
  const tokens = new TokenHand(market.redis, market.market);
  const limits = [{ name: 'requests', capacity: 10_000, refillPerSecond: 1_000 }];
  await tokens.openBucket({ limits, noiseWindowMs: WINDOW_MS });
  const kept = () => market.redis.hlen(marketKey(market.market, 'taken', 'api'));
  for (let n = 0; n < OWNERS; n += 10) {
    await market.setClock(START_MS + (n / 10) * WINDOW_MS);
    const answers = await tokens.takes(agents.slice(n, n + 10).map(({ id }) => ({ agent: id })));
    expect(answers.every(({ ok }) => ok)).toBe(true);
    expect(await kept()).toBeGreaterThanOrEqual(10);
  }
  // Twenty of them count still; at random about as many have faded and were not found yet.
  expect(await kept()).toBeLessThan(100);
  await market.check();
  // Who gives back when its own use has faded is nothing new.
  await market.setClock(START_MS + 100 * WINDOW_MS);
  await tokens.take({ agent: 'agent-0', hold: 'late', ttlMs: 60_000 });
  await tokens.return('agent-0', 'late', { requests: 0 });
  await market.check();
  // Another window's halves say nothing about this one's.
  await tokens.openBucket({ limits, noiseWindowMs: 2 * WINDOW_MS });
  expect(await kept()).toBe(0);
  await market.check();
});

it('of a pool: one new owner in each window', async () => {
  const rules = { noiseMaxPermille: 2_000, noiseWindowMs: WINDOW_MS };
  const market = await server.market({
    agents,
    grantMicro: 1_000,
    pools: [{ pool: 'gpu', slots: OWNERS, maxTerms: 1, ...rules }],
  });
  for (let n = 0; n < OWNERS; n += 1) {
    await market.setClock(START_MS + n * WINDOW_MS);
    await market.hand.call({ cfp: `c${n}`, slots: [n], durationMs: 100 });
    const bid = { participant: `agent-${n}`, price: 10, until_ms: START_MS + 1_000_000 };
    expect(await market.hand.award(`c${n}`, [bid])).toMatchObject({ ok: true });
  }
  expect(await market.redis.hlen(marketKey(market.market, 'bought', 'gpu'))).toBeLessThan(60);
  await market.check();
});
