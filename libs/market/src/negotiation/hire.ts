// An announced call for a task as its buyer sees it: rounds of offers, revisions, the engagement; pure, total, no clock.
import type { TaskCall } from '../task/task-call.js';
import { emptyBook } from './bid-book.js';
import { LAST_WORD_MS } from './hire-next.js';
import { closeInTime, closeNow, refused, revised, tendered, tooLate, tooLateFor, withdrawn } from './hire-rounds.js';
import {
  abortEscalated,
  aborted,
  askAgain,
  chooseInTime,
  decided,
  declined,
  engaged,
  escalationFiled,
  filed,
  isNamed,
  notEscalated,
  poll,
  settled,
} from './hire-settling.js';
import type { HireAction, HireEvent, HireOptions, HireState } from './hire-types.js';
import { type Ignored, type Step, stepOf, type Table } from './table.js';

/** A call that is announced now; `closesAt` and the protocol's limits are the call's own. */
export function hiring(call: TaskCall, options: HireOptions): Step<HireState, HireAction> {
  const state: HireState = {
    ...{ name: 'calling', options, call, offers: emptyBook(), counters: emptyBook(), refusals: emptyBook() },
    ...{ rejected: new Map(), rejections: 0, unchanged: 0, engagements: 0 },
  };
  return { state, actions: [{ kind: 'announce', call }] };
}

/** Every pair; a detail is the answer to a pair that is not allowed. */
export const hireTable: Table<HireState, HireEvent, HireAction | Ignored> = {
  calling: {
    tender: tendered,
    refused,
    withdrawn,
    close: closeNow,
    revise: 'not-your-turn',
    settle: settled,
    abort: aborted,
    engaged: 'not-your-turn',
    filed: 'not-your-turn',
    declined: 'not-your-turn',
    decided: 'not-your-turn',
    tick: closeInTime,
  },
  revising: {
    tender: tooLateFor,
    refused: 'late',
    withdrawn,
    close: 'duplicate',
    revise: revised,
    settle: settled,
    abort: aborted,
    engaged: 'stale',
    filed: 'stale',
    declined: 'stale',
    decided: 'stale',
    tick: chooseInTime,
  },
  settling: {
    tender: tooLateFor,
    refused: 'late',
    // What is sealed may be engaged by now.
    withdrawn: 'late',
    close: 'duplicate',
    revise: 'late',
    settle: 'duplicate',
    abort: 'late',
    engaged,
    filed,
    declined,
    decided: 'not-your-turn',
    tick: askAgain,
  },
  pending: {
    tender: tooLateFor,
    refused: 'late',
    withdrawn: 'late',
    close: 'duplicate',
    revise: 'late',
    settle: 'duplicate',
    // What waits cannot be taken back: what comes of it can be left.
    abort: 'late',
    engaged,
    filed: 'duplicate',
    declined: 'stale',
    decided,
    tick: poll,
  },
  escalated: {
    tender: tooLateFor,
    refused: 'late',
    withdrawn: 'late',
    close: 'duplicate',
    revise: 'round-limit',
    settle: settled,
    abort: abortEscalated,
    engaged,
    filed: escalationFiled,
    declined: notEscalated,
    decided,
    tick: poll,
  },
  hired: {
    tender: tooLate,
    refused: 'late',
    withdrawn: 'late',
    close: 'stale',
    revise: 'late',
    settle: 'late',
    abort: 'late',
    engaged: 'duplicate',
    filed: 'stale',
    declined: 'stale',
    decided: 'stale',
    tick: 'stale',
  },
  ended: {
    tender: tooLate,
    refused: 'late',
    withdrawn: 'late',
    close: 'stale',
    revise: 'expired',
    settle: 'expired',
    abort: 'duplicate',
    engaged: 'stale',
    filed: 'stale',
    declined: 'stale',
    decided: 'stale',
    tick: 'stale',
  },
};

/** The next state and what to do; `nowMs` by the broker's clock. */
export function hireStep(state: HireState, event: HireEvent, nowMs: number): Step<HireState, HireAction | Ignored> {
  return stepOf(hireTable, state, event, nowMs);
}

/** When `tick` is due; Infinity where only others can move it. */
export function hireWakeAt(state: HireState): number {
  switch (state.name) {
    case 'calling':
      return state.call.closesAt;
    case 'revising':
      return state.until;
    case 'settling':
      return state.askAgainAt;
    case 'pending':
      return Math.min(state.pollAt, state.expiresAt + LAST_WORD_MS + 1);
    case 'escalated':
      return Math.min(state.pollAt, isNamed(state) ? state.expiresAt : state.expiresAt + LAST_WORD_MS + 1);
    default:
      return Number.POSITIVE_INFINITY;
  }
}
