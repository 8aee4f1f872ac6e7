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
import type { BidDecision, CallView, Decision } from './decision.js';
import { Lease } from './lease.js';
import type { Link } from './link.js';
import type { Sealer } from './sealer.js';

/** What came of a bid that did not win. */
export interface LostBid {
  readonly cfp: string;
  readonly pool: string;
  readonly intent: string;
  readonly detail: Detail;
  /** Per unit, where something was sold: what would have had to be beaten. */
  readonly clearingPriceMicro?: number | undefined;
}

/** An agent that listens, as the participation needs it. */
export interface Bidder {
  readonly id: string;
  readonly sealer: Sealer;
  readonly confirm: Confirm;
  evaluate(call: CallView): Decision | Promise<Decision>;
  onLease(lease: Lease): void;
  onLost(outcome: LostBid): void;
}

interface Seat {
  readonly bidder: Bidder;
  readonly intent: string;
  state: ParticipantState;
}

/** How long after `awardBy` word may still be on its way, in ms. */
const GRACE_MS = 300;
const settledStates: ReadonlySet<ParticipantState['name']> = new Set(['declined', 'won', 'lost']);

export class Participation {
  readonly call: Call;
  readonly #link: Link;
  readonly #view: CallView;
  readonly #digest: string;
  readonly #seats = new Map<string, Seat>();
  readonly #batch: BidBatch;
  readonly #onEmpty: () => void;
  #deciding = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing = false;

  constructor(link: Link, view: CallView, digest: string, traceparent: () => string | undefined, onEmpty: () => void) {
    this.#link = link;
    this.#view = view;
    this.call = view.call;
    this.#digest = digest;
    this.#onEmpty = onEmpty;
    this.#batch = new BidBatch(link, view.call, traceparent);
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

  #decided(bidder: Bidder, decision: Decision): void {
    if (decision === undefined) return;
    if (!isOne(decision)) {
      for (const one of decision) this.#bids(bidder, one);
    } else if (decision.kind === 'bid') {
      this.#bids(bidder, decision);
    } else if (this.#link.clock.now() < this.call.closesAt) {
      this.#batch.refuse(bidder.id, decision.detail, decision.retryAfterMs);
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
      this.#tellLost(bidder, intent, { detail: 'no-capacity' });
      return;
    }
    if (bidder.sealer.sealFor(this.call) === undefined) {
      this.#tellLost(bidder, intent, { detail: 'not-permitted' });
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
    };
    if (bidder.sealer.isReady(this.call)) this.#step(seat, { kind: 'bid', bid });
    else void this.#bidAfterLogin(seat, bid);
  }

  async #bidAfterLogin(seat: Seat, bid: Bid): Promise<void> {
    this.#deciding++;
    const refused = await seat.bidder.sealer.login();
    this.#deciding--;
    if (refused === undefined) {
      this.#step(seat, { kind: 'bid', bid });
    } else {
      this.#link.log.warn({ agent: seat.bidder.id, detail: refused.detail }, `no login: ${refused.message}`);
      this.#step(seat, { kind: 'decline' });
      this.#tellLost(seat.bidder, seat.intent, refused);
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
    for (const { participant, intent, detail } of body.losers) {
      const seat = this.#seats.get(seatName(participant, intent));
      if (seat === undefined) this.#link.ignore('unknown');
      else this.#step(seat, { kind: 'reject', detail, clearingPriceMicro });
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
    const before = [...this.#seats.values()].filter((seat) => seat.bidder === bidder && seat.state.name === 'bid');
    for (const seat of before) this.#step(seat, { kind: 'withdraw' });
    if (before.some((seat) => seat.state.name === 'withdrawn')) this.#batch.withdraw([bidder.id]);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #step(seat: Seat, event: ParticipantEvent): void {
    const { state, actions } = participantStep(seat.state, event, this.#link.clock.now());
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
          void this.#inquire(seat);
          break;
        case 'lease':
          this.#lease(seat, action.winner);
          break;
        case 'lost':
          this.#tellLost(seat.bidder, seat.intent, action);
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
    why: { readonly detail: Detail; readonly clearingPriceMicro?: string | undefined },
  ): void {
    const { pool, cfp } = this.call.terms;
    const { detail } = why;
    const clearingPriceMicro = why.clearingPriceMicro === undefined ? undefined : Number(why.clearingPriceMicro);
    this.#link.guard('onLost', () => bidder.onLost({ cfp, pool, intent, detail, clearingPriceMicro }));
  }

  /** Asks the bank what became of the intent, until it knows or a lease would be over anyway. */
  async #inquire(seat: Seat): Promise<void> {
    const { bidder, intent } = seat;
    const { cfp, durationMs } = this.call.terms;
    const agent = bidder.id === this.#link.sender ? {} : { agent: bidder.id };
    const giveUp = this.call.awardBy + durationMs;
    for (;;) {
      const asked = await this.#link.bank.ask('contract', { intent, ...agent }, { conversation: cfp });
      if (!asked.ok && asked.detail === 'unavailable' && this.#link.clock.now() < giveUp && !this.#link.closed)
        continue;
      // The intent may have won in another call; that one has its own seat.
      const mine =
        asked.ok && asked.value.cfp === cfp && asked.value.participant === bidder.id ? asked.value : undefined;
      if (mine?.state === 'awarded') this.#step(seat, { kind: 'held', winner: winnerOf(mine, intent) });
      else this.#step(seat, { kind: 'absent' });
      return this.#settle();
    }
  }

  /** Arms the one timer while a bid is open, and leaves the table when none is. */
  #settle(): void {
    let open = this.#deciding > 0;
    for (const seat of this.#seats.values()) open ||= !settledStates.has(seat.state.name);
    if (!open) {
      clearTimeout(this.#timer);
      this.#onEmpty();
    } else if (this.#timer === undefined) {
      const delay = Math.max(0, this.#link.clock.until(this.call.awardBy)) + GRACE_MS;
      this.#timer = setTimeout(() => this.#overdue(), Math.min(delay, 2 ** 31 - 1));
    }
  }

  #overdue(): void {
    for (const seat of this.#seats.values()) {
      if (seat.state.name === 'bid' || seat.state.name === 'withdrawn') this.#step(seat, { kind: 'overdue' });
    }
  }
}

function isOne(
  decision: Exclude<Decision, undefined>,
): decision is Exclude<Decision, undefined | readonly BidDecision[]> {
  return !Array.isArray(decision);
}

function seatName(participant: string, intent: string): string {
  return `${participant}|${intent}`;
}

/** A contract as the bank keeps it, as the winner would have been told of it. */
export function winnerOf(view: BankResult<'contract'>, intent: string): Winner {
  const { contract, participant, units, slots, fences, priceMicro, amountMicro, startedAt, until } = view;
  return { contract, participant, intent, units, slots, fences, priceMicro, amountMicro, startedAt, until };
}
