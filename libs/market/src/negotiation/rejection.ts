// A no as it travels between two agents: what is wrong, whether that can change, and what would pass.
import { type Detail, meanings, type Refusal } from '../refusal.js';
import type { RejectMove } from '../task/talk.js';

type More = Partial<
  Pick<RejectMove, 'final' | 'retryAfterMs' | 'rule' | 'authorization' | 'counter' | 'offer' | 'intent'>
>;

/** `message` completes "refused because …, what would pass is …". */
export function rejection(round: number, detail: Detail, message: string, more: More = {}): RejectMove {
  const { status, reason, final, retryAfterMs } = meanings[detail];
  return {
    ...{ kind: 'reject', round, status, reason, detail, message, final },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...more,
  };
}

/** A refusal of the bank or of one's own rules, as it is told to the other side. */
export function rejectionOf(round: number, why: Refusal): RejectMove {
  const { rule, authorization, retryAfterMs } = why;
  return rejection(round, why.detail, why.message, {
    ...(rule === undefined ? {} : { rule }),
    ...(authorization === undefined ? {} : { authorization }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
