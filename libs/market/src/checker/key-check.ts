// I7: which operation the journal holds, told by who asked under which key.
import type { JournalEntry } from '../model/journal.js';
import { type Finding, Tally } from './finding.js';

/** An operation whose success its caller was told. */
export interface Acknowledged {
  readonly by: string;
  readonly key: string;
}

/** How long a key is remembered at least; beyond, its reuse is a new operation. */
const KEY_KEPT_MS = 3_600_000;

export class KeyCheck {
  readonly #once = new Tally('I7');
  readonly #lastAt = new Map<string, number>();
  readonly #times = new Map<string, number>();

  constructor(acknowledged: readonly Acknowledged[]) {
    for (const { by, key } of acknowledged) this.#times.set(`${by} ${key}`, 0);
  }

  entry(seq: number, entry: JournalEntry): void {
    if (!('key' in entry) || entry.key === undefined) return;
    const name = `${entry.by} ${entry.key}`;
    const before = this.#lastAt.get(name);
    this.#once.fact(
      before === undefined || entry.at - before >= KEY_KEPT_MS,
      () => `entry ${seq}: ${entry.by} had key ${entry.key} committed before, at ${before}`,
    );
    this.#lastAt.set(name, entry.at);
    const times = this.#times.get(name);
    if (times !== undefined) this.#times.set(name, times + 1);
  }

  finish(): Finding {
    for (const [name, times] of this.#times) {
      this.#once.fact(times === 1, () => `acknowledged ${name} is ${times} times in the journal`);
    }
    return this.#once.finding();
  }
}
