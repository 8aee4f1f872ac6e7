// A provider's seat in an announced call for a task: offer, counter, wait, ask the bank, stand by; pure, total, no clock.
import type { Detail } from '../refusal.js';
import { isStepBack } from '../task/compare.js';
import type { Offer } from '../task/offer.js';
import type { TaskCall } from '../task/task-call.js';
import { type Ignored, ignored, type Step, stepOf, type Table } from './table.js';
import type { TenderAction, TenderEvent, TenderState, TenderWaiting as Waiting } from './tender-types.js';

type State = TenderState;
type Of<N extends State['name']> = Extract<State, { readonly name: N }>;
type On<K extends TenderEvent['kind']> = Extract<TenderEvent, { readonly kind: K }>;
type Taken = Step<State, TenderAction | Ignored>;
type Tendered = Of<'tendered'>;

/** The pause after a first question to the bank, and the longest one. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** The bank may engage at a seal's last moment: it is asked a little later for the last time. */
export const SEAL_MARGIN_MS = 1000;
/** A bank that does not answer is asked so long after that. */
const LAST_WORD_MS = 60_000;

/** A call heard from `buyer`, to be answered before it closes. */
export function considering(call: TaskCall, buyer: string): Step<TenderState, TenderAction> {
  return { state: { name: 'considering', call, buyer }, actions: [{ kind: 'consider', call }] };
}

/** The seat with an offer out; what the buyer chooses among may take it a round's time. */
function tendered({ call, buyer, before }: Of<'considering'>, offer: Offer): Tendered {
  const sealedUntil = Math.max(offer.seal.until, before?.sealedUntil ?? 0);
  const askAt = Math.min(call.closesAt + call.protocol.roundMs, sealedUntil + SEAL_MARGIN_MS);
  return { name: 'tendered', call, buyer, offer, sealedUntil, askAt, pauseMs: FIRST_PAUSE_MS };
}

/** The slots behind an offer that is replaced, or that nothing comes of. */
function freed(before: Offer | undefined, after?: Offer): TenderAction[] {
  return before?.hold === undefined || before.hold === after?.hold ? [] : [{ kind: 'release', hold: before.hold }];
}

function offered(state: Of<'considering'>, { offer }: On<'offer'>, nowMs: number): Taken {
  const { call, buyer, before } = state;
  if (nowMs >= call.closesAt) return ignored(state, 'offer', 'late');
  const detail = unfitAfter(before?.offer, offer);
  if (detail !== undefined) return ignored(state, 'offer', detail);
  const told: TenderAction = { kind: 'tender', to: buyer, round: call.round, offer };
  return { state: tendered(state, offer), actions: [...freed(before?.offer, offer), told] };
}

/** Nobody steps back from an own offer, nor makes two that could both be engaged. */
function unfitAfter(before: Offer | undefined, after: Offer): Detail | undefined {
  if (before === undefined) return undefined;
  if (before.seal.intent !== after.seal.intent) return 'not-permitted';
  return isStepBack('provider', before.issues, after.issues) ? 'no-improvement' : undefined;
}

/** A counter-offer is sealed: who makes one waits as who makes an offer. */
function declined(state: Of<'considering'>, { move }: On<'refuse'>, nowMs: number): Taken {
  const { call, buyer, before } = state;
  if (nowMs >= call.closesAt) return ignored(state, 'refuse', 'late');
  const counter = move.offer;
  const detail = counter === undefined ? undefined : unfitAfter(before?.offer, counter);
  if (detail !== undefined) return ignored(state, 'refuse', detail);
  const told: TenderAction = { kind: 'refuse', to: buyer, move };
  const standing = counter ?? before?.offer;
  if (standing !== undefined) {
    return { state: tendered(state, standing), actions: [...freed(before?.offer, standing), told] };
  }
  return { state: move.final ? { name: 'over' } : { name: 'declined', call, buyer }, actions: [told] };
}

/** The round closed while the provider thought: what it offered before stands. */
function closedInTime(state: Of<'considering'>, _event: On<'tick'>, nowMs: number): Taken {
  const { call, buyer, before } = state;
  if (nowMs < call.closesAt) return ignored(state, 'tick', 'not-your-turn');
  if (before === undefined) return { state: { name: 'declined', call, buyer }, actions: [] };
  return { state: tendered(state, before.offer), actions: [] };
}

