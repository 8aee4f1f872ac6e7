// One bid's life as its participant sees it, from the call to the lease or the loss; pure, total, no clock.
import type { Bid } from '../cheque.js';
import type { Winner } from '../messages.js';
import type { Detail } from '../refusal.js';
import { type Ignored, ignored, type Step, stepOf, type Table } from './table.js';

/**
 * Whom a participant believes. `none`: the initiator (its own side of the house). `accepts`: a lease is taken only
 * when the bank knows its contract. `all`: a rejection too is checked with the bank, once the award's time is over.
 */
export type Confirm = 'none' | 'accepts' | 'all';

/** What a participant keeps of a call; times by the broker's clock, in ms since the epoch. */
export interface BidContext {
  readonly cfp: string;
  readonly closesAt: number;
  readonly awardBy: number;
  readonly confirm: Confirm;
}

interface Told {
  readonly detail: Detail;
  /** When it may pass, by the broker's clock. */
  readonly retryAt?: number | undefined;
  readonly clearingPriceMicro?: string | undefined;
}

interface Bidding {
  readonly context: BidContext;
  readonly bid: Bid;
  /** What the initiator said, where it is not believed yet. */
  readonly told?: Told | undefined;
}

export type ParticipantState =
  | { readonly name: 'evaluating'; readonly context: BidContext }
  | { readonly name: 'declined'; readonly context: BidContext }
  | ({ readonly name: 'bid' } & Bidding)
  | ({ readonly name: 'withdrawn' } & Bidding)
  /** `lost`: it was told before that it had lost, and says so once only. */
  | ({ readonly name: 'confirming'; readonly lost?: true | undefined } & Bidding)
  | ({ readonly name: 'inquiring' } & Bidding)
  | ({ readonly name: 'won'; readonly winner: Winner } & Bidding)
  | ({ readonly name: 'lost' } & Bidding);

export type ParticipantEvent =
  /** The agent's own decisions. */
  | { readonly kind: 'bid'; readonly bid: Bid }
  | { readonly kind: 'decline'; readonly detail?: Detail | undefined; readonly retryAfterMs?: number | undefined }
  | { readonly kind: 'withdraw' }
  /** What the initiator says. */
  | { readonly kind: 'accept'; readonly winner: Winner }
  | ({ readonly kind: 'reject' } & Told)
  | ({ readonly kind: 'cancel' } & Told)
  /** Nothing was heard for a while after the close: asked at growing distances, the last time after `awardBy`. */
  | { readonly kind: 'overdue' }
  /** What the bank says: a contract of this call for this intent, or none. */
  | { readonly kind: 'held'; readonly winner: Winner }
  | { readonly kind: 'absent' };

export type ParticipantAction =
  | { readonly kind: 'propose'; readonly bid: Bid }
  | { readonly kind: 'refuse'; readonly detail: Detail; readonly retryAfterMs?: number | undefined }
  | { readonly kind: 'withdraw'; readonly bid: Bid }
  /** Ask the bank for this contract. */
  | { readonly kind: 'confirm'; readonly contract: string }
  /** Ask the bank what became of this intent. */
  | { readonly kind: 'inquire'; readonly intent: string }
  | { readonly kind: 'lease'; readonly winner: Winner }
  | ({ readonly kind: 'lost' } & Told);

type State = ParticipantState;
type Of<N extends State['name']> = Extract<State, { readonly name: N }>;
type Taken = Step<State, ParticipantAction | Ignored>;

export function evaluating(context: BidContext): ParticipantState {
  return { name: 'evaluating', context };
}

function bidden(state: Of<'evaluating'>, event: { readonly bid: Bid }, nowMs: number): Taken {
  const { context } = state;
  if (nowMs >= context.closesAt) {
    return { state: { name: 'declined', context }, actions: [{ kind: 'lost', detail: 'late' }] };
  }
  return { state: { name: 'bid', context, bid: event.bid }, actions: [{ kind: 'propose', bid: event.bid }] };
}

function declined(
  state: Of<'evaluating'>,
  event: { readonly detail?: Detail | undefined; readonly retryAfterMs?: number | undefined },
  nowMs: number,
): Taken {
  const next: State = { name: 'declined', context: state.context };
  if (event.detail === undefined || nowMs >= state.context.closesAt) return { state: next, actions: [] };
  return { state: next, actions: [{ kind: 'refuse', detail: event.detail, retryAfterMs: event.retryAfterMs }] };
}

function dropped(state: Of<'evaluating'>): Taken {
  return { state: { name: 'declined', context: state.context }, actions: [] };
}

function withdrawn(state: Of<'bid'>, event: { readonly kind: string }, nowMs: number): Taken {
  if (nowMs >= state.context.closesAt) return ignored(state, event.kind, 'late');
  return { state: { ...state, name: 'withdrawn' }, actions: [{ kind: 'withdraw', bid: state.bid }] };
}

/** Whether the accepted lease can come of this bid at all. */
function answers(bid: Bid, winner: Winner): boolean {
  return (
    winner.participant === bid.participant &&
    winner.intent === bid.intent &&
    winner.units === bid.units &&
    winner.slots.length === bid.units &&
    winner.fences.length === bid.units &&
    Number(winner.priceMicro) <= Number(bid.priceMicro)
  );
}

function accepted(
  state: Of<'bid' | 'withdrawn' | 'inquiring' | 'lost'>,
  event: { readonly kind: string; readonly winner: Winner },
): Taken {
  const { context, bid, told } = state;
  if (!answers(bid, event.winner)) return ignored(state, event.kind, 'stale');
  if (context.confirm === 'none') return won(state, event);
  return {
    state: { name: 'confirming', context, bid, told, ...(state.name === 'lost' && { lost: true }) },
    actions: [{ kind: 'confirm', contract: event.winner.contract }],
  };
}

