// Keeps the run's books: what arrived, was won, done and given up, and the market's facts; pure, told the time.
import type { AwardedFact, SettledFact } from '@tender/market';
import type { Job } from './job.js';

/** Why a job was never done in time. */
export type UnmetReason = 'deadline' | 'end-of-run' | 'done-too-late';

/** One line of the board: who won what in one call, and whose bid set the price. */
export interface AwardLine {
  readonly atMs: number;
  /** Each once. */
  readonly winners: readonly string[];
  /** Slots of all winners together. */
  readonly units: number;
  /** Micro-credits per slot and second. */
  readonly price: number;
  readonly outbid?: string | undefined;
}

export interface Sample {
  readonly atMs: number;
  /** Mean over the slots sold since the sample before, the one before where none was; micro-credits per slot and second. */
  readonly price: number | undefined;
  /** Share of the pool's slots under lease. */
  readonly utilisation: number;
  readonly awardsPerSecond: number;
  readonly waiting: number;
  readonly arrived: number;
  readonly met: number;
  readonly unmet: number;
}

const LAST_AWARDS = 64;

/** Mutable on purpose: one per run, fed from one event loop. */
export class Tally {
  readonly samples: Sample[] = [];
  readonly lastAwards: AwardLine[] = [];
  readonly waits: { readonly priority: number; readonly waitMs: number }[] = [];
  readonly refusals: Record<string, number> = {};
  readonly unmet: Record<UnmetReason, number> = { deadline: 0, 'end-of-run': 0, 'done-too-late': 0 };
  readonly metJobs = new Set<string>();
  /** A holder's settled payments, by its id. */
  readonly paidBy = new Map<string, number>();
  arrived = 0;
  waiting = 0;
  awards = 0;
  /** Who called on the pool last. */
  seller: string | undefined;
  /** Of single calls, micro-credits per slot and second. */
  lowestPrice: number | undefined;
  highestPrice: number | undefined;
  renewals = 0;
  cutShort = 0;
  paidMicro = 0;
  refundedMicro = 0;
  valueMicro = 0;
  #price: number | undefined;
  #priceSum = 0;
  #slotSeconds = 0;
  #priceSumAtSample = 0;
  #slotSecondsAtSample = 0;
  #shownPrice: number | undefined;
  #lastSampleMs = 0;
  #awardsAtSample = 0;
  readonly #holders: (string | undefined)[];

  constructor(readonly slots: number) {
    this.#holders = Array.from({ length: slots }, () => undefined);
  }

  get leased(): number {
    return this.#holders.filter((holder) => holder !== undefined).length;
  }

  get unmetTotal(): number {
    return Object.values(this.unmet).reduce((sum, count) => sum + count, 0);
  }

  /** The last clearing price, micro-credits per slot and second. */
  get price(): number | undefined {
    return this.#price;
  }

  /** Micro-credits per slot and second, over all slots sold. */
  get meanPrice(): number | undefined {
    return this.#slotSeconds > 0 ? this.#priceSum / this.#slotSeconds : undefined;
  }

  jobArrived(): void {
    this.arrived++;
    this.waiting++;
  }

  /** The first lease of a job; later ones, after a lease that was lost, do not count as waiting again. */
  jobStarted(job: Job, nowMs: number): void {
    this.waiting--;
    this.waits.push({ priority: job.priority, waitMs: Math.max(0, nowMs - job.arrivesAtMs) });
  }

  jobDone(job: Job, nowMs: number): void {
    if (nowMs > job.deadlineMs) {
      this.unmet['done-too-late']++;
      return;
    }
    this.metJobs.add(job.id);
    this.valueMicro += job.valueMicro;
  }

  jobUnmet(reason: UnmetReason, wasStarted: boolean): void {
    if (!wasStarted) this.waiting--;
    this.unmet[reason]++;
  }

  refused(detail: string): void {
    this.refusals[detail] = (this.refusals[detail] ?? 0) + 1;
  }

  awarded(fact: AwardedFact, nowMs: number): void {
    const price = (Number(fact.clearingPriceMicro) * 1000) / fact.durationMs;
    for (const winner of fact.winners) {
      this.awards++;
      this.#priceSum += Number(winner.amountMicro);
      this.#slotSeconds += (winner.units * fact.durationMs) / 1000;
      // A slot that is awarded again has been freed, even if the fact of it was lost on the way.
      for (const slot of winner.slots) this.#holders[slot] = winner.contract;
    }
    if (fact.winners.length === 0) return;
    this.#price = price;
    this.seller = fact.initiator;
    this.lowestPrice = Math.min(price, this.lowestPrice ?? price);
    this.highestPrice = Math.max(price, this.highestPrice ?? price);
    const winners = [...new Set(fact.winners.map((winner) => winner.participant))];
    const units = fact.winners.reduce((sum, winner) => sum + winner.units, 0);
    this.lastAwards.unshift({ atMs: nowMs, winners, units, price, outbid: fact.outbid?.participant });
    this.lastAwards.length = Math.min(this.lastAwards.length, LAST_AWARDS);
  }

  settled(fact: SettledFact): void {
    this.paidMicro += Number(fact.paidMicro);
    this.refundedMicro += Number(fact.refundedMicro);
    this.paidBy.set(fact.participant, (this.paidBy.get(fact.participant) ?? 0) + Number(fact.paidMicro));
    for (const slot of fact.slots) {
      if (this.#holders[slot] === fact.contract) this.#holders[slot] = undefined;
    }
  }

  sample(nowMs: number): void {
    const sold = this.#slotSeconds - this.#slotSecondsAtSample;
    // Single calls clear at whatever one loser bid; over a sample's slots the price shows where the market is.
    if (sold > 0) this.#shownPrice = (this.#priceSum - this.#priceSumAtSample) / sold;
    const seconds = Math.max(0.001, (nowMs - this.#lastSampleMs) / 1000);
    this.samples.push({
      atMs: nowMs,
      price: this.#shownPrice,
      utilisation: this.leased / this.slots,
      awardsPerSecond: (this.awards - this.#awardsAtSample) / seconds,
      waiting: this.waiting,
      arrived: this.arrived,
      met: this.metJobs.size,
      unmet: this.unmetTotal,
    });
    this.#lastSampleMs = nowMs;
    this.#awardsAtSample = this.awards;
    this.#priceSumAtSample = this.#priceSum;
    this.#slotSecondsAtSample = this.#slotSeconds;
  }
}

/** The value at a share of the sorted values (nearest rank); undefined where there are none. */
export function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

/** 0 where all hold the same, towards 1 where one holds all; 0 for nobody or nothing. */
export function gini(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const total = sorted.reduce((sum, value) => sum + value, 0);
  if (total <= 0) return 0;
  const weighted = sorted.reduce((sum, value, index) => sum + (index + 1) * value, 0);
  return (2 * weighted) / (sorted.length * total) - (sorted.length + 1) / sorted.length;
}
