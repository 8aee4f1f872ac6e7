// A call's life as its initiator sees it: open, collect, award, tell everybody; pure, total, no clock.
import type { Cheque } from '../cheque.js';
import type { Winner } from '../messages.js';
import type { BankResult } from '../operations.js';
import { type Detail, type Refusal, refusal } from '../refusal.js';
import { type Call, MAX_SHOWN_BIDS, termsDigest } from '../terms.js';
import { type Distrusted, lessonOf } from './barred.js';
import { addAll, type Book, type BookedBid, type BookLimits, emptyBook, entriesOf, has, without } from './bid-book.js';
import { bySender, faultsOf, type Loser, losing, rankedBid, type Sale, settleBids } from './sale.js';
import { type Selection, selectBids } from './shown.js';
import { type Ignored, ignored, type Step, stepOf, type Table } from './table.js';

export interface InitiatorOptions {
  /** Closes as soon as so many bids and refusals are in; Infinity waits for the window's end. */
  readonly closeAfterBids: number;
  /** Bids shown beyond the price-setting one, for winners that the bank bars. */
  readonly standbys: number;
  /** Bids kept in one call; more are answered `no-capacity`. */
  readonly limits: BookLimits;
  /** How often an award is asked for, where none of the bids shown can win. */
  readonly maxAwards: number;
}

interface Answer {
  readonly sender: string;
  readonly participant: string;
  readonly intent: string;
}

interface Opened {
  readonly options: InitiatorOptions;
  readonly call: Call;
  readonly digest: string;
}

interface Showing {
  readonly selection: Selection;
  /** Counted from 1. */
  readonly attempt: number;
}

export type InitiatorState =
  | { readonly name: 'opening'; readonly options: InitiatorOptions }
  | { readonly name: 'aborting' }
  | ({ readonly name: 'collecting'; readonly bids: Book<BookedBid>; readonly refusals: Book<Answer> } & Opened)
  | ({ readonly name: 'awarding'; readonly bids: Book<BookedBid> } & Showing & Opened)
  | ({ readonly name: 'sold' } & Opened)
  | { readonly name: 'ended' };

export type InitiatorEvent =
  /** What the bank says. */
  | { readonly kind: 'opened'; readonly call: Call }
  | { readonly kind: 'not-opened'; readonly refusal: Refusal }
  | { readonly kind: 'awarded'; readonly result: BankResult<'award'> }
  | { readonly kind: 'not-awarded'; readonly refusal: Refusal }
  /** What participants or their hosts say; `sender` is the subject's token. */
  | { readonly kind: 'propose'; readonly sender: string; readonly cheques: readonly Cheque[] }
  | { readonly kind: 'decline'; readonly sender: string; readonly participants: readonly string[] }
  | { readonly kind: 'withdraw'; readonly sender: string; readonly participants: readonly string[] }
  /** The window is over. */
  | { readonly kind: 'close' }
  /** The caller wants no award any more. */
  | { readonly kind: 'abort' };

export type InitiatorAction =
  | { readonly kind: 'announce'; readonly call: Call }
  | { readonly kind: 'award'; readonly cfp: string; readonly digest: string; readonly cheques: readonly Cheque[] }
  | { readonly kind: 'release'; readonly cfp: string }
  | { readonly kind: 'accept'; readonly sender: string; readonly winners: readonly Winner[] }
  | {
      readonly kind: 'reject';
      readonly sender: string;
      readonly losers: readonly Loser[];
      readonly clearingPriceMicro?: string | undefined;
    }
  /** Tells everybody who listens that nothing was sold. */
  | { readonly kind: 'cancel'; readonly detail: Detail }
  /** Bids of these are not taken for a while. */
  | { readonly kind: 'distrust'; readonly whom: readonly Distrusted[] }
  | { readonly kind: 'finish'; readonly outcome: Sale | Refusal };

type State = InitiatorState;
type Of<N extends State['name']> = Extract<State, { readonly name: N }>;
type On<K extends InitiatorEvent['kind']> = Extract<InitiatorEvent, { readonly kind: K }>;
type Taken = Step<State, InitiatorAction | Ignored>;

