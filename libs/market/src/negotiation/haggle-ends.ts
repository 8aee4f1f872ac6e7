// How a negotiation between two agents ends: closing, waiting for the bank or for approval, escalation, silence, the end.
import { type Detail, refusal } from '../refusal.js';
import { sameIssues } from '../task/compare.js';
import type { Offer } from '../task/offer.js';
import type { TaskView } from '../task/task-view.js';
import type { HaggleAction, Haggled, HaggleEvent, HaggleState } from './haggle-types.js';
import { FIRST_PAUSE_MS, LAST_WORD_MS, LONGEST_PAUSE_MS } from './hire-next.js';
import { type Ignored, ignored, type Step } from './table.js';

export type HaggleOf<N extends HaggleState['name']> = Extract<HaggleState, { readonly name: N }>;
export type HaggleOn<K extends HaggleEvent['kind']> = Extract<HaggleEvent, { readonly kind: K }>;
export type HaggleTaken = Step<HaggleState, HaggleAction | Ignored>;

/** The fields that every state has, without those of the state that it was in. */
export function haggledOf(state: Haggled): Haggled {
  const { context, ours, theirs, ourMoves, theirMoves, rejections, still, sealed, hold, offersUntil } = state;
  return { context, ours, theirs, ourMoves, theirMoves, rejections, still, sealed, hold, offersUntil };
}

const isProvider = ({ context }: Haggled) => context.side === 'provider';

/** A seal is out: its slots are kept, those behind an earlier one are not needed any more. */
export function keptSealed(state: Haggled, offer: Offer): { readonly next: Haggled; readonly actions: HaggleAction[] } {
  const { hold, seal } = offer;
  const actions: HaggleAction[] = [];
  if (state.hold !== undefined && state.hold !== hold) actions.push({ kind: 'release', hold: state.hold });
  if (hold !== undefined) actions.push({ kind: 'extend', hold, until: seal.until });
  const offersUntil = Math.max(state.offersUntil, seal.until);
  return { next: { ...haggledOf(state), sealed: offer, hold, offersUntil }, actions };
}

/** Agreed on the issues: the buyer closes on the offer, the provider waits for the contract. */
export function engaging(state: Haggled, offer: Offer, actions: readonly HaggleAction[], nowMs: number): HaggleTaken {
  const next: HaggleState = {
    ...{ ...haggledOf(state), name: 'settling', offer, until: offer.seal.until },
    ...{ askAt: nowMs + FIRST_PAUSE_MS, pauseMs: FIRST_PAUSE_MS },
  };
  if (isProvider(state)) return { state: { ...next, until: state.offersUntil }, actions };
  return { state: next, actions: [...actions, engageOf(state, offer)] };
}

function engageOf({ context }: Haggled, offer: Offer): HaggleAction {
  return { kind: 'engage', key: `${context.nonce}.e`, offer };
}

/**
 * Over: nothing is held any more. A buyer that closed on an offer and said otherwise would get the bond of a provider
 * who does not know: where there is one, the bank is asked once the last offer is over.
 */
export function end(state: Haggled, detail: Detail, nowMs: number, actions: readonly HaggleAction[] = []): HaggleTaken {
  const { context, offersUntil, theirs } = state;
  const bonded = isProvider(state) && context.frame.conditions.bondMicro !== '0';
  const askAt = bonded && nowMs < offersUntil + LAST_WORD_MS ? Math.max(nowMs, offersUntil) : undefined;
  return {
    state: { ...haggledOf(state), name: 'ended', detail, hold: undefined, askAt },
    actions: [
      ...actions,
      ...releasing(state),
      { kind: 'finish', outcome: { ok: false, detail, theirs: theirs.at(-1) } },
    ],
  };
}

