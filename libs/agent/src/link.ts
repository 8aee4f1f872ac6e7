// One connection of one sender to one market: what an agent and a host have in common.
import { type Detail, encode, idText, type Performative, type Refusal, senderOf, subjects } from '@tender/market';
import { connectNats, Inbox, newUlid } from '@tender/market/nats';
import type { ConnectionOptions, Msg, MsgHdrs, NatsConnection, Status, Subscription } from 'nats';
import { Bank, type Moment } from './bank.js';
import { Complaints } from './complaints.js';
import { Distrust } from './distrust.js';
import { type Log, silentLog } from './log.js';
import { MarketClock } from './market-clock.js';
import { OwnWords } from './own-words.js';
import type { Reader } from './wire-reader.js';

export interface LinkOptions {
  /** nats://host:port, or several. Unused where `nats` is given. */
  readonly servers?: string | readonly string[];
  readonly market: string;
  /** The sender's id: the agent's, or the host's. */
  readonly id: string;
  /** A connection that is shared; it stays open when the agent closes. */
  readonly nats?: NatsConnection;
  /** The sender's user nkey seed: its login to a NATS that asks for one. */
  readonly seed?: string;
  /** More for the NATS client: user, password, TLS. */
  readonly natsOptions?: ConnectionOptions;
  readonly log?: Log;
}

/** What came in and could not be used; for tests, metrics and the curious. */
export interface Counts {
  received: number;
  /** Payloads that fit no message. */
  malformed: number;
  /** Answers `not-understood` that were sent. */
  complained: number;
  /** Messages out of turn, by what was wrong with them. */
  readonly ignored: Partial<Record<Detail, number>>;
  reconnects: number;
  /** Exceptions of the agent's own callbacks. */
  callbackErrors: number;
}

/** A message whose sender is the subject's, with its headers as they came. */
export interface Received<T> {
  readonly from: string;
  /** The agent of this very sender that said it; undefined for others' words, and for what nobody here said. */
  readonly by?: string | undefined;
  readonly message: T;
  readonly msg: Msg;
}

const REMEMBERED_SUBJECTS = 4096;

export class Link {
  readonly market: string;
  readonly sender: string;
  readonly nc: NatsConnection;
  readonly inbox: Inbox;
  readonly bank: Bank;
  readonly clock = new MarketClock();
  readonly log: Log;
  readonly distrust = new Distrust();
  readonly counts: Counts = {
    received: 0,
    malformed: 0,
    complained: 0,
    ignored: {},
    reconnects: 0,
    callbackErrors: 0,
  };
  /** The broker's clock in its last refusal: enough to log in where the own clock is far off. */
  lastRefused: Moment | undefined;
  connected = true;
  closed = false;
  readonly #owned: boolean;
  readonly #statuses: AsyncIterable<Status> & { stop?: () => void };
  readonly #complaints = new Complaints();
  readonly #senders = new Map<string, string>();
  readonly #own = new OwnWords();
  #waiting: (() => void)[] = [];

  constructor(nc: NatsConnection, options: LinkOptions) {
    this.nc = nc;
    this.market = options.market;
    this.sender = options.id;
    this.log = options.log ?? silentLog;
    this.#owned = options.nats === undefined;
    this.#statuses = nc.status();
    this.inbox = new Inbox(nc, options.id);
    this.bank = new Bank(this);
    void this.#watch();
  }

