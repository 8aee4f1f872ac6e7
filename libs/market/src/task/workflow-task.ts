// One task of a workflow: waits, is hired for, runs, is tried again otherwise, and ends once; pure, total, no clock.
import { type Ignored, type Step, stepOf, type Table } from '../negotiation/table.js';
import type { Detail } from '../refusal.js';
import type { JsonObject } from './task.js';
import type { Receipts, Remedy, WorkflowAction, WorkflowTaskEvent, WorkflowTaskState } from './workflow-types.js';

type State = WorkflowTaskState;
type Of<N extends State['name']> = Extract<State, { readonly name: N }>;
type On<K extends WorkflowTaskEvent['kind']> = Extract<WorkflowTaskEvent, { readonly kind: K }>;
type Taken = Step<State, WorkflowAction | Ignored>;
type End = Extract<WorkflowAction, { readonly kind: 'ended' }>['state'];

function plannedOf({ task, after, tried, avoid, given }: State) {
  return { task, after, tried, avoid, given };
}

function ended(state: State, end: End): WorkflowAction {
  return { kind: 'ended', task: state.task.id, state: end };
}

function ready(state: Of<'waiting'>, { inputs, receipts }: On<'ready'>): Taken {
  const given = { inputs, receipts };
  return { state: { ...plannedOf(state), name: 'hiring', given }, actions: [hireFor(state, given, undefined)] };
}

function hireFor(
  { task, avoid }: State,
  { inputs, receipts }: { readonly inputs: JsonObject; readonly receipts: Receipts },
  remedy: Remedy | undefined,
): WorkflowAction {
  const changed = remedy?.kind === 'changed-parameters' ? remedy.inputs : undefined;
  return { kind: 'hire', task: task.id, inputs: { ...inputs, ...changed }, receipts, remedy, avoid };
}

function skipped(state: Of<'waiting'>): Taken {
  return { state: { ...plannedOf(state), name: 'skipped' }, actions: [ended(state, 'skipped')] };
}

function dropped(state: Of<'waiting' | 'cancelling'>): Taken {
  return { state: { ...plannedOf(state), name: 'cancelled' }, actions: [ended(state, 'cancelled')] };
}

function hired(state: Of<'hiring' | 'running'>, { provider }: On<'hired'>): Taken {
  return { state: { ...plannedOf(state), name: 'running', provider }, actions: [] };
}

/** The next remedy, or the end of it. */
function failed(state: Of<'hiring' | 'running'>, { detail, message }: On<'failed' | 'not-hired'>): Taken {
  const planned = plannedOf(state);
  const avoid = state.name === 'running' ? [...new Set([...state.avoid, state.provider])] : state.avoid;
  const remedy = state.task.remedies?.[state.tried];
  if (remedy === undefined || state.given === undefined) {
    return { state: { ...planned, avoid, name: 'failed', detail, message }, actions: [ended(state, 'failed')] };
  }
  const next: State = { ...planned, avoid, tried: state.tried + 1, name: 'hiring' };
  return { state: next, actions: [hireFor(next, state.given, remedy)] };
}

/** What it refers to is not in the receipts: nothing that is tried again changes that. */
function unfounded(state: Of<'waiting'>, { detail, message }: On<'failed'>): Taken {
  return { state: { ...plannedOf(state), name: 'failed', detail, message }, actions: [ended(state, 'failed')] };
}

function done(state: Of<'hiring' | 'running' | 'cancelling'>, { receipt }: On<'done'>): Taken {
  return { state: { ...plannedOf(state), name: 'done', receipt }, actions: [ended(state, 'done')] };
}

function cancelled(state: Of<'hiring' | 'running'>): Taken {
  return { state: { ...plannedOf(state), name: 'cancelling' }, actions: [{ kind: 'cancel', task: state.task.id }] };
}

/** The contract came about while the call was being cancelled: it is cancelled as well. */
function again(state: Of<'cancelling'>): Taken {
  return { state, actions: [{ kind: 'cancel', task: state.task.id }] };
}

const late: Readonly<Record<WorkflowTaskEvent['kind'], Detail>> = {
  ...{ ready: 'late', drop: 'late', hired: 'late', 'not-hired': 'late', done: 'late', failed: 'late' },
  ...{ cancel: 'late', cancelled: 'late' },
};

/** Every pair; a detail is the answer to a pair that is not allowed. */
export const workflowTaskTable: Table<WorkflowTaskState, WorkflowTaskEvent, WorkflowAction | Ignored> = {
  waiting: {
    ...{ ready, drop: skipped, hired: 'not-your-turn', 'not-hired': 'not-your-turn', done: 'not-your-turn' },
    ...{ failed: unfounded, cancel: dropped, cancelled: 'not-your-turn' },
  },
  hiring: {
    ...{ ready: 'duplicate', drop: 'late', hired, 'not-hired': failed, done, failed, cancel: cancelled },
    cancelled: 'not-your-turn',
  },
  running: {
    ...{ ready: 'duplicate', drop: 'late', hired, 'not-hired': 'stale', done, failed, cancel: cancelled },
    cancelled: 'not-your-turn',
  },
  cancelling: {
    ...{ ready: 'late', drop: 'late', hired: again, 'not-hired': dropped, done, failed: dropped },
    ...{ cancel: 'duplicate', cancelled: dropped },
  },
  done: late,
  failed: late,
  skipped: late,
  cancelled: late,
};

export function workflowTaskStep(state: WorkflowTaskState, event: WorkflowTaskEvent): Taken {
  return stepOf(workflowTaskTable, state, event, 0);
}
