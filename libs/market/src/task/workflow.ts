// A workflow of tasks: who waits for whom, what feeds what, what is tried when one fails, and how all of it ends.
import type { Ignored, Step } from '../negotiation/table.js';
import { ignored } from '../negotiation/table.js';
import { type Refusal, refusal } from '../refusal.js';
import { cycleIn, predecessors, resolved, sumOf } from './references.js';
import { workflowTaskStep } from './workflow-task.js';
import type {
  PlannedTask,
  Receipts,
  Workflow,
  WorkflowAction,
  WorkflowEvent,
  WorkflowOutcome,
  WorkflowTaskEvent,
  WorkflowTaskState,
} from './workflow-types.js';

type Taken = Step<Workflow, WorkflowAction | Ignored>;
export type Planned = ({ readonly ok: true } & Step<Workflow, WorkflowAction | Ignored>) | Refusal;

/** Tasks of one workflow, those that are added included. */
export const MAX_WORKFLOW_TASKS = 4096;

/** `open`: it does not end before `close`, though nothing is left to do. */
export function workflow(tasks: readonly PlannedTask[], open = false): Planned {
  return addTasks({ tasks: new Map(), open, finished: false }, tasks);
}

/** More tasks, while it runs. Refused as a whole: a name twice, a name of nobody, a cycle. */
export function addTasks(state: Workflow, added: readonly PlannedTask[]): Planned {
  if (state.finished || state.aborted !== undefined) return refusal('late', 'the workflow is over');
  const tasks = [...[...state.tasks.values()].map(({ task }) => task), ...added];
  if (tasks.length > MAX_WORKFLOW_TASKS) {
    return refusal('no-capacity', `a workflow has ${MAX_WORKFLOW_TASKS} tasks at most`);
  }
  const wrong = namesFault(tasks);
  if (wrong !== undefined) return wrong;
  const entries = new Map(state.tasks);
  for (const task of added) {
    const found = predecessors(task, tasks);
    if (!found.ok)
      return refusal('unknown', `task ${task.id} waits for ${found.missing}, which is no task and no intent`);
    entries.set(task.id, { name: 'waiting', task, after: found.after, tried: 0, avoid: [] });
  }
  const cycle = cycleIn(new Map([...entries].map(([id, { after }]) => [id, after])));
  if (cycle !== undefined) return refusal('malformed', `a cycle: ${cycle.join(' → ')}`);
  return { ok: true, ...moved({ ...state, tasks: entries }, []) };
}

function namesFault(tasks: readonly PlannedTask[]): Refusal | undefined {
  const ids = new Set<string>();
  for (const { id } of tasks) {
    if (ids.has(id)) return refusal('duplicate', `two tasks are called ${id}`);
    ids.add(id);
  }
  const both = tasks.find(({ intent }) => intent !== undefined && ids.has(intent));
  return both === undefined ? undefined : refusal('duplicate', `${both.intent} is a task and an intent`);
}

export function workflowStep(state: Workflow, event: WorkflowEvent): Taken {
  if (state.finished) return ignored(state, event.kind, 'late');
  if (event.kind === 'close')
    return state.open ? moved({ ...state, open: false }, []) : ignored(state, 'close', 'duplicate');
  if (event.kind === 'abort') {
    if (state.aborted !== undefined) return ignored(state, 'abort', 'duplicate');
    return moved({ ...state, aborted: { detail: 'expired', message: 'the workflow was aborted' } }, []);
  }
  const { task, ...what } = event;
  const entry = state.tasks.get(task);
  if (entry === undefined) return ignored(state, event.kind, 'unknown');
  const step = workflowTaskStep(entry, what as WorkflowTaskEvent);
  if (step.actions[0]?.kind === 'ignored') return { state, actions: step.actions };
  return moved({ ...state, tasks: new Map(state.tasks).set(task, step.state) }, step.actions);
}

