// I4 and I5: who held each slot from when to when, by the journal, and what Redis says of it now.
import type { EntryOf } from '../model/journal.js';
import type { MarketSnapshot } from '../model/snapshot.js';
import { type Finding, Tally } from './finding.js';

interface SlotHistory {
  holder: string;
  /** When the last lease ended. */
  freeSince: number;
  fence: number;
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

  award(entry: EntryOf<'award'>, pool: string): void {
    for (const winner of entry.winners) {
      const names = winner.slots.map((n) => `${pool}:${n}`);
      this.#slotsOf.set(winner.contract, names);
      names.forEach((name, index) => {
        const slot = this.#history(name);
        this.#overlaps.fact(
          slot.holder === '' && winner.startedAt >= slot.freeSince,
          () => `slot ${name} goes to ${winner.contract} at ${winner.startedAt}, held by ${slot.holder || 'nobody'}`,
        );
        const fence = winner.fences[index] ?? 0;
        this.#fences.fact(
          fence > slot.fence,
          () => `slot ${name}: ${winner.contract} has fence ${fence}, ${slot.fence} was given before`,
        );
        slot.holder = winner.contract;
        slot.fence = Math.max(slot.fence, fence);
      });
    }
  }

  settle(entry: EntryOf<'settle'>): void {
    for (const name of this.#slotsOf.get(entry.contract) ?? []) {
      const slot = this.#history(name);
      if (slot.holder !== entry.contract) continue;
      slot.holder = '';
      slot.freeSince = entry.at;
    }
    this.#slotsOf.delete(entry.contract);
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
