// The calls that a sender takes part in: open ones, lost ones to which an accept may still come, and the ids of old ones.
import type { Participation } from './participation.js';

/** So many calls at once, in all and of one initiator; more are not answered. */
const MAX_OPEN = 10_000;
const MAX_OPEN_OF_ONE = 2000;
/** Calls that are over for us are remembered until their end, so that a replayed cfp is answered once. */
const REMEMBERED = 2048;
/** Lost bids are kept until `awardBy`, so many at most: the initiator may correct itself. */
const KEPT_BIDS = 20_000;

export class OpenCalls {
  readonly #open = new Map<string, Participation>();
  readonly #ofInitiator = new Map<string, number>();
  readonly #kept = new Map<string, Participation>();
  readonly #done = new Map<string, number>();
  #keptBids = 0;

  get size(): number {
    return this.#open.size;
  }

  all(): Participation[] {
    return [...this.#open.values()];
  }

  hasRoomFor(initiator: string): boolean {
    return this.#open.size < MAX_OPEN && (this.#ofInitiator.get(initiator) ?? 0) < MAX_OPEN_OF_ONE;
  }

  knows(cfp: string): boolean {
    return this.#open.has(cfp) || this.#done.has(cfp) || this.#kept.has(cfp);
  }

  openAt(cfp: string): Participation | undefined {
    return this.#open.get(cfp);
  }

  find(cfp: string): Participation | undefined {
    return this.#open.get(cfp) ?? this.#kept.get(cfp);
  }

  join(one: Participation): void {
    const { cfp, initiator } = one.call.terms;
    this.#open.set(cfp, one);
    this.#ofInitiator.set(initiator, (this.#ofInitiator.get(initiator) ?? 0) + 1);
  }

  /** `nowMs` by the broker's clock. */
  leave(one: Participation, nowMs: number): void {
    const { cfp, initiator } = one.call.terms;
    if (!this.#open.delete(cfp)) return;
    const left = this.#ofInitiator.get(initiator)! - 1;
    if (left > 0) this.#ofInitiator.set(initiator, left);
    else this.#ofInitiator.delete(initiator);
    if (this.#done.size >= REMEMBERED) this.#forget(nowMs);
    this.#done.set(cfp, one.call.closesAt);
    if (one.size > 0 && nowMs < one.call.awardBy) {
      this.#kept.set(cfp, one);
      this.#keptBids += one.size;
    }
    // The oldest go: those whose time is over, and where there are too many.
    for (const [id, old] of this.#kept) {
      if (this.#keptBids <= KEPT_BIDS && nowMs < old.call.awardBy) break;
      this.#kept.delete(id);
      this.#keptBids -= old.size;
    }
  }

  #forget(nowMs: number): void {
    for (const [cfp, closesAt] of this.#done) if (closesAt < nowMs) this.#done.delete(cfp);
    while (this.#done.size >= REMEMBERED) this.#done.delete(this.#done.keys().next().value!);
  }

  clear(): void {
    for (const one of this.#open.values()) one.close();
    for (const one of this.#kept.values()) one.close();
    this.#open.clear();
    this.#kept.clear();
    this.#ofInitiator.clear();
    this.#keptBids = 0;
  }
}
