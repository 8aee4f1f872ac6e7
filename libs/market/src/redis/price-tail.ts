// The awards at the end of the journal: from them a broker that starts knows the prices that were paid before.
import { metaKey } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import { type AwardPoint, awardPoint } from '../pricing/award-point.js';
import { journalPages, type RawEntry, readEntry } from './journal-pages.js';
import { MarketReader } from './market-reader.js';

/** Some megabytes; what lies further back tells little of the next price. */
const TAIL = 8_000;

interface Terms {
  readonly pool: string;
  readonly durationMs: number;
  readonly units: number;
}

/** The awards among the last entries of the journal, the oldest first, each with its pool. Rejects where Redis is away. */
export async function* recentAwards(
  redis: Redis,
  market: string,
): AsyncGenerator<{ readonly pool: string; readonly point: AwardPoint }> {
  const last = Number((await redis.hget(metaKey(market), 'seq')) ?? 0);
  const reader = new MarketReader(redis, market);
  const opened = new Map<string, Terms>();
  for await (const page of journalPages(redis, market, Math.max(1, last - TAIL + 1), last)) {
    for (const raw of page) {
      if (!tellsPrices(raw)) continue;
      const read = readEntry(raw);
      if (!read.ok) continue;
      const { entry } = read;
      if (entry.kind === 'open-call') {
        const { cfp, pool, durationMs, slots } = entry;
        opened.set(cfp, { pool, durationMs, units: slots.length });
      } else if (entry.kind === 'award') {
        const { cfp, at, bids } = entry;
        // A call is remembered for a day after its leases have ended.
        const terms = opened.get(cfp) ?? (await termsOf(reader, cfp));
        opened.delete(cfp);
        if (terms === undefined) continue;
        const { pool, durationMs, units } = terms;
        const price = Math.min(...bids.flatMap(({ clears, pays }) => clears ?? pays ?? []));
        yield { pool, point: awardPoint({ cfp, at, durationMs, units, price }, bids) };
      }
    }
  }
}

/** Most entries are something else: they are not worth being read as JSON. */
function tellsPrices({ text = '' }: RawEntry): boolean {
  return text.includes('"kind":"award"') || text.includes('"kind":"open-call"');
}

async function termsOf(reader: MarketReader, cfp: string): Promise<Terms | undefined> {
  const call = await reader.call(cfp);
  if (call === undefined) return undefined;
  const { pool, durationMs, slots } = call;
  return { pool, durationMs, units: slots.length };
}
