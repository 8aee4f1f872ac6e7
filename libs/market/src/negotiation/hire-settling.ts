// A call for a task at the bank: engaged, refused, waiting for an operator, unanswered; and who is told what.
import { type Refusal, refusal, type ShownVerdict } from '../refusal.js';
import { mapped } from './bid-book.js';
import { settledBy } from './hire-answers.js';
import {
  askedFor,
  chosen as asksBuyer,
  ended,
  engage,
  FIRST_PAUSE_MS,
  LAST_WORD_MS,
  LONGEST_PAUSE_MS,
  type HireOf as Of,
  type HireOn as On,
  openOf,
  stuck,
  type HireTaken as Taken,
  whyNoRound,
} from './hire-next.js';
import type { BookedOffer, Seen } from './hire-types.js';
import { type OpenCall, rankBooked, seenOf, shownOf, suffice, verdictsFor } from './offers-seen.js';
import { ignored } from './table.js';

/** The buyer, or the agent that decides for it, closes on what there is. */
export function settled(
  state: Of<'calling' | 'revising' | 'escalated'>,
  { intents }: On<'settle'>,
  nowMs: number,
): Taken {
  const { offers, counters } = seenOf(state, nowMs);
  const chosen = chosenOf({ offers, counters }, intents);
  if (chosen.length === 0) return ignored(state, 'settle', 'unknown');
  return engage(openOf(state), rankBooked(state.call, chosen), 1, intents);
}

/** All offers, or those that the buyer named, counter-offers too. */
function chosenOf({ offers, counters }: Pick<Seen, 'offers' | 'counters'>, intents?: readonly string[] | undefined) {
  return intents === undefined ? offers : [...offers, ...counters].filter(({ intent }) => intents.includes(intent));
}

export function engaged(state: Of<'settling' | 'pending' | 'escalated'>, event: On<'engaged'>): Taken {
  const { contracts, verdicts } = event;
  const actions = settledBy(state, contracts, verdicts);
  const outcome = { ok: true, contracts, verdicts } as const;
  return { state: { name: 'hired', contracts }, actions: [...actions, { kind: 'finish', outcome }] };
}

export function filed(state: Of<'settling'>, { proposal, expiresAt }: On<'filed'>, nowMs: number): Taken {
  const { shown, attempt } = state;
  const to = [...new Set(shown.map(({ sender }) => sender))];
  return {
    state: {
      ...{ ...openOf(state), name: 'pending', proposal, expiresAt, shown, attempt },
      ...{ pollAt: nowMs + FIRST_PAUSE_MS, pauseMs: FIRST_PAUSE_MS },
    },
    actions: [{ kind: 'inform-pending', to, proposal, expiresAt }],
  };
}

export function escalationFiled(state: Of<'escalated'>, { proposal, expiresAt }: On<'filed'>, nowMs: number): Taken {
  if (state.proposal !== undefined) return ignored(state, 'filed', 'duplicate');
  return { state: { ...state, proposal, expiresAt, pollAt: nowMs + FIRST_PAUSE_MS }, actions: [] };
}

/** The bank refuses: what it bars is dropped and the rest is tried, a bounded number of times. */
export function declined(state: Of<'settling'>, { refusal: why }: On<'declined'>, nowMs: number): Taken {
  const { options, call, shown, attempt, named } = state;
  if (state.duplicate !== undefined && why.detail !== 'unavailable') return ended(openOf(state), state.duplicate);
  if (why.detail === 'unavailable') {
    return { state: { ...state, askAgainAt: nowMs + FIRST_PAUSE_MS }, actions: [] };
  }
  // Perhaps by this very negotiation, whose answer was lost.
  if (why.detail === 'duplicate' && why.verdicts === undefined) {
    const { conversation } = call.frame;
    return { state: { ...state, duplicate: why }, actions: [{ kind: 'inquire', conversation }] };
  }
  const faults = why.verdicts === undefined ? new Map<BookedOffer, ShownVerdict>() : verdictsFor(shown, why.verdicts);
  const barred = new Map<BookedOffer, Pick<BookedOffer, 'fault' | 'retryAt'>>();
  for (const [entry, { outcome, detail, retryAt }] of faults) {
    if (outcome === 'barred') barred.set(entry, { fault: detail ?? why.detail, retryAt });
  }
  const faulty = (entry: BookedOffer): BookedOffer => ({ ...entry, ...barred.get(entry) });
  const left: OpenCall = {
    ...openOf(state),
    offers: mapped(state.offers, faulty),
    counters: mapped(state.counters, faulty),
  };
  const isLeft = ({ participant, intent }: BookedOffer) =>
    ![...barred.keys()].some((one) => one.participant === participant && one.intent === intent);
  const offers = rankBooked(call, chosenOf(seenOf(left, nowMs), named).filter(isLeft));
  // `stale`: the rules moved on while the bank judged.
  const again = barred.size > 0 || why.detail === 'stale';
  if (again && attempt < options.maxEngagements && suffice(call, shownOf(call, offers))) {
    return engage(left, offers, attempt + 1, named);
  }
  // What is final for an offer is not for the call.
  return why.final && why.verdicts === undefined ? ended(left, why) : notEngaged(left, why, nowMs);
}

