// Listening to pools: one subscription per pool and sender, however many agents it speaks for.
import { type BankResult, type Call, type Detail, termsDigest } from '@tender/market';
import { traceparentOf } from '@tender/market/nats';
import { viewOf } from './decision.js';
import { Lease } from './lease.js';
import type { Link, Received } from './link.js';
import { OpenCalls } from './open-calls.js';
import { type Bidder, Participation, winnerOf } from './participation.js';
import { PoolSeller } from './pool-seller.js';
import type { Switchboard } from './switchboard.js';
import type { AuctionCall, AuctionTalk } from './wire-reader.js';

interface PoolListening {
  readonly stop: () => void;
  readonly bidders: Set<Bidder>;
}

/** Calls that wait until the bank has said who sells the pool, of one initiator. */
const MAX_WAITING_OF_ONE = 32;
/** No negotiation lock is given for longer: an announced time beyond it would only make bidders wait. */
const MAX_TTL_MS = 3_600_000;
/** However far the clocks are apart: no call lives for longer. */
const MAX_LIFE_MS = 24 * 3_600_000;

/** Whether the times announced can be those of a call that the bank opened. */
function isPlausible({ terms, openedAt, closesAt, awardBy }: Call, nowMs: number): boolean {
  return (
    closesAt === openedAt + terms.windowMs &&
    awardBy > closesAt &&
    awardBy <= openedAt + MAX_TTL_MS &&
    awardBy <= nowMs + MAX_LIFE_MS
  );
}

export class Listener {
  readonly #link: Link;
  readonly #pools = new Map<string, PoolListening>();
  /** Kept while the agent lives, so that listening anew asks nothing. */
  readonly #sellers = new Map<string, PoolSeller>();
  readonly #waiting = new Map<string, number>();
  readonly #calls = new OpenCalls();
  readonly #switchboard: Switchboard;

  constructor(switchboard: Switchboard) {
    this.#link = switchboard.link;
    this.#switchboard = switchboard;
    switchboard.talk.onAuction = (got) => this.#heard(got);
  }

  /** Calls in which a bid is open. */
  get openCalls(): number {
    return this.#calls.size;
  }

