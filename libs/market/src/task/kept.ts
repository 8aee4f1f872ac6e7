// What the two sides of a contract do alike: report under a key until it is answered, look again when it is due.
import type { BankRequest } from '../operations.js';
import type { Refusal } from '../refusal.js';
import type { KeptState } from './life-cycle.js';
import type { TaskView } from './task-view.js';
import type { Kept, ReportBody } from './work-types.js';

export const FIRST_PAUSE_MS = 500;
export const LONGEST_PAUSE_MS = 30_000;
/** The bank ends what is overdue a moment later. */
export const OVERDUE_MARGIN_MS = 250;
/** How often to look at what may take days to move. */
const SELDOM_MS = 300_000;

type Unkeyed<B> = B extends unknown ? Omit<B, 'key' | 'contract'> : never;
export type StepBody = Unkeyed<BankRequest<'report'>>;

export function keptOf({ view, nonce, reports, asked, wakeAt, pauseMs }: Kept): Kept {
  return { view, nonce, reports, asked, wakeAt, pauseMs };
}

/** A report that must arrive; `wakeAt` is for answers that nobody gives, not even that there is none. */
export function reporting(
  state: Kept,
  step: StepBody,
  nowMs: number,
): { readonly kept: Kept; readonly body: ReportBody } {
  const { view, nonce, reports } = state;
  const body = { ...step, key: `${nonce}.${reports + 1}`, contract: view.contract } as ReportBody;
  const kept = { ...keptOf(state), reports: reports + 1, asked: body, pauseMs: FIRST_PAUSE_MS };
  return { kept: { ...kept, wakeAt: nowMs + LONGEST_PAUSE_MS }, body };
}

/** No answer: again after a pause, and twice that one. */
export function paused<K extends Kept>(state: K, nowMs: number): K {
  const pauseMs = Math.min(LONGEST_PAUSE_MS, state.pauseMs * 2);
  return { ...state, wakeAt: nowMs + state.pauseMs, pauseMs };
}

/** Has seen how it stands: looks again when that is due, and beyond that time at growing distances. */
export function looked(state: Kept, view: TaskView, nowMs: number): Kept {
  const due = Math.min(view.dueAt, nowMs + SELDOM_MS) + OVERDUE_MARGIN_MS;
  const kept = { ...keptOf(state), view };
  return due > nowMs ? { ...kept, wakeAt: due, pauseMs: FIRST_PAUSE_MS } : paused(kept, nowMs);
}

/** An inquiry that is refused so: the contract is another's by now, or so long over that the bank forgot it. */
export function isHidden({ detail }: Refusal): boolean {
  return detail === 'unknown' || detail === 'not-permitted';
}

const order: Readonly<Record<KeptState, number>> = {
  awarded: 0,
  starting: 1,
  running: 2,
  renewing: 2,
  done: 3,
  disputed: 4,
  settled: 5,
};

/** Whether a view is older than another for certain: answers may overtake each other. */
export function isOlder(view: TaskView, than: TaskView): boolean {
  return view.attempt === than.attempt ? order[view.state] < order[than.state] : view.attempt < than.attempt;
}
