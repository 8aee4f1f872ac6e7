// What one side of a negotiation says by its own decision: a proposal, an accept, a rejection; and what is kept of it.
import type { Detail } from '../refusal.js';
import { sameIssues } from '../task/compare.js';
import type { Issues } from '../task/issues.js';
import type { Offer } from '../task/offer.js';
import { MAX_REJECTIONS } from '../task/protocol.js';
import type { TaskBody } from '../task/talk.js';
import { end, engaging, type HaggleOf, type HaggleOn, type HaggleTaken, haggledOf, keptSealed } from './haggle-ends.js';
import type { HaggleAction, HaggleContext, Haggled, Proposal } from './haggle-types.js';
import { beyondLimit, faultOf, IMPASSE, type Made, sealFault } from './legal-move.js';
import { ignored } from './table.js';

export function answerBy({ protocol }: HaggleContext, nowMs: number, asked = Number.POSITIVE_INFINITY): number {
  return Math.min(asked, nowMs + protocol.roundMs, protocol.endsAt);
}

export function proposed(state: HaggleOf<'mine'>, event: HaggleOn<'propose'>, nowMs: number): HaggleTaken {
  const made = { round: state.ourMoves + 1, issues: event.issues, offer: event.offer, risk: event.risk };
  const detail = ownFault(state, made, nowMs);
  if (detail !== undefined) return ignored(state, event.kind, detail);
  const replyBy = answerBy(state.context, nowMs);
  const { next, actions } = moved(state, made);
  const said = [messageOf(state, made, replyBy), ...actions];
  // The other side counts alike, and need not be told.
  if (next.still >= IMPASSE) return end(next, 'no-improvement', nowMs, said);
  return { state: { ...next, name: 'theirs', replyBy }, actions: said };
}

/** By the rules of both, and by one's own limit. */
function ownFault(state: HaggleOf<'mine'>, made: Made, nowMs: number, hint = false): Detail | undefined {
  if (nowMs >= state.replyBy) return 'late';
  const { context } = state;
  return faultOf(state, context.side, made, nowMs, hint)?.detail ?? beyondLimit(context, made.issues);
}

/** What is known once a move of this side is made; a rejection without a counter has no proposal. */
function moved(state: Haggled, made: Proposal | undefined) {
  const { ours, ourMoves } = state;
  const still = made === undefined || changesNothing(ours, made.issues) ? state.still + 1 : 0;
  const next: Haggled = { ...haggledOf(state), ourMoves: ourMoves + 1, still };
  if (made === undefined) return { next, actions: [] };
  const kept = { ...next, ours: [...ours, made] };
  return made.offer === undefined ? { next: kept, actions: [] } : keptSealed(kept, made.offer);
}

export function changesNothing(before: readonly Proposal[], issues: Issues): boolean {
  const last = before.at(-1)?.issues;
  return last !== undefined && sameIssues(last, issues);
}

function messageOf(state: Haggled, { round, issues, offer, risk }: Proposal, replyBy: number): HaggleAction {
  const { side, opener, frame, provider, bounds, protocol } = state.context;
  if (state.ourMoves > 0 || side !== opener) {
    const body: TaskBody<'counter-propose'> = { kind: 'counter', round, issues, offer, risk };
    return { kind: 'send', performative: 'counter-propose', body, replyBy };
  }
  const body: TaskBody<'propose'> =
    offer === undefined
      ? { kind: 'opening', round, issues, risk, frame, provider, bounds, protocol }
      : { kind: 'tender', round, issues, offer, risk };
  return { kind: 'send', performative: 'propose', body, replyBy };
}

/** Closes on theirs. In `escalated`, as the arbiter advised. */
export function accepted(
  state: HaggleOf<'mine'> | HaggleOf<'escalated'>,
  event: HaggleOn<'accept'>,
  nowMs: number,
): HaggleTaken {
  const { context } = state;
  const theirs = state.theirs.at(-1);
  if (theirs === undefined) return ignored(state, event.kind, 'not-your-turn');
  if (nowMs >= (state.name === 'mine' ? state.replyBy : state.until)) return ignored(state, event.kind, 'late');
  const beyond = beyondLimit(context, theirs.issues);
  if (beyond !== undefined) return ignored(state, event.kind, beyond);
  if (context.side === 'provider') return acceptedSealed(state, theirs, event.offer, nowMs);
  const { offer, issues } = theirs;
  if (offer === undefined) {
    if (state.name === 'mine') return proposed(state, { kind: 'propose', issues }, nowMs);
    return ignored(state, event.kind, 'unknown');
  }
  if (offer.seal.until <= nowMs) return ignored(state, event.kind, 'expired');
  return engaging(state, offer, [accepting(theirs)], nowMs);
}

/** A provider: its seal for exactly what the buyer proposed, on which the buyer closes. */
function acceptedSealed(
  state: HaggleOf<'mine'> | HaggleOf<'escalated'>,
  theirs: Proposal,
  offer: Offer | undefined,
  nowMs: number,
): HaggleTaken {
  const { issues } = theirs;
  const fault = sealFault(state, { issues, offer }, nowMs);
  if (fault !== undefined) return ignored(state, 'accept', fault.detail);
  const { next, actions } = keptSealed(state, offer!);
  return engaging(next, offer!, [accepting(theirs, offer), ...actions], nowMs);
}

function accepting({ round, issues }: Proposal, offer?: Offer): HaggleAction {
  const body = { kind: 'accept', round, issues, ...(offer && { offer }) } as const;
  return { kind: 'send', performative: 'accept-proposal', body };
}

/** Says no to what was proposed last; it takes a place, and with a counter it is a proposal too. */
export function rejected(state: HaggleOf<'mine'>, { move }: HaggleOn<'reject'>, nowMs: number): HaggleTaken {
  const no = (detail: Detail) => ignored(state, 'reject', detail) as HaggleTaken;
  const theirs = state.theirs.at(-1);
  if (theirs?.round !== state.theirMoves) return no('not-your-turn');
  if (nowMs >= state.replyBy) return no('late');
  const round = state.ourMoves + 1;
  const { counter: issues, offer } = move;
  const body: TaskBody<'reject-proposal'> = { ...move, round: theirs.round };
  const say = (replyBy?: number): HaggleAction => ({ kind: 'send', performative: 'reject-proposal', body, replyBy });
  if (issues === undefined) {
    if (offer !== undefined) return no('malformed');
    if (move.final) return end(state, move.detail, nowMs, [say()]);
    if (round > state.context.protocol.maxRounds) return no('round-limit');
  }
  const made = issues && { round, issues, offer };
  const detail = made && ownFault(state, made, nowMs, true);
  if (detail !== undefined) return no(detail);
  const { next, actions } = moved(state, made);
  const replyBy = answerBy(state.context, nowMs);
  const counted = { ...next, rejections: next.rejections + 1 };
  return afterRejection(counted, 'theirs', replyBy, nowMs, [say(replyBy), ...actions]);
}

/** Whose move it is then, or that nobody may move any more. */
export function afterRejection(
  next: Haggled,
  name: 'mine' | 'theirs',
  replyBy: number,
  nowMs: number,
  actions: readonly HaggleAction[] = [],
): HaggleTaken {
  if (next.rejections >= MAX_REJECTIONS) {
    return { state: { ...next, name: 'stuck', until: next.context.protocol.endsAt }, actions };
  }
  if (next.still >= IMPASSE) return end(next, 'no-improvement', nowMs, actions);
  return { state: { ...next, name, replyBy }, actions };
}
