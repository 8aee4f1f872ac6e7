// Replay: what the ledger's journal says happened, done again in memory (I9).
import type { LedgerEntry } from '../journal.js';
import type { LedgerResult } from '../ledger.js';
import type { LedgerBook } from './ledger-book.js';
import { applyKeyed, applyToBook } from './pure-ledger.js';

/**
 * Applies a journal entry to the book. Anything but a fresh success means that the journal and the rules disagree:
 * the caller reports it. That an id was free is taken from the journal where the transfer before it had ended, since
 * Redis forgets by its own clock, which may differ from the market's.
 */
export function replayLedgerEntry(book: LedgerBook, entry: LedgerEntry): LedgerResult {
  if (entry.kind === 'expire') return applyToBook(book, entry, entry.at);
  if (entry.kind === 'transfer') book.forget(entry.id);
  return applyKeyed(book, entry, entry.digest, entry.at);
}
