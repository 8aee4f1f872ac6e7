// Rate tokens as an agent uses them: taken, waited for, worked under, given back, sold on; the bank keeps the count.
import { type HeldTokens, type Refusal, refusal, type TokenAmounts } from '@tender/market';
import { newId, newUlid } from '@tender/market/nats';
import { namedFor } from './desk.js';
import type { Link } from './link.js';
import { RefusedError } from './refused-error.js';
import { after } from './timer.js';
import { TokenHold } from './token-hold.js';
import { type Amounts, amountsOf, orderOf, type TokenOrder } from './token-order.js';
import { type Told, told } from './told.js';
import { answerIn, answerInError } from './upstream.js';

export interface TakeOptions {
  /** How long it may wait for its turn, in ms; 30,000 when absent, 0 to be refused at once. May be Infinity. */
  readonly waitMs?: number;
  /** How long the tokens are held at most; 60,000 when absent. What is not given back by then counts as used. */
  readonly ttlMs?: number;
  /** Content with less, but no less than this, where not everything is there. */
  readonly atLeast?: Amounts;
  /** Ends the waiting; handed on to the work. */
  readonly signal?: AbortSignal;
}

export interface WithTokensOptions extends TakeOptions {
  /** How often the work is tried again after the upstream's 429; 2 when absent. */
  readonly retries?: number;
}

export type Taken = { readonly ok: true; readonly held: TokenHold } | Refusal;

/** One request waits so long at most; whoever waits longer asks again. */
const LONGEST_WAIT_MS = 60_000;
/** Beyond its waiting, what an answer may take: the bank's own work, a broker that dies. */
const ANSWER_MS = 5000;
/** Between a refusal that says not when to come back and the next try. */
const PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;
/** The pauses after a 429 without Retry-After begin with this and double. */
const FIRST_RETRY_MS = 250;
/** So long the result of some work waits for the bank's word on what came back; then that goes on by itself. */
const PATIENCE_MS = 1000;
/** An answer that takes longer is asked for again, perhaps of another broker. */
const ONE_ATTEMPT_MS = 1000;
/** By then a broker that was giving has done it, one that hears of the end of a wait has forgotten it. */
const LOOK_AGAIN_MS = 500;
/** So long a wait that was broken off asks the bank to forget it. */
const LET_GO_MS = 5000;

export class Tokens {
  readonly #link: Link;
  readonly #id: string;
  readonly #ending = new Set<Promise<unknown>>();

  constructor(link: Link, id: string) {
    this.#link = link;
    this.#id = id;
  }

