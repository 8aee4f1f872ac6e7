// What the checker finds: one verdict per invariant, with how much was looked at and the first offender.

/** The design's invariants; I8's hash chain and its JetStream come with the audit stream. */
export const invariants = {
  I1: 'the sum of all accounts, pending included, equals minted less burned',
  I2: 'no account below zero',
  I3: 'pending on an account equals the sum of its pending transfers',
  I4: 'the leases of a slot never overlap, and the slot says who holds it',
  I5: 'fencing tokens are unique per slot and only rise',
  I6: "at most the call's units are awarded, each bid at most once",
  I7: 'an acknowledged operation is in the journal exactly once, any other at most once',
  I8: 'the journal is gapless and every entry readable',
  I9: 'replaying the journal gives the state',
  I10: 'class and balance come from the account, never from a message',
  I11: 'slots are sold within the wall of the priority reserve and the cap of an owner',
  I12: 'winners and prices are what the rule names for the bids shown',
  I13: 'no budget spends more than its allowance, and parents and children conserve',
  I14: 'no more is taken from a bucket than had flowed into it',
} as const;
export type Invariant = keyof typeof invariants;

export interface Finding {
  readonly invariant: Invariant;
  readonly ok: boolean;
  /** How many facts were looked at; a check of none proves nothing. */
  readonly checked: number;
  /** How many of them broke the invariant. */
  readonly broken: number;
  /** The first offender. */
  readonly detail?: string;
}

export interface CheckReport {
  readonly ok: boolean;
  /** How many journal entries the state has behind it. */
  readonly seq: number;
  readonly findings: readonly Finding[];
}

/** Counts the facts of one invariant and keeps the first that breaks it. */
export class Tally {
  readonly invariant: Invariant;
  #checked = 0;
  #broken = 0;
  #detail: string | undefined;

  constructor(invariant: Invariant) {
    this.invariant = invariant;
  }

  /** One fact looked at; `detail` is asked for the first that does not hold. */
  fact(holds: boolean, detail: () => string): void {
    this.#checked += 1;
    if (holds) return;
    this.#broken += 1;
    this.#detail ??= detail();
  }

  /** Facts that were found to hold elsewhere. */
  held(count: number): void {
    this.#checked += count;
  }

  finding(): Finding {
    return {
      invariant: this.invariant,
      ok: this.#broken === 0,
      checked: this.#checked,
      broken: this.#broken,
      ...(this.#detail === undefined ? {} : { detail: this.#detail }),
    };
  }
}