function won(state: Bidding, event: { readonly winner: Winner }): Taken {
  const { context, bid } = state;
  return {
    state: { name: 'won', context, bid, winner: event.winner },
    actions: [{ kind: 'lease', winner: event.winner }],
  };
}

function told(state: Of<'bid' | 'withdrawn' | 'inquiring'>, event: Told & { readonly kind: string }): Taken {
  const { context, bid } = state;
  const { detail, clearingPriceMicro, retryAt } = event;
  const said: Told = { detail, clearingPriceMicro, ...(retryAt === undefined ? {} : { retryAt }) };
  if (context.confirm === 'all') {
    if (state.told !== undefined) return ignored(state, event.kind, 'duplicate');
    return { state: { ...state, told: said }, actions: [] };
  }
  const actions: ParticipantAction[] = [{ kind: 'lost', ...said }];
  // The intent has won, here or elsewhere, and word of that may have been lost.
  if (event.detail === 'duplicate') actions.push({ kind: 'inquire', intent: bid.intent });
  return { state: { name: 'lost', context, bid, told: said }, actions };
}

/** An initiator may die between award and message: what it has awarded runs, and is paid for. */
function overdue(state: Of<'bid' | 'withdrawn'>, event: { readonly kind: string }, nowMs: number): Taken {
  if (nowMs < state.context.closesAt) return ignored(state, event.kind, 'not-your-turn');
  return inquire(state);
}

function inquire(state: Bidding): Taken {
  const { context, bid, told: said } = state;
  return {
    state: { name: 'inquiring', context, bid, told: said },
    actions: [{ kind: 'inquire', intent: bid.intent }],
  };
}

/** The bank does not know the contract: the initiator lied or was early; the bid stands until the time is over. */
function unconfirmed(state: Of<'confirming'>, _event: unknown, nowMs: number): Taken {
  const { context, bid, told: said, lost } = state;
  if (lost) return { state: { name: 'lost', context, bid, told: said }, actions: [] };
  if (nowMs >= context.awardBy) return inquire(state);
  return { state: { name: 'bid', context, bid, told: said }, actions: [] };
}

/** Nothing is awarded yet: there is time until `awardBy`, and then the bid is lost. */
function absent(state: Of<'inquiring'>, _event: unknown, nowMs: number): Taken {
  const { context, bid } = state;
  if (nowMs < context.awardBy) return { state: { ...state, name: 'bid' }, actions: [] };
  const said: Told = state.told ?? { detail: 'expired' };
  return { state: { name: 'lost', context, bid, told: said }, actions: [{ kind: 'lost', ...said }] };
}

/** Every pair; a detail is the answer to a pair that is not allowed. */
export const participantTable: Table<ParticipantState, ParticipantEvent, ParticipantAction | Ignored> = {
  evaluating: {
    bid: bidden,
    decline: declined,
    withdraw: dropped,
    accept: 'not-your-turn',
    reject: 'not-your-turn',
    cancel: dropped,
    overdue: dropped,
    held: 'not-your-turn',
    absent: 'not-your-turn',
  },
  declined: {
    bid: 'late',
    decline: 'duplicate',
    withdraw: 'stale',
    accept: 'stale',
    reject: 'stale',
    cancel: 'stale',
    overdue: 'stale',
    held: 'stale',
    absent: 'stale',
  },
  bid: {
    bid: 'duplicate',
    decline: 'not-your-turn',
    withdraw: withdrawn,
    accept: accepted,
    reject: told,
    cancel: told,
    overdue,
    held: won,
    absent: 'not-your-turn',
  },
  withdrawn: {
    bid: 'stale',
    decline: 'not-your-turn',
    withdraw: 'duplicate',
    // A withdrawal may cross with the award: what the bank has committed counts.
    accept: accepted,
    reject: told,
    cancel: told,
    overdue,
    held: won,
    absent: 'not-your-turn',
  },
  confirming: {
    bid: 'duplicate',
    decline: 'not-your-turn',
    withdraw: 'late',
    accept: 'duplicate',
    reject: 'stale',
    cancel: 'stale',
    overdue: 'not-your-turn',
    held: won,
    absent: unconfirmed,
  },
  inquiring: {
    bid: 'duplicate',
    decline: 'not-your-turn',
    withdraw: 'late',
    accept: accepted,
    reject: told,
    cancel: told,
    overdue: 'duplicate',
    held: won,
    absent,
  },
  won: {
    bid: 'duplicate',
    decline: 'not-your-turn',
    withdraw: 'late',
    accept: 'duplicate',
    reject: 'stale',
    cancel: 'stale',
    overdue: 'stale',
    held: 'duplicate',
    absent: 'stale',
  },
  lost: {
    bid: 'late',
    decline: 'not-your-turn',
    withdraw: 'late',
    // An initiator may correct itself as long as the bank bears it out.
    accept: accepted,
    reject: 'duplicate',
    cancel: 'duplicate',
    overdue: 'stale',
    held: won,
    absent: 'stale',
  },
};

/** The next state and what to do; `nowMs` by the broker's clock. */
export function participantStep(
  state: ParticipantState,
  event: ParticipantEvent,
  nowMs: number,
): Step<ParticipantState, ParticipantAction | Ignored> {
  return stepOf(participantTable, state, event, nowMs);
}
