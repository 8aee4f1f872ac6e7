// Has the market's invariants checked on its books, and turns the checker's findings into the run's result.
import { connectRedis, redisReady } from '@tender/credits/redis';
import { checkRedis, showFinding } from '@tender/market/redis';
import type { Check } from './result.js';

const READY_MS = 10_000;

/** Never rejects: a check that could not be made is a result too, and no green one. */
export async function checkMarket(redisUrl: string | undefined, market: string): Promise<Check> {
  if (redisUrl === undefined) return { why: 'REDIS_URL is not set; `tender check` does it', lines: [] };
  const redis = connectRedis(redisUrl);
  try {
    await redisReady(redis, READY_MS);
    const report = await checkRedis(redis, market);
    const lines = report.findings.map((finding) => {
      return { invariant: finding.invariant, ok: finding.ok, detail: showFinding(finding) };
    });
    return { ok: report.ok, lines };
  } catch (error) {
    return { why: `Redis did not answer: ${error instanceof Error ? error.message : String(error)}`, lines: [] };
  } finally {
    redis.disconnect();
  }
}
