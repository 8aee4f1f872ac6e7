// A contract as its provider works on it: taken, validated, run, reported, handed over; pure, total, no clock.
import { type Ignored, ignored, type Step, stepOf, type Table } from '../negotiation/table.js';
import { FIRST_PAUSE_MS, isHidden, isOlder, keptOf, looked, paused, reporting, type StepBody } from './kept.js';
import type { Receipt } from './receipt.js';
import type { TaskView } from './task-view.js';
import type { Kept, ProvideAction, ProvideEvent, ProvideState } from './work-types.js';

type State = ProvideState;
type Of<N extends State['name']> = Extract<State, { readonly name: N }>;
type On<K extends ProvideEvent['kind']> = Extract<ProvideEvent, { readonly kind: K }>;
type Taken = Step<State, ProvideAction | Ignored>;
type Live = Exclude<State, { readonly name: 'over' }>;
type Working = Of<'working' | 'asking-time'>;
type Begun = Of<'waiting' | 'taking' | 'validating' | 'starting'>;

/** The bank hears so often within the time in which it must hear something. */
const BEATS = 3;

/** Before the time to begin is over, so much is kept for beginning, at most and at least. */
const MOST_LEAD_MS = 10_000;
const LEAST_LEAD_MS = 1000;

/**
 * When it begins with the inputs that were agreed, though nobody said so: a buyer that never does (or whose word is lost)
 * would get the bond of a provider that was willing.
 */
function beginsAt({ dueAt, frame }: TaskView): number {
  const lead = Math.min(MOST_LEAD_MS, Math.max(LEAST_LEAD_MS, Math.floor(frame.conditions.graceMs / 2)));
  return dueAt - lead;
}

/** A report of this process's: where another has taken over from it, the bank refuses it. */
function saying(state: Kept, step: StepBody, nowMs: number): ReturnType<typeof reporting> {
  return reporting(state, { ...step, process: state.nonce }, nowMs);
}

/**
 * A contract that was just won, or is taken up again by another process: it says so to the bank, and what ran there runs
 * again.
 */
export function providing(view: TaskView, nonce: string, nowMs: number): Step<ProvideState, ProvideAction> {
  const kept = looked({ view, nonce, reports: 0, wakeAt: nowMs, pauseMs: FIRST_PAUSE_MS }, view, nowMs);
  const { inputs } = view.frame.task;
  switch (view.state) {
    case 'awarded':
      return { state: { name: 'waiting', ...kept }, actions: [] };
    case 'starting':
    case 'running':
    case 'renewing': {
      const { kept: asked, body } = saying(kept, { step: 'resume', process: nonce }, nowMs);
      return { state: { name: 'resuming', inputs, ...asked }, actions: [{ kind: 'report', body }] };
    }
    case 'done':
    case 'disputed':
      return { state: { name: 'delivered', ...kept }, actions: [{ kind: 'delivered', view }] };
    case 'settled':
      return { state: { name: 'over', view }, actions: [{ kind: 'finish', view }] };
  }
}

/** The bank knows which process goes on: from where it stands. */
function seenResumed(state: Of<'resuming'>, { view, key }: On<'seen'>, nowMs: number): Taken {
  if (isOlder(view, state.view)) return ignored(state, 'seen', 'stale');
  const { nonce, asked, inputs } = state;
  if (isMoved(state, view)) return over(state, view);
  if (view.state === 'done' || view.state === 'disputed') return delivered(state, view, nowMs);
  if (view.process !== nonce)
    return key === asked?.key ? over(state, view) : { state: { ...state, view }, actions: [] };
  const kept = { ...looked(state, view, nowMs), asked: undefined };
  if (view.state === 'running') return { state: working(kept, nowMs), actions: [{ kind: 'run', view, inputs }] };
  if (view.state !== 'renewing') {
    return { state: { name: 'validating', inputs, ...kept }, actions: [{ kind: 'validate', view, inputs }] };
  }
  const deadline = view.askedDeadline ?? view.issues.deadline;
  const next: Of<'asking-time'> = { ...working(kept, nowMs), name: 'asking-time', deadline, since: kept.reports };
  return { state: next, actions: [{ kind: 'run', view, inputs }] };
}

