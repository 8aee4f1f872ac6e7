// Checks every invariant of a market at the end, in a process of its own: the journal of a run is long.
import { connectRedis, redisReady } from '@tender/credits/redis';
import { type CheckReport, checkRedis } from '@tender/market/redis';
import type { WorkerConfig } from '../protocol.js';

export async function checkerRole(config: WorkerConfig) {
  const redis = connectRedis(config.redisUrl);
  await redisReady(redis, 10_000);
  return {
    check: async (_: null): Promise<CheckReport> => checkRedis(redis, config.market),
  };
}
