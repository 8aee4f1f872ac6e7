// The rounds of a call for a task: offers, refusals, steps back, the close, and the revised call.
import type { Detail } from '../refusal.js';
import { isStepBack, sameIssues } from '../task/compare.js';
import { MAX_REJECTIONS } from '../task/protocol.js';
import type { TaskCall } from '../task/task-call.js';
import { type BookLimits, emptyBook, entriesOf, find, mapped, put, without } from './bid-book.js';
import { answeredInRound, sendersIn } from './hire-answers.js';
import {
  chosen,
  engage,
  type HireOf as Of,
  type HireOn as On,
  openOf,
  type HireTaken as Taken,
  whyNoRound,
} from './hire-next.js';
import type { BookedOffer, HireState } from './hire-types.js';
import { booked, markOf, type OpenCall, offerFault, seenOf, shownOf, suffice } from './offers-seen.js';
import { rejection } from './rejection.js';
import { ignored } from './table.js';

type State = HireState;

export function tendered(state: Of<'calling'>, event: On<'tender'>, nowMs: number): Taken {
  const { call, options } = state;
  if (nowMs >= call.closesAt) return tooLate(state, event);
  const { from, offer, round } = event;
  const entry = booked(call, from, call.round, offer);
  const times = state.rejected.get(nameOf(entry)) ?? 0;
  if (times > MAX_REJECTIONS) return ignored(state, event.kind, 'round-limit');
  const no = (detail: Detail, message: string) => rejected(state, entry, detail, message);
  if (times === MAX_REJECTIONS) return no('round-limit', `rejected ${times} times in this call: no further offer`);
  if (round > call.round) return no('not-your-turn', `the call is in round ${call.round}`);
  const fault = offerFault(call, offer);
  if (fault !== undefined) return no(fault.detail, fault.message);
  const before = find(state.offers, entry);
  if (before !== undefined) {
    const { issues, seal } = before.offer;
    if (isStepBack('provider', issues, offer.issues)) {
      return no('no-improvement', 'an offer may only get better: the one before stands');
    }
    if (sameIssues(issues, offer.issues) && offer.seal.until <= seal.until) return stands(state, before, nowMs);
  }
  const offers = put(state.offers, entry, options.limits);
  if (offers === undefined) return no('no-capacity', 'no more offers are taken');
  return closedIfComplete({ ...state, offers }, nowMs);
}

/** The same offer again: in a further round it says that it stands. */
function stands(state: Of<'calling'>, before: BookedOffer, nowMs: number): Taken {
  if (before.round === state.call.round) return ignored(state, 'tender', 'duplicate');
  const offers = put(state.offers, { ...before, round: state.call.round }, state.options.limits);
  return closedIfComplete({ ...state, offers: offers ?? state.offers }, nowMs);
}

function rejected(state: Of<'calling'>, entry: BookedOffer, detail: Detail, message: string): Taken {
  const { sender, participant, intent } = entry;
  const name = nameOf(entry);
  const times = state.rejected.get(name) ?? 0;
  // Whoever invents participants must not make the buyer remember them all, nor answer them.
  if (times === 0 && state.rejected.size >= state.options.limits.total) return ignored(state, 'tender', 'no-capacity');
  const move = rejection(state.call.round, detail, message, { final: detail === 'round-limit' });
  return {
    state: { ...state, rejected: new Map(state.rejected).set(name, times + 1) },
    actions: [{ kind: 'reject', to: sender, participant, intent, move }],
  };
}

function nameOf({ sender, participant }: { readonly sender: string; readonly participant: string }): string {
  return `${sender}|${participant}`;
}

/** After the close: answered at once, so that its sender need not wait. */
export function tooLate(state: State, { from, offer, round }: On<'tender'>): Taken {
  const { participant, intent } = offer.seal;
  const move = rejection(round, 'late', 'the round is closed');
  return { state, actions: [{ kind: 'reject', to: from, participant, intent, move }] };
}

/** As above; but what is in the book waits for its outcome. */
export function tooLateFor(state: Of<'settling' | 'pending' | 'revising' | 'escalated'>, event: On<'tender'>): Taken {
  const { participant, intent } = event.offer.seal;
  const before = find(state.offers, { sender: event.from, participant, intent });
  return before === undefined ? tooLate(state, event) : ignored(state, event.kind, 'late');
}