function working(kept: Kept, nowMs: number): Of<'working'> {
  const beatAt = nowMs + beatMs(kept.view);
  return { name: 'working', ...kept, asked: undefined, percent: kept.view.percent, beatAt };
}

function beatMs({ frame }: TaskView): number {
  return Math.max(1, Math.floor(frame.conditions.reportEveryMs / BEATS));
}

function begun(state: Of<'waiting'>, { inputs }: On<'task-start'>, nowMs: number): Taken {
  const { kept, body } = saying(state, { step: 'take' }, nowMs);
  return { state: { name: 'taking', inputs, ...kept }, actions: [{ kind: 'report', body }] };
}

function validated(state: Of<'validating'>, _event: On<'validated'>, nowMs: number): Taken {
  const { kept, body } = saying(state, { step: 'run' }, nowMs);
  return { state: { name: 'starting', inputs: state.inputs, ...kept }, actions: [{ kind: 'report', body }] };
}

function turnedDown(state: Of<'waiting' | 'taking' | 'validating'>, { message }: On<'unfit'>, nowMs: number): Taken {
  return reported(state, { step: 'turn-down', message: message.slice(0, 512) }, nowMs);
}

function reported(state: Live, step: StepBody, nowMs: number, receipt?: Receipt): Taken {
  const { kept, body } = saying(state, step, nowMs);
  return { state: { name: 'reporting', receipt, ...kept }, actions: [{ kind: 'report', body }] };
}

function left(state: Begun, _event: On<'leave'>, nowMs: number): Taken {
  return reported(state, { step: 'decommit' }, nowMs);
}

function leftWork(state: Working, _event: On<'leave'>, nowMs: number): Taken {
  const { state: next, actions } = reported(state, { step: 'decommit' }, nowMs);
  return { state: next, actions: [{ kind: 'stop' }, ...unasked(state), ...actions] };
}

/** Whoever waits for the buyer's word on more time hears that there is none. */
function unasked(state: Live): ProvideAction[] {
  return state.name === 'asking-time' ? [{ kind: 'time', granted: false, deadline: state.deadline }] : [];
}

function told(state: Working, { progress }: On<'progress'>): Taken {
  const to = state.view.frame.buyer;
  return { state: { ...state, percent: progress.percent }, actions: [{ kind: 'tell-progress', to, progress }] };
}

function askTime(state: Of<'working'>, { deadline }: On<'ask-time'>, nowMs: number): Taken {
  if (deadline <= state.view.issues.deadline) return ignored(state, 'ask-time', 'malformed');
  const { percent, beatAt } = state;
  const { kept, body } = saying(state, { step: 'ask-time', deadline }, nowMs);
  return {
    state: { name: 'asking-time', ...kept, percent, beatAt, deadline, since: kept.reports },
    actions: [{ kind: 'report', body }],
  };
}

function finished(state: Working, { receipt }: On<'finished'>, nowMs: number): Taken {
  const step: StepBody = receipt.outcome === 'done' ? { step: 'done', receipt } : { step: 'fail', receipt };
  const next = reported(state, step, nowMs, receipt);
  return { state: next.state, actions: [...unasked(state), ...next.actions] };
}

function isMoved(state: Live, { state: is, attempt, provider }: TaskView): boolean {
  return is === 'settled' || attempt !== state.view.attempt || provider !== state.view.provider;
}

/** Over, another's, or taken over by another process. */
function isGone(state: Live, view: TaskView): boolean {
  return isMoved(state, view) || !isHeard(state, view);
}

function isHeard({ nonce }: Live, { process = nonce }: TaskView): boolean {
  return process === nonce;
}

/** Settled, or another's: nothing is left to do. */
function over(state: Live, view: TaskView): Taken {
  const running = state.name === 'working' || state.name === 'asking-time';
  const actions: ProvideAction[] = running ? [{ kind: 'stop' }, ...unasked(state)] : [];
  if (state.name === 'reporting' && isHeard(state, view)) actions.push(...heardOf(state, view));
  return { state: { name: 'over', view }, actions: [...actions, { kind: 'finish', view }] };
}

