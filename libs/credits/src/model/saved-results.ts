// Idempotency records: the answers that a repeated request gets again, for at least one hour.
import type { LedgerStatus } from '../transfer-status.js';

/** Records live in windows; those of this window and the one before are honoured: one hour at least, two at most. */
const WINDOW_MS = 3_600_000;

interface Saved {
  readonly digest: string;
  readonly status: LedgerStatus;
}

type Window = Map<string, Map<string, Saved>>;

export class SavedResults {
  /** Window number → who asked → key → answer. */
  readonly #windows = new Map<number, Window>();

  recall(by: string, key: string, nowMs: number): Saved | undefined {
    const current = Math.floor(nowMs / WINDOW_MS);
    return (
      this.#windows.get(current)?.get(by)?.get(key) ??
      this.#windows
        .get(current - 1)
        ?.get(by)
        ?.get(key)
    );
  }

  remember(by: string, key: string, nowMs: number, saved: Saved): void {
    const current = Math.floor(nowMs / WINDOW_MS);
    for (const window of this.#windows.keys()) if (window < current - 1) this.#windows.delete(window);
    const window = getOrAdd(this.#windows, current, () => new Map() as Window);
    getOrAdd(window, by, () => new Map<string, Saved>()).set(key, saved);
  }

  copyFrom(other: SavedResults): void {
    for (const [number, window] of other.#windows) {
      this.#windows.set(number, new Map([...window].map(([by, results]) => [by, new Map(results)])));
    }
  }
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}
