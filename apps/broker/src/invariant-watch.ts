// Checks the market's invariants in the background, so that a breach is a number on a dashboard within minutes.
import { checkRedis } from '@tender/market/redis';
import type { Bank } from './bank.js';

export class InvariantWatch {
  readonly #bank: Bank;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param everyMs 0 for never: the check reads the whole journal. */
  constructor(bank: Bank, everyMs: number) {
    this.#bank = bank;
    this.#everyMs = everyMs;
  }

  start(): void {
    if (this.#everyMs > 0 && !this.#stopped) this.#timer = setTimeout(() => void this.#turn(), this.#everyMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #turn(): Promise<void> {
    try {
      const report = await checkRedis(this.#bank.redis, this.#bank.market);
      const broken = report.findings.filter((finding) => !finding.ok);
      this.#bank.metrics.invariantBreaks.set(broken.length);
      for (const finding of broken) this.#bank.log.error(finding, 'an invariant is broken');
    } catch (error) {
      this.#bank.log.warn({ error: String(error) }, 'invariants not checked: Redis is away');
    }
    this.start();
  }
}