/** The bank has it: now the buyer finds it there. */
function heardOf(state: Of<'reporting'>, view: TaskView): ProvideAction[] {
  const to = view.frame.buyer;
  const { receipt } = state;
  return [receipt === undefined ? { kind: 'tell', to, view } : { kind: 'tell-done', to, receipt }];
}

/** Of the bank's views none but a later one leads on. */
function seenBefore(state: Begun, { view }: On<'seen'>, nowMs: number): Taken {
  if (isOlder(view, state.view)) return ignored(state, 'seen', 'stale');
  if (isGone(state, view)) return over(state, view);
  if (view.state === 'done' || view.state === 'disputed') return delivered(state, view, nowMs);
  const kept = { ...looked(state, view, nowMs), asked: undefined };
  const inputs = state.name === 'waiting' ? view.frame.task.inputs : state.inputs;
  if (view.state === 'running' || view.state === 'renewing') {
    return { state: working(kept, nowMs), actions: [{ kind: 'run', view, inputs }] };
  }
  const taken = view.state === 'starting' && (state.name === 'waiting' || state.name === 'taking');
  if (taken) return { state: { name: 'validating', inputs, ...kept }, actions: [{ kind: 'validate', view, inputs }] };
  // What was asked and is not done yet is asked again in its time.
  return { state: { ...state, ...(state.asked === undefined ? looked(state, view, nowMs) : { view }) }, actions: [] };
}

function seenAtWork(state: Working, { view, key }: On<'seen'>, nowMs: number): Taken {
  if (isOlder(view, state.view)) return ignored(state, 'seen', 'stale');
  if (isGone(state, view)) return over(state, view);
  if (view.state === 'done' || view.state === 'disputed') {
    const next = delivered(state, view, nowMs);
    return { state: next.state, actions: [{ kind: 'stop' }, ...unasked(state), ...next.actions] };
  }
  const answered = key !== undefined && key === state.asked?.key;
  const asked = answered ? undefined : state.asked;
  if (state.name === 'working') return { state: { ...state, view }, actions: [] };
  const granted = view.issues.deadline >= state.deadline;
  // An answer that was under way before the request says nothing about it.
  const denied = view.state === 'running' && asked === undefined && reportOf(state, key) > state.since;
  if (!granted && !denied) return { state: { ...state, view, asked }, actions: [] };
  const { percent, beatAt, deadline } = state;
  return {
    state: { name: 'working', ...keptOf(state), asked: undefined, view, percent, beatAt },
    actions: [{ kind: 'time', granted, deadline }],
  };
}

function reportOf({ nonce }: Kept, key: string | undefined): number {
  return key === undefined ? 0 : Number(key.slice(nonce.length + 1));
}

function seenReported(state: Of<'reporting'>, { view }: On<'seen'>, nowMs: number): Taken {
  if (isOlder(view, state.view)) return ignored(state, 'seen', 'stale');
  if (isGone(state, view)) return over(state, view);
  if (view.state !== 'done' && view.state !== 'disputed') return { state: { ...state, view }, actions: [] };
  const next = delivered(state, view, nowMs);
  return { state: next.state, actions: [...heardOf(state, view), ...next.actions] };
}

function delivered(state: Live, view: TaskView, nowMs: number): Taken {
  const kept = { ...looked(state, view, nowMs), asked: undefined };
  return { state: { name: 'delivered', ...kept }, actions: [{ kind: 'delivered', view }] };
}

function seenDelivered(state: Of<'delivered'>, { view }: On<'seen'>, nowMs: number): Taken {
  if (isOlder(view, state.view)) return ignored(state, 'seen', 'stale');
  return isMoved(state, view) ? over(state, view) : { state: { ...state, ...looked(state, view, nowMs) }, actions: [] };
}

/** A step that the contract does not take now: how it stands shows why. Where that is not shown it is another's. */
function refused(
  state: Begun | Of<'resuming' | 'delivered' | 'reporting'>,
  { key, refusal }: On<'refused'>,
  nowMs: number,
): Taken {
  if (key !== undefined) return { state: paused(state, nowMs), actions: [inquiry(state)] };
  return isHidden(refusal) ? over(state, state.view) : { state: paused(state, nowMs), actions: [] };
}

