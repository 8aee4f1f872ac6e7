// The invariant checker's door to Redis: one snapshot, then the journal up to it, page by page.
import { marketKey, metaKey, runScript } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import type { CheckReport } from '../checker/finding.js';
import { type CheckOptions, MarketCheck } from '../checker/market-check.js';
import { journalEntrySpec } from '../model/journal.js';
import { marketScripts } from './scripts.js';

/** Entries in one XRANGE: some hundred kilobytes, so that Redis is never kept long. */
const PAGE = 500;

type StreamPage = [id: string, fields: string[]][];

/**
 * Checks every invariant of a market while it trades. The snapshot is one script and so one instant; what is
 * committed afterwards is left to the next check. Rejects where Redis is away.
 */
export async function checkRedis(redis: Redis, market: string, options: CheckOptions = {}): Promise<CheckReport> {
  const snapshot = await runScript(redis, marketScripts.snapshot, metaKey(market), {});
  const check = new MarketCheck(options);
  const journal = marketKey(market, 'journal');
  const page = (from: number): Promise<StreamPage> | undefined =>
    from > snapshot.seq
      ? undefined
      : redis.xrange(journal, `${from}-0`, `${Math.min(from + PAGE - 1, snapshot.seq)}-0`);
  let from = 1;
  let next = page(from);
  while (next !== undefined) {
    const entries = await next;
    from += PAGE;
    // The next page travels while this one is checked.
    next = page(from);
    // A page awaited later may fail meanwhile; its await will say so.
    next?.catch(() => {});
    for (const [id, fields] of entries) addEntry(check, id, fields);
  }
  return check.finish(snapshot);
}

function addEntry(check: MarketCheck, id: string, fields: readonly string[]): void {
  const [seq = '', part] = id.split('-');
  const number = part === '0' ? Number(seq) : Number.NaN;
  const parsed = journalEntrySpec.safeParse(jsonOf(fields[fields.indexOf('entry') + 1]));
  if (parsed.success) {
    check.add(number, parsed.data);
    return;
  }
  const issue = parsed.error.issues[0];
  check.addUnreadable(number, `${issue?.path.join('.')} ${issue?.message}`);
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
