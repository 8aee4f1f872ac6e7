// A real Redis for a test file, an empty market per test, and a look at all that a market holds.
import { startStack } from '@tender/stack';
import type { Redis } from 'ioredis';
import { ledgerEntry } from '../src/index.js';
import { connectRedis, marketKey, metaKey, RedisLedger, redisReady } from '../src/redis/index.js';
import type { LedgerHarness } from '../src/testing/index.js';

export interface RedisMarket extends LedgerHarness {
  readonly redis: Redis;
  readonly market: string;
  readonly ledger: RedisLedger;
}

let markets = 0;

export interface TestRedis {
  readonly redis: Redis;
  emptyMarket(): RedisMarket;
  stop(): Promise<void>;
}

/** Durability is the stack's own test; here `appendfsync no` spares the disk. */
export async function startTestRedis(): Promise<TestRedis> {
  const stack = await startStack({ name: 'credits', nats: false, redis: { appendfsync: 'no' } });
  const redis = connectRedis(stack.redisUrl);
  await redisReady(redis, 60_000);
  return {
    redis,
    emptyMarket: () => emptyMarket(redis),
    stop: async () => {
      redis.disconnect();
      await stack.stop();
    },
  };
}

function emptyMarket(redis: Redis): RedisMarket {
  markets += 1;
  const market = `m${process.pid}-${markets}`;
  return {
    redis,
    market,
    ledger: new RedisLedger(redis, market),
    // The market's clock never runs back: put ahead of the real one, it is the instant that every script judges by.
    setClock: async (nowMs) => {
      await redis.hset(metaKey(market), 'clock', nowMs);
    },
  };
}

/** Everything under the market's hash tag, as text that can be compared; remaining lifetimes are left out. */
export async function dumpMarket({ redis, market }: RedisMarket): Promise<Record<string, unknown>> {
  const keys: string[] = [];
  for await (const page of redis.scanStream({ match: `{${market}}:*`, count: 1000 })) keys.push(...(page as string[]));
  const content = await Promise.all([...new Set(keys)].sort().map(async (key) => [key, await contentOf(redis, key)]));
  return Object.fromEntries(content);
}

async function contentOf(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  if (type === 'hash') return redis.hgetall(key);
  if (type === 'zset') return redis.zrange(key, '0', '-1', 'WITHSCORES');
  if (type === 'set') return (await redis.smembers(key)).sort();
  if (type === 'stream') return redis.xrange(key, '-', '+');
  return redis.dump(key);
}

/** The journal, each entry parsed by its schema. */
export async function readJournal({ redis, market }: RedisMarket) {
  const entries = await redis.xrange(marketKey(market, 'journal'), '-', '+');
  return entries.map(([id, fields]) => ({ id, entry: ledgerEntry.parse(JSON.parse(fields[1]!)) }));
}
