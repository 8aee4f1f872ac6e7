// Once a second and sender: so often at most is somebody told what was wrong, so that two confused peers rest.

const REMEMBERED = 1000;

export class Rarely {
  readonly #everyMs: number;
  readonly #lastAt = new Map<string, number>();

  constructor(everyMs = 1000) {
    this.#everyMs = everyMs;
  }

  /** Whether this one was not told for long enough. `now` in ms of any steady clock. */
  due(from: string, now: number): boolean {
    const last = this.#lastAt.get(from);
    return last === undefined || now - last >= this.#everyMs;
  }

  /** It is told now. */
  told(from: string, now: number): void {
    this.#lastAt.delete(from);
    if (this.#lastAt.size >= REMEMBERED) this.#lastAt.delete(this.#lastAt.keys().next().value!);
    this.#lastAt.set(from, now);
  }
}
