// One side of a negotiation between two agents: whose turn it is, what may be said, when it ends; pure, total, no clock.
import { otherSide } from '../task/compare.js';
import {
  absent,
  absentAtLast,
  answer,
  askAgain,
  askAtLast,
  cancelled,
  contract,
  engaged,
  escalated,
  filed,
  held,
  quit,
  refused,
  silence,
  unescalated,
  unresolved,
  waits,
} from './haggle-ends.js';
import { heard, refusedMove, taken, untimely } from './haggle-hears.js';
import { accepted, answerBy, proposed, rejected } from './haggle-says.js';
import type { HaggleAction, HaggleContext, Haggled, HaggleEvent, HaggleState } from './haggle-types.js';
import { LAST_WORD_MS } from './hire-next.js';
import { type Ignored, type Step, stepOf, type Table } from './table.js';

/** The opener has the first move, the other side waits for it. */
export function haggling(context: HaggleContext, nowMs: number): HaggleState {
  const state: Haggled = {
    ...{ context, ours: [], theirs: [], ourMoves: 0, theirMoves: 0, rejections: 0, still: 0, offersUntil: 0 },
  };
  return { ...state, name: context.side === context.opener ? 'mine' : 'theirs', replyBy: answerBy(context, nowMs) };
}

/** Every pair; a detail is the answer to a pair that is not allowed. */
export const haggleTable: Table<HaggleState, HaggleEvent, HaggleAction | Ignored> = {
  mine: {
    ...{ propose: proposed, accept: accepted, reject: rejected, escalate: 'not-your-turn', quit },
    ...{ opening: untimely, counter: untimely, accepted: 'not-your-turn', rejected: untimely, cancelled },
    ...{ contract, waits: 'not-your-turn', engaged: 'not-your-turn', filed: 'not-your-turn' },
    ...{ refused: 'not-your-turn', held, absent: 'not-your-turn', tick: silence },
  },
  theirs: {
    ...{ propose: 'not-your-turn', accept: 'not-your-turn', reject: 'not-your-turn', escalate: 'not-your-turn', quit },
    ...{ opening: heard, counter: heard, accepted: taken, rejected: refusedMove, cancelled },
    ...{ contract, waits, engaged: 'not-your-turn', filed: 'not-your-turn' },
    ...{ refused: 'not-your-turn', held, absent: 'not-your-turn', tick: silence },
  },
  settling: {
    ...{ propose: 'late', accept: 'late', reject: 'late', escalate: 'late', quit: 'late' },
    ...{ opening: 'late', counter: 'late', accepted: 'duplicate', rejected: 'late', cancelled },
    ...{ contract, waits, engaged, filed, refused, held, absent, tick: askAgain },
  },
  pending: {
    ...{ propose: 'late', accept: 'late', reject: 'late', escalate: 'duplicate', quit: 'late' },
    ...{ opening: 'late', counter: 'late', accepted: 'duplicate', rejected: 'late', cancelled },
    ...{ contract, waits: 'duplicate', engaged, filed: 'duplicate', refused, held, absent, tick: askAgain },
  },
  stuck: {
    ...{ propose: 'round-limit', accept: 'round-limit', reject: 'round-limit', escalate: escalated, quit },
    ...{ opening: 'round-limit', counter: 'round-limit', accepted: taken, rejected: 'round-limit', cancelled },
    ...{ contract, waits, engaged: 'not-your-turn', filed: 'not-your-turn' },
    ...{ refused: 'not-your-turn', held, absent: 'not-your-turn', tick: unresolved },
  },
  escalated: {
    // As the arbiter advises, either may still close on what stands.
    ...{ propose: 'round-limit', accept: accepted, reject: 'round-limit', escalate: 'duplicate', quit },
    ...{ opening: 'round-limit', counter: 'round-limit', accepted: taken, rejected: 'round-limit', cancelled },
    ...{ contract, waits, engaged, filed, refused: unescalated, held, absent: 'not-your-turn', tick: unresolved },
  },
  agreed: {
    ...{ propose: 'expired', accept: 'expired', reject: 'expired', escalate: 'expired', quit: 'expired' },
    ...{ opening: 'expired', counter: 'expired', accepted: 'duplicate', rejected: 'expired', cancelled: 'expired' },
    ...{ contract: 'duplicate', waits: 'stale', engaged: 'duplicate', filed: 'stale' },
    ...{ refused: 'stale', held: 'duplicate', absent: 'stale', tick: 'expired' },
  },
  ended: {
    ...{ propose: 'expired', accept: 'expired', reject: 'expired', escalate: 'expired', quit: 'expired' },
    ...{ opening: 'expired', counter: 'expired', accepted: 'expired', rejected: 'expired', cancelled: 'expired' },
    // What the bank bears out counts, whatever was said.
    ...{ contract, waits: 'expired', engaged, filed: 'stale' },
    ...{ refused: 'stale', held, absent: absentAtLast, tick: askAtLast },
  },
};

/** Moves are answered where they are illegal, other words of the other side never: no two machines answer for ever. */
const moves: ReadonlySet<HaggleEvent['kind']> = new Set(['opening', 'counter', 'accepted', 'rejected']);
const over: ReadonlySet<HaggleState['name']> = new Set(['agreed', 'ended']);

/** The next state and what to do; `nowMs` by the broker's clock. */
export function haggleStep(
  state: HaggleState,
  event: HaggleEvent,
  nowMs: number,
): Step<HaggleState, HaggleAction | Ignored> {
  const step = stepOf(haggleTable, state, event, nowMs);
  const [first] = step.actions;
  if (first?.kind !== 'ignored' || !moves.has(event.kind)) return step;
  if (event.kind === 'rejected' && over.has(state.name)) return step;
  const message = `${event.kind} by the ${otherSide(state.context.side)} while it is ${state.name}`;
  return { state, actions: [answer(event.kind, first.detail, message)] };
}

/** When time alone moves it on. */
export function haggleWakeAt(state: HaggleState): number {
  switch (state.name) {
    case 'mine':
    case 'theirs':
      return state.replyBy;
    case 'settling':
    case 'pending':
      return Math.min(state.askAt, state.until + LAST_WORD_MS);
    case 'stuck':
    case 'escalated':
      return state.until;
    case 'ended':
      return state.askAt ?? Number.POSITIVE_INFINITY;
    default:
      return Number.POSITIVE_INFINITY;
  }
}
