// Who may call on a pool: the bank says so; whoever else announces a call there is not heard.
import type { Link } from './link.js';

/** An operator may change the seller; that a stranger calls is a reason to ask again, but not at every call. */
const ASK_AGAIN_MS = 10_000;
/** Where the pool is not open yet, or no broker answered. */
const ASK_UNKNOWN_MS = 1000;
const WITHIN_MS = 5000;

export class PoolSeller {
  readonly #link: Link;
  readonly #pool: string;
  #seller: string | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(link: Link, pool: string) {
    this.#link = link;
    this.#pool = pool;
  }

  /** Whether this one sells the pool; a promise where the bank must be asked first. */
  sells(initiator: string): boolean | Promise<boolean> {
    if (initiator === this.#seller) return true;
    const patience = this.#seller === undefined ? ASK_UNKNOWN_MS : ASK_AGAIN_MS;
    if (this.#asking === undefined && performance.now() - this.#askedAt < patience) return false;
    return this.known().then(() => initiator === this.#seller);
  }

  /** Resolves when the bank has said who sells, or did not answer; asked once at a time. */
  known(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  get isKnown(): boolean {
    return this.#seller !== undefined;
  }

  async #ask(): Promise<void> {
    const asked = await this.#link.bank.ask('quote', { pool: this.#pool }, { withinMs: WITHIN_MS });
    this.#askedAt = performance.now();
    if (asked.ok) this.#seller = asked.value.seller;
  }
}