/** What follows of itself: a failure that ends all, tasks that are ready or in vain, the end. */
function moved(state: Workflow, actions: readonly (WorkflowAction | Ignored)[]): Taken {
  const tasks = new Map(state.tasks);
  const done = [...actions];
  let { aborted } = state;
  for (let again = true; again; ) {
    again = false;
    aborted ??= abortedBy(tasks);
    for (const [id, entry] of tasks) {
      const event = aborted === undefined ? due(entry, tasks) : stopping(entry);
      if (event === undefined) continue;
      const step = workflowTaskStep(entry, event);
      tasks.set(id, step.state);
      done.push(...step.actions);
      again = true;
    }
  }
  const next: Workflow = { ...state, tasks, aborted };
  if ((state.open && aborted === undefined) || ![...tasks.values()].every(isOver))
    return { state: next, actions: done };
  return {
    state: { ...next, open: false, finished: true },
    actions: [...done, { kind: 'finish', outcome: outcomeOf(next) }],
  };
}

function abortedBy(tasks: ReadonlyMap<string, WorkflowTaskState>): Workflow['aborted'] {
  for (const entry of tasks.values()) {
    if (entry.name !== 'failed' || entry.task.otherwise !== 'abort') continue;
    return { detail: entry.detail, message: `task ${entry.task.id}: ${entry.message}` };
  }
  return undefined;
}

function stopping({ name }: WorkflowTaskState): WorkflowTaskEvent | undefined {
  return name === 'waiting' || name === 'hiring' || name === 'running' ? { kind: 'cancel' } : undefined;
}

/** What a waiting task comes to by what became of those before it. */
function due(entry: WorkflowTaskState, tasks: ReadonlyMap<string, WorkflowTaskState>): WorkflowTaskEvent | undefined {
  if (entry.name !== 'waiting') return undefined;
  const before = entry.after.map((id) => tasks.get(id)!);
  if (before.some((one) => isOver(one) && one.name !== 'done')) return { kind: 'drop' };
  if (!before.every(({ name }) => name === 'done')) return undefined;
  const receipts = receiptsOf(before);
  // An intent means those of its tasks that there were when this one was added.
  const found = resolved(
    entry.task.inputs,
    before.map(({ task }) => task),
    receipts,
  );
  if (found.ok) return { kind: 'ready', inputs: found.inputs, receipts };
  return { kind: 'failed', detail: 'missing-dependency', message: `no receipt has ${found.missing}` };
}

export function isOver({ name }: WorkflowTaskState): boolean {
  return name === 'done' || name === 'failed' || name === 'skipped' || name === 'cancelled';
}

function receiptsOf(entries: readonly WorkflowTaskState[]): Receipts {
  return Object.fromEntries(entries.flatMap((one) => (one.name === 'done' ? [[one.task.id, one.receipt]] : [])));
}

function outcomeOf({ tasks, aborted }: Workflow): WorkflowOutcome {
  const entries = [...tasks.values()];
  const byIntent = new Map<string, (readonly [string, WorkflowOutcome['receipts'][string]])[]>();
  for (const entry of entries) {
    const { intent, id } = entry.task;
    if (entry.name !== 'done' || intent === undefined) continue;
    byIntent.set(intent, [...(byIntent.get(intent) ?? []), [id, entry.receipt]]);
  }
  const failures = entries.flatMap((one) =>
    one.name === 'failed' ? [[one.task.id, { detail: one.detail, message: one.message }] as const] : [],
  );
  return {
    ok: entries.every(({ name }) => name === 'done'),
    states: Object.fromEntries(entries.map(({ task, name }) => [task.id, name])),
    receipts: receiptsOf(entries),
    intents: Object.fromEntries([...byIntent].map(([intent, receipts]) => [intent, sumOf(receipts)])),
    failures: Object.fromEntries(failures),
    ...(aborted === undefined ? {} : { aborted }),
  };
}
