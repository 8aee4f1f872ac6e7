// spend: who spent which credits on what, for operators; it reads the journal while the broker goes on trading.
import { encode, refusal, type SpendAnswer, type SpendQuery } from '@tender/market';
import { TooManyLines } from '@tender/market/redis';
import type { Bank } from '../bank.js';
import { ok } from '../outcome.js';
import { within } from '../within.js';
import type { AdminDone } from './admin-done.js';

/** So long an asker waits before it is told how far the reading is: it asks again, and finds it further on. */
const PATIENCE_MS = 700;
/** What one message holds of lines, with room for the rest of it. */
const MAX_LINES_BYTES = 400 * 1024;

export async function spend(bank: Bank, query: SpendQuery): Promise<AdminDone> {
  const answered = bank.spending.answer(query);
  try {
    const answer = await within(PATIENCE_MS, answered);
    if (answer === undefined) return ok({ status: 'reading', reading: bank.spending.progress });
    return ok({ status: 'done', spend: { ...answer, lines: fitting(answer.lines) } });
  } catch (error) {
    if (!(error instanceof TooManyLines)) throw error;
    return refusal(
      'malformed',
      'query: has too many lines; ask for less time (from, to), fewer keys (by), or less of them',
    );
  } finally {
    // Whoever asks again hears of it.
    answered.catch(() => {});
  }
}

/** The first lines that one message holds. */
function fitting(lines: SpendAnswer['lines']): SpendAnswer['lines'] {
  let left = MAX_LINES_BYTES;
  const end = lines.findIndex((line) => {
    left -= encode(line).length + 1;
    return left < 0;
  });
  return end < 0 ? lines : lines.slice(0, end);
}