/** Asked until the bank has answered, or for so long that its answer has no use any more. */
export function askAtLast(state: HaggleOf<'ended'>, { kind }: HaggleOn<'tick'>, nowMs: number): HaggleTaken {
  const { askAt, sealed, offersUntil } = state;
  if (askAt === undefined || sealed === undefined) return ignored(state, kind, 'expired');
  if (nowMs < askAt) return ignored(state, kind, 'not-your-turn');
  const again = nowMs + LAST_WORD_MS / 4;
  return {
    state: { ...state, askAt: again > offersUntil + LAST_WORD_MS ? undefined : again },
    actions: [{ kind: 'inquire', intent: sealed.seal.intent, askedAt: nowMs }],
  };
}

export function absentAtLast(state: HaggleOf<'ended'>, { kind, askedAt }: HaggleOn<'absent'>): HaggleTaken {
  if (state.askAt === undefined || askedAt < state.offersUntil) return ignored(state, kind, 'stale');
  return { state: { ...state, askAt: undefined }, actions: [] };
}

function releasing({ hold }: Haggled): HaggleAction[] {
  return hold === undefined ? [] : [{ kind: 'release', hold }];
}

function cancelling(detail: Detail, message?: string): HaggleAction {
  const body = { kind: 'task', detail, ...(message !== undefined && { message }) } as const;
  return { kind: 'send', performative: 'cancel', body };
}

/**
 * This side stops and says so. A provider whose offer the buyer may be closing on just now asks the bank until the
 * offer is over: its slots it gives back at once, since a contract would have taken them already.
 */
function stop(
  state: Haggled & { readonly name: string },
  detail: Detail,
  nowMs: number,
  message?: string,
): HaggleTaken {
  const said = cancelling(detail, message);
  if (!isProvider(state) || state.name === 'mine' || state.offersUntil <= nowMs)
    return end(state, detail, nowMs, [said]);
  const next: HaggleState = {
    ...{ ...haggledOf(state), hold: undefined, name: 'settling', because: detail, until: state.offersUntil },
    ...{ askAt: nowMs + FIRST_PAUSE_MS, pauseMs: FIRST_PAUSE_MS },
  };
  return { state: next, actions: [said, ...releasing(state), ...asking(next, nowMs)] };
}

type Ending = HaggleOf<'mine'> | HaggleOf<'theirs'> | HaggleOf<'stuck'> | HaggleOf<'escalated'>;

export function quit(state: Ending, event: HaggleOn<'quit'>, nowMs: number): HaggleTaken {
  return stop(state, event.detail, nowMs, event.message);
}

export function silence(
  state: HaggleOf<'mine'> | HaggleOf<'theirs'>,
  event: HaggleOn<'tick'>,
  nowMs: number,
): HaggleTaken {
  if (nowMs < state.replyBy) return ignored(state, event.kind, 'not-your-turn');
  return stop(state, nowMs >= state.context.protocol.endsAt ? 'expired' : 'late', nowMs);
}

export function unresolved(
  state: HaggleOf<'stuck'> | HaggleOf<'escalated'>,
  event: HaggleOn<'tick'>,
  nowMs: number,
): HaggleTaken {
  if (nowMs < state.until) return ignored(state, event.kind, 'not-your-turn');
  return stop(state, state.name === 'stuck' ? 'round-limit' : 'expired', nowMs);
}

/** The other side's last word. A buyer that has asked the bank hears it too late. */
export function cancelled(
  state: Ending | HaggleOf<'settling'> | HaggleOf<'pending'>,
  event: HaggleOn<'cancelled'>,
  nowMs: number,
): HaggleTaken {
  const asked = state.name === 'settling' || (state.name === 'pending' && state.own);
  if (asked && !isProvider(state)) return ignored(state, event.kind, 'late');
  return end(state, event.detail, nowMs);
}

/** Three rejections: another decides, in so far as there is time. */
export function escalated(state: HaggleOf<'stuck'>, event: HaggleOn<'escalate'>, nowMs: number): HaggleTaken {
  const { context, rejections, ours, theirs } = state;
  if (nowMs >= state.until) return ignored(state, event.kind, 'late');
  const [mine, others] = [ours.at(-1)?.issues, theirs.at(-1)?.issues];
  const offer = isProvider(state) ? undefined : theirs.at(-1)?.offer;
  const { message, withinMs } = event;
  const body = {
    frame: context.frame,
    rejections,
    message,
    ...(mine && { ours: mine }),
    ...(others && { theirs: others }),
  };
  return {
    state: { ...state, name: 'escalated', until: Math.min(nowMs + withinMs, state.until) },
    actions: [{ kind: 'escalate', key: `${context.nonce}.s`, body, withinMs, offer }],
  };
}

