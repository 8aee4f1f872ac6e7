// The bids of one call as an immutable set: adding one of thousands copies a few of them, not all.
import type { Cheque } from '../cheque.js';
import type { Detail } from '../refusal.js';

/** One bid as the initiator keeps it; `price` in micro-credits per unit. `fault`: why it cannot win. */
export interface BookedBid {
  readonly sender: string;
  readonly participant: string;
  readonly intent: string;
  readonly units: number;
  readonly price: number;
  readonly cheque: Cheque;
  readonly fault?: Detail | undefined;
}

/** What tells entries apart: one bid per sender, participant and intent. */
interface Key {
  readonly sender: string;
  readonly participant: string;
  readonly intent: string;
}

export interface Book<T extends Key> {
  readonly size: number;
  readonly shelves: readonly (readonly T[])[];
}

const SHELVES = 64;

export function emptyBook<T extends Key>(): Book<T> {
  return { size: 0, shelves: [] };
}

function shelfOf(key: Key): number {
  let hash = 0;
  const text = key.participant + key.intent;
  for (let index = 0; index < text.length; index++) hash = (hash * 31 + text.charCodeAt(index)) | 0;
  return (hash ^ (hash >>> 16)) & (SHELVES - 1);
}

function same(a: Key, b: Key): boolean {
  return a.participant === b.participant && a.intent === b.intent && a.sender === b.sender;
}

/** Adds what is new, in order, up to `limit` entries in all; gives back the repeated and those beyond the limit. */
export function addAll<T extends Key>(
  book: Book<T>,
  entries: readonly T[],
  limit: number,
): { readonly book: Book<T>; readonly repeated: readonly T[]; readonly beyond: readonly T[] } {
  const shelves = book.shelves.length > 0 ? [...book.shelves] : Array.from({ length: SHELVES }, (): readonly T[] => []);
  const copied = new Set<number>();
  const repeated: T[] = [];
  const beyond: T[] = [];
  let size = book.size;
  for (const entry of entries) {
    const at = shelfOf(entry);
    const shelf = shelves[at]!;
    if (shelf.some((other) => same(other, entry))) {
      repeated.push(entry);
    } else if (size >= limit) {
      beyond.push(entry);
    } else {
      if (copied.has(at)) {
        (shelf as T[]).push(entry);
      } else {
        shelves[at] = [...shelf, entry];
        copied.add(at);
      }
      size++;
    }
  }
  return { book: { size, shelves }, repeated, beyond };
}

/** The book without the entries that `gone` names. */
export function without<T extends Key>(book: Book<T>, gone: (entry: T) => boolean): Book<T> {
  const shelves = book.shelves.map((shelf) => (shelf.some(gone) ? shelf.filter((entry) => !gone(entry)) : shelf));
  return { size: shelves.reduce((sum, shelf) => sum + shelf.length, 0), shelves };
}

export function entriesOf<T extends Key>(book: Book<T>): T[] {
  return book.shelves.flat();
}
