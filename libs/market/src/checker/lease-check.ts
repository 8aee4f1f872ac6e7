// I4 and I5: who held each slot from when to when, by the journal, and what Redis says of it now.
import type { MarketSnapshot } from '../model/snapshot.js';
import { type Finding, Tally } from './finding.js';

interface SlotHistory {
  holder: string;
  /** When the last lease ended. */
  freeSince: number;
  fence: number;
}

/** Slots that go to a contract, each under a fence. */
export interface Taken {
  readonly contract: string;
  readonly slots?: readonly number[] | undefined;
  readonly fences?: readonly number[] | undefined;
}

export class LeaseCheck {
  readonly #overlaps = new Tally('I4');
  readonly #fences = new Tally('I5');
  readonly #slots = new Map<string, SlotHistory>();
  readonly #slotsOf = new Map<string, readonly string[]>();

  #history(slot: string): SlotHistory {
    let history = this.#slots.get(slot);
    if (history === undefined) {
      history = { holder: '', freeSince: 0, fence: 0 };
      this.#slots.set(slot, history);
    }
    return history;
  }

  taken(pool: string, { contract, slots = [], fences = [] }: Taken, atMs: number): void {
    const names = slots.map((n) => `${pool}:${n}`);
    this.#slotsOf.set(contract, names);
    names.forEach((name, index) => {
      const slot = this.#history(name);
      this.#overlaps.fact(
        slot.holder === '' && atMs >= slot.freeSince,
        () => `slot ${name} goes to ${contract} at ${atMs}, held by ${slot.holder || 'nobody'}`,
      );
      const fence = fences[index] ?? 0;
      this.#fences.fact(
        fence > slot.fence,
        () => `slot ${name}: ${contract} has fence ${fence}, ${slot.fence} was given before`,
      );
      slot.holder = contract;
      slot.fence = Math.max(slot.fence, fence);
    });
  }

  /** Who holds the slots goes on under other fences. */
  raised(contract: string, fences: readonly number[]): void {
    for (const [index, name] of (this.#slotsOf.get(contract) ?? []).entries()) {
      const slot = this.#history(name);
      const fence = fences[index] ?? 0;
      this.#fences.fact(
        fence > slot.fence,
        () => `slot ${name}: ${contract} goes on under ${fence}, ${slot.fence} was given before`,
      );
      slot.fence = Math.max(slot.fence, fence);
    }
  }

  freed(contract: string, atMs: number): void {
    for (const name of this.#slotsOf.get(contract) ?? []) {
      const slot = this.#history(name);
      if (slot.holder !== contract) continue;
      slot.holder = '';
      slot.freeSince = atMs;
    }
    this.#slotsOf.delete(contract);
  }

  finish(snapshot: MarketSnapshot): Finding[] {
    for (const [name, { fence, contract }] of Object.entries(snapshot.slots)) {
      const slot = this.#history(name);
      const free = snapshot.free[name] !== undefined;
      this.#overlaps.fact(
        contract === slot.holder && free === (slot.holder === ''),
        () =>
          `slot ${name} names ${contract || 'nobody'} and is ${free ? '' : 'not '}free; by the journal ` +
          `${slot.holder || 'nobody'} holds it`,
      );
      this.#fences.fact(fence === slot.fence, () => `slot ${name} has fence ${fence}, the last given is ${slot.fence}`);
    }
    for (const name of Object.keys(snapshot.free)) {
      this.#overlaps.fact(snapshot.slots[name] !== undefined, () => `${name} is free but no slot`);
    }
    return [this.#overlaps.finding(), this.#fences.finding()];
  }
}