/** The arbiter is not to be had: another may be. */
export function unescalated(state: HaggleOf<'escalated'>): HaggleTaken {
  return { state: { ...haggledOf(state), name: 'stuck', until: state.context.protocol.endsAt }, actions: [] };
}

/** 261: the bank waits for somebody's yes, and the other side is told. */
export function filed(
  state: HaggleOf<'settling'> | HaggleOf<'escalated'>,
  { kind, proposal, expiresAt }: HaggleOn<'filed'>,
  nowMs: number,
): HaggleTaken {
  if (state.name === 'settling' && isProvider(state)) return ignored(state, kind, 'not-your-turn');
  const body = { kind: 'pending', proposal, expiresAt } as const;
  return pending(state, proposal, true, expiresAt, nowMs, [{ kind: 'send', performative: 'inform', body }]);
}

/** The other side says that it waits; nobody waits longer for it than its own offer lives, or the negotiation. */
export function waits(
  state: HaggleOf<'theirs'> | HaggleOf<'settling'> | HaggleOf<'stuck'> | HaggleOf<'escalated'>,
  { kind, proposal, expiresAt }: HaggleOn<'waits'>,
  nowMs: number,
): HaggleTaken {
  const settles = state.name === 'theirs' || state.name === 'settling';
  if (settles && (!isProvider(state) || state.offersUntil <= nowMs)) return ignored(state, kind, 'not-your-turn');
  // Approved at the last moment, it is engaged a little later: a provider waits as long as its offer lives.
  const most = Math.max(state.offersUntil, state.context.protocol.endsAt);
  const until = isProvider(state) && state.offersUntil > nowMs ? state.offersUntil : Math.min(expiresAt, most);
  const { hold } = state;
  return pending(state, proposal, false, until, nowMs, hold === undefined ? [] : [{ kind: 'extend', hold, until }]);
}

function pending(
  state: Haggled,
  proposal: string,
  own: boolean,
  until: number,
  nowMs: number,
  actions: readonly HaggleAction[],
): HaggleTaken {
  const polling = { askAt: nowMs + FIRST_PAUSE_MS, pauseMs: FIRST_PAUSE_MS };
  return { state: { ...haggledOf(state), ...polling, name: 'pending', proposal, own, until }, actions };
}

/** Whom to ask what became of it. */
function asking(state: HaggleOf<'settling'> | HaggleOf<'pending'>, askedAt: number): HaggleAction[] {
  const actions: HaggleAction[] = [];
  if (state.name === 'pending' && state.own) actions.push({ kind: 'poll', proposal: state.proposal, askedAt });
  if (state.sealed !== undefined) actions.push({ kind: 'inquire', intent: state.sealed.seal.intent, askedAt });
  if (!isProvider(state) && state.name === 'settling') actions.push(engageOf(state, state.offer!));
  return actions;
}

/** At growing distances, and for a while after all is over: an answer may be under way. */
export function askAgain(
  state: HaggleOf<'settling'> | HaggleOf<'pending'>,
  event: HaggleOn<'tick'>,
  nowMs: number,
): HaggleTaken {
  if (nowMs >= state.until + LAST_WORD_MS) return end(state, endingOf(state), nowMs);
  if (nowMs < state.askAt) return ignored(state, event.kind, 'not-your-turn');
  const pauseMs = Math.min(2 * state.pauseMs, LONGEST_PAUSE_MS);
  // Asked when it is over at the latest, so that the bank's next no is its last.
  const askAt = nowMs < state.until ? Math.min(nowMs + pauseMs, state.until) : nowMs + pauseMs;
  return { state: { ...state, askAt, pauseMs }, actions: asking(state, nowMs) };
}