export function refused(state: Of<'calling'>, event: On<'refused'>, nowMs: number): Taken {
  if (nowMs >= state.call.closesAt) return ignored(state, event.kind, 'late');
  const { from: sender, move } = event;
  const { call, options } = state;
  const participant = move.offer?.seal.participant ?? sender;
  const refusals = put(state.refusals, { sender, participant, intent: '', move }, options.limits);
  if (refusals === undefined) return ignored(state, event.kind, 'no-capacity');
  const noted = { ...state, refusals };
  if (move.offer === undefined) return closedIfComplete(noted, nowMs);
  const entry = booked(call, sender, call.round, move.offer);
  const book = entry.fault === undefined ? 'offers' : 'counters';
  const before = find(state[book], entry)?.offer;
  if (before !== undefined && isStepBack('provider', before.issues, entry.offer.issues)) {
    return closedIfComplete(noted, nowMs);
  }
  return closedIfComplete({ ...noted, [book]: put(state[book], entry, options.limits) ?? state[book] }, nowMs);
}

export function withdrawn(state: Of<'calling' | 'revising'>, { from }: On<'withdrawn'>): Taken {
  const ofSender = (entries: readonly BookedOffer[]) =>
    entries.filter(({ sender }) => sender === from).map(({ participant }) => participant);
  return {
    state: {
      ...state,
      offers: without(state.offers, from, ofSender(entriesOf(state.offers))),
      counters: without(state.counters, from, ofSender(entriesOf(state.counters))),
    },
    actions: [],
  };
}

function closedIfComplete(state: Of<'calling'>, nowMs: number): Taken {
  if (answeredInRound(state) < state.options.closeAfterAnswers) return { state, actions: [] };
  return closed(state, nowMs);
}

/** Enough is known of this round: settle, let the buyer choose, or get stuck. */
function closed(state: Of<'calling'>, nowMs: number): Taken {
  const seen = seenOf(state, nowMs);
  const enough = suffice(state.call, shownOf(state.call, seen.offers));
  const mark = markOf(seen);
  const counted: OpenCall = {
    ...openOf(state),
    last: mark,
    rejections: state.rejections + (enough ? 0 : 1),
    unchanged: mark === state.last ? state.unchanged + 1 : 0,
  };
  if (enough && (state.call.protocol.mode === 'fast' || whyNoRound(counted, nowMs) !== undefined)) {
    return engage(counted, seen.offers, 1);
  }
  return chosen(counted, nowMs);
}

/** The buyer asks otherwise: those who are still in answer again; counter-offers that now fit are offers. */
export function revised(state: Of<'revising'>, { ask, bounds }: On<'revise'>, nowMs: number): Taken {
  if (nowMs >= state.until) return ignored(state, 'revise', 'late');
  const { protocol, round } = state.call;
  const closesAt = Math.min(nowMs + protocol.roundMs, protocol.endsAt);
  const call: TaskCall = { ...state.call, ask, bounds, round: round + 1, closesAt };
  const to = sendersIn(state);
  const faulty = (entry: BookedOffer) => ({
    ...entry,
    fault: offerFault(call, entry.offer)?.detail,
    retryAt: undefined,
  });
  const counters = entriesOf(state.counters).map(faulty);
  const next: State = {
    ...{ ...openOf(state), name: 'calling', call },
    offers: filled(mapped(state.offers, faulty), counters, state.options.limits, (entry) => entry.fault === undefined),
    counters: filled(emptyBook(), counters, state.options.limits, (entry) => entry.fault !== undefined),
    // Who is out stays out; the others answer the revised call.
    refusals: filled(emptyBook(), entriesOf(state.refusals), state.options.limits, ({ move }) => move.final),
  };
  return { state: next, actions: [to.length === 0 ? { kind: 'announce', call } : { kind: 'recall', call, to }] };
}

function filled<T extends { sender: string; participant: string; intent: string }>(
  book: ReturnType<typeof emptyBook<T>>,
  entries: readonly T[],
  limits: BookLimits,
  fits: (entry: T) => boolean,
) {
  return entries.filter(fits).reduce((sum, entry) => put(sum, entry, limits) ?? sum, book);
}

/** The buyer has heard enough. */
export function closeNow(state: Of<'calling'>, _event: On<'close'>, nowMs: number): Taken {
  return closed(state, nowMs);
}

export function closeInTime(state: Of<'calling'>, _event: On<'tick'>, nowMs: number): Taken {
  return nowMs < state.call.closesAt ? ignored(state, 'tick', 'not-your-turn') : closed(state, nowMs);
}
