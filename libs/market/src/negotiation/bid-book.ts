// The bids of one call as an immutable set: adding one of thousands copies a few of them, not all.
import type { Cheque } from '../cheque.js';
import type { Detail } from '../refusal.js';

/**
 * One bid as the initiator keeps it; `price` in micro-credits per unit. `fault`: why it cannot win, `retryAt`: when the
 * bank said that this passes, by the broker's clock.
 */
export interface BookedBid {
  readonly sender: string;
  readonly participant: string;
  readonly intent: string;
  readonly units: number;
  readonly price: number;
  readonly cheque: Cheque;
  readonly fault?: Detail | undefined;
  readonly retryAt?: number | undefined;
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
  /** How many entries each sender has, by the sender's shelf. */
  readonly counts: readonly ReadonlyMap<string, number>[];
}

/** How many entries a book takes in all, of one sender, and of one sender for one participant. */
export interface BookLimits {
  readonly total: number;
  readonly perSender: number;
  readonly perParticipant: number;
}

const SHELVES = 64;

export function emptyBook<T extends Key>(): Book<T> {
  return { size: 0, shelves: none, counts: none.map(() => new Map()) };
}

const none: readonly (readonly never[])[] = Array.from({ length: SHELVES }, () => []);

/** All of one participant lie on one shelf. */
function shelfOf(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (hash * 31 + text.charCodeAt(index)) | 0;
  return (hash ^ (hash >>> 16)) & (SHELVES - 1);
}

function same(a: Key, b: Key): boolean {
  return a.participant === b.participant && a.intent === b.intent && a.sender === b.sender;
}

export function has<T extends Key>(book: Book<T>, key: Key): boolean {
  return book.shelves[shelfOf(key.participant)]!.some((other) => same(other, key));
}

export function find<T extends Key>(book: Book<T>, key: Key): T | undefined {
  return book.shelves[shelfOf(key.participant)]!.find((other) => same(other, key));
}

/** Adds an entry, or replaces the one of its key; undefined where it is one too many. */
export function put<T extends Key>(book: Book<T>, entry: T, limits: BookLimits): Book<T> | undefined {
  const at = shelfOf(entry.participant);
  const shelf = book.shelves[at]!;
  const index = shelf.findIndex((other) => same(other, entry));
  if (index < 0) {
    const added = addAll(book, [entry], limits);
    return added.beyond.length === 0 ? added.book : undefined;
  }
  return { ...book, shelves: book.shelves.with(at, shelf.with(index, entry)) };
}

/** Another book of the same entries, each as `change` leaves it (its key as it was). */
export function mapped<T extends Key>(book: Book<T>, change: (entry: T) => T): Book<T> {
  return { ...book, shelves: book.shelves.map((shelf) => shelf.map(change)) };
}

/** Adds what one sender's message says that is new, in order, within the limits; gives back the rest. */
export function addAll<T extends Key>(
  book: Book<T>,
  entries: readonly T[],
  limits: BookLimits,
): { readonly book: Book<T>; readonly repeated: readonly T[]; readonly beyond: readonly T[] } {
  const shelves = [...book.shelves];
  const copied = new Set<number>();
  const added = new Map<string, number>();
  const repeated: T[] = [];
  const beyond: T[] = [];
  let size = book.size;
  for (const entry of entries) {
    const { sender, participant } = entry;
    const at = shelfOf(participant);
    const shelf = shelves[at]!;
    const ofSender = countOf(book, sender) + (added.get(sender) ?? 0);
    if (shelf.some((other) => same(other, entry))) {
      repeated.push(entry);
    } else if (size >= limits.total || ofSender >= limits.perSender || crowded(shelf, entry, limits)) {
      beyond.push(entry);
    } else {
      if (copied.has(at)) {
        (shelf as T[]).push(entry);
      } else {
        shelves[at] = [...shelf, entry];
        copied.add(at);
      }
      added.set(sender, (added.get(sender) ?? 0) + 1);
      size++;
    }
  }
  return { book: { size, shelves, counts: counted(book.counts, added) }, repeated, beyond };
}

function crowded(shelf: readonly Key[], entry: Key, limits: BookLimits): boolean {
  let count = 0;
  for (const other of shelf) if (other.participant === entry.participant && other.sender === entry.sender) count++;
  return count >= limits.perParticipant;
}

function countOf(book: Book<Key>, sender: string): number {
  return book.counts[shelfOf(sender)]!.get(sender) ?? 0;
}

function counted(before: Book<Key>['counts'], change: ReadonlyMap<string, number>): Book<Key>['counts'] {
  if (change.size === 0) return before;
  const counts = [...before];
  for (const [sender, more] of change) {
    const at = shelfOf(sender);
    counts[at] = new Map(counts[at]).set(sender, (counts[at]!.get(sender) ?? 0) + more);
  }
  return counts;
}

/** The book without what one sender handed in for these participants. */
export function without<T extends Key>(book: Book<T>, sender: string, participants: readonly string[]): Book<T> {
  const gone = new Set(participants);
  const shelves = [...book.shelves];
  let removed = 0;
  for (const at of new Set(participants.map(shelfOf))) {
    const shelf = shelves[at]!;
    const left = shelf.filter((entry) => entry.sender !== sender || !gone.has(entry.participant));
    removed += shelf.length - left.length;
    shelves[at] = left;
  }
  if (removed === 0) return book;
  return { size: book.size - removed, shelves, counts: counted(book.counts, new Map([[sender, -removed]])) };
}

export function entriesOf<T extends Key>(book: Book<T>): T[] {
  return book.shelves.flat();
}
