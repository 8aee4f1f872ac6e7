// The invariant checker: reads a market's journal entry by entry, then holds it against a snapshot of the state.
import type { JournalEntry, Journaled } from '../model/journal.js';
import { MarketState } from '../model/market-state.js';
import { replayEntry } from '../model/replay.js';
import { compareSnapshots, type MarketSnapshot, snapshotOf } from '../model/snapshot.js';
import { AwardCheck } from './award-check.js';
import { BudgetCheck } from './budget-check.js';
import { EngageCheck } from './engage-check.js';
import { type CheckReport, type Finding, type Invariant, invariants, Tally } from './finding.js';
import { type Acknowledged, KeyCheck } from './key-check.js';
import { LeaseCheck } from './lease-check.js';
import { checkMoney } from './money-check.js';
import { SaleTallies } from './sale-tallies.js';
import { TokenCheck } from './token-check.js';

export interface CheckOptions {
  /** Operations whose success was acknowledged: each must be in the journal exactly once. */
  readonly acknowledged?: readonly Acknowledged[];
}

/** A check under way: `add` every entry from 1 to the snapshot's `seq` in order, then `finish`. */
export class MarketCheck {
  readonly #market = new MarketState();
  readonly #keys: KeyCheck;
  readonly #leases = new LeaseCheck();
  readonly #sales = new SaleTallies();
  readonly #awards = new AwardCheck(this.#sales, this.#leases);
  readonly #engagements = new EngageCheck(this.#sales, this.#leases);
  readonly #tokens = new TokenCheck(this.#sales);
  readonly #budgets = new BudgetCheck();
  readonly #gapless = new Tally('I8');
  readonly #replay = new Tally('I9');
  #seq = 0;
  #at = 0;

  constructor(options: CheckOptions = {}) {
    this.#keys = new KeyCheck(options.acknowledged ?? []);
    this.#budgets.watch(this.#market.ledger.budgets);
  }

  add(seq: number, entry: JournalEntry): void {
    this.#number(seq);
    this.#gapless.fact(entry.at >= this.#at, () => `entry ${seq} is of ${entry.at}, the one before of ${this.#at}`);
    this.#at = Math.max(this.#at, entry.at);
    this.#keys.entry(seq, entry);
    this.#judge(entry);
    const misfit = replayEntry(this.#market, entry);
    this.#replay.fact(misfit === undefined, () => `entry ${seq}: ${misfit}`);
  }

  /** Whether what was decided was right, by the market as it was before. */
  #judge(entry: JournalEntry): void {
    if (entry.kind === 'award') this.#awards.award(this.#market, entry);
    else if (entry.kind === 'renew') this.#awards.renew(this.#market, entry);
    else if (entry.kind === 'settle') this.#awards.settle(this.#market, entry);
    else if (entry.kind === 'engage') this.#engagements.engage(this.#market, entry);
    else if (entry.kind === 'report') this.#engagements.report(this.#market, entry);
    else if (entry.kind === 'open-bucket') this.#tokens.openBucket(entry);
    else if (entry.kind === 'take') this.#tokens.take(this.#market, entry);
    else if (entry.kind === 'return') this.#tokens.return(this.#market, entry);
    else if (entry.kind === 'buy-tokens') this.#tokens.buy(this.#market, entry);
  }

  /** An entry that does not fit the journal's schema. */
  addUnreadable(seq: number, why: string): void {
    this.#number(seq);
    this.#gapless.fact(false, () => `entry ${seq} cannot be read: ${why}`);
  }

  #number(seq: number): void {
    const expected = this.#seq + 1;
    this.#gapless.fact(seq === expected, () => `entry ${expected} is missing: the next one is ${seq}`);
    this.#seq = seq;
  }

  finish(snapshot: MarketSnapshot): CheckReport {
    this.#gapless.fact(
      this.#seq === snapshot.seq,
      () => `the journal ends at ${this.#seq}, the state counts ${snapshot.seq} changes`,
    );
    const { compared, difference } = compareSnapshots(snapshotOf(this.#market, this.#seq), snapshot);
    if (difference === undefined) this.#replay.held(compared);
    else {
      this.#replay.held(compared - 1);
      this.#replay.fact(false, () => difference);
    }
    const found = new Map<Invariant, Finding>();
    for (const finding of [
      ...checkMoney(snapshot),
      ...this.#leases.finish(snapshot),
      ...this.#sales.finish(),
      this.#budgets.finish(snapshot),
      this.#tokens.finish(),
      this.#keys.finish(),
      this.#gapless.finding(),
      this.#replay.finding(),
    ]) {
      found.set(finding.invariant, finding);
    }
    const findings = (Object.keys(invariants) as Invariant[]).map((invariant) => found.get(invariant)!);
    return { ok: findings.every((finding) => finding.ok), seq: snapshot.seq, findings };
  }
}

/** Checks a whole market that fits into memory; for a long journal feed a `MarketCheck` page by page. */
export function checkMarket(
  snapshot: MarketSnapshot,
  entries: Iterable<Journaled>,
  options: CheckOptions = {},
): CheckReport {
  const check = new MarketCheck(options);
  for (const { seq, entry } of entries) check.add(seq, entry);
  return check.finish(snapshot);
}
