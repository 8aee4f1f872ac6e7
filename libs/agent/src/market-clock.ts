// The market's time, as one participant knows it: every deadline is judged by the broker's clock, not by this machine's.

/**
 * Starts on this machine's time, which is right to the ms where it follows a time server, and is corrected by no more than
 * answers of the bank prove: a login that waited in a queue for seconds says little. Steps of the local wall clock do not
 * move it.
 */
export class MarketClock {
  /** Broker's time less `performance.now()`. */
  #offset = Date.now() - performance.now();
  #uncertaintyMs = Number.POSITIVE_INFINITY;

  /** The broker's time now, in whole ms since the epoch. */
  now(): number {
    return Math.floor(performance.now() + this.#offset);
  }

  /** By how much `now` may be off, in ms; Infinity before the first answer of a broker. */
  get uncertaintyMs(): number {
    return this.#uncertaintyMs;
  }

  /** How long until a time by the broker's clock, in ms; negative when it is over. */
  until(brokerMs: number): number {
    return brokerMs - (performance.now() + this.#offset);
  }

  /** A time by the broker's clock as this machine's wall clock would show it. */
  local(brokerMs: number): number {
    return Date.now() + this.until(brokerMs);
  }

  /**
   * Takes in what the broker's clock showed at some moment between `sent` and `received` (both of `performance.now()`).
   * As far as this clock agrees, it stays. Else it moves as little as will do, or, where it was off by more than the
   * answer leaves open, into the middle.
   */
  observe(brokerMs: number, sent: number, received: number): void {
    const [earliest, latest] = [brokerMs - received, brokerMs - sent];
    const nearest = Math.min(Math.max(this.#offset, earliest), latest);
    const moved = Math.abs(nearest - this.#offset);
    if (moved > 0) this.#offset = moved > latest - earliest ? (earliest + latest) / 2 : nearest;
    const uncertaintyMs = Math.max(latest - this.#offset, this.#offset - earliest);
    this.#uncertaintyMs = moved > 0 ? uncertaintyMs : Math.min(this.#uncertaintyMs, uncertaintyMs);
  }
}
