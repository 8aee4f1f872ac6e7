// A call's life as its initiator sees it: open, collect, award, tell everybody; pure, total, no clock.
import type { Cheque } from '../cheque.js';
import type { Winner } from '../messages.js';
import type { BankResult } from '../operations.js';
import { type Detail, type Refusal, refusal } from '../refusal.js';
import { type Call, termsDigest } from '../terms.js';
import { addAll, type Book, type BookedBid, emptyBook, entriesOf, without } from './bid-book.js';
import { type Selection, selectBids } from './shown.js';
import { type Ignored, ignored, type Step, stepOf, type Table } from './table.js';

export interface InitiatorOptions {
  /** Closes as soon as so many bids and refusals are in; Infinity waits for the window's end. */
  readonly closeAfterBids: number;
  /** Bids shown beyond the price-setting one, for winners that the bank bars. */
  readonly standbys: number;
  /** Bids kept in one call; more are answered `no-capacity`. */
  readonly maxBids: number;
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

export type InitiatorState =
  | { readonly name: 'opening'; readonly options: InitiatorOptions }
  | { readonly name: 'aborting' }
  | ({ readonly name: 'collecting'; readonly bids: Book<BookedBid>; readonly refusals: Book<Answer> } & Opened)
  | ({ readonly name: 'awarding'; readonly selection: Selection } & Opened)
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

export interface Loser {
  readonly participant: string;
  readonly intent: string;
  readonly detail: Detail;
}

/** What came of one bid. */
export interface RankedBid {
  readonly participant: string;
  readonly intent: string;
  readonly units: number;
  readonly priceMicro: string;
  readonly outcome: 'won' | 'lost' | 'barred';
  readonly detail?: Detail | undefined;
}

export interface Sale {
  readonly ok: true;
  readonly cfp: string;
  readonly winners: readonly Winner[];
  /** Every bid, best first; then those that could not win. */
  readonly ranked: readonly RankedBid[];
  readonly clearingPriceMicro: string;
}

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
  const { sender, cheques } = event;
  if (nowMs >= state.call.closesAt) return tooLate(state, event);
  const entries = cheques.map((cheque): BookedBid => {
    const { participant, intent, units } = cheque;
    const fault = faultOf(state.call, cheque);
    return { sender, participant, intent, units, price: Number(cheque.priceMicro), cheque, fault };
  });
  const { book, repeated, beyond } = addAll(state.bids, entries, state.options.maxBids);
  const losers = [...repeated.map(losing('duplicate')), ...beyond.map(losing('no-capacity'))];
  const answers: InitiatorAction[] = losers.length > 0 ? [{ kind: 'reject', sender, losers }] : [];
  return closedIfComplete({ ...state, bids: book }, answers);
}

function losing(detail: Detail): (bid: { participant: string; intent: string }) => Loser {
  return ({ participant, intent }) => ({ participant, intent, detail });
}

/** A bid after the end is answered at once, so that its sender need not wait for the deadline. */
function tooLate(state: State, { sender, cheques }: On<'propose'>): Taken {
  return { state, actions: [{ kind: 'reject', sender, losers: cheques.map(losing('late')) }] };
}

function refused(state: Of<'collecting'>, { sender, participants }: On<'decline'>): Taken {
  const entries = participants.map((participant) => ({ sender, participant, intent: '' }));
  const { book } = addAll(state.refusals, entries, state.options.maxBids);
  return closedIfComplete({ ...state, refusals: book }, []);
}

function takenBack(state: Of<'collecting'>, event: On<'withdraw'>, nowMs: number): Taken {
  if (nowMs >= state.call.closesAt) return ignored(state, event.kind, 'late');
  const gone = new Set(event.participants);
  const bids = without(state.bids, (bid) => bid.sender === event.sender && gone.has(bid.participant));
  return { state: { ...state, bids }, actions: [] };
}

function closedIfComplete(state: Of<'collecting'>, actions: readonly InitiatorAction[]): Taken {
  if (state.bids.size + state.refusals.size < state.options.closeAfterBids) return { state, actions };
  const closed = close(state);
  return { state: closed.state, actions: [...actions, ...closed.actions] };
}

function close(state: Of<'collecting'>): Taken {
  return award(state, entriesOf(state.bids), undefined);
}

/** Shows the bank the best of these bids, or ends where none can win. */
function award(state: Opened, bids: readonly BookedBid[], why: Refusal | undefined): Taken {
  const { options, call, digest } = state;
  const { units, rule, reservePriceMicro, cfp } = call.terms;
  const callRule = { units, rule, reservePrice: Number(reservePriceMicro) };
  const selection = selectBids(callRule, digest, bids, options.standbys);
  if (selection.shown.length === 0) return unsold(state, selection, why?.detail ?? 'no-capacity', why);
  const cheques = selection.shown.map((bid) => bid.cheque);
  return {
    state: { name: 'awarding', options, call, digest, selection },
    actions: [{ kind: 'award', cfp, digest, cheques }],
  };
}