export function opening(options: InitiatorOptions): InitiatorState {
  return { name: 'opening', options };
}

function opened(state: Of<'opening'>, { call }: On<'opened'>): Taken {
  const { options } = state;
  const digest = termsDigest(call.terms);
  return {
    state: { name: 'collecting', options, call, digest, bids: emptyBook(), refusals: emptyBook() },
    actions: [{ kind: 'announce', call }],
  };
}

function notOpened(_state: State, event: On<'not-opened'>): Taken {
  return { state: { name: 'ended' }, actions: [{ kind: 'finish', outcome: event.refusal }] };
}

const abandoned = () => refusal('expired', 'the call was aborted by its initiator');

/** Aborted before the bank had answered: the lock is given back as soon as it is known. */
function openedTooLate(_state: State, { call }: On<'opened'>): Taken {
  return {
    state: { name: 'ended' },
    actions: [
      { kind: 'release', cfp: call.terms.cfp },
      { kind: 'finish', outcome: abandoned() },
    ],
  };
}

/** Why this cheque cannot win in this call, as far as an initiator can see. */
function faultOf(call: Call, cheque: Cheque): Detail | undefined {
  const { terms } = call;
  if (!terms.seals.includes(cheque.seal)) return 'not-permitted';
  if (cheque.units > terms.units) return 'no-capacity';
  if (cheque.until < call.closesAt) return 'expired';
  if (Number(cheque.priceMicro) < Number(terms.reservePriceMicro)) return 'below-reserve-price';
  return undefined;
}

function proposed(state: Of<'collecting'>, event: On<'propose'>, nowMs: number): Taken {
  const { sender } = event;
  if (nowMs >= state.call.closesAt) return tooLateFor(state, event);
  const entries = entriesFrom(state.call, event);
  const { book, repeated, beyond } = addAll(state.bids, entries, state.options.limits);
  const answers: (InitiatorAction | Ignored)[] = [];
  // A repeated bid stands as it is: to reject it would tell its sender that it lost.
  if (repeated.length > 0) answers.push({ kind: 'ignored', event: event.kind, detail: 'duplicate' });
  if (beyond.length > 0) answers.push({ kind: 'reject', sender, losers: beyond.map(losing('no-capacity')) });
  return closedIfComplete({ ...state, bids: book }, answers);
}

function entriesFrom(call: Call, { sender, cheques }: On<'propose'>): BookedBid[] {
  return cheques.map((cheque) => {
    const { participant, intent, units } = cheque;
    return {
      sender,
      participant,
      intent,
      units,
      price: Number(cheque.priceMicro),
      cheque,
      fault: faultOf(call, cheque),
    };
  });
}

/** A bid after the end is answered at once, so that its sender need not wait for the deadline. */
function tooLate(state: State, { sender, cheques }: On<'propose'>): Taken {
  return { state, actions: [{ kind: 'reject', sender, losers: cheques.map(losing('late')) }] };
}

/** As above while the award is under way: what is in the book already waits for its outcome. */
function tooLateFor(state: Of<'collecting' | 'awarding'>, event: On<'propose'>): Taken {
  const { sender, cheques } = event;
  const late = cheques.filter(({ participant, intent }) => !has(state.bids, { sender, participant, intent }));
  if (late.length === 0) return ignored(state, event.kind, 'duplicate');
  return { state, actions: [{ kind: 'reject', sender, losers: late.map(losing('late')) }] };
}

function refused(state: Of<'collecting'>, { sender, participants }: On<'decline'>): Taken {
  const entries = participants.map((participant) => ({ sender, participant, intent: '' }));
  const { book } = addAll(state.refusals, entries, state.options.limits);
  return closedIfComplete({ ...state, refusals: book }, []);
}

function takenBack(state: Of<'collecting'>, event: On<'withdraw'>, nowMs: number): Taken {
  if (nowMs >= state.call.closesAt) return ignored(state, event.kind, 'late');
  return { state: { ...state, bids: without(state.bids, event.sender, event.participants) }, actions: [] };
}

