// Slots that a provider keeps locked behind an offer: a call of its own that is never announced, alive as long as the offer.
import type { Refusal } from '@tender/market';
import { newId, newUlid } from '@tender/market/nats';
import type { Link } from './link.js';
import { after } from './timer.js';

export interface HoldOptions {
  readonly pool: string;
  readonly units: number;
  readonly durationMs: number;
  /** The lock's time limit, moved on as long as the hold is kept. */
  readonly ttlMs: number;
}

/** The lock is moved on when so much of its time is over. */
const EXTEND_AT = 0.5;

export class Hold {
  /** The call that an offer names. */
  readonly cfp: string;
  readonly slots: readonly number[];
  readonly durationMs: number;
  readonly #link: Link;
  readonly #ttlMs: number;
  #awardBy: number;
  #open = true;
  #stopTimer = () => {};

  private constructor(link: Link, options: HoldOptions, lock: { cfp: string; slots: number[]; awardBy: number }) {
    this.#link = link;
    this.cfp = lock.cfp;
    this.slots = lock.slots;
    this.durationMs = options.durationMs;
    this.#ttlMs = options.ttlMs;
    this.#awardBy = lock.awardBy;
    this.#extendLater();
  }

  /** Locks free slots of a pool that this sender sells. */
  static async open(link: Link, options: HoldOptions): Promise<{ readonly ok: true; readonly hold: Hold } | Refusal> {
    const { pool, units, durationMs, ttlMs } = options;
    const cfp = newId();
    const asked = await link.bank.ask(
      'lock',
      {
        key: newUlid(),
        cfp,
        pool,
        units,
        durationMs,
        ttlMs,
        // Nobody will bid: window, rule and seals are there because every call has them.
        rule: 'first-price',
        windowMs: 1,
        seals: ['mac', 'ed25519'],
      },
      { conversation: cfp, withinMs: ttlMs },
    );
    if (asked.ok) {
      const { slots, awardBy } = asked.value;
      return { ok: true, hold: new Hold(link, options, { cfp, slots, awardBy }) };
    }
    // Nobody knows whether the lock was taken: it must not lie idle for its whole time.
    if (asked.detail === 'unavailable') void link.bank.ask('release', { key: newUlid(), cfp }, { withinMs: ttlMs });
    return asked;
  }

  /** Until when the slots are locked for certain, by the broker's clock. */
  get awardBy(): number {
    return this.#awardBy;
  }

  /** Nothing came of the offer: the slots are free again. May be called twice. */
  async release(): Promise<void> {
    if (!this.#open) return;
    this.used();
    const body = { key: newUlid(), cfp: this.cfp };
    await this.#link.bank.ask('release', body, { conversation: this.cfp, withinMs: this.#ttlMs });
  }

  /** A contract has taken the slots over, or they are lost: nothing is left to keep. */
  used(): void {
    this.#open = false;
    this.#stopTimer();
  }

  #extendLater(): void {
    const left = this.#link.clock.until(this.#awardBy);
    this.#stopTimer = after(Math.max(0, left * EXTEND_AT), () => void this.#extend());
  }

  async #extend(): Promise<void> {
    const extended = await this.#link.extend(this.cfp, this.#ttlMs);
    if (!this.#open) return;
    if (extended.ok) this.#awardBy = Math.max(this.#awardBy, extended.awardBy);
    // Lapsed, or taken by a contract: only `unavailable` is worth another try.
    else if (extended.detail !== 'unavailable' || this.#link.clock.until(this.#awardBy) <= 0) return this.used();
    this.#extendLater();
  }
}
