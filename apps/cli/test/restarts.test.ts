// A swarm outlives its market's servers: Redis, NATS and the broker are killed under it, and the books still hold.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectRedis, marketKey } from '@tender/credits/redis';
import { publicNkeyOf } from '@tender/market';
import { startStack } from '@tender/stack';
import { expect, test } from 'vitest';
import { until } from '../../../test/market-under-test.js';
import { startBroker, startSimulator } from '../src/app-process.js';
import { newMarketKeys } from '../src/market-keys.js';
import { OPERATOR, STEWARD, setUpMarket } from '../src/market-setup.js';

test('kill -9 of Redis, NATS and the broker while a swarm trades', { timeout: 180_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'tender-restarts-'));
  const json = join(dir, 'run.json');
  const keys = newMarketKeys();
  const stack = await startStack({
    name: 'restarts',
    env: { ...process.env, NATS_URL: undefined, REDIS_URL: undefined },
  });
  const pools = [{ pool: 'gpu.h100', durationMs: 1000, windowMs: 100 }];
  const env = {
    ...process.env,
    NATS_URL: stack.natsUrl,
    REDIS_URL: stack.redisUrl,
    TENDER_MARKET: 'restarts',
    TENDER_SECRET: keys.secret,
    TENDER_OPERATORS: `${OPERATOR}:${publicNkeyOf(keys.operatorSeed)}`,
    TENDER_OPERATOR_SEED: `${OPERATOR}:${keys.operatorSeed}`,
    TENDER_STEWARD: JSON.stringify({ id: STEWARD, seed: keys.stewardSeed, pools }),
    HTTP_PORT: '0',
  };
  let broker = await startBroker(env, 'broker');
  const redis = connectRedis(stack.redisUrl);
  try {
    const plan = { pool: 'gpu.h100', slots: 8, reserve: 0, reservePriceMicro: '100000' };
    await setUpMarket({ natsUrl: stack.natsUrl, market: 'restarts', keys, plan });
    const sim = startSimulator(['--agents', '40', '--seconds', '20', '--no-board', '--json', json], env);
    const awards = async () => {
      const entries = await redis.xrange(marketKey('restarts', 'journal'), '-', '+');
      return entries.filter(([, [, entry]]) => JSON.parse(entry!).kind === 'award').length;
    };
    /** Until it trades, now, or again. */
    const trades = async (when: string) => {
      await until(`Redis answers ${when}`, () => redis.status === 'ready');
      const before = await awards();
      await until(`it trades ${when}`, async () => !sim.alive || (await awards()) >= before + 5, 60_000);
      expect(sim.alive, `the swarm had the time to trade ${when}`).toBe(true);
    };
    await trades('at first');
    await stack.redis.kill();
    await stack.redis.restart();
    await trades('on the restarted Redis');
    await stack.nats.kill();
    await stack.nats.restart();
    await trades('over the restarted NATS');
    await broker.process.kill();
    broker = await startBroker(env, 'broker');
    await trades('with another broker');
    expect(await sim.exited).toEqual({ code: 0, signal: null });
    const result = JSON.parse(readFileSync(json, 'utf8'));
    expect(result.check.ok).toBe(true);
  } finally {
    redis.disconnect();
    await broker.process.stop();
    await stack.stop();
    rmSync(dir, { recursive: true });
  }
});
