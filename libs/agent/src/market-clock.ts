// The market's time, as one participant knows it: every deadline is judged by the broker's clock, not by this machine's.

/** Starts on this machine's time; each login brings it closer. Steps of the local wall clock do not move it. */
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

  /** Takes in what a broker's clock showed between `sent` and `received` (both of `performance.now()`). */
  observe(brokerMs: number, sent: number, received: number): void {
    this.#uncertaintyMs = (received - sent) / 2;
    this.#offset = brokerMs - (sent + received) / 2;
  }
}