  async take(bucket: string, order: TokenOrder, options: TakeOptions = {}): Promise<Taken> {
    const { signal, waitMs = 30_000, ttlMs = 60_000, atLeast } = options;
    if (!(waitMs >= 0)) throw new RangeError(`waitMs: not a time: ${waitMs}`);
    if (!Number.isInteger(ttlMs) || ttlMs < 10) throw new RangeError(`ttlMs: not a time: ${ttlMs}`);
    const part = atLeast === undefined ? {} : { atLeast: amountsOf(atLeast) };
    const take = { hold: newId(), bucket, ...orderOf(order), ...part, ttlMs, ...namedFor(this.#id, this.#link) };
    const due = performance.now() + waitMs;
    signal?.throwIfAborted();
    for (;;) {
      const left = Math.max(0, due - performance.now());
      const turn = Math.floor(Math.min(left, LONGEST_WAIT_MS));
      const asking = this.#link.bank.ask('tokens', { ...take, waitMs: turn }, { withinMs: turn + ANSWER_MS });
      const asked = await this.#unlessAborted(asking, signal, () => this.#letGo(take.hold, take.amounts, asking));
      if (asked.ok) return this.#taken(asked.value, signal);
      const again = due - performance.now();
      if (asked.detail !== 'token-limit' || again <= 0) {
        // Several brokers may have been asked, and another answer been lost: what it gave nobody would use.
        const lost = asked.detail === 'unavailable' || (asked.detail === 'token-limit' && turn >= ONE_ATTEMPT_MS);
        if (lost) this.#keep(this.#lookAgain(take.hold, take.amounts));
        return asked;
      }
      await pause(Math.min(again, asked.retryAfterMs ?? PAUSE_MS, LONGEST_PAUSE_MS), signal);
    }
  }

  /** Takes tokens, works under them, gives back what was not used; again where the upstream said 429. */
  async with<T>(
    bucket: string,
    order: TokenOrder,
    work: (held: TokenHold) => T | Promise<T>,
    options: WithTokensOptions = {},
  ): Promise<T> {
    const { retries = 2, waitMs = 30_000, signal } = options;
    if (!(retries >= 0)) throw new RangeError(`retries: not a number of times: ${retries}`);
    for (let attempt = 0; ; attempt++) {
      const taken = await this.take(bucket, order, options);
      if (!taken.ok) throw new RefusedError(taken);
      const { held } = taken;
      const done = await workUnder(held, work);
      await this.#settle(held);
      const pauseMs = held.upstream?.retryAfterMs ?? FIRST_RETRY_MS * 2 ** attempt;
      if (held.limited && attempt < retries && pauseMs <= waitMs && signal?.aborted !== true) {
        if (done.ok) discard(done.result);
        await pause(pauseMs, signal);
      } else if (done.ok) {
        return done.result;
      } else {
        throw done.error;
      }
    }
  }

  async buy(of: string, order: TokenOrder): Promise<Taken> {
    const body = { hold: newId(), of, ...orderOf(order), ...namedFor(this.#id, this.#link) };
    const asked = await this.#link.bank.ask('buy-tokens', body);
    return asked.ok ? this.#taken(asked.value) : asked;
  }

  async bucket(bucket: string, order: Partial<TokenOrder> = {}): Promise<Told<'bucket'>> {
    const { maxPriceMicro, maxPrice, ...amounts } = order;
    const price = maxPriceMicro ?? maxPrice;
    const about = Object.keys(amounts).length === 0 ? {} : { amounts: amountsOf(amounts as Amounts) };
    const bid = price === undefined ? {} : { maxPriceMicro: String(price) };
    return told(await this.#link.bank.ask('bucket', { bucket, ...about, ...bid, ...namedFor(this.#id, this.#link) }));
  }

  /** Waits a little for what is on its way back. */
  async close(): Promise<void> {
    await this.#patiently(Promise.allSettled(this.#ending));
  }

  /** Where answers were lost until the hold had ended, nothing is in hand: what was not given back is paid. */
  #taken(held: HeldTokens, signal?: AbortSignal): Taken {
    const { clock } = this.#link;
    const over = held.ended ?? (clock.until(held.expiresAt) < -clock.uncertaintyMs ? 'expired' : undefined);
    if (over === undefined) return { ok: true, held: new TokenHold(this.#link, this.#id, held, signal) };
    return refusal('expired', `hold ${held.hold} had ended (${over}) when word of it came: take anew, for longer`);
  }

  /** Rejects with the signal's reason as soon as it is aborted; then `letGo` is called. */
  #unlessAborted<T>(asking: Promise<T>, signal: AbortSignal | undefined, letGo: () => Promise<unknown>): Promise<T> {
    if (signal === undefined) return asking;
    return new Promise((resolve, reject) => {
      const aborted = () => {
        this.#keep(letGo());
        reject(signal.reason);
      };
      signal.addEventListener('abort', aborted, { once: true });
      void asking.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
    });
  }

  /**
   * Nobody waits any more: the bank forgets the wish, or gets back what it gives all the same. Two brokers may have been
   * asked, and one of them have been giving just then: it is looked for once more.
   */
  async #letGo(hold: string, amounts: TokenAmounts, asking: Promise<{ readonly ok: boolean }>): Promise<void> {
    const [back] = await Promise.all([this.#give(hold, amounts), asking]);
    if (!back.ok && !(await this.#give(hold, amounts)).ok) await this.#lookAgain(hold, amounts);
  }

  async #lookAgain(hold: string, amounts: TokenAmounts): Promise<void> {
    await new Promise<void>((resume) => after(LOOK_AGAIN_MS, resume));
    await this.#give(hold, amounts);
  }

  async #give(hold: string, amounts: TokenAmounts): Promise<Told<'return'>> {
    const used = Object.fromEntries(Object.keys(amounts).map((limit) => [limit, 0]));
    const body = { key: newUlid(), hold, used, ...namedFor(this.#id, this.#link) };
    return told(await this.#link.bank.ask('return', body, { withinMs: LET_GO_MS }));
  }

  /** Waits for the bank's word, but not for long: the work's result is more urgent. */
  async #settle(held: TokenHold): Promise<void> {
    const returning = held.return().then((returned) => {
      if (returned.ok) return;
      const { detail } = returned;
      this.#link.log.warn({ agent: this.#id, hold: held.hold, detail }, 'tokens were not given back');
    });
    this.#keep(returning);
    await this.#patiently(returning);
  }

  async #patiently(what: Promise<unknown>): Promise<void> {
    let stop = () => {};
    const patience = new Promise<void>((resume) => {
      stop = after(PATIENCE_MS, resume);
    });
    await Promise.race([what, patience]);
    stop();
  }

  #keep(ending: Promise<unknown>): void {
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }
}

type Done<T> = { readonly ok: true; readonly result: T } | { readonly ok: false; readonly error: unknown };

/** Runs the work and hears what the upstream answered, if the work's result or error carries it. */
async function workUnder<T>(held: TokenHold, work: (held: TokenHold) => T | Promise<T>): Promise<Done<T>> {
  try {
    const result = await work(held);
    const answer = answerIn(result);
    if (answer !== undefined) held.heard(answer);
    return { ok: true, result };
  } catch (error) {
    const answer = answerInError(error);
    if (answer !== undefined) held.heard(answer);
    return { ok: false, error };
  }
}

/** A response that nobody will read keeps its connection until its body is let go. */
function discard(result: unknown): void {
  const body = (result as { readonly body?: { cancel?: () => Promise<void> } | null } | null | undefined)?.body;
  if (typeof body?.cancel === 'function') body.cancel().catch(() => undefined);
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resume, reject) => {
    const aborted = () => {
      stop();
      reject(signal?.reason);
    };
    const stop = after(ms, () => {
      signal?.removeEventListener('abort', aborted);
      resume();
    });
    if (signal?.aborted === true) aborted();
    else signal?.addEventListener('abort', aborted, { once: true });
  });
}