function refusedAtWork(state: Working, { key, refusal }: On<'refused'>, nowMs: number): Taken {
  if (key === undefined) return isHidden(refusal) ? over(state, state.view) : { state, actions: [] };
  if (state.name === 'working' || key !== state.asked?.key) return { state, actions: [inquiry(state)] };
  // Asked before under another key and not decided yet: the bank's next answers show what comes of it.
  if (refusal.detail === 'duplicate') return { state: { ...state, asked: undefined }, actions: [] };
  const { percent, beatAt, deadline } = state;
  return {
    state: { name: 'working', ...keptOf(paused(state, nowMs)), asked: undefined, percent, beatAt },
    actions: [{ kind: 'time', granted: false, deadline }, inquiry(state)],
  };
}

/** A receipt that the bank cannot read is none: the work has failed. */
function refusedReport(state: Of<'reporting'>, event: On<'refused'>, nowMs: number): Taken {
  const { key, refusal } = event;
  const { receipt, asked } = state;
  if (key !== undefined && key !== asked?.key) return ignored(state, 'refused', 'stale');
  if (refusal.detail === 'malformed' && receipt?.outcome === 'done') {
    const message = `the bank did not take the receipt: ${refusal.message}`.slice(0, 1024);
    const failed: Receipt = { ...receipt, outcome: 'failed', outputs: {}, message };
    return reported(state, { step: 'fail', receipt: failed }, nowMs, failed);
  }
  return refused(state, event, nowMs);
}

function unanswered<S extends Live>(state: S, _event: On<'unanswered'>, nowMs: number): Taken {
  return { state: paused(state, nowMs) as State, actions: [] };
}

/** The next sign of life does what the lost one would have. */
function unansweredAtWork(state: Working, { key }: On<'unanswered'>, nowMs: number): Taken {
  return key !== undefined && key === state.asked?.key
    ? { state: paused(state, nowMs), actions: [] }
    : { state, actions: [] };
}

function inquiry({ view }: Kept): ProvideAction {
  return { kind: 'inquire', contract: view.contract };
}

function look<S extends Live>(state: S): Taken {
  return { state, actions: [inquiry(state)] };
}

/** Asks again, or looks. */
function due(state: Begun | Of<'resuming' | 'reporting' | 'delivered'>, _event: On<'tick'>, nowMs: number): Taken {
  if (nowMs < state.wakeAt) return ignored(state, 'tick', 'not-your-turn');
  const { asked } = state;
  return {
    state: paused(state, nowMs),
    actions: [asked === undefined ? inquiry(state) : { kind: 'report', body: asked }],
  };
}

/** Looks whether there is news; in the end it begins by itself. */
function dueToBegin(state: Of<'waiting'>, event: On<'tick'>, nowMs: number): Taken {
  const { view } = state;
  if (nowMs < beginsAt(view)) return due(state, event, nowMs);
  return begun(state, { kind: 'task-start', inputs: view.frame.task.inputs }, nowMs);
}

/** Says that the work goes on; what the buyer was asked and the bank did not answer is asked again. */
function beat(state: Working, event: On<'tick' | 'nudge'>, nowMs: number): Taken {
  const actions: ProvideAction[] = [];
  let next = state;
  if (state.asked !== undefined && nowMs >= state.wakeAt) {
    next = paused(next, nowMs);
    actions.push({ kind: 'report', body: state.asked });
  }
  if (nowMs >= state.beatAt || event.kind === 'nudge') {
    const { kept, body } = saying(state, { step: 'progress', percent: state.percent }, nowMs);
    next = { ...next, reports: kept.reports, beatAt: nowMs + beatMs(state.view) };
    actions.push({ kind: 'report', body });
  }
  return actions.length === 0 ? ignored(state, event.kind, 'not-your-turn') : { state: next, actions };
}

