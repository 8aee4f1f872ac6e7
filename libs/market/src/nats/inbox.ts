// Many requests over one subscription: nc.request() costs 60 µs a call, this a fifth of it.
import type { Msg, MsgHdrs, NatsConnection, Subscription } from 'nats';
import { subjects } from '../subjects.js';
import { newUlid } from './ulid.js';

/** How a request ended; only `reply` says anything about what the other side did. */
export type Answered =
  | { readonly kind: 'reply'; readonly msg: Msg }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'no-responders' }
  /** The connection broke, or the inbox was closed, while the answer was awaited. */
  | { readonly kind: 'disconnected' };

interface Pending {
  readonly settle: (answered: Answered) => void;
  readonly due: number;
}

const SWEEP_MS = 25;

/** One sender's inbox on one connection; timeouts are kept to 25 ms by one timer for all. */
export class Inbox {
  readonly #nc: NatsConnection;
  readonly #prefix: string;
  readonly #pending = new Map<string, Pending>();
  readonly #sub: Subscription;
  #count = 0;
  #sweeping: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(nc: NatsConnection, sender: string) {
    this.#nc = nc;
    this.#prefix = `${subjects.inbox(sender)}.${newUlid()}.`;
    this.#sub = nc.subscribe(`${this.#prefix}*`, { callback: (error, msg) => error === null && this.#take(msg) });
  }

  /** How many answers are awaited. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** Sends and waits at most `timeoutMs`; never rejects. */
  request(subject: string, payload: Uint8Array, timeoutMs: number, headers?: MsgHdrs): Promise<Answered> {
    if (this.#closed || this.#nc.isClosed()) return Promise.resolve({ kind: 'disconnected' });
    const token = (this.#count++).toString(36);
    return new Promise((settle) => {
      this.#pending.set(token, { settle, due: performance.now() + timeoutMs });
      this.#sweeping ??= setTimeout(() => this.#sweep(), SWEEP_MS);
      try {
        this.#nc.publish(subject, payload, { reply: this.#prefix + token, ...(headers && { headers }) });
      } catch {
        this.#end(token, { kind: 'disconnected' });
      }
    });
  }

  /** Ends every wait: after a broken connection no answer may come any more. */
  interrupt(): void {
    for (const token of [...this.#pending.keys()]) this.#end(token, { kind: 'disconnected' });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#sweeping);
    this.interrupt();
    if (!this.#nc.isClosed()) this.#sub.unsubscribe();
  }

  #take(msg: Msg): void {
    const token = msg.subject.slice(this.#prefix.length);
    if (msg.data.length === 0 && msg.headers?.code === 503) this.#end(token, { kind: 'no-responders' });
    else this.#end(token, { kind: 'reply', msg });
  }

  #end(token: string, answered: Answered): void {
    const pending = this.#pending.get(token);
    if (pending === undefined) return;
    this.#pending.delete(token);
    pending.settle(answered);
  }

  #sweep(): void {
    const now = performance.now();
    for (const [token, pending] of this.#pending) {
      if (pending.due <= now) this.#end(token, { kind: 'timeout' });
    }
    this.#sweeping = this.#pending.size > 0 ? setTimeout(() => this.#sweep(), SWEEP_MS) : undefined;
  }
}