/** A seat is kept as long as there can be a further round. */
function left(state: Of<'declined'>, _event: On<'tick'>, nowMs: number): Taken {
  if (nowMs < state.call.protocol.endsAt) return ignored(state, 'tick', 'not-your-turn');
  return { state: { name: 'over' }, actions: [] };
}

function recalled(state: Of<'considering' | 'declined' | 'inquiring'> | Waiting, { call }: On<'cfp'>): Taken {
  const seat = state.name === 'inquiring' ? state.from : state;
  const same = call.frame.conversation === seat.call.frame.conversation;
  if (!same || call.round <= seat.call.round) return ignored(state, 'cfp', 'stale');
  const { buyer } = seat;
  const before = seat.name === 'considering' ? seat.before : seat.name === 'declined' ? undefined : seat;
  if (before === undefined) {
    return { state: { name: 'considering', call, buyer }, actions: [{ kind: 'consider', call }] };
  }
  const { offer, sealedUntil, askAt, pauseMs } = before;
  return {
    state: { name: 'considering', call, buyer, before: { offer, sealedUntil, askAt, pauseMs } },
    actions: [{ kind: 'consider', call, standing: offer }],
  };
}

/** Before anything was offered: nothing keeps the provider. Afterwards it is bound as long as its seals live. */
function leave(state: Of<'considering'>, _event: On<'withdraw'>): Taken {
  if (state.before === undefined) return { state: { name: 'over' }, actions: [] };
  return takenBack(tendered(state, state.before.offer), _event);
}

/** A seal cannot be taken back: the buyer is asked to do without, and in the end the bank whether it did. */
function takenBack(state: Tendered, _event: On<'withdraw'>): Taken {
  return lostBy(state, [{ kind: 'withdraw', to: state.buyer, detail: 'expired' }]);
}

/** Within a round a no is not the end: another offer may pass. */
function rejected(state: Tendered, event: On<'reject'>, nowMs: number): Taken {
  const { move } = event;
  const { call, buyer, offer, sealedUntil, askAt, pauseMs } = state;
  if (move.final || move.detail === 'outbid' || nowMs >= call.closesAt) return told(state, event, nowMs);
  if (!isMine(state, event)) return ignored(state, 'reject', 'unknown');
  return {
    state: { name: 'considering', call, buyer, before: { offer, sealedUntil, askAt, pauseMs } },
    actions: [{ kind: 'consider', call, standing: offer }],
  };
}

function isMine({ offer }: Waiting, { move }: On<'reject'>): boolean {
  return move.intent === undefined || move.intent === offer.seal.intent;
}

function told(state: Waiting, event: On<'reject'>, nowMs: number): Taken {
  if (!isMine(state, event)) return ignored(state, 'reject', 'unknown');
  const { detail, message, final, retryAfterMs } = event.move;
  const when = retryAfterMs === undefined ? {} : { retryAfterMs };
  const lost: TenderAction = { kind: 'lost', detail, message, ...when };
  const { call, buyer, offer, sealedUntil, pauseMs } = state;
  // A winner that turns the task down does so before it begins.
  const until = Math.min(sealedUntil, offer.issues.startBy + call.frame.conditions.graceMs);
  if (final || detail !== 'outbid' || nowMs >= until) return lostBy(state, [lost]);
  const askAt = until + SEAL_MARGIN_MS;
  return { state: { name: 'standing', call, buyer, offer, sealedUntil, pauseMs, until, askAt }, actions: [lost] };
}

function lostBy({ call, buyer, offer, sealedUntil, pauseMs }: Waiting, actions: readonly TenderAction[]): Taken {
  const askAt = sealedUntil + SEAL_MARGIN_MS;
  const state: State = { name: 'lost', call, buyer, offer, sealedUntil, askAt, pauseMs };
  return { state, actions: [...actions, ...freed(offer)] };
}

function cancelled(state: Waiting, { detail }: On<'cancel'>): Taken {
  return lostBy(state, [{ kind: 'lost', detail }]);
}

function dropped(state: Of<'considering'>, event: On<'cancel'>): Taken {
  if (state.before === undefined) return { state: { name: 'over' }, actions: [] };
  return cancelled(tendered(state, state.before.offer), event);
}