/** Every pair; a detail is the answer to a pair that is not allowed. */
export const provideTable: Table<ProvideState, ProvideEvent, ProvideAction | Ignored> = {
  waiting: {
    ...{ 'task-start': begun, validated: 'not-your-turn', unfit: turnedDown, progress: 'not-your-turn' },
    ...{ 'ask-time': 'not-your-turn', finished: 'not-your-turn', leave: left, seen: seenBefore, refused, unanswered },
    ...{ nudge: look, tick: dueToBegin },
  },
  taking: {
    ...{ 'task-start': 'duplicate', validated: 'not-your-turn', unfit: turnedDown, progress: 'not-your-turn' },
    ...{ 'ask-time': 'not-your-turn', finished: 'not-your-turn', leave: left, seen: seenBefore, refused, unanswered },
    ...{ nudge: look, tick: due },
  },
  validating: {
    ...{ 'task-start': 'duplicate', validated, unfit: turnedDown, progress: 'not-your-turn' },
    ...{ 'ask-time': 'not-your-turn', finished: 'not-your-turn', leave: left, seen: seenBefore, refused, unanswered },
    ...{ nudge: look, tick: due },
  },
  starting: {
    // It runs as far as this side is concerned: who wants out now breaks the contract.
    ...{ 'task-start': 'duplicate', validated: 'duplicate', unfit: 'late', progress: 'not-your-turn' },
    ...{ 'ask-time': 'not-your-turn', finished: 'not-your-turn', leave: left, seen: seenBefore, refused, unanswered },
    ...{ nudge: look, tick: due },
  },
  resuming: {
    ...{ 'task-start': 'duplicate', validated: 'not-your-turn', unfit: 'not-your-turn', progress: 'not-your-turn' },
    ...{ 'ask-time': 'not-your-turn', finished: 'not-your-turn', leave: 'not-your-turn', seen: seenResumed },
    ...{ refused, unanswered, nudge: look, tick: due },
  },
  working: {
    ...{ 'task-start': 'duplicate', validated: 'duplicate', unfit: 'late', progress: told, 'ask-time': askTime },
    ...{ finished, leave: leftWork, seen: seenAtWork, refused: refusedAtWork, unanswered: unansweredAtWork },
    ...{ nudge: beat, tick: beat },
  },
  'asking-time': {
    ...{ 'task-start': 'duplicate', validated: 'duplicate', unfit: 'late', progress: told, 'ask-time': 'duplicate' },
    ...{ finished, leave: leftWork, seen: seenAtWork, refused: refusedAtWork, unanswered: unansweredAtWork },
    ...{ nudge: beat, tick: beat },
  },
  reporting: {
    ...{ 'task-start': 'duplicate', validated: 'late', unfit: 'late', progress: 'late', 'ask-time': 'late' },
    ...{
      finished: 'late',
      leave: 'late',
      seen: seenReported,
      refused: refusedReport,
      unanswered,
      nudge: look,
      tick: due,
    },
  },
  delivered: {
    ...{ 'task-start': 'late', validated: 'late', unfit: 'late', progress: 'late', 'ask-time': 'late' },
    ...{ finished: 'duplicate', leave: 'late', seen: seenDelivered, refused, unanswered, nudge: look, tick: due },
  },
  over: {
    ...{ 'task-start': 'expired', validated: 'stale', unfit: 'stale', progress: 'stale', 'ask-time': 'expired' },
    ...{ finished: 'stale', leave: 'expired', seen: 'stale', refused: 'stale', unanswered: 'stale' },
    ...{ nudge: 'stale', tick: 'stale' },
  },
};

/** The next state and what to do; `nowMs` by the broker's clock. */
export function provideStep(
  state: ProvideState,
  event: ProvideEvent,
  nowMs: number,
): Step<ProvideState, ProvideAction | Ignored> {
  return stepOf(provideTable, state, event, nowMs);
}

/** When `tick` is due; Infinity where only others can move it. */
export function provideWakeAt(state: ProvideState): number {
  switch (state.name) {
    case 'over':
      return Number.POSITIVE_INFINITY;
    case 'waiting':
      return Math.min(state.wakeAt, beginsAt(state.view));
    case 'working':
    case 'asking-time':
      return state.asked === undefined ? state.beatAt : Math.min(state.beatAt, state.wakeAt);
    default:
      return state.wakeAt;
  }
}