  async #watch(): Promise<void> {
    for await (const status of this.#statuses) {
      if (status.type === 'disconnect') {
        this.connected = false;
        // No answer can come over a broken connection: whoever waits may ask again as soon as there is a new one.
        this.inbox.interrupt();
        this.log.warn({ sender: this.sender }, 'NATS is away');
      } else if (status.type === 'reconnect') {
        this.connected = true;
        this.counts.reconnects++;
        this.#wake();
        this.log.info({ sender: this.sender }, 'NATS is back');
      }
    }
    this.closed = true;
    this.inbox.close();
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  /** Resolves when the connection is back, or closed, or the time is over. */
  whenConnected(withinMs: number): Promise<void> {
    if (this.connected || this.closed) return Promise.resolve();
    return new Promise((resume) => {
      const timer = setTimeout(resume, withinMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resume();
      });
    });
  }

  /**
   * Runs `take` on each message of a subject that can be read and comes from whom it says; nothing gets past it. What
   * `unread` names is not even decoded.
   */
  subscribe<T extends { readonly sender: string; readonly id: string }>(
    subject: string,
    read: Reader<T>,
    take: (received: Received<T>) => void,
    unread: (from: string, bytes: number) => boolean = () => false,
  ): Subscription {
    const callback = (error: Error | null, msg: Msg) => {
      if (error !== null) return;
      try {
        this.#take(msg, read, take, unread);
      } catch (failure) {
        // A bug of ours must not take the connection's parser down with it.
        this.log.error({ err: failure, subject: msg.subject }, 'a message could not be handled');
      }
    };
    return this.nc.subscribe(subject, { callback });
  }

  #take<T extends { readonly sender: string; readonly id: string }>(
    msg: Msg,
    read: Reader<T>,
    take: (received: Received<T>) => void,
    unread: (from: string, bytes: number) => boolean,
  ): void {
    this.counts.received++;
    const from = this.#senderOf(msg.subject);
    if (from === undefined || unread(from, msg.data.length)) {
      this.ignore('not-permitted');
      return;
    }
    const decoded = read(msg.data);
    if (decoded === undefined) return;
    if (!decoded.ok) {
      this.#complain(from, msg.data, decoded.message);
      return;
    }
    if (decoded.value.sender !== from) {
      this.ignore('not-permitted');
      return;
    }
    const { id } = decoded.value;
    const by = from === this.sender ? this.#own.speakerOf(id) : undefined;
    take({ from, by, message: decoded.value, msg });
  }

  /** The same few speak again and again: a subject's sender is worked out once. */
  #senderOf(subject: string): string | undefined {
    const known = this.#senders.get(subject);
    if (known !== undefined) return known;
    const from = senderOf(subject);
    if (from === undefined) return undefined;
    if (this.#senders.size >= REMEMBERED_SUBJECTS) this.#senders.clear();
    this.#senders.set(subject, from);
    return from;
  }

  #complain(from: string, payload: Uint8Array, message: string): void {
    this.counts.malformed++;
    const complaint = from === this.sender ? undefined : this.#complaints.about(from, payload, performance.now());
    if (complaint === undefined) return;
    this.counts.complained++;
    const { conversation, inReplyTo } = complaint;
    this.tell(from, 'not-understood', conversation, { detail: 'malformed', message }, { inReplyTo });
  }

  /** Counts a message that is well-formed but out of turn. */
  ignore(detail: Detail): void {
    this.counts.ignored[detail] = (this.counts.ignored[detail] ?? 0) + 1;
  }

  /** Publishes a message; while the connection is away it is dropped (its deadline will have passed). */
  send(
    subject: string,
    performative: Performative,
    conversation: string,
    body: unknown,
    more: {
      readonly replyBy?: number | undefined;
      readonly inReplyTo?: string | undefined;
      readonly headers?: MsgHdrs;
      /** Which agent says it, where another behind this sender may be meant. */
      readonly by?: string | undefined;
    } = {},
  ): void {
    if (this.closed || !this.connected) return;
    const { replyBy, inReplyTo, headers, by } = more;
    const id = newUlid();
    if (by !== undefined) this.#own.said(id, by);
    const payload = encode({
      v: 1,
      id,
      conversation,
      inReplyTo,
      sender: this.sender,
      sentAt: this.clock.now(),
      replyBy,
      performative,
      body,
    });
    try {
      this.nc.publish(subject, payload, headers && { headers });
    } catch (error) {
      this.log.warn({ err: error, subject }, 'a message was not sent');
    }
  }

  /** Sends to another's talk subject. */
  tell(
    to: string,
    performative: Performative,
    conversation: string,
    body: unknown,
    more: { readonly inReplyTo?: string | undefined; readonly headers?: MsgHdrs } = {},
  ): void {
    this.send(subjects.talk(this.market, to, this.sender), performative, conversation, body, more);
  }

  /** More time for an open call, `ttlMs` from now on; `awardBy` by the broker's clock. */
  async extend(cfp: string, ttlMs: number): Promise<{ readonly ok: true; readonly awardBy: number } | Refusal> {
    const asked = await this.bank.ask('extend', { key: newUlid(), cfp, ttlMs }, { conversation: cfp, withinMs: ttlMs });
    return asked.ok ? { ok: true, awardBy: asked.value.awardBy } : asked;
  }

  /** Runs a callback of the agent's; what it throws is logged and counted, never passed on. */
  guard<T>(what: string, callback: () => T): T | undefined {
    try {
      const result = callback();
      if (result instanceof Promise) result.catch((error: unknown) => this.callbackFailed(what, error));
      return result;
    } catch (error) {
      this.callbackFailed(what, error);
      return undefined;
    }
  }

  callbackFailed(what: string, error: unknown): void {
    this.counts.callbackErrors++;
    this.log.error({ err: error, sender: this.sender }, `${what} threw`);
  }

  /** Sends what is buffered, then closes; a shared connection stays open. */
  async close(): Promise<void> {
    if (this.closed) return;
    if (this.connected) await this.nc.flush().catch(() => undefined);
    this.closed = true;
    this.inbox.close();
    this.#wake();
    // A shared connection lives on; nobody listens to its fate here any more.
    this.#statuses.stop?.();
    if (this.#owned && !this.nc.isClosed()) await this.nc.close();
  }
}

/**
 * Connects; rejects (NatsError) where NATS does not answer at first, reconnects for ever afterwards. TypeError where
 * the market or the id cannot be one: nobody would ever answer.
 */
export async function openLink(options: LinkOptions): Promise<Link> {
  for (const name of ['market', 'id'] as const) {
    const parsed = idText.safeParse(options[name]);
    if (!parsed.success) throw new TypeError(`${name}: ${options[name]}: ${parsed.error.issues[0]?.message}`);
  }
  if (options.nats !== undefined) return new Link(options.nats, options);
  if (options.servers === undefined) throw new TypeError('give servers, or a NATS connection');
  const { servers, id: sender, seed } = options;
  const address = { servers, sender, ...(seed === undefined ? {} : { seed }) };
  return new Link(await connectNats(address, options.natsOptions), options);
}
