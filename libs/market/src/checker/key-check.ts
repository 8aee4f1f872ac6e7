// I7: which operation the journal holds, told by who asked under which key.
import type { EntryOf, JournalEntry } from '../model/journal.js';
import { HOLD_KEPT_MS } from '../model/tokens-record.js';
import { type Finding, Tally } from './finding.js';

/** An operation whose success its caller was told; the key of a take or a purchase of tokens is its hold. */
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
    if (entry.kind === 'take' || entry.kind === 'buy-tokens') this.#hold(seq, entry);
    // What a return was told is kept with its hold, not under its key: that a hold ends once is for the replay.
    else if (entry.kind === 'return') this.#counted(`${entry.by} ${entry.key}`);
    else if ('key' in entry && entry.key !== undefined) this.#keyed(seq, entry.by, entry.key, entry.at);
  }

  #keyed(seq: number, by: string | undefined, key: string, at: number): void {
    const name = `${by} ${key}`;
    const before = this.#lastAt.get(name);
    this.#once.fact(
      before === undefined || at - before >= KEY_KEPT_MS,
      () => `entry ${seq}: ${by} had key ${key} committed before, at ${before}`,
    );
    this.#lastAt.set(name, at);
    this.#counted(name);
  }

  #counted(name: string): void {
    const times = this.#times.get(name);
    if (times !== undefined) this.#times.set(name, times + 1);
  }

  /** The key of a take or a purchase is its hold, remembered while it lives and ten minutes longer. */
  #hold(seq: number, entry: EntryOf<'take' | 'buy-tokens'>): void {
    const name = `hold ${entry.hold}`;
    const before = this.#lastAt.get(name);
    this.#once.fact(
      // A second less than Redis keeps it, because Redis forgets by a clock of its own.
      before === undefined || entry.at - before >= HOLD_KEPT_MS - 1_000,
      () => `entry ${seq}: hold ${entry.hold} was taken before, at ${before}`,
    );
    this.#lastAt.set(name, entry.at);
    this.#counted(`${entry.by} ${entry.hold}`);
  }

  finish(): Finding {
    for (const [name, times] of this.#times) {
      this.#once.fact(times === 1, () => `acknowledged ${name} is ${times} times in the journal`);
    }
    return this.#once.finding();
  }
}