function closedIfComplete(state: Of<'collecting'>, actions: readonly (InitiatorAction | Ignored)[]): Taken {
  if (state.bids.size + state.refusals.size < state.options.closeAfterBids) return { state, actions };
  const closed = close(state);
  return { state: closed.state, actions: [...actions, ...closed.actions] };
}

function close(state: Of<'collecting'>): Taken {
  return award(state, entriesOf(state.bids), 1, undefined);
}

/** Shows the bank the best of these, or ends where none can win or enough was tried. */
function award(
  state: Of<'collecting' | 'awarding'>,
  bids: readonly BookedBid[],
  attempt: number,
  why: Refusal | undefined,
): Taken {
  const { options, call, digest } = state;
  const { units, rule, reservePriceMicro, cfp } = call.terms;
  const callRule = { units, rule, reservePrice: Number(reservePriceMicro) };
  // Where the first ones could not win, the bank sees as many as it takes: each try costs the call time.
  const standbys = attempt === 1 ? options.standbys : MAX_SHOWN_BIDS;
  const selection = selectBids(callRule, digest, bids, standbys);
  if (selection.shown.length === 0 || attempt > options.maxAwards) return unsold(state, selection, 'no-capacity', why);
  const cheques = selection.shown.map((bid) => bid.cheque);
  return {
    state: { name: 'awarding', options, call, digest, bids: state.bids, selection, attempt },
    actions: [{ kind: 'award', cfp, digest, cheques }],
  };
}

/** Ends without an award: the lock goes back, bidders learn why, everybody learns that it is over. */
function unsold(state: Opened, selection: Selection, detail: Detail, why: Refusal | undefined): Taken {
  const { cfp, reservePriceMicro } = state.call.terms;
  const actions: InitiatorAction[] = [{ kind: 'release', cfp }];
  const losers = [...selection.ranked.map((bid) => ({ bid, detail, retryAt: undefined })), ...faultsOf(selection)];
  for (const [sender, group] of bySender(losers)) {
    actions.push({
      kind: 'reject',
      sender,
      losers: group.map(({ bid, detail: of, retryAt }) => losing(of, retryAt)(bid)),
    });
  }
  actions.push({ kind: 'cancel', detail: why === undefined ? 'expired' : detail });
  const ranked = [...selection.ranked, ...selection.unusable].map((bid) => rankedBid(bid, 'lost', bid.fault ?? detail));
  const outcome: Sale | Refusal = why ?? {
    ok: true,
    cfp,
    winners: [],
    ranked,
    clearingPriceMicro: reservePriceMicro,
  };
  actions.push({ kind: 'finish', outcome });
  return { state: { name: 'ended' }, actions };
}

function awarded(state: Of<'awarding'>, { result }: On<'awarded'>): Taken {
  const { options, call, digest, selection } = state;
  const { ranked, accepts, rejects } = settleBids(selection, result);
  const { winners, clearingPriceMicro } = result;
  const actions: InitiatorAction[] = [
    ...accepts.map((accept): InitiatorAction => ({ kind: 'accept', ...accept })),
    ...rejects.map((reject): InitiatorAction => ({ kind: 'reject', ...reject })),
  ];
  const whom = afterSale(selection, call, result);
  if (whom.length > 0) actions.push({ kind: 'distrust', whom });
  if (winners.length === 0) actions.push({ kind: 'cancel', detail: 'expired' });
  const outcome: Sale = { ok: true, cfp: call.terms.cfp, winners, ranked, clearingPriceMicro };
  actions.push({ kind: 'finish', outcome });
  return { state: { name: 'sold', options, call, digest }, actions };
}

/** Uncovered bids are a nuisance only where they kept others, not shown, from slots that stayed unsold. */
function afterSale(selection: Selection, call: Call, { winners, verdicts }: BankResult<'award'>): Distrusted[] {
  const { forgers, uncovered } = lessonOf(selection.shown, verdicts, undefined);
  const sold = winners.reduce((sum, { units }) => sum + units, 0);
  const harmed = sold < call.terms.units && selection.shown.length < selection.ranked.length;
  return harmed ? [...forgers, ...uncovered] : [...forgers];
}

