// The journal as it is read from Redis: page by page, so that Redis is never kept long, whoever reads it.
import { marketKey } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import { type JournalEntry, journalEntrySpec } from '../model/journal.js';

/** Entries in one XRANGE: some hundred kilobytes. */
const PAGE = 500;

/** An entry as it stands in the stream, `text` its JSON; `seq` is NaN where the id is none of the journal's. */
export interface RawEntry {
  readonly seq: number;
  readonly text: string | undefined;
}

/** The entries from `from` to `to`, both included, in pages. Rejects where Redis is away. */
export async function* journalPages(
  redis: Redis,
  market: string,
  from: number,
  to: number,
): AsyncGenerator<readonly RawEntry[]> {
  const journal = marketKey(market, 'journal');
  const page = (first: number) =>
    first > to ? undefined : redis.xrange(journal, `${first}-0`, `${Math.min(first + PAGE - 1, to)}-0`);
  let next = page(from);
  for (let first = from; next !== undefined; ) {
    const entries: [id: string, fields: string[]][] = await next;
    first += PAGE;
    // The next page travels while this one is worked on.
    next = page(first);
    // A page awaited later may fail meanwhile; its await will say so.
    next?.catch(() => {});
    yield entries.map(rawEntry);
  }
}

function rawEntry([id, fields]: [id: string, fields: string[]]): RawEntry {
  const [seq = '', part] = id.split('-');
  return { seq: part === '0' ? Number(seq) : Number.NaN, text: fields[fields.indexOf('entry') + 1] };
}

export type ReadEntry =
  | { readonly ok: true; readonly entry: JournalEntry }
  | { readonly ok: false; readonly why: string };

/** What an entry says, or in words why it cannot be read. */
export function readEntry({ text }: RawEntry): ReadEntry {
  const parsed = journalEntrySpec.safeParse(jsonOf(text));
  if (parsed.success) return { ok: true, entry: parsed.data };
  const issue = parsed.error.issues[0];
  return { ok: false, why: `${issue?.path.join('.')} ${issue?.message}` };
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
