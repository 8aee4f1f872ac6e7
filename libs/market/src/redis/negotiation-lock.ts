// The negotiation lock: redlock behind one small door, with its known faults fenced off. It serialises negotiations;
// safety never rests on it, because every script checks the lock key's value and the slot's fence itself.

import { marketKey } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import Redlock, { ExecutionError, Lock } from 'redlock';

export interface HeldLock {
  readonly value: string;
  readonly slots: readonly number[];
  /** By this process's clock. */
  readonly expiresAt: number;
}

export type LockOutcome =
  | { readonly ok: true; readonly lock: HeldLock }
  /** `taken`: another negotiation has one of the slots. `unavailable`: no quorum of instances answered in time. */
  | { readonly ok: false; readonly why: 'taken' | 'unavailable' };

/** How long a vote may take; redlock itself never settles on a split vote. */
const VOTE_MS = 1_000;

export class NegotiationLock {
  readonly #redlock: Redlock;
  readonly #market: string;
  readonly #instances: number;
  readonly #nowMs: () => number;

  /**
   * @param instances the ledger's Redis first, then others: an odd number, since redlock cannot settle a split vote.
   * @param nowMs this process's clock in ms.
   */
  constructor(instances: readonly Redis[], market: string, nowMs: () => number) {
    if (instances.length % 2 === 0) {
      throw new Error(`the negotiation lock needs an odd number of Redis instances, not ${instances.length}`);
    }
    this.#redlock = new Redlock(instances, { retryCount: 0, automaticExtensionThreshold: 0, driftFactor: 0.01 });
    // Errors of single instances are part of the vote; without a listener they would end the process.
    this.#redlock.on('error', () => {});
    this.#market = market;
    this.#instances = instances.length;
    this.#nowMs = nowMs;
  }

  #names(pool: string, slots: readonly number[]): string[] {
    return slots.map((slot) => marketKey(this.#market, 'lock', `${pool}:${slot}`));
  }

  /** Takes all of the slots or none, for `ttlMs`. */
  async acquire(pool: string, slots: readonly number[], ttlMs: number): Promise<LockOutcome> {
    return this.#vote(
      async () => {
        const lock = await this.#redlock.acquire(this.#names(pool, slots), ttlMs);
        return { value: lock.value, slots, expiresAt: lock.expiration };
      },
      // Nobody was told that it was taken: kept, it would bar the slots for its whole time.
      (lock) => this.release(pool, lock),
    );
  }

  /** Prolongs a lock that any broker acquired, as the call's record tells it. */
  async extend(pool: string, slots: readonly number[], value: string, ttlMs: number): Promise<LockOutcome> {
    return this.#vote(async () => {
      // redlock refuses to extend what it believes to be expired; the instances know better, and vote.
      const lock = new Lock(this.#redlock, this.#names(pool, slots), value, [], this.#nowMs() + ttlMs);
      const extended = await lock.extend(ttlMs);
      return { value, slots, expiresAt: extended.expiration };
    });
  }

  /**
   * Lets go on every instance. An expired lock is left alone: redlock takes seconds to release one and throws.
   * Never rejects: what cannot be released runs out by itself.
   */
  async release(pool: string, lock: HeldLock): Promise<void> {
    if (lock.expiresAt <= this.#nowMs()) return;
    const held = new Lock(this.#redlock, this.#names(pool, lock.slots), lock.value, [], lock.expiresAt);
    await this.#vote(async () => {
      await held.release();
      return lock;
    });
  }

  /** Whether instances beside the ledger's hold locks too, which the scripts cannot drop. */
  get hasOtherInstances(): boolean {
    return this.#instances > 1;
  }

  /** Waits VOTE_MS at most; `undo` is called where the vote succeeds after all. */
  async #vote(attempt: () => Promise<HeldLock>, undo?: (lock: HeldLock) => Promise<void>): Promise<LockOutcome> {
    let timer: NodeJS.Timeout | undefined;
    const settled = this.#settled(attempt);
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), VOTE_MS);
    });
    const outcome = await Promise.race([settled, late]);
    clearTimeout(timer);
    if (outcome !== undefined) return outcome;
    if (undo !== undefined) void settled.then((done) => (done.ok ? undo(done.lock) : undefined));
    return { ok: false, why: 'unavailable' };
  }

  async #settled(attempt: () => Promise<HeldLock>): Promise<LockOutcome> {
    try {
      const lock = await attempt();
      // It may hand over a lock that has run out while the vote went on.
      return lock.expiresAt > this.#nowMs() ? { ok: true, lock } : { ok: false, why: 'unavailable' };
    } catch (error) {
      return { ok: false, why: await whyRefused(error) };
    }
  }
}

/** `unavailable` where the instances that did not answer suffice to prevent a quorum, else another has a slot. */
async function whyRefused(error: unknown): Promise<'taken' | 'unavailable'> {
  const attempt = error instanceof ExecutionError ? await error.attempts.at(-1) : undefined;
  if (attempt === undefined) return 'unavailable';
  const votes = [...attempt.votesAgainst.values()];
  const silent = votes.filter((vote) => vote.name !== 'ResourceLockedError').length;
  return silent > attempt.membershipSize - attempt.quorumSize ? 'unavailable' : 'taken';
}
