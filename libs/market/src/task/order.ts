// A contract as its buyer follows it: begun, watched, given more time or not, accepted or disputed; pure, total, no clock.
import { type Ignored, ignored, type Step, stepOf, type Table } from '../negotiation/table.js';
import { FIRST_PAUSE_MS, isHidden, isOlder, looked, paused, reporting, type StepBody } from './kept.js';
import type { TaskView } from './task-view.js';
import type { Kept, OrderAction, OrderEvent, OrderState } from './work-types.js';

type State = OrderState;
type Of<N extends State['name']> = Extract<State, { readonly name: N }>;
type On<K extends OrderEvent['kind']> = Extract<OrderEvent, { readonly kind: K }>;
type Taken = Step<State, OrderAction | Ignored>;
type Live = Exclude<State, { readonly name: 'over' }>;

/** A contract that was just engaged, or is taken up again by another process. */
export function placing(view: TaskView, nonce: string, nowMs: number): Step<OrderState, OrderAction> {
  const kept: Kept = { view, nonce, reports: 0, wakeAt: nowMs, pauseMs: FIRST_PAUSE_MS };
  const { state, actions } = follow({ name: 'waiting', ...kept }, view, nowMs);
  const inform: OrderAction = { kind: 'inform', to: view.provider, view };
  return { state, actions: view.state === 'awarded' ? [inform, ...actions] : actions };
}

/** Where the bank's view leads; what is to be decided is asked for when it comes up. */
function follow(state: Live, view: TaskView, nowMs: number): { state: State; actions: OrderAction[] } {
  const kept = { ...looked(state, view, nowMs), asked: undefined };
  switch (view.state) {
    case 'awarded':
      return started(state, view, nowMs);
    case 'starting':
      return { state: { name: 'waiting', ...paused({ ...kept, pauseMs: state.pauseMs }, nowMs) }, actions: [] };
    case 'running':
      return { state: { name: 'running', ...kept }, actions: [] };
    case 'renewing': {
      const deadline = view.askedDeadline ?? view.issues.deadline;
      const known = state.name === 'granting' && state.deadline === deadline;
      const asked: OrderAction[] = known ? [] : [{ kind: 'judge-time', deadline, view }];
      return { state: { name: 'granting', deadline, ...kept }, actions: asked };
    }
    case 'done': {
      const { receipt } = view;
      const judged = state.name === 'deciding' || receipt === undefined;
      return { state: { name: 'deciding', ...kept }, actions: judged ? [] : [{ kind: 'judge', receipt, view }] };
    }
    case 'disputed':
      return { state: { name: 'disputed', ...kept }, actions: [] };
    case 'settled':
      return { state: { name: 'over', view }, actions: [{ kind: 'finish', view }] };
  }
}

/** The provider is told to begin; again where nothing came of it, since messages may be lost. */
function started(state: Live, view: TaskView, nowMs: number): { state: State; actions: OrderAction[] } {
  const to = view.provider;
  const begin: OrderAction = { kind: 'task-start', to, view };
  const handedOver = view.attempt > state.view.attempt;
  const news: OrderAction[] = [
    { kind: 'handed-over', view },
    { kind: 'inform', to, view },
  ];
  const { nonce, reports } = state;
  // Asked soon, and then at growing distances, whatever its time limit is.
  const pauseMs = handedOver ? FIRST_PAUSE_MS : state.pauseMs;
  const next = paused({ view, nonce, reports, wakeAt: nowMs, pauseMs }, nowMs);
  return { state: { name: 'waiting', ...next }, actions: handedOver ? [...news, begin] : [begin] };
}

function seen(state: Live, { view, key }: On<'seen'>, nowMs: number): Taken {
  if (isOlder(view, state.view)) return ignored(state, 'seen', 'stale');
  const { asked } = state;
  // What was under way before a report was made says nothing about it.
  const unanswered = asked !== undefined && key !== asked.key;
  if (unanswered && view.state !== 'settled' && view.attempt === state.view.attempt) {
    return ignored(state, 'seen', 'stale');
  }
  return follow(state, view, nowMs);
}

function reported(state: Live, step: StepBody, nowMs: number): Taken {
  const { kept, body } = reporting(state, step, nowMs);
  return { state: { ...state, ...kept } as State, actions: [{ kind: 'report', body }] };
}

/** One decision at a time: until the bank has answered it, another one is out of turn. */
function deciding<S extends Live, K extends OrderEvent['kind']>(
  stepFor: (event: On<K>) => StepBody,
): (state: S, event: On<K>, nowMs: number) => Taken {
  return (state, event, nowMs) =>
    state.asked === undefined
      ? reported(state, stepFor(event), nowMs)
      : ignored<State, OrderAction>(state, event.kind, 'not-your-turn');
}

