// Slots that a provider of a random world keeps locked behind an offer: extended while its process lives, given back when told.
import type { Bank } from './bank.js';
import type { World } from './world.js';

const TTL_MS = 700;

export class Hold {
  readonly cfp: string;
  readonly #world: World;
  readonly #bank: Bank;
  readonly #by: string;
  readonly #alive: () => boolean;
  kept = true;
  #extensions = 0;

  constructor(world: World, bank: Bank, by: string, cfp: string, alive: () => boolean) {
    this.cfp = cfp;
    this.#world = world;
    this.#bank = bank;
    this.#by = by;
    this.#alive = () => this.kept && alive();
    this.#extendLater();
  }

  /** Locks slots of the provider's pool; undefined where there are none, or nobody knows. */
  static open(
    world: World,
    bank: Bank,
    by: string,
    cfp: string,
    units: number,
    alive: () => boolean,
    opened: (hold: Hold | undefined) => void,
  ): void {
    bank.ask(
      alive,
      () => bank.lock(by, `pool-${by}`, units, cfp, TTL_MS),
      // Unanswered it may be locked: then it lapses by itself.
      (detail) => opened(detail === undefined ? new Hold(world, bank, by, cfp, alive) : undefined),
    );
  }

  #extendLater(): void {
    this.#world.after(TTL_MS / 2, () => {
      if (!this.#alive()) return;
      const n = ++this.#extensions;
      this.#bank.ask(
        this.#alive,
        () => this.#bank.extend(this.#by, this.cfp, TTL_MS, n),
        (extended) => {
          if (extended === false) this.kept = false;
          else this.#extendLater();
        },
      );
    });
  }

  /** Used up by a contract, or lost: nothing is left to keep. */
  used(): void {
    this.kept = false;
  }

  release(alive: () => boolean): void {
    this.kept = false;
    this.#bank.ask(
      alive,
      () => this.#bank.release(this.#by, this.cfp),
      () => undefined,
    );
  }
}