function finished(_state: Of<'declined'>): Taken {
  return { state: { name: 'over' }, actions: [] };
}

/** Waits for an operator's decision: the slots stay where they are. */
function waits(state: Waiting, { expiresAt }: On<'pending'>): Taken {
  const { call, buyer, offer, sealedUntil } = state;
  const askAt = Math.min(expiresAt, sealedUntil) + SEAL_MARGIN_MS;
  return { state: { name: 'pending', call, buyer, offer, sealedUntil, askAt, pauseMs: FIRST_PAUSE_MS }, actions: [] };
}

/** Told of a contract: only the bank's word counts. */
function confirm(state: Waiting, _event: On<'contract' | 'tick'>, nowMs: number): Taken {
  const { intent } = state.offer.seal;
  return { state: { name: 'inquiring', from: state, askedAt: nowMs }, actions: [{ kind: 'inquire', intent }] };
}

function confirmBefore(state: Of<'considering'>, event: On<'contract'>, nowMs: number): Taken {
  return state.before === undefined
    ? ignored(state, event.kind, 'unknown')
    : confirm(tendered(state, state.before.offer), event, nowMs);
}

function ask(state: Waiting, event: On<'tick'>, nowMs: number): Taken {
  if (nowMs < state.askAt) return ignored(state, 'tick', 'not-your-turn');
  const atStake = Number(state.call.frame.conditions.bondMicro) > 0;
  return state.name === 'lost' && !atStake ? { state: { name: 'over' }, actions: [] } : confirm(state, event, nowMs);
}

function held(state: Waiting | Of<'inquiring'>, { view }: On<'held'>): Taken {
  const { offer, call } = state.name === 'inquiring' ? state.from : state;
  const { participant, intent } = offer.seal;
  const ours = view.provider === participant && view.intent === intent;
  if (!ours || view.frame.conversation !== call.frame.conversation) return ignored(state, 'held', 'stale');
  return { state: { name: 'won', view }, actions: [{ kind: 'work', view }] };
}

function heldBefore(state: Of<'considering'>, event: On<'held'>): Taken {
  return state.before === undefined
    ? ignored(state, event.kind, 'stale')
    : held(tendered(state, state.before.offer), event);
}

/** When nothing can come of the offer any more. */
function endOf(state: Waiting): number {
  return (state.name === 'standing' ? state.until : state.sealedUntil) + SEAL_MARGIN_MS;
}

/** No contract so far: wait on, at growing distances, until nothing can come of the offer; asked then, not answered. */
function absent({ from, askedAt }: Of<'inquiring'>, _event: On<'absent'>, nowMs: number): Taken {
  return askedAt >= endOf(from) ? over(from, 'expired') : waitedOn(from, nowMs);
}

function unanswered({ from }: Of<'inquiring'>, _event: On<'unanswered'>, nowMs: number): Taken {
  return nowMs >= endOf(from) + LAST_WORD_MS ? over(from, 'unavailable') : waitedOn(from, nowMs);
}

function over(from: Waiting, detail: Detail): Taken {
  const { name, offer } = from;
  const lost: TenderAction[] = name === 'tendered' || name === 'pending' ? [{ kind: 'lost', detail }] : [];
  return { state: { name: 'over' }, actions: [...lost, ...(name === 'lost' ? [] : freed(offer))] };
}

function waitedOn(from: Waiting, nowMs: number): Taken {
  const { pauseMs } = from;
  const next = nowMs + pauseMs;
  const end = endOf(from);
  // Told early that there is a contract: what was to be asked later is asked later all the same.
  const askAt = from.askAt > nowMs ? from.askAt : nowMs < end ? Math.min(next, end) : next;
  return { state: { ...from, askAt, pauseMs: Math.min(LONGEST_PAUSE_MS, pauseMs * 2) }, actions: [] };
}

/** What comes while the bank is asked counts where there is no contract; its answer comes first. */
function meanwhile<K extends 'reject' | 'pending' | 'cancel'>(
  kind: K,
  take: (state: Waiting, event: On<K>, nowMs: number) => Taken,
): (state: Of<'inquiring'>, event: On<K>, nowMs: number) => Taken {
  return (state, event, nowMs) => {
    if (state.from.name === 'lost') return ignored(state, kind, 'duplicate');
    const next = take(state.from, event, nowMs);
    const { name } = next.state;
    if (name !== 'pending' && name !== 'standing' && name !== 'lost') return { ...next, state };
    return { state: { ...state, from: next.state as Waiting }, actions: next.actions };
  };
}

