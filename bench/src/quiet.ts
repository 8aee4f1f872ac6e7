// Waits until the host is quiet: others' work is not the market's, and a burst beside it measures nothing.
import { setTimeout as pause } from 'node:timers/promises';
import { hostMicros, processMicros } from './cpu.js';

const SAMPLE_MS = 100;
const PAUSE_MS = 400;

export class QuietHost {
  readonly cores: number;
  readonly #maxShare: number;
  #patienceMs: number;
  #waitedMs = 0;

  /** Waits for `patienceMs` at most, over the whole run; what comes then is measured as it comes. */
  constructor(cores: number, maxShare: number, patienceMs: number) {
    this.cores = cores;
    this.#maxShare = maxShare;
    this.#patienceMs = patienceMs;
  }

  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** Resolves when processes other than these took less than the allowed share for a moment. */
  async wait(pids: readonly number[]): Promise<void> {
    const startedAt = performance.now();
    while (this.#patienceMs > 0 && (await this.#foreignShare(pids)) > this.#maxShare) {
      await pause(PAUSE_MS);
      this.#patienceMs -= SAMPLE_MS + PAUSE_MS;
    }
    const waited = performance.now() - startedAt;
    // One sample is part of every burst's preparation, not a wait.
    if (waited > 2 * SAMPLE_MS) this.#waitedMs += waited;
  }

  async #foreignShare(pids: readonly number[]): Promise<number> {
    const read = () => ({
      foreign: hostMicros() - pids.reduce((sum, pid) => sum + processMicros(pid), 0),
      atMs: performance.now(),
    });
    const before = read();
    await pause(SAMPLE_MS);
    const after = read();
    return (after.foreign - before.foreign) / ((after.atMs - before.atMs) * 1000 * this.cores);
  }
}
