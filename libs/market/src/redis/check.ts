// The invariant checker's door to Redis: one snapshot, then the journal up to it, page by page.
import { metaKey, runScript } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import type { CheckReport } from '../checker/finding.js';
import { type CheckOptions, MarketCheck } from '../checker/market-check.js';
import { journalPages, readEntry } from './journal-pages.js';
import { marketScripts } from './scripts.js';

/**
 * Checks every invariant of a market while it trades. The snapshot is one script and so one instant; what is
 * committed afterwards is left to the next check. Rejects where Redis is away.
 */
export async function checkRedis(redis: Redis, market: string, options: CheckOptions = {}): Promise<CheckReport> {
  const snapshot = await runScript(redis, marketScripts.snapshot, metaKey(market), {});
  const check = new MarketCheck(options);
  for await (const page of journalPages(redis, market, 1, snapshot.seq)) {
    for (const raw of page) {
      const read = readEntry(raw);
      if (read.ok) check.add(raw.seq, read.entry);
      else check.addUnreadable(raw.seq, read.why);
    }
  }
  return check.finish(snapshot);
}
