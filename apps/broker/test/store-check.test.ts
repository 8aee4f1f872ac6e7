// A store that is set up as a cache: the broker serves, and says what may be lost.
import { connectRedis, redisReady } from '@tender/credits/redis';
import { type Stack, startStack } from '@tender/stack';
import { afterEach, expect, test } from 'vitest';
import { storeRisks } from '../src/store-check.js';

let stack: Stack | undefined;
afterEach(() => stack?.stop());

async function risksOf(...extraArgs: string[]): Promise<string[]> {
  stack = await startStack({ nats: false, redis: { extraArgs } });
  const redis = connectRedis(stack.redisUrl);
  try {
    await redisReady(redis, 20_000);
    return await storeRisks(redis);
  } finally {
    redis.disconnect();
  }
}

test("the house's own store has none", async () => {
  expect(await risksOf()).toEqual([]);
});

test('a cache has several, each with its remedy', async () => {
  const cache = ['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru', '--aof-load-truncated', 'yes'];
  expect(await risksOf(...cache, '--appendfsync', 'everysec')).toEqual([
    expect.stringMatching(/appendonly no: a restart forgets the market; CONFIG SET appendonly yes/),
    expect.stringMatching(/appendfsync everysec: a crash/),
    expect.stringMatching(/aof-load-truncated yes: a kill in mid-write .* CONFIG SET aof-load-truncated no/),
    expect.stringMatching(/maxmemory-policy allkeys-lru: accounts and contracts are evicted/),
  ]);
});

test('a store that forbids CONFIG has none that it tells', async () => {
  expect(await risksOf('--rename-command', 'CONFIG', '')).toEqual([]);
});