  /** Adds a bidder to a pool; the returned function takes it away again, `withdraw` also its open bids. */
  listen(pool: string, bidder: Bidder): (withdraw: boolean) => void {
    let listening = this.#pools.get(pool);
    if (listening === undefined) {
      const bidders = new Set<Bidder>();
      const stop = this.#switchboard.board.hearSlots(pool, (got) => this.#called(pool, bidders, got));
      listening = { stop, bidders };
      this.#pools.set(pool, listening);
    }
    const seller = this.#sellerOf(pool);
    if (!seller.isKnown) void seller.known();
    const { bidders, stop } = listening;
    bidders.add(bidder);
    return (withdraw) => {
      bidders.delete(bidder);
      if (withdraw) for (const one of this.#calls.all()) one.withdraw(bidder);
      if (bidders.size > 0 || this.#pools.get(pool)?.bidders !== bidders) return;
      this.#pools.delete(pool);
      stop();
    };
  }

  /** Resolves when a call announced from now on is heard: the server knows, and the bank has said who sells. */
  async ready(pool: string): Promise<void> {
    const seller = this.#sellerOf(pool);
    await Promise.all([this.#switchboard.board.ready(), seller.isKnown || seller.known()]);
  }

  #sellerOf(pool: string): PoolSeller {
    let seller = this.#sellers.get(pool);
    if (seller === undefined) {
      seller = new PoolSeller(this.#link, pool);
      this.#sellers.set(pool, seller);
    }
    return seller;
  }

  close(): void {
    this.#calls.clear();
    for (const { stop } of this.#pools.values()) stop();
    this.#pools.clear();
  }

  #called(pool: string, bidders: Set<Bidder>, got: Received<AuctionCall>): void {
    const link = this.#link;
    const { from, message } = got;
    if (message.performative === 'cancel') {
      this.#cancelled(from, message.body);
      return;
    }
    const { terms } = message.body;
    const named = terms.initiator === from && terms.market === link.market && terms.pool === pool;
    const sells = named && message.conversation === terms.cfp && this.#sellerOf(pool).sells(from);
    if (sells === false) link.ignore('not-permitted');
    else if (sells === true) this.#join(bidders, message.body, got);
    else void this.#whenKnown(sells, bidders, message.body, got);
  }

  async #whenKnown(sells: Promise<boolean>, bidders: Set<Bidder>, call: Call, got: Received<unknown>): Promise<void> {
    const { from } = got;
    const waiting = this.#waiting.get(from) ?? 0;
    if (waiting >= MAX_WAITING_OF_ONE) {
      this.#link.ignore('not-permitted');
      return;
    }
    this.#waiting.set(from, waiting + 1);
    const believed = await sells;
    const left = this.#waiting.get(from)! - 1;
    if (left > 0) this.#waiting.set(from, left);
    else this.#waiting.delete(from);
    if (!believed) this.#link.ignore('not-permitted');
    else if (!this.#link.closed) this.#join(bidders, call, got);
  }

  #join(bidders: Set<Bidder>, call: Call, { msg }: Received<unknown>): void {
    const link = this.#link;
    const unfit = this.#unfit(call, link.clock.now());
    if (unfit !== undefined) {
      link.ignore(unfit);
      return;
    }
    const participation = new Participation(link, viewOf(call, link.clock), termsDigest(call.terms), {
      traceparent: () => traceparentOf(msg.headers),
      onEmpty: () => this.#calls.leave(participation, link.clock.now()),
      onElsewhere: (bidder, intent, view) => this.#elsewhere(bidder, intent, view),
    });
    this.#calls.join(participation);
    participation.open([...bidders]);
  }

  #unfit(call: Call, nowMs: number): Detail | undefined {
    if (nowMs >= call.closesAt) return 'late';
    if (this.#calls.knows(call.terms.cfp)) return 'duplicate';
    const fits = isPlausible(call, nowMs) && this.#calls.hasRoomFor(call.terms.initiator);
    return fits ? undefined : 'deadline-infeasible';
  }

  /** An intent that has won in a call of which no word came: the lease is its bidder's all the same. */
  #elsewhere(bidder: Bidder, intent: string, view: BankResult<'contract'>): void {
    const link = this.#link;
    const winner = winnerOf(view, intent);
    if (this.#calls.find(view.cfp)?.held(winner) || bidder.knows(view.contract)) return;
    if (link.clock.now() >= view.until) return;
    link.guard('onLease', () => bidder.onLease(new Lease(link, view.pool, view.cfp, winner, view.terms)));
  }

  #heard({ from, message }: Received<AuctionTalk>): void {
    switch (message.performative) {
      case 'accept-proposal':
        this.#of(from, message.body.cfp)?.accept(message.body);
        return;
      case 'reject-proposal':
        this.#of(from, message.body.cfp)?.reject(message.body);
        return;
      case 'cancel':
        this.#cancelled(from, message.body);
        return;
      case 'not-understood':
        this.#link.log.warn({ from, why: message.body.message }, 'a message of ours was not understood');
    }
  }

  #cancelled(
    from: string,
    body: { readonly cfp: string; readonly detail: Parameters<Participation['cancel']>[0] },
  ): void {
    // Everybody hears a cancel; only those with an open bid mind.
    const open = this.#calls.openAt(body.cfp);
    if (open === undefined) return;
    if (open.call.terms.initiator === from) open.cancel(body.detail);
    else this.#link.ignore('not-permitted');
  }

  /** The participation in a call, open or just lost, if it is this sender's call. */
  #of(from: string, cfp: string): Participation | undefined {
    const found = this.#calls.find(cfp);
    if (found === undefined) this.#link.ignore(this.#calls.knows(cfp) ? 'stale' : 'unknown');
    else if (found.call.terms.initiator !== from) this.#link.ignore('not-permitted');
    else return found;
    return undefined;
  }
}