const grant = deciding<Of<'granting'>, 'grant'>(() => ({ step: 'grant-time' }));
const deny = deciding<Of<'granting'>, 'deny'>(() => ({ step: 'deny-time' }));
const accept = deciding<Of<'deciding' | 'disputed'>, 'accept'>(() => ({ step: 'accept' }));
const dispute = deciding<Of<'deciding'>, 'dispute'>(({ message }) => ({
  step: 'dispute',
  message: message.slice(0, 512),
}));
const leave = deciding<Of<'waiting' | 'running'>, 'leave'>(() => ({ step: 'decommit' }));

/** Leaving counts whatever was decided before about time. */
function leaveNow(state: Of<'granting'>, _event: On<'leave'>, nowMs: number): Taken {
  return reported(state, { step: 'decommit' }, nowMs);
}

function progress(state: Live, event: On<'progress'>): Taken {
  return { state, actions: [{ kind: 'progress', progress: event.progress }] };
}

/** It runs, and the bank says so too when it is asked. */
function early(state: Of<'waiting'>, event: On<'progress'>): Taken {
  return { state, actions: [...progress(state, event).actions, ...look(state).actions] };
}

function look(state: Live): Taken {
  return { state, actions: [{ kind: 'inquire', contract: state.view.contract }] };
}

/** The contract did not take the step: how it stands shows why. */
function refused(state: Live, { key, refusal }: On<'refused'>, nowMs: number): Taken {
  if (key === undefined) {
    const { view } = state;
    if (isHidden(refusal)) return { state: { name: 'over', view }, actions: [{ kind: 'finish', view }] };
    return { state: paused(state, nowMs) as State, actions: [] };
  }
  if (key !== state.asked?.key) return ignored(state, 'refused', 'stale');
  return look({ ...paused(state, nowMs), asked: undefined });
}

function unanswered(state: Live, _event: On<'unanswered'>, nowMs: number): Taken {
  return { state: paused(state, nowMs) as State, actions: [] };
}

/** Asks again, or looks. */
function due(state: Live, _event: On<'tick'>, nowMs: number): Taken {
  if (nowMs < state.wakeAt) return ignored(state, 'tick', 'not-your-turn');
  const { asked, view } = state;
  const next = paused(state, nowMs) as State;
  const question: OrderAction = { kind: 'inquire', contract: view.contract };
  return { state: next, actions: [asked === undefined ? question : { kind: 'report', body: asked }] };
}

const bank = { seen, refused, unanswered, nudge: look, tick: due };

/** Every pair; a detail is the answer to a pair that is not allowed. */
export const orderTable: Table<OrderState, OrderEvent, OrderAction | Ignored> = {
  waiting: {
    ...{ progress: early, done: look, grant: 'not-your-turn', deny: 'not-your-turn' },
    ...{ accept: 'not-your-turn', dispute: 'not-your-turn', leave, ...bank },
  },
  running: {
    ...{ progress, done: look, grant: 'not-your-turn', deny: 'not-your-turn' },
    ...{ accept: 'not-your-turn', dispute: 'not-your-turn', leave, ...bank },
  },
  granting: {
    ...{ progress, done: look, grant, deny, accept: 'not-your-turn', dispute: 'not-your-turn' },
    ...{ leave: leaveNow, ...bank },
  },
  deciding: {
    ...{ progress: 'late', done: 'duplicate', grant: 'late', deny: 'late', accept, dispute, leave: 'late', ...bank },
  },
  disputed: {
    ...{
      progress: 'late',
      done: 'duplicate',
      grant: 'late',
      deny: 'late',
      accept,
      dispute: 'duplicate',
      leave: 'late',
    },
    ...bank,
  },
  over: {
    ...{ progress: 'stale', done: 'stale', grant: 'expired', deny: 'expired', accept: 'expired', dispute: 'expired' },
    ...{ leave: 'expired', seen: 'stale', refused: 'stale', unanswered: 'stale', nudge: 'stale', tick: 'stale' },
  },
};

/** The next state and what to do; `nowMs` by the broker's clock. */
export function orderStep(
  state: OrderState,
  event: OrderEvent,
  nowMs: number,
): Step<OrderState, OrderAction | Ignored> {
  return stepOf(orderTable, state, event, nowMs);
}

/** When `tick` is due; Infinity where only others can move it. */
export function orderWakeAt(state: OrderState): number {
  return state.name === 'over' ? Number.POSITIVE_INFINITY : state.wakeAt;
}
