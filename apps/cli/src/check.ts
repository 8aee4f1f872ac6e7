// `tender check`: every invariant of a market, judged on its books.
import { connectRedis, redisReady } from '@tender/credits/redis';
import { checkRedis, showReport } from '@tender/market/redis';
import { type CliConfig, UsageError } from './config.js';

const READY_MS = 5_000;

/** 0 green, 1 a breach; throws UsageError where there is nothing to check. */
export async function check(config: CliConfig): Promise<number> {
  if (config.redisUrl === undefined) {
    throw new UsageError(
      'REDIS_URL is not set: it names the Redis that holds the market’s books. `tender up` prints it, with TENDER_MARKET.',
    );
  }
  const redis = connectRedis(config.redisUrl);
  try {
    await redisReady(redis, READY_MS).catch((error: Error) => {
      throw new UsageError(error.message);
    });
    const report = await checkRedis(redis, config.market);
    if (report.seq === 0) {
      throw new UsageError(
        `There is no market ${config.market} here, or nothing has happened in it: is TENDER_MARKET right?`,
      );
    }
    process.stdout.write(`market ${config.market}: ${showReport(report)}\n`);
    return report.ok ? 0 : 1;
  } finally {
    redis.disconnect();
  }
}
