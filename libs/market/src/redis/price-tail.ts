// The sales at the end of the journal: from them a broker that starts knows the prices that were paid before.
import { metaKey } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import type { JournalEntry } from '../model/journal.js';
import type { TakeEntry } from '../model/token-journal.js';
import { type AwardPoint, awardPoint } from '../pricing/award-point.js';
import { type BucketPoint, journaledPoint } from '../pricing/bucket-point.js';
import { journalPages, type RawEntry, readEntry } from './journal-pages.js';
import { MarketReader } from './market-reader.js';

/** Awards among the last so many entries, some ten megabytes: where tokens are taken they lie far apart. */
const AWARDS_IN = 32_000;
/** Takes among the last so many: what lies further back tells little of the next price. */
const TAKES_IN = 8_000;

interface Terms {
  readonly pool: string;
  readonly durationMs: number;
  readonly units: number;
}

export type RecentPrice =
  | { readonly pool: string; readonly point: AwardPoint }
  /** Its `seq` is that of its last entry. */
  | { readonly bucket: string; readonly point: BucketPoint };

/** What was sold by the last entries of the journal, the oldest first. Rejects where Redis is away. */
export async function* recentPrices(redis: Redis, market: string): AsyncGenerator<RecentPrice> {
  const last = Number((await redis.hget(metaKey(market), 'seq')) ?? 0);
  const awards = new Awards(new MarketReader(redis, market));
  // The takes of a clearing follow each other; the last one says what was left.
  const clearing: TakeEntry[] = [];
  for await (const page of journalPages(redis, market, Math.max(1, last - AWARDS_IN + 1), last)) {
    for (const raw of page) {
      if (!tellsPrices(raw, raw.seq > last - TAKES_IN)) continue;
      const read = readEntry(raw);
      if (!read.ok) continue;
      const { entry } = read;
      if (entry.kind !== 'take') {
        const told = await awards.read(entry);
        if (told !== undefined) yield told;
        continue;
      }
      if (clearing[0]?.at !== entry.at || clearing[0]?.bucket !== entry.bucket) clearing.length = 0;
      clearing.push(entry);
      if (entry.left === undefined) continue;
      const point = journaledPoint(raw.seq, clearing.splice(0));
      if (point !== undefined) yield { bucket: entry.bucket, point };
    }
  }
}

/** Most entries are something else: they are not worth being read as JSON. */
function tellsPrices({ text = '' }: RawEntry, ofTakes: boolean): boolean {
  return ['award', 'open-call', ...(ofTakes ? ['take'] : [])].some((kind) => text.includes(`"kind":"${kind}"`));
}

/** Awards with the terms of their calls, which were opened before. */
class Awards {
  readonly #reader: MarketReader;
  readonly #opened = new Map<string, Terms>();

  constructor(reader: MarketReader) {
    this.#reader = reader;
  }

  async read(entry: JournalEntry): Promise<RecentPrice | undefined> {
    if (entry.kind === 'open-call') {
      const { cfp, pool, durationMs, slots } = entry;
      this.#opened.set(cfp, { pool, durationMs, units: slots.length });
    }
    if (entry.kind !== 'award') return undefined;
    const { cfp, at, bids } = entry;
    // A call is remembered for a day after its leases have ended.
    const terms = this.#opened.get(cfp) ?? (await this.#termsOf(cfp));
    this.#opened.delete(cfp);
    if (terms === undefined) return undefined;
    const { pool, durationMs, units } = terms;
    const price = Math.min(...bids.flatMap(({ clears, pays }) => clears ?? pays ?? []));
    return { pool, point: awardPoint({ cfp, at, durationMs, units, price }, bids) };
  }

  async #termsOf(cfp: string): Promise<Terms | undefined> {
    const call = await this.#reader.call(cfp);
    if (call === undefined) return undefined;
    const { pool, durationMs, slots } = call;
    return { pool, durationMs, units: slots.length };
  }
}
