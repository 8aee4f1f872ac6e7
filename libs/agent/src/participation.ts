// One call as one sender takes part in it: a seat for each bid of its agents, each moved by the participant's machine.
import {
  type AcceptMessage,
  type BankResult,
  type Bid,
  type Call,
  type Confirm,
  type Detail,
  evaluating,
  type ParticipantEvent,
  type ParticipantState,
  participantStep,
  type RejectMessage,
  type Winner,
} from '@tender/market';
import { newId } from '@tender/market/nats';
import { BidBatch } from './bid-batch.js';
import { type BidDecision, type CallView, checkDecision, type Decision } from './decision.js';
import { Deposits } from './deposits.js';
import { namedFor } from './desk.js';
import { Lease } from './lease.js';
import type { Link } from './link.js';
import { type LostBid, whenOf } from './lost-bid.js';
import type { Sealer } from './sealer.js';

/** An agent that listens, as the participation needs it. */
export interface Bidder {
  readonly id: string;
  readonly sealer: Sealer;
  readonly confirm: Confirm;
  evaluate(call: CallView): Decision | Promise<Decision>;
  onLease(lease: Lease): void;
  onLost(outcome: LostBid): void;
  /** Whether it was given the lease of this contract already. */
  knows(contract: string): boolean;
}

interface Seat {
  readonly bidder: Bidder;
  readonly intent: string;
  state: ParticipantState;
  asking?: Promise<void>;
}

/** What a participation needs of its listener. */
export interface Surroundings {
  readonly traceparent: () => string | undefined;
  /** Nothing is open here any more. */
  readonly onEmpty: () => void;
  /** The bank knows a contract of another call for this bid's intent. */
  readonly onElsewhere: (bidder: Bidder, intent: string, view: BankResult<'contract'>) => void;
}

/** How long after the close, and after `awardBy`, word may still be on its way, in ms. */
const GRACE_MS = 300;
/** So many questions of one call are on their way to the bank at once. */
const ASKING_AT_ONCE = 8;
const settledStates: ReadonlySet<ParticipantState['name']> = new Set(['declined', 'won', 'lost']);
/** A bid that its bidder's deposit need not stand behind any more. */
const backedOut: ReadonlySet<ParticipantState['name']> = new Set(['declined', 'withdrawn', 'lost']);

export class Participation {
  readonly call: Call;
  readonly #link: Link;
  readonly #view: CallView;
  readonly #digest: string;
  readonly #seats = new Map<string, Seat>();
  readonly #batch: BidBatch;
  readonly #deposits: Deposits;
  readonly #around: Surroundings;
  #deciding = 0;
  #timer: NodeJS.Timeout | undefined;
  /** The next distance between questions to the bank. */
  #pauseMs = GRACE_MS * (1 + Math.random());
  #flushing = false;

  constructor(link: Link, view: CallView, digest: string, around: Surroundings) {
    this.#link = link;
    this.#view = view;
    this.call = view.call;
    this.#digest = digest;
    this.#around = around;
    this.#batch = new BidBatch(link, view.call, around.traceparent);
    this.#deposits = new Deposits(link, view.call);
  }

  get size(): number {
    return this.#seats.size;
  }

  /** Asks all bidders; what they decide at once leaves in one message. */
  open(bidders: Iterable<Bidder>): void {
    for (const bidder of bidders) {
      const decision = this.#link.guard('evaluate', () => bidder.evaluate(this.#view));
      if (decision instanceof Promise) void this.#later(bidder, decision);
      else this.#decided(bidder, decision);
    }
    this.#batch.flush();
    this.#settle();
  }

