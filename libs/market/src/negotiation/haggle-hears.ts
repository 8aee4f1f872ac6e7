// What one side of a negotiation makes of the other's moves: obeyed where they are legal, else answered once.
import type { Detail } from '../refusal.js';
import { otherSide, sameIssues } from '../task/compare.js';
import { answer, end, engaging, type HaggleOf, type HaggleOn, type HaggleTaken, haggledOf } from './haggle-ends.js';
import { afterRejection, answerBy, changesNothing } from './haggle-says.js';
import type { Haggled, HaggleEvent, HaggleState, Proposal } from './haggle-types.js';
import { type Fault, faultOf, IMPASSE, sealFault } from './legal-move.js';

/** Nothing changes, and the other side hears why. */
function illegal(state: HaggleState, event: HaggleEvent['kind'], { detail, message }: Fault): HaggleTaken {
  return { state, actions: [answer(event, detail, message)] };
}

const late: Fault = { detail: 'late', message: 'the time for this answer is over' };

/** A proposal: the opener's first is an opening, every other a counter-proposal. */
export function heard(
  state: HaggleOf<'theirs'>,
  event: HaggleOn<'opening'> | HaggleOn<'counter'>,
  nowMs: number,
): HaggleTaken {
  const { kind, round, issues, offer, risk, replyBy } = event;
  if (nowMs >= state.replyBy) return illegal(state, kind, late);
  const { side, opener } = state.context;
  const opens = side !== opener && state.theirMoves === 0;
  if (kind === 'counter' && opens) {
    return illegal(state, kind, { detail: 'malformed', message: 'a negotiation begins with an opening' });
  }
  const made = { round, issues, offer, risk };
  const again: Fault = { detail: 'duplicate', message: 'the negotiation is opened' };
  const fault = kind === 'opening' && !opens ? again : faultOf(state, otherSide(side), made, nowMs);
  if (fault !== undefined) return illegal(state, kind, fault);
  const next = theyMoved(state, made);
  if (next.still >= IMPASSE) return end(next, 'no-improvement', nowMs);
  return { state: { ...next, name: 'mine', replyBy: answerBy(state.context, nowMs, replyBy) }, actions: [] };
}

function theyMoved(state: Haggled, made: Proposal | undefined): Haggled {
  const { theirs, theirMoves } = state;
  const still = made === undefined || changesNothing(theirs, made.issues) ? state.still + 1 : 0;
  const next = { ...haggledOf(state), theirMoves: theirMoves + 1, still };
  return made === undefined ? next : { ...next, theirs: [...theirs, made] };
}

/** Out of turn; what was said before is told apart from what comes too early. */
export function untimely(
  state: HaggleOf<'mine'>,
  event: HaggleOn<'opening'> | HaggleOn<'counter'> | HaggleOn<'rejected'>,
): HaggleTaken {
  const turn: Fault = { detail: 'not-your-turn', message: 'an answer to the last move is awaited' };
  if (event.kind === 'rejected') return illegal(state, event.kind, turn);
  const fault = event.round > state.theirMoves ? turn : faultOf(state, otherSide(state.context.side), event, 0);
  return illegal(state, event.kind, fault ?? turn);
}

/** This side's last proposal is taken: exactly that, or nothing. */
export function taken(
  state: HaggleOf<'theirs'> | HaggleOf<'stuck'> | HaggleOf<'escalated'>,
  event: HaggleOn<'accepted'>,
  nowMs: number,
): HaggleTaken {
  const { kind, round, issues, offer } = event;
  const no = (detail: Detail, message: string) => illegal(state, kind, { detail, message });
  if (nowMs >= (state.name === 'theirs' ? state.replyBy : state.until)) return illegal(state, kind, late);
  const last = state.ours.at(-1);
  if (last === undefined) return no('not-your-turn', 'nothing was proposed yet');
  if (round !== last.round) return no(round < last.round ? 'stale' : 'malformed', `round ${last.round} stands`);
  if (!sameIssues(issues, last.issues)) return no('malformed', 'other issues than those that were proposed');
  if (state.context.side === 'buyer') {
    const fault = sealFault(state, { issues, offer }, nowMs);
    return fault === undefined ? engaging(state, offer!, [], nowMs) : illegal(state, kind, fault);
  }
  if (offer !== undefined) return no('malformed', 'a buyer closes on offers, and makes none');
  // What only hinted at what would pass has no seal, so the bank would have nothing to close on.
  if (last.offer === undefined) return no('unknown', 'no offer was made: propose it');
  if (last.offer.seal.until <= nowMs) return no('expired', 'the offer is over');
  return engaging(state, last.offer, [], nowMs);
}

/** A no counts where it answers a proposal; its counter, if any, as a proposal. */
export function refusedMove(state: HaggleOf<'theirs'>, event: HaggleOn<'rejected'>, nowMs: number): HaggleTaken {
  const { kind, move, replyBy } = event;
  if (nowMs >= state.replyBy) return illegal(state, kind, late);
  const { context, ours, ourMoves } = state;
  const last = ours.at(-1);
  const no = (detail: Detail, message: string) => illegal(state, kind, { detail, message });
  if (last?.round !== ourMoves) return no('not-your-turn', 'there is nothing to reject');
  if (move.round !== last.round)
    return no(move.round < last.round ? 'stale' : 'malformed', `round ${last.round} stands`);
  const round = state.theirMoves + 1;
  const { counter: issues, offer } = move;
  if (issues === undefined) {
    if (offer !== undefined) return no('malformed', 'an offer without the issues that it is for');
    if (move.final) return end(state, move.detail, nowMs);
    const { maxRounds } = context.protocol;
    if (round > maxRounds) return no('round-limit', `the negotiation has ${maxRounds} rounds`);
  }
  const made = issues && { round, issues, offer };
  const fault = made && faultOf(state, otherSide(context.side), made, nowMs, true);
  if (fault !== undefined) return illegal(state, kind, fault);
  const next = theyMoved(state, made);
  const counted = { ...next, rejections: next.rejections + 1 };
  return afterRejection(counted, 'mine', answerBy(context, nowMs, replyBy), nowMs);
}