/** Ends without an award: the lock goes back, bidders learn why, everybody learns that it is over. */
function unsold(state: Opened, selection: Selection, detail: Detail, why: Refusal | undefined): Taken {
  const { cfp, reservePriceMicro } = state.call.terms;
  const actions: InitiatorAction[] = [{ kind: 'release', cfp }];
  const losers = [...selection.ranked.map((bid) => ({ bid, detail })), ...faults(selection)];
  for (const [sender, group] of bySender(losers)) {
    actions.push({ kind: 'reject', sender, losers: group.map(({ bid, detail: of }) => losing(of)(bid)) });
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

function faults(selection: Selection): { bid: BookedBid; detail: Detail }[] {
  return selection.unusable.map((bid) => ({ bid, detail: bid.fault! }));
}

function bySender<T extends { readonly bid: BookedBid }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(item.bid.sender);
    if (group === undefined) groups.set(item.bid.sender, [item]);
    else group.push(item);
  }
  return groups;
}

function rankedBid(bid: BookedBid, outcome: RankedBid['outcome'], detail?: Detail): RankedBid {
  const { participant, intent, units, cheque } = bid;
  return { participant, intent, units, priceMicro: cheque.priceMicro, outcome, ...(detail && { detail }) };
}

function awarded(state: Of<'awarding'>, { result }: On<'awarded'>): Taken {
  const { options, call, digest, selection } = state;
  const nameOf = (bid: { participant: string; intent: string }) => `${bid.participant}|${bid.intent}`;
  const winners = new Map(result.winners.map((winner) => [nameOf(winner), winner]));
  const barred = new Map(
    result.verdicts.flatMap((one) => (one.outcome === 'barred' && one.detail ? [[nameOf(one), one.detail]] : [])),
  );
  const ranked: RankedBid[] = [];
  const told: { bid: BookedBid; winner?: Winner | undefined; detail: Detail }[] = [];
  for (const bid of selection.ranked) {
    const winner = winners.get(nameOf(bid));
    const detail = barred.get(nameOf(bid));
    told.push({ bid, winner, detail: detail ?? 'outbid' });
    ranked.push(winner ? rankedBid(bid, 'won') : rankedBid(bid, detail ? 'barred' : 'lost', detail ?? 'outbid'));
  }
  for (const entry of faults(selection)) {
    told.push({ ...entry, winner: undefined });
    ranked.push(rankedBid(entry.bid, 'barred', entry.detail));
  }
  const { clearingPriceMicro } = result;
  const actions = tellEach(told, result.winners.length > 0 ? clearingPriceMicro : undefined);
  if (result.winners.length === 0) actions.push({ kind: 'cancel', detail: 'expired' });
  const outcome: Sale = { ok: true, cfp: call.terms.cfp, winners: result.winners, ranked, clearingPriceMicro };
  actions.push({ kind: 'finish', outcome });
  return { state: { name: 'sold', options, call, digest }, actions };
}

/** One accept and one reject at most for each sender, winners first: their leases run already. */
function tellEach(
  told: readonly { readonly bid: BookedBid; readonly winner?: Winner | undefined; readonly detail: Detail }[],
  clearingPriceMicro: string | undefined,
): InitiatorAction[] {
  const accepts: InitiatorAction[] = [];
  const rejects: InitiatorAction[] = [];
  for (const [sender, group] of bySender(told)) {
    const won = group.flatMap(({ winner }) => (winner ? [winner] : []));
    const lost = group.flatMap(({ bid, winner, detail }) => (winner ? [] : [losing(detail)(bid)]));
    if (won.length > 0) accepts.push({ kind: 'accept', sender, winners: won });
    if (lost.length > 0) rejects.push({ kind: 'reject', sender, losers: lost, clearingPriceMicro });
  }
  return [...accepts, ...rejects];
}

/** Refusals of an award that end the call; any other is about the bids that were shown. */
const ending: ReadonlySet<Detail> = new Set([
  'lock-lost',
  'late',
  'stale',
  'unknown',
  'not-permitted',
  'frozen',
  'malformed',
]);

/**
 * The bank refused. `unavailable` means that nobody knows whether it was committed: then nobody may be told that it
 * lost, and the participants ask the bank themselves after `awardBy`. Where none of the shown bids can win (forged
 * seals, empty accounts), the call is still open: the next ones in rank are shown.
 */
function notAwarded(state: Of<'awarding'>, event: On<'not-awarded'>): Taken {
  const { selection } = state;
  const { detail } = event.refusal;
  if (detail === 'unavailable') {
    return { state: { name: 'ended' }, actions: [{ kind: 'finish', outcome: event.refusal }] };
  }
  if (ending.has(detail)) return unsold(state, selection, detail, event.refusal);
  const shown = new Set(selection.shown);
  const failed = selection.shown.map((bid): BookedBid => ({ ...bid, fault: detail }));
  const left = [...selection.ranked.filter((bid) => !shown.has(bid)), ...failed, ...selection.unusable];
  return award(state, left, event.refusal);
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
    propose: tooLate,
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