/** The round led to nothing after all: another one, where the rules allow it. */
function notEngaged(state: OpenCall, why: Refusal, nowMs: number): Taken {
  const failed = { ...state, rejections: state.rejections + 1 };
  return whyNoRound(failed, nowMs) === undefined ? asksBuyer(failed, nowMs) : ended(state, why);
}

export function decided(state: Of<'pending' | 'escalated'>, { view }: On<'decided'>, nowMs: number): Taken {
  if (view.proposal !== state.proposal) return ignored(state, 'decided', 'unknown');
  if (view.contracts !== undefined && view.contracts.length > 0) {
    return engaged(state, { kind: 'engaged', contracts: view.contracts, verdicts: [] });
  }
  switch (view.state) {
    case 'denied':
      return ended(openOf(state), refusal('denied', `an operator said no: ${view.message}`));
    case 'expired':
      return ended(openOf(state), refusal('expired', 'nobody approved in time'));
    case 'failed': {
      const why = refusal('stale', `approved, but not engaged: ${view.detail ?? ''} ${view.message}`);
      return state.name === 'pending' ? notEngaged(openOf(state), why, nowMs) : ended(openOf(state), why);
    }
    default:
      return { state, actions: [] };
  }
}

/** The escalation could not be filed: nobody is left to decide. Without an answer it is filed again, under its key. */
export function notEscalated(state: Of<'escalated'>, { refusal: why }: On<'declined'>, nowMs: number): Taken {
  if (state.proposal !== undefined) return ignored(state, 'declined', 'stale');
  if (why.detail === 'unavailable') return { state: { ...state, pollAt: nowMs + state.pauseMs }, actions: [] };
  return ended(openOf(state), why);
}

/** What is before the operators cannot be taken back: what comes of it can be left. */
export function abortEscalated(state: Of<'escalated'>): Taken {
  return isNamed(state) ? aborted(state) : ignored(state, 'abort', 'late');
}

export function aborted(state: Of<'calling' | 'revising' | 'escalated'>): Taken {
  return ended(openOf(state), refusal('expired', 'the call was aborted by its buyer'));
}

/** The buyer has not chosen in time: what there is must do. */
export function chooseInTime(state: Of<'revising'>, _event: On<'tick'>, nowMs: number): Taken {
  if (nowMs < state.until) return ignored(state, 'tick', 'not-your-turn');
  const { offers } = seenOf(state, nowMs);
  if (suffice(state.call, shownOf(state.call, offers))) return engage(openOf(state), offers, 1);
  return stuck(openOf(state), refusal('expired', 'no revision of the call came in time'), nowMs);
}

export function askAgain(state: Of<'settling'>, _event: On<'tick'>, nowMs: number): Taken {
  const { call, shown, duplicate } = state;
  if (nowMs < state.askAgainAt) return ignored(state, 'tick', 'not-your-turn');
  if (nowMs > call.protocol.endsAt + LAST_WORD_MS) {
    // Nobody knows whether it was engaged, so that nobody is told that it lost.
    const outcome = refusal('unavailable', 'the bank did not say whether it engaged');
    return { state: { name: 'ended' }, actions: [{ kind: 'finish', outcome }] };
  }
  const { conversation } = call.frame;
  return {
    state: { ...state, askAgainAt: Number.POSITIVE_INFINITY },
    actions: [duplicate === undefined ? askedFor(state, shown) : { kind: 'inquire', conversation }],
  };
}

/** Whether an agent decides, and not the operators, by whatever proposal. */
export function isNamed(state: Of<'pending' | 'escalated'>): boolean {
  return state.name === 'escalated' && state.asked.to !== 'operators';
}

export function poll(state: Of<'pending' | 'escalated'>, _event: On<'tick'>, nowMs: number): Taken {
  const { pollAt, expiresAt } = state;
  // The bank may say a little later that it did engage; another agent's time is simply over.
  if (isNamed(state) ? nowMs >= expiresAt : nowMs > expiresAt + LAST_WORD_MS) {
    return ended(openOf(state), refusal('expired', 'nobody decided in time'));
  }
  if (nowMs < pollAt) return ignored(state, 'tick', 'not-your-turn');
  const pauseMs = Math.min(LONGEST_PAUSE_MS, state.pauseMs * 2);
  const polled = { ...state, pauseMs, pollAt: nowMs + pauseMs };
  const unfiled = state.name === 'escalated' && state.proposal === undefined ? state.asked : undefined;
  return { state: polled, actions: [unfiled ?? { kind: 'poll', proposal: state.proposal! }] };
}