/**
 * The bank refused. `unavailable` means that nobody knows whether it was committed: then nobody may be told that it
 * lost, and the participants ask the bank themselves. Where none of the shown bids can win (forged seals, empty
 * accounts), the call is still open: the next ones in rank are shown, without those that the verdicts speak against.
 */
function notAwarded(state: Of<'awarding'>, event: On<'not-awarded'>): Taken {
  const { selection } = state;
  const { detail } = event.refusal;
  if (detail === 'unavailable') {
    return { state: { name: 'ended' }, actions: [{ kind: 'finish', outcome: event.refusal }] };
  }
  // Without verdicts the refusal is of the call itself, except that seals are checked before anything else.
  const { verdicts } = event.refusal;
  if (verdicts === undefined && detail !== 'bad-signature') return unsold(state, selection, detail, event.refusal);
  const { forgers, uncovered, faultOf, retryAtOf } = lessonOf(selection.shown, verdicts, detail);
  const shown = new Set(selection.shown);
  const left = selection.ranked.map((bid): BookedBid => {
    // All that were shown have had their chance, also one that was only too large for what was left.
    const fault = faultOf(bid) ?? (shown.has(bid) ? 'no-capacity' : undefined);
    return fault === undefined ? bid : { ...bid, fault, retryAt: retryAtOf(bid) };
  });
  const next = award(state, [...left, ...selection.unusable], state.attempt + 1, event.refusal);
  const whom = [...forgers, ...uncovered];
  return whom.length === 0 ? next : { state: next.state, actions: [{ kind: 'distrust', whom }, ...next.actions] };
}

function abortOpening(_state: State): Taken {
  return { state: { name: 'aborting' }, actions: [] };
}

function abort(state: Of<'collecting'>): Taken {
  const bids = entriesOf(state.bids);
  const selection = { shown: [], ranked: bids.filter((bid) => !bid.fault), unusable: bids.filter((bid) => bid.fault) };
  return unsold(state, selection, 'expired', abandoned());
}

/** Every pair; a detail is the answer to a pair that is not allowed. */
export const initiatorTable: Table<InitiatorState, InitiatorEvent, InitiatorAction | Ignored> = {
  opening: {
    opened,
    'not-opened': notOpened,
    awarded: 'not-your-turn',
    'not-awarded': 'not-your-turn',
    propose: 'not-your-turn',
    decline: 'not-your-turn',
    withdraw: 'not-your-turn',
    close: 'not-your-turn',
    abort: abortOpening,
  },
  aborting: {
    opened: openedTooLate,
    'not-opened': notOpened,
    awarded: 'not-your-turn',
    'not-awarded': 'not-your-turn',
    propose: 'not-your-turn',
    decline: 'not-your-turn',
    withdraw: 'not-your-turn',
    close: 'not-your-turn',
    abort: 'duplicate',
  },
  collecting: {
    opened: 'duplicate',
    'not-opened': 'stale',
    awarded: 'not-your-turn',
    'not-awarded': 'not-your-turn',
    propose: proposed,
    decline: refused,
    withdraw: takenBack,
    close,
    abort,
  },
  awarding: {
    opened: 'duplicate',
    'not-opened': 'stale',
    awarded,
    'not-awarded': notAwarded,
    propose: tooLateFor,
    decline: 'late',
    withdraw: 'late',
    close: 'duplicate',
    // The award may be committed by now: an abort can only be refused.
    abort: 'late',
  },
  sold: {
    opened: 'stale',
    'not-opened': 'stale',
    awarded: 'duplicate',
    'not-awarded': 'stale',
    propose: tooLate,
    decline: 'late',
    withdraw: 'late',
    close: 'stale',
    abort: 'late',
  },
  ended: {
    opened: 'stale',
    'not-opened': 'stale',
    awarded: 'stale',
    'not-awarded': 'stale',
    propose: tooLate,
    decline: 'late',
    withdraw: 'late',
    close: 'stale',
    abort: 'late',
  },
};

/** The next state and what to do; `nowMs` by the broker's clock. */
export function initiatorStep(
  state: InitiatorState,
  event: InitiatorEvent,
  nowMs: number,
): Step<InitiatorState, InitiatorAction | Ignored> {
  return stepOf(initiatorTable, state, event, nowMs);
}