function endingOf(state: HaggleOf<'settling'> | HaggleOf<'pending'>): Detail {
  if (state.name === 'pending') return 'expired';
  return state.because ?? (isProvider(state) ? 'expired' : 'unavailable');
}

/** The bank knows of nothing, yet or for good. */
export function absent(
  state: HaggleOf<'settling'> | HaggleOf<'pending'>,
  event: HaggleOn<'absent'>,
  nowMs: number,
): HaggleTaken {
  if (event.askedAt < state.until) return { state, actions: [] };
  const said = state.name === 'pending' && state.own ? [cancelling('expired')] : [];
  const { state: over, actions } = end(state, endingOf(state), nowMs, said);
  return { state: { ...over, askAt: undefined } as HaggleState, actions };
}

/** The bank's no, or an arbiter's; without an answer it is asked again. */
export function refused(
  state: HaggleOf<'settling'> | HaggleOf<'pending'>,
  event: HaggleOn<'refused'>,
  nowMs: number,
): HaggleTaken {
  const { detail, message } = event.refusal;
  const asked = state.name === 'settling' ? !isProvider(state) : state.own;
  if (!asked) return ignored(state, event.kind, 'not-your-turn');
  if (detail === 'unavailable') return { state, actions: [] };
  return stop(state, detail, nowMs, message);
}

/** The bank's word to the buyer: the contract is made, whatever was said meanwhile. */
export function engaged(state: HaggleState, { kind, view }: HaggleOn<'engaged'>): HaggleTaken {
  if (isProvider(state)) return ignored(state, kind, 'not-your-turn');
  const body = { kind: 'contract', view } as const;
  return agreed(state, view, [{ kind: 'send', performative: 'inform', body }]);
}

/** The other's word for a contract is worth a question to the bank. */
export function contract(state: HaggleState, { kind }: HaggleOn<'contract'>, nowMs: number): HaggleTaken {
  const { sealed } = state;
  if (sealed === undefined) return ignored(state, kind, isProvider(state) ? 'unknown' : 'not-your-turn');
  return { state, actions: [{ kind: 'inquire', intent: sealed.seal.intent, askedAt: nowMs }] };
}

/** The bank's word to the provider. */
export function held(state: HaggleState, { kind, view }: HaggleOn<'held'>, nowMs: number): HaggleTaken {
  const { sealed, context } = state;
  if (view.intent !== sealed?.seal.intent) return ignored(state, kind, isProvider(state) ? 'stale' : 'not-your-turn');
  if (view.frame.conversation !== context.frame.conversation) return usedElsewhere(state, nowMs);
  // The buyer may have closed on an earlier offer: then nobody needs what is kept behind the last one. Where two holds
  // may be meant, the bank keeps the one that the contract has used up.
  const meant = sameIssues(sealed.issues, view.issues);
  const another = state.ours.some(
    ({ issues, offer }) => offer?.hold !== sealed.hold && sameIssues(issues, view.issues),
  );
  return agreed(state, view, meant && !another ? [] : releasing(state));
}

/** The intent has won another contract: the bank closes on none of these offers any more. */
function usedElsewhere(state: HaggleState, nowMs: number): HaggleTaken {
  if (state.name === 'ended') return { state: { ...state, askAt: undefined }, actions: [] };
  const { state: over, actions } = end(state, 'duplicate', nowMs, [cancelling('duplicate')]);
  return { state: { ...over, askAt: undefined } as HaggleState, actions };
}

function agreed(state: Haggled, view: TaskView, actions: readonly HaggleAction[]): HaggleTaken {
  return {
    state: { ...haggledOf(state), name: 'agreed', view, hold: undefined },
    actions: [...actions, { kind: 'finish', outcome: { ok: true, view } }],
  };
}

/** How an illegal move is answered. */
export function answer(event: HaggleEvent['kind'], detail: Detail, message: string): HaggleAction {
  const { status } = refusal(detail, message);
  return { kind: 'answer', event, status, detail, message };
}
