// One question about spending, answered fact by fact: a line for each group, and the sum of all.
import { WINDOW_MS } from '@tender/credits';
import type { SpendAnswer, SpendKey, SpendLine, SpendQuery } from '../bank-views.js';
import type { BidFact, PaymentFact, SpendOf } from './spend-facts.js';

/** A question has at most so many lines: they are all kept, since nobody knows before the end which are the dearest. */
export const MAX_SPEND_LINES = 50_000;
/** So many winners are counted per line; of more, the most frequent are right, the rest estimates. */
const MAX_RIVALS = 32;
const SHOWN_RIVALS = 3;

/** What of a question decides which facts are in which line; two that agree in it share a tally. */
export type SpendGroups = Omit<SpendQuery, 'limit' | 'skip'>;

interface Line {
  readonly of: Partial<SpendLine>;
  paid: bigint;
  payments: number;
  won: number;
  lost: number;
  readonly rivals: Map<string, number>;
}

const filters = ['agent', 'owner', 'project', 'team', 'resource', 'contract'] as const;

export class SpendTally {
  readonly groups: SpendGroups;
  readonly #lines = new Map<string, Line>();
  readonly #perMs: number;
  readonly #filters: readonly (readonly [(typeof filters)[number], string])[];
  #total = 0n;
  #overflown = false;

  constructor(groups: SpendGroups) {
    this.groups = groups;
    this.#perMs = WINDOW_MS[groups.per];
    this.#filters = filters.flatMap((key) => {
      const wanted = groups[key];
      return wanted === undefined ? [] : [[key, wanted] as const];
    });
  }

  /** It has more lines than are kept: the question must be narrowed. */
  get overflown(): boolean {
    return this.#overflown;
  }

  get lines(): number {
    return this.#lines.size;
  }

  pay(fact: PaymentFact): void {
    const line = this.#lineOf(fact);
    if (line === undefined) return;
    line.paid += BigInt(fact.amount);
    line.payments += 1;
    this.#total += BigInt(fact.amount);
  }

  bid(fact: BidFact): void {
    const line = this.#lineOf(fact);
    if (line === undefined) return;
    if (fact.won) {
      line.won += 1;
      return;
    }
    line.lost += 1;
    for (const winner of fact.winners) if (winner !== fact.agent) countRival(line.rivals, winner);
  }

  #lineOf(fact: SpendOf & { readonly at: number }): Line | undefined {
    const { from, to, by } = this.groups;
    if (this.#overflown || (from !== undefined && fact.at < from) || (to !== undefined && fact.at >= to)) return;
    for (const [key, wanted] of this.#filters) if (fact[key] !== wanted) return;
    let name = '';
    for (const key of by) name += `${this.#valueOf(fact, key) ?? ''} `;
    return this.#lines.get(name) ?? this.#newLine(name, fact);
  }

  #newLine(name: string, fact: SpendOf & { readonly at: number }): Line | undefined {
    if (this.#lines.size >= MAX_SPEND_LINES) {
      this.#overflown = true;
      this.#lines.clear();
      return undefined;
    }
    const of: Record<string, string | number> = {};
    for (const key of this.groups.by) {
      const value = this.#valueOf(fact, key);
      if (value !== undefined) of[key] = value;
    }
    const line: Line = { of, paid: 0n, payments: 0, won: 0, lost: 0, rivals: new Map() };
    this.#lines.set(name, line);
    return line;
  }

  #valueOf(fact: SpendOf & { readonly at: number }, key: SpendKey): string | number | undefined {
    return key === 'window' ? fact.at - (fact.at % this.#perMs) : fact[key];
  }

  /** The dearest lines first; those that cost the same in the order of their names. */
  answer(limit: number, skip: number): Omit<SpendAnswer, 'seq' | 'at'> {
    const sorted = [...this.#lines].sort(([nameA, a], [nameB, b]) => {
      if (a.paid !== b.paid) return a.paid < b.paid ? 1 : -1;
      return nameA < nameB ? -1 : 1;
    });
    const lines = sorted.slice(skip, skip + limit).map(([, line]) => shown(line));
    return { lines, totalMicro: String(this.#total), linesInAll: sorted.length };
  }
}

function shown({ of, paid, payments, won, lost, rivals }: Line): SpendLine {
  const lostTo = [...rivals]
    .sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1))
    .slice(0, SHOWN_RIVALS)
    .map(([name]) => name);
  return { ...of, paidMicro: String(paid), payments, won, lost, lostTo };
}

/**
 * Space-Saving (Metwally, Agrawal, El Abbadi 2005): a new name takes the place of the least frequent one and its count,
 * so that whoever is frequent stays, in bounded memory.
 */
function countRival(rivals: Map<string, number>, name: string): void {
  const count = rivals.get(name);
  if (count === undefined && rivals.size >= MAX_RIVALS) {
    let [least, fewest] = ['', Number.POSITIVE_INFINITY];
    for (const [other, times] of rivals) if (times < fewest) [least, fewest] = [other, times];
    rivals.delete(least);
    rivals.set(name, fewest + 1);
  } else rivals.set(name, (count ?? 0) + 1);
}
