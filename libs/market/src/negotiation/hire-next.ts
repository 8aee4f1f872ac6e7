// Where a call for a task goes when a round or an engagement is over: to the bank, to its buyer, to others, or to its end.
import { type Refusal, refusal } from '../refusal.js';
import { MAX_REJECTIONS, MAX_UNCHANGED_ROUNDS } from '../task/protocol.js';
import { endingOf } from './hire-answers.js';
import type { BookedOffer, Escalation, HireAction, HireEvent, HireState } from './hire-types.js';
import { type OpenCall, rankBooked, seenOf, shownOf } from './offers-seen.js';
import type { Ignored, Step } from './table.js';

export type HireOf<N extends HireState['name']> = Extract<HireState, { readonly name: N }>;
export type HireOn<K extends HireEvent['kind']> = Extract<HireEvent, { readonly kind: K }>;
export type HireTaken = Step<HireState, HireAction | Ignored>;

/** The bank does not answer, or an operator has not decided: it is asked again after so long, then twice as long. */
export const FIRST_PAUSE_MS = 500;
export const LONGEST_PAUSE_MS = 30_000;
/** So long after its end a negotiation still asks whether it led to a contract. */
export const LAST_WORD_MS = 60_000;

/** The fields that every open state has, without those of the state that it was in. */
export function openOf(state: OpenCall): OpenCall {
  const { options, call, offers, counters, refusals, rejected, rejections, unchanged, engagements, last } = state;
  return { options, call, offers, counters, refusals, rejected, rejections, unchanged, engagements, last };
}

/** Why the rules allow no further round, or undefined. */
export function whyNoRound({ call, rejections, unchanged }: OpenCall, nowMs: number): Refusal | undefined {
  const { maxRounds, endsAt } = call.protocol;
  if (rejections >= MAX_REJECTIONS) return refusal('round-limit', `${rejections} rounds led to nothing: escalate`);
  if (unchanged >= MAX_UNCHANGED_ROUNDS) {
    return refusal('no-improvement', `neither side moved in ${unchanged} rounds: an impasse`);
  }
  if (call.round >= maxRounds) return refusal('round-limit', `the call has ${maxRounds} rounds`);
  if (nowMs >= endsAt) return refusal('expired', `the negotiation ended at ${endsAt}`);
  return undefined;
}

export function chosen(state: OpenCall, nowMs: number): HireTaken {
  const why = whyNoRound(state, nowMs);
  if (why !== undefined) return stuck(state, why, nowMs);
  const { roundMs, endsAt } = state.call.protocol;
  const until = Math.min(nowMs + roundMs, endsAt);
  return {
    state: { ...openOf(state), name: 'revising', until },
    actions: [{ kind: 'choose', seen: seenOf(state, nowMs), until }],
  };
}

/** No further round, and nothing to settle for: others decide, or it ends. */
export function stuck(state: OpenCall, why: Refusal, nowMs: number): HireTaken {
  const { options, call, rejections } = state;
  const { offers, counters, refusals } = seenOf(state, nowMs);
  const nobody = offers.length + counters.length + refusals.length === 0;
  if (options.escalateTo === undefined || nobody) {
    return ended(state, nobody ? refusal('no-capacity', 'nobody answered the call') : why);
  }
  const shown = shownOf(call, rankBooked(call, offers.length > 0 ? offers : counters));
  const expiresAt = nowMs + options.escalateWithinMs;
  const asked: Escalation = {
    ...{ kind: 'escalate', to: options.escalateTo, key: `${options.nonce}.s`, rejections, message: why.message },
    ...{ withinMs: options.escalateWithinMs, call, offers: shown.map(({ offer }) => offer) },
  };
  const next: HireState = {
    ...{ ...openOf(state), name: 'escalated', asked, expiresAt, shown, attempt: options.maxEngagements },
    ...{ pollAt: Number.POSITIVE_INFINITY, pauseMs: FIRST_PAUSE_MS },
  };
  return { state: next, actions: [asked] };
}

export function ended(state: OpenCall, why: Refusal): HireTaken {
  return { state: { name: 'ended' }, actions: [...endingOf(state, why.detail), { kind: 'finish', outcome: why }] };
}

export function engage(
  before: OpenCall,
  ranked: readonly BookedOffer[],
  attempt: number,
  named?: readonly string[] | undefined,
): HireTaken {
  const shown = shownOf(before.call, ranked);
  // Another key for each that is shown other offers: under one key the bank answers as it did.
  const state = { ...openOf(before), engagements: before.engagements + 1 };
  return {
    state: { ...state, name: 'settling', shown, attempt, named, askAgainAt: Number.POSITIVE_INFINITY },
    actions: [askedFor(state, shown)],
  };
}

export function askedFor({ call, options, engagements }: OpenCall, shown: readonly BookedOffer[]): HireAction {
  return { kind: 'engage', key: `${options.nonce}.e${engagements}`, call, offers: shown.map(({ offer }) => offer) };
}
