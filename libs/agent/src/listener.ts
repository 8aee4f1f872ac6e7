// Listening to pools: one subscription per pool and sender, however many agents it speaks for.
import {
  acceptMessage,
  type Call,
  cancelMessage,
  cfpMessage,
  notUnderstoodMessage,
  rejectMessage,
  subjects,
  termsDigest,
} from '@tender/market';
import { traceparentOf } from '@tender/market/nats';
import type { Subscription } from 'nats';
import { z } from 'zod';
import { viewOf } from './decision.js';
import type { Link, Received } from './link.js';
import { type Bidder, Participation } from './participation.js';

const poolMessage = z.discriminatedUnion('performative', [cfpMessage, cancelMessage]);
const talkMessage = z.discriminatedUnion('performative', [
  acceptMessage,
  rejectMessage,
  cancelMessage,
  notUnderstoodMessage,
]);
type PoolMessage = z.infer<typeof poolMessage>;
type TalkMessage = z.infer<typeof talkMessage>;

interface Listening {
  readonly subscription: Subscription;
  readonly bidders: Set<Bidder>;
}

/** So many calls at once; more are not answered. */
const MAX_OPEN = 10_000;
/** No negotiation lock is given for longer: an announced time beyond it would only make bidders wait. */
const MAX_TTL_MS = 3_600_000;

/** Whether the times announced can be those of a call that the bank opened. */
function isPlausible({ terms, openedAt, closesAt, awardBy }: Call): boolean {
  return closesAt === openedAt + terms.windowMs && awardBy > closesAt && awardBy <= openedAt + MAX_TTL_MS;
}

/** Calls that are over for us are remembered until their end, so that a replayed cfp is answered once. */
const REMEMBERED = 2048;

export class Listener {
  readonly #link: Link;
  readonly #pools = new Map<string, Listening>();
  readonly #open = new Map<string, Participation>();
  readonly #done = new Map<string, number>();
  readonly #talk: Subscription;

  constructor(link: Link) {
    this.#link = link;
    this.#talk = link.subscribe(
      subjects.talks(link.market, link.sender),
      talkMessage as z.ZodType<TalkMessage>,
      (got) => this.#heard(got),
    );
  }

  /** Calls in which a bid is open. */
  get openCalls(): number {
    return this.#open.size;
  }

  /** Adds a bidder to a pool; the returned function takes it away again, `withdraw` also its open bids. */
  listen(pool: string, bidder: Bidder): (withdraw: boolean) => void {
    let listening = this.#pools.get(pool);
    if (listening === undefined) {
      const bidders = new Set<Bidder>();
      const subject = subjects.cfps(this.#link.market, pool);
      const subscription = this.#link.subscribe(subject, poolMessage as z.ZodType<PoolMessage>, (got) =>
        this.#called(pool, bidders, got),
      );
      listening = { subscription, bidders };
      this.#pools.set(pool, listening);
    }
    const { bidders, subscription } = listening;
    bidders.add(bidder);
    return (withdraw) => {
      bidders.delete(bidder);
      if (withdraw) for (const one of [...this.#open.values()]) one.withdraw(bidder);
      if (bidders.size > 0 || this.#pools.get(pool)?.bidders !== bidders) return;
      this.#pools.delete(pool);
      if (!this.#link.nc.isClosed()) subscription.unsubscribe();
    };
  }

  close(): void {
    for (const one of this.#open.values()) one.close();
    this.#open.clear();
    if (this.#link.nc.isClosed()) return;
    this.#talk.unsubscribe();
    for (const { subscription } of this.#pools.values()) subscription.unsubscribe();
    this.#pools.clear();
  }

  #called(pool: string, bidders: Set<Bidder>, { from, message, msg }: Received<PoolMessage>): void {
    const link = this.#link;
    if (message.performative === 'cancel') {
      this.#cancelled(from, message.body);
      return;
    }
    const call = message.body;
    const { terms } = call;
    const named = terms.initiator === from && terms.market === link.market && terms.pool === pool;
    if (!named || message.conversation !== terms.cfp) {
      link.ignore('not-permitted');
      return;
    }
    if (link.clock.now() >= call.closesAt) {
      link.ignore('late');
      return;
    }
    if (this.#open.has(terms.cfp) || this.#done.has(terms.cfp)) {
      link.ignore('duplicate');
      return;
    }
    if (!isPlausible(call) || this.#open.size >= MAX_OPEN) {
      link.ignore('deadline-infeasible');
      return;
    }
    const view = viewOf(call, link.clock);
    const traceparent = () => traceparentOf(msg.headers);
    const participation = new Participation(link, view, termsDigest(terms), traceparent, () =>
      this.#leave(participation),
    );
    this.#open.set(terms.cfp, participation);
    participation.open([...bidders]);
  }

  #leave({ call }: Participation): void {
    const { cfp } = call.terms;
    if (!this.#open.delete(cfp)) return;
    if (this.#done.size >= REMEMBERED) this.#forget();
    this.#done.set(cfp, call.closesAt);
  }

  #forget(): void {
    const now = this.#link.clock.now();
    for (const [cfp, closesAt] of this.#done) if (closesAt < now) this.#done.delete(cfp);
    while (this.#done.size >= REMEMBERED) this.#done.delete(this.#done.keys().next().value!);
  }

  #heard({ from, message }: Received<TalkMessage>): void {
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
    const open = this.#open.get(body.cfp);
    if (open === undefined) return;
    if (open.call.terms.initiator === from) open.cancel(body.detail);
    else this.#link.ignore('not-permitted');
  }

  /** The open participation in a call, if it is this sender's call. */
  #of(from: string, cfp: string): Participation | undefined {
    const open = this.#open.get(cfp);
    if (open === undefined) this.#link.ignore(this.#done.has(cfp) ? 'stale' : 'unknown');
    else if (open.call.terms.initiator !== from) this.#link.ignore('not-permitted');
    else return open;
    return undefined;
  }
}
