// An upstream's own limits, as a model API keeps them: a token bucket each for requests and tokens; pure, told the time.

/** What an upstream grants; its users know it only roughly, if at all. */
export interface UpstreamLimits {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  /** How much may come at once: so many ms of both limits. */
  readonly burstMs: number;
}

export type LimitName = 'requests' | 'tokens';
export const limitNames: readonly LimitName[] = ['requests', 'tokens'];

export type Admission =
  | { readonly ok: true }
  | { readonly ok: false; readonly limit: LimitName; readonly retryAfterMs: number };

/** Mutable on purpose: one per upstream, fed from one event loop. Times in ms, of any clock that only goes on. */
export class UpstreamGauge {
  readonly capacity: Readonly<Record<LimitName, number>>;
  readonly #perMs: Readonly<Record<LimitName, number>>;
  readonly #level: Record<LimitName, number>;
  #at: number;

  constructor(limits: UpstreamLimits, nowMs: number) {
    this.#perMs = { requests: limits.requestsPerMinute / 60_000, tokens: limits.tokensPerMinute / 60_000 };
    const { requests, tokens } = this.#perMs;
    this.capacity = { requests: Math.max(1, requests * limits.burstMs), tokens: tokens * limits.burstMs };
    this.#level = { ...this.capacity };
    this.#at = nowMs;
  }

  /** A request and its context, taken together or not at all. What is larger than a whole bucket waits for a full one. */
  admit(contextTokens: number, nowMs: number): Admission {
    this.#refill(nowMs);
    const needs = { requests: 1, tokens: Math.min(contextTokens, this.capacity.tokens) };
    let refused: Admission = { ok: true };
    for (const limit of limitNames) {
      const lacking = needs[limit] - this.#level[limit];
      if (lacking <= 1e-9) continue;
      const retryAfterMs = Math.ceil(lacking / this.#perMs[limit]);
      if (refused.ok || retryAfterMs > refused.retryAfterMs) refused = { ok: false, limit, retryAfterMs };
    }
    if (!refused.ok) return refused;
    this.#level.requests -= 1;
    this.#level.tokens -= contextTokens;
    return refused;
  }

  /** Known only now: may bring the level below zero, so that the next ones wait. */
  generated(tokens: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#level.tokens -= tokens;
  }

  /** Whole, never below zero: what the headers say. */
  remaining(nowMs: number): Record<LimitName, number> {
    this.#refill(nowMs);
    const { requests, tokens } = this.#level;
    return { requests: Math.max(0, Math.floor(requests)), tokens: Math.max(0, Math.floor(tokens)) };
  }

  #refill(nowMs: number): void {
    const passed = Math.max(0, nowMs - this.#at);
    this.#at += passed;
    for (const limit of limitNames) {
      this.#level[limit] = Math.min(this.capacity[limit], this.#level[limit] + passed * this.#perMs[limit]);
    }
  }
}