/** Every pair; a detail is the answer to a pair that is not allowed. */
export const tenderTable: Table<TenderState, TenderEvent, TenderAction | Ignored> = {
  considering: {
    offer: offered,
    refuse: declined,
    withdraw: leave,
    cfp: recalled,
    contract: confirmBefore,
    pending: 'not-your-turn',
    reject: 'stale',
    cancel: dropped,
    held: heldBefore,
    absent: 'stale',
    unanswered: 'stale',
    tick: closedInTime,
  },
  declined: {
    offer: 'late',
    refuse: 'duplicate',
    withdraw: finished,
    cfp: recalled,
    contract: 'unknown',
    pending: 'unknown',
    reject: 'stale',
    cancel: finished,
    held: 'stale',
    absent: 'stale',
    unanswered: 'stale',
    tick: left,
  },
  tendered: {
    offer: 'duplicate',
    refuse: 'not-your-turn',
    withdraw: takenBack,
    cfp: recalled,
    contract: confirm,
    pending: waits,
    reject: rejected,
    cancel: cancelled,
    held,
    absent: 'stale',
    unanswered: 'stale',
    tick: ask,
  },
  pending: {
    offer: 'not-your-turn',
    refuse: 'not-your-turn',
    withdraw: 'late',
    // An approved proposal may not be engaged after all, and the call goes on.
    cfp: recalled,
    contract: confirm,
    pending: 'duplicate',
    reject: told,
    cancel: cancelled,
    held,
    absent: 'stale',
    unanswered: 'stale',
    tick: ask,
  },
  standing: {
    offer: 'late',
    refuse: 'late',
    withdraw: 'late',
    cfp: recalled,
    contract: confirm,
    pending: waits,
    reject: told,
    cancel: cancelled,
    held,
    absent: 'stale',
    unanswered: 'stale',
    tick: ask,
  },
  lost: {
    offer: 'late',
    refuse: 'late',
    withdraw: 'duplicate',
    cfp: recalled,
    contract: confirm,
    pending: 'stale',
    reject: 'duplicate',
    cancel: 'duplicate',
    held,
    absent: 'stale',
    unanswered: 'stale',
    tick: ask,
  },
  inquiring: {
    offer: 'not-your-turn',
    refuse: 'not-your-turn',
    withdraw: 'late',
    cfp: recalled,
    contract: 'duplicate',
    pending: meanwhile('pending', waits),
    reject: meanwhile('reject', told),
    cancel: meanwhile('cancel', cancelled),
    held,
    absent,
    unanswered,
    tick: 'not-your-turn',
  },
  won: {
    offer: 'duplicate',
    refuse: 'late',
    withdraw: 'late',
    cfp: 'stale',
    contract: 'duplicate',
    pending: 'stale',
    reject: 'stale',
    cancel: 'stale',
    held: 'duplicate',
    absent: 'stale',
    unanswered: 'stale',
    tick: 'stale',
  },
  over: {
    offer: 'late',
    refuse: 'late',
    withdraw: 'duplicate',
    cfp: 'late',
    contract: 'unknown',
    pending: 'unknown',
    reject: 'stale',
    cancel: 'stale',
    held: 'stale',
    absent: 'stale',
    unanswered: 'stale',
    tick: 'stale',
  },
};

/** The next state and what to do; `nowMs` by the broker's clock. */
export function tenderStep(
  state: TenderState,
  event: TenderEvent,
  nowMs: number,
): Step<TenderState, TenderAction | Ignored> {
  return stepOf(tenderTable, state, event, nowMs);
}

/** When `tick` is due; Infinity where only others can move it. */
export function tenderWakeAt(state: TenderState): number {
  switch (state.name) {
    case 'considering':
      return state.call.closesAt;
    case 'declined':
      return state.call.protocol.endsAt;
    case 'tendered':
    case 'pending':
    case 'standing':
    case 'lost':
      return state.askAt;
    default:
      return Number.POSITIVE_INFINITY;
  }
}
