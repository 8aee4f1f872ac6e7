// A real Redis for a test file, and a market of its own for each test, checked when it ends.
import { readFileSync } from 'node:fs';
import { connectRedis, metaKey, RedisLedger, redisReady } from '@tender/credits/redis';
import { startStack } from '@tender/stack';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { checkRedis, MarketReader, showReport } from '../src/redis/index.js';
import { dumpMarket, MarketHand, type MarketSeed, seedMarket } from '../src/testing/index.js';

export interface TestMarket {
  readonly redis: Redis;
  readonly market: string;
  readonly hand: MarketHand;
  readonly reader: MarketReader;
  readonly ledger: RedisLedger;
  /** The market's clock never runs back: put ahead of the real one, it is the instant that every script judges by. */
  setClock(nowMs: number): Promise<void>;
  available(agent: string): Promise<number>;
  pending(agent: string): Promise<number>;
  dump(): Promise<Record<string, string>>;
  /** Every invariant holds. */
  check(): Promise<void>;
}

export interface TestRedis {
  readonly redis: Redis;
  readonly url: string;
  market(seed?: Partial<MarketSeed>): Promise<TestMarket>;
  stop(): Promise<void>;
}

/** A start far ahead of the real time, so that only `setClock` moves the market's clock. */
export const START_MS = 4_000_000_000_000;

const agents = ['ann', 'ben', 'cid', 'dot'].map((id) => ({ id }));
/** Four agents with 1,000 micro-credits each, and eight slots of a pool `gpu`. */
const seedOfATest: MarketSeed = { agents, grantMicro: 1_000, pools: [{ pool: 'gpu', slots: 8 }] };

let markets = 0;

/** Durability is the stack's own test; here `appendfsync no` spares the disk. */
export async function startTestRedis(): Promise<TestRedis> {
  const stack = await startStack({ name: 'market', nats: false, redis: { appendfsync: 'no' } });
  const redis = connectRedis(stack.redisUrl);
  await redisReady(redis, 60_000);
  return {
    redis,
    url: stack.redisUrl,
    market: async (seed) => {
      markets += 1;
      const market = `m${process.pid}-${markets}`;
      await seedMarket(redis, market, { ...seedOfATest, ...seed });
      return testMarket(redis, market);
    },
    stop: async () => {
      redis.disconnect();
      await stack.stop();
    },
  };
}

function testMarket(redis: Redis, market: string): TestMarket {
  const reader = new MarketReader(redis, market);
  const ledger = new RedisLedger(redis, market);
  return {
    ...{ redis, market, reader, hand: new MarketHand(redis, market), ledger },
    setClock: async (nowMs) => {
      await redis.hset(metaKey(market), 'clock', nowMs);
    },
    available: async (agent) => (await ledger.account(agent))!.available,
    pending: async (agent) => (await ledger.account(agent))!.pending,
    dump: () => dumpMarket(redis, market),
    check: async () => {
      const report = await checkRedis(redis, market);
      expect(report.ok, showReport(report)).toBe(true);
    },
  };
}

/** The rows of SPEC.md's tables, cells joined by bars: what it says in a table is what the tests walk. */
export function specRows(): string[] {
  const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');
  return spec
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split('|')
        .map((cell) => cell.trim().replaceAll('*', ''))
        .join('|'),
    );
}