  async #later(bidder: Bidder, promise: Promise<Decision>): Promise<void> {
    this.#deciding++;
    // A rejection is logged by the guard; here it means silence.
    const decision = await promise.catch(() => undefined);
    this.#deciding--;
    this.#decided(bidder, decision);
    this.#flushSoon();
  }

  /** What is no decision is counted and logged, and means silence: it must not spoil the message of the others. */
  #decided(bidder: Bidder, decision: unknown): void {
    const checked = this.#link.guard('evaluate', () => checkDecision(decision));
    if (checked === undefined) return;
    if (checked.kind === 'bids') {
      for (const one of checked.bids) this.#bids(bidder, one);
    } else if (this.#link.clock.now() < this.call.closesAt) {
      this.#batch.refuse(bidder.id, checked.detail, checked.retryAfterMs);
    }
  }

  #bids(bidder: Bidder, decision: BidDecision): void {
    const { cfp, units } = this.call.terms;
    const intent = decision.intent ?? newId();
    const name = seatName(bidder.id, intent);
    if (this.#seats.has(name)) {
      this.#link.ignore('duplicate');
      return;
    }
    if (!Number.isInteger(decision.units) || decision.units < 1 || decision.units > units) {
      this.#tellLost(bidder, intent, 'agent', { detail: 'no-capacity' });
      return;
    }
    if (bidder.sealer.sealFor(this.call) === undefined) {
      this.#tellLost(bidder, intent, 'agent', { detail: 'not-permitted' });
      return;
    }
    const { closesAt, awardBy } = this.call;
    const state = evaluating({ cfp, closesAt, awardBy, confirm: bidder.confirm });
    const seat: Seat = { bidder, intent, state };
    this.#seats.set(name, seat);
    const bid: Bid = {
      participant: bidder.id,
      units: decision.units,
      priceMicro: decision.priceMicro,
      intent,
      until: awardBy,
      ...(decision.tokens === undefined ? {} : { tokens: decision.tokens }),
    };
    const ready = bidder.sealer.isReady(this.call) && this.#deposits.has(bidder.id);
    if (ready) this.#step(seat, { kind: 'bid', bid });
    else void this.#bidWhenReady(seat, bid);
  }

  /** Logs in and lays down what the call asks of its bidders, where that is still to do. */
  async #bidWhenReady(seat: Seat, bid: Bid): Promise<void> {
    const { id, sealer } = seat.bidder;
    this.#deciding++;
    const login = sealer.isReady(this.call) ? undefined : await sealer.login();
    const refused = login ?? (await this.#deposits.layDown(id));
    this.#deciding--;
    if (refused === undefined) {
      this.#step(seat, { kind: 'bid', bid });
    } else {
      const what = login === undefined ? 'deposit' : 'login';
      this.#link.log.warn({ agent: id, detail: refused.detail }, `no ${what}: ${refused.message}`);
      this.#step(seat, { kind: 'decline' });
      const retryAt = whenOf(refused, this.#link.clock.now());
      this.#tellLost(seat.bidder, seat.intent, 'bank', { detail: refused.detail, retryAt });
    }
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#batch.flush();
      this.#settle();
    });
  }

  /** Word from the initiator. */
  accept(body: AcceptMessage['body']): void {
    for (const winner of body.winners) {
      const seat = this.#seats.get(seatName(winner.participant, winner.intent));
      if (seat === undefined) this.#link.ignore('unknown');
      else this.#step(seat, { kind: 'accept', winner });
    }
    this.#settle();
  }

  reject(body: RejectMessage['body']): void {
    const { clearingPriceMicro } = body;
    const now = this.#link.clock.now();
    for (const { participant, intent, detail, ...when } of body.losers) {
      const seat = this.#seats.get(seatName(participant, intent));
      if (seat === undefined) this.#link.ignore('unknown');
      else this.#step(seat, { kind: 'reject', detail, clearingPriceMicro, retryAt: whenOf(when, now) });
    }
    this.#settle();
  }

  cancel(detail: Detail): void {
    for (const seat of this.#seats.values()) {
      if (!settledStates.has(seat.state.name)) this.#step(seat, { kind: 'cancel', detail });
    }
    this.#settle();
  }

  /** Takes back what this bidder has on the table. */
  withdraw(bidder: Bidder): void {
    const own = [...this.#seats.values()].filter((seat) => seat.bidder === bidder);
    const before = own.filter(({ state }) => state.name === 'bid');
    // Also what waits for a login or the deposit: it must not become a bid any more.
    for (const seat of own) {
      if (seat.state.name === 'bid' || seat.state.name === 'evaluating') this.#step(seat, { kind: 'withdraw' });
    }
    if (before.some(({ state }) => state.name === 'withdrawn')) this.#batch.withdraw([bidder.id]);
    const gone = own.every(({ state }) => backedOut.has(state.name));
    if (gone && own.length > 0) void this.#deposits.takeBack(bidder.id);
  }

  /** The bank knows a contract of this call, learnt elsewhere; false where no bid here answers to it. */
  held(winner: Winner): boolean {
    const seat = this.#seats.get(seatName(winner.participant, winner.intent));
    if (seat === undefined) return false;
    this.#step(seat, { kind: 'held', winner });
    this.#settle();
    return true;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #step(seat: Seat, event: ParticipantEvent, nowMs = this.#link.clock.now()): void {
    const { state, actions } = participantStep(seat.state, event, nowMs);
    seat.state = state;
    for (const action of actions) {
      switch (action.kind) {
        case 'propose':
          this.#propose(seat, action.bid);
          break;
        case 'refuse':
          this.#batch.refuse(seat.bidder.id, action.detail, action.retryAfterMs);
          break;
        case 'withdraw':
          break;
        case 'confirm':
        case 'inquire':
          seat.asking = this.#inquire(seat);
          break;
        case 'lease':
          this.#lease(seat, action.winner);
          break;
        case 'lost':
          this.#tellLost(seat.bidder, seat.intent, wordOf(event, state), action);
          break;
        case 'ignored':
          this.#link.ignore(action.detail);
          break;
      }
    }
  }

  #propose(seat: Seat, bid: Bid): void {
    const cheque = seat.bidder.sealer.seal(this.call, this.#digest, bid);
    if (cheque !== undefined) this.#batch.add(cheque);
    else this.#link.ignore('bad-signature');
  }

  #lease(seat: Seat, winner: Winner): void {
    const { pool, cfp } = this.call.terms;
    const lease = new Lease(this.#link, pool, cfp, winner);
    this.#link.guard('onLease', () => seat.bidder.onLease(lease));
  }

  #tellLost(
    bidder: Bidder,
    intent: string,
    by: LostBid['by'],
    why: {
      readonly detail: Detail;
      readonly clearingPriceMicro?: string | undefined;
      readonly retryAt?: number | undefined;
    },
  ): void {
    const { pool, cfp } = this.call.terms;
    const { detail, retryAt } = why;
    const clearingPriceMicro = why.clearingPriceMicro === undefined ? undefined : Number(why.clearingPriceMicro);
    const retryAfterMs = retryAt === undefined ? undefined : Math.max(0, Math.ceil(this.#link.clock.until(retryAt)));
    const when = retryAt === undefined ? {} : { retryAt, retryAfterMs };
    this.#link.guard('onLost', () => bidder.onLost({ cfp, pool, intent, detail, by, clearingPriceMicro, ...when }));
  }

  /** Asks the bank what became of the intent, until it answers or a lease would be over anyway. */
  async #inquire(seat: Seat): Promise<void> {
    const { bidder, intent } = seat;
    const { cfp, durationMs } = this.call.terms;
    const link = this.#link;
    const named = namedFor(bidder.id, link);
    const giveUp = this.call.awardBy + durationMs;
    for (;;) {
      const askedAt = link.clock.now();
      const asked = await link.bank.ask('contract', { intent, ...named }, { conversation: cfp });
      if (!asked.ok && asked.detail === 'unavailable' && link.clock.now() < giveUp && !link.closed) continue;
      const view = asked.ok && asked.value.participant === bidder.id ? asked.value : undefined;
      const runs = view?.state === 'settled' ? undefined : view;
      if (runs?.cfp === cfp) this.#step(seat, { kind: 'held', winner: winnerOf(runs, intent) });
      // What the bank did not know when it was asked it may know by now.
      else this.#step(seat, { kind: 'absent' }, askedAt);
      if (runs !== undefined && runs.cfp !== cfp) this.#around.onElsewhere(bidder, intent, runs);
      break;
    }
    const last = link.clock.until(this.call.awardBy) <= 0 && !link.closed;
    if (last && isWaiting(seat)) this.#step(seat, { kind: 'overdue' });
    this.#settle();
  }

  /** Arms the one timer while a bid is open, and leaves the table when none is. */
  #settle(): void {
    let open = this.#deciding > 0;
    for (const seat of this.#seats.values()) open ||= !settledStates.has(seat.state.name);
    if (!open) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#around.onEmpty();
    } else if (this.#timer === undefined) {
      this.#askLater(this.call.closesAt);
    }
  }

  /** Asks a pause after `from`, each pause twice as long as the one before, at the latest when the award is overdue. */
  #askLater(from: number): void {
    const { clock } = this.#link;
    const last = this.call.awardBy + GRACE_MS;
    const at = Math.min(Math.max(from, clock.now()) + this.#pauseMs, last);
    this.#pauseMs *= 2;
    this.#timer = setTimeout(() => {
      void this.#askAll();
      if (at < last) this.#askLater(at);
    }, clock.until(at));
  }

  /** Whoever heard nothing, in any order; who hears meanwhile is not asked for. */
  async #askAll(): Promise<void> {
    const waiting = [...this.#seats.values()].filter(isWaiting);
    const askNext = async () => {
      for (let seat = waiting.pop(); seat !== undefined; seat = waiting.pop()) {
        if (!isWaiting(seat) || this.#link.closed) continue;
        this.#step(seat, { kind: 'overdue' });
        await seat.asking;
      }
    };
    await Promise.all(Array.from({ length: Math.min(ASKING_AT_ONCE, waiting.length) }, askNext));
  }
}

function isWaiting({ state }: Seat): boolean {
  return state.name === 'bid' || state.name === 'withdrawn';
}

function wordOf(event: ParticipantEvent, state: ParticipantState): LostBid['by'] {
  if (event.kind === 'reject' || event.kind === 'cancel') return 'initiator';
  if (event.kind !== 'absent') return 'agent';
  // The bank has no contract; why there is none may be the initiator's word all the same.
  return state.name === 'lost' && state.told?.detail !== 'expired' ? 'initiator' : 'bank';
}

function seatName(participant: string, intent: string): string {
  return `${participant}|${intent}`;
}

/** A contract as the bank keeps it, as the winner would have been told of it. */
export function winnerOf(view: BankResult<'contract'>, intent: string): Winner {
  const { contract, participant, units, slots, fences, priceMicro, amountMicro, startedAt, until } = view;
  return { contract, participant, intent, units, slots, fences, priceMicro, amountMicro, startedAt, until };
}
