// Two sides with a strategy each, played out on the machine without a network: what they agree on, and in how many rounds.
import {
  type DealSide,
  type HaggleAction,
  type HaggleContext,
  type HaggleEvent,
  type HaggleMove,
  type HaggleState,
  haggleStep,
  haggling,
  type Issues,
  otherSide,
} from '../src/index.js';
import { contextOf, offerOf, T } from './haggle-support.js';

export interface Played {
  /** What is agreed; undefined where nothing is. */
  readonly issues: Issues | undefined;
  /** Proposals of both. */
  readonly proposals: number;
  readonly rounds: number;
  readonly states: Readonly<Record<DealSide, HaggleState>>;
}

/** Long enough a validity, whenever a test ends. */
const UNTIL = T + 100_000_000;

/** Turns a decision into an event: providers seal. */
export function eventOf(state: HaggleState, move: HaggleMove): HaggleEvent {
  const seals = state.context.side === 'provider';
  if (move.kind === 'propose') return { ...move, ...(seals && { offer: offerOf(move.issues, {}, UNTIL) }) };
  if (move.kind === 'accept' && seals) return { ...move, offer: offerOf(state.theirs.at(-1)!.issues, {}, UNTIL) };
  return move;
}

/** What the other side hears of a message. */
export function heardOf(action: HaggleAction): HaggleEvent | undefined {
  if (action.kind !== 'send') return undefined;
  const { body, replyBy } = action;
  switch (body.kind) {
    case 'opening':
    case 'counter':
    case 'tender': {
      const { round, issues, offer, risk } = body;
      return { kind: body.kind === 'counter' ? 'counter' : 'opening', round, issues, offer, risk, replyBy };
    }
    case 'accept':
      return { kind: 'accepted', round: body.round, issues: body.issues, offer: body.offer };
    case 'reject':
      return { kind: 'rejected', move: body, replyBy };
    case 'task':
      return { kind: 'cancelled', detail: body.detail };
    case 'contract':
      return { kind: 'contract', contract: body.view.contract };
    case 'pending':
      return { kind: 'waits', proposal: body.proposal, expiresAt: body.expiresAt };
  }
}

/** Until the buyer closes, or somebody stops; an own move that is refused is a fault of the strategy, and throws. */
export function played(
  shared: Partial<HaggleContext>,
  decide: (state: HaggleState, nowMs: number) => HaggleMove,
): Played {
  const contexts = { buyer: contextOf('buyer', shared), provider: contextOf('provider', shared) };
  const states: Record<DealSide, HaggleState> = {
    buyer: haggling(contexts.buyer, T),
    provider: haggling(contexts.provider, T),
  };
  let issues: Issues | undefined;
  for (let nowMs = T; states.buyer.name === 'mine' || states.provider.name === 'mine'; nowMs += 1) {
    const side: DealSide = states.buyer.name === 'mine' ? 'buyer' : 'provider';
    const step = haggleStep(states[side], eventOf(states[side], decide(states[side], nowMs)), nowMs);
    states[side] = step.state;
    for (const action of step.actions) {
      if (action.kind === 'ignored') throw new Error(`the ${side}'s ${action.event} is refused: ${action.detail}`);
      if (action.kind === 'engage') issues = action.offer.issues;
      const heard = heardOf(action as HaggleAction);
      if (heard === undefined) continue;
      const other = haggleStep(states[otherSide(side)], heard, nowMs);
      states[otherSide(side)] = other.state;
      for (const one of other.actions) {
        if (one.kind === 'answer') throw new Error(`the ${side}'s ${one.event} is not obeyed: ${one.detail}`);
        if (one.kind === 'engage') issues = one.offer.issues;
      }
    }
  }
  const { ours, theirs } = states.buyer;
  return { issues, proposals: ours.length + theirs.length, rounds: Math.max(ours.length, theirs.length), states };
}
