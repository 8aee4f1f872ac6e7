// Budgets in memory: the oracle of include/budget.lua; what is about to be spent is tried on a desk of working copies first.
import { type Budget, type BudgetSpec, type BudgetWindow, MAX_BUDGET_DEPTH, MAX_SIBLINGS } from '../budget.js';
import { budgetLeft, nextWindowAt, owedInAll, permilleOf, turnedBudget } from '../budget-window.js';

/** Which budget lacks something, what it has left, and when it would pass: 0 for never by itself. */
export interface Shortage {
  readonly budget: string;
  readonly left: number;
  readonly window: BudgetWindow;
  readonly retryAt: number;
}

interface Loan {
  readonly lender: Budget;
  readonly amount: number;
}

/** What `BudgetDesk` reads: budgets as they are stored, and who is under whom in the order of their ids. */
interface Shelf {
  get(id: string): Budget | undefined;
  under(parent: string): readonly string[];
}

/** Working copies of budgets as they stand at one instant; nothing that is done to them shows before `changed` is put back. */
export class BudgetDesk {
  readonly #shelf: Shelf;
  readonly #nowMs: number;
  readonly #copies = new Map<string, Budget>();
  /** The copies that differ from what is stored. */
  readonly changed = new Set<Budget>();

  constructor(shelf: Shelf, nowMs: number) {
    this.#shelf = shelf;
    this.#nowMs = nowMs;
  }

  /** A desk on which to try what may yet be dropped. */
  copy(): BudgetDesk {
    const copy = new BudgetDesk(this.#shelf, this.#nowMs);
    for (const [id, budget] of this.#copies) {
      const twin = { ...budget };
      copy.#copies.set(id, twin);
      if (this.changed.has(budget)) copy.changed.add(twin);
    }
    return copy;
  }

  /** A budget as it stands on the desk, its window turned. */
  budget(id: string): Budget | undefined {
    const copy = this.#copies.get(id);
    if (copy !== undefined) return copy;
    const stored = this.#shelf.get(id);
    if (stored === undefined) return undefined;
    const turned = { ...turnedBudget(stored, this.#nowMs) };
    this.#copies.set(id, turned);
    return turned;
  }

  /** The budget itself and those above it. */
  chain(id: string): Budget[] {
    const chain: Budget[] = [];
    for (let next = this.budget(id); next !== undefined; ) {
      chain.push(next);
      next = next.parent === undefined ? undefined : this.budget(next.parent);
    }
    return chain;
  }

  /** Takes an amount for an account that names `id` (undefined: it may spend what it has), everywhere or not at all. */
  tryTake(id: string | undefined, amount: number): Shortage | undefined {
    return id === undefined || amount <= 0 ? undefined : this.#take(this.chain(id), amount, false);
  }

  /** The same, and nothing is taken. */
  short(id: string | undefined, amount: number): Shortage | undefined {
    return id === undefined || amount <= 0 ? undefined : this.#plan(this.chain(id), amount).short;
  }

  /** Takes without asking whether it fits: callers have tried it. Returns what it was charged to. */
  take(id: string, amount: number): string {
    const chain = this.chain(id);
    this.#take(chain, amount, true);
    return chain.map((budget) => `${budget.id}:${budget.windowStart}`).join(',');
  }

  #take(chain: readonly Budget[], amount: number, anyway: boolean): Shortage | undefined {
    const { loans, short } = this.#plan(chain, amount);
    if (short !== undefined && !anyway) return short;
    chain.forEach((budget, level) => {
      this.#borrow(budget, loans[level]!);
      budget.used += amount;
      budget.total += amount;
      if (level === 0) budget.direct += amount;
      this.changed.add(budget);
    });
    return undefined;
  }

  /** The loans that each budget of the chain needs, and where it does not fit what lacks it. */
  #plan(chain: readonly Budget[], amount: number): { loans: readonly Loan[][]; short?: Shortage | undefined } {
    let short: Shortage | undefined;
    const loans = chain.map((budget) => {
      const lacks = amount - (budget.allowance - budget.used);
      const found = lacks > 0 ? this.#loansFor(budget, lacks) : [];
      if (found !== undefined && budget.total + amount <= Number.MAX_SAFE_INTEGER) return found;
      const retryAt = nextWindowAt(budget);
      // Where several lack it, it passes when the last of them has turned.
      if (short === undefined || retryAt === 0 || (short.retryAt > 0 && retryAt > short.retryAt)) {
        short = { budget: budget.id, left: budgetLeft(budget), window: budget.window, retryAt };
      }
      return found ?? [];
    });
    return { loans, short };
  }

  /** Which idle siblings lend how much of what a budget lacks; undefined where all of it cannot be had. */
  #loansFor(budget: Budget, lacks: number): Loan[] | undefined {
    if (budget.parent === undefined || owedInAll(budget) + lacks > budget.borrow) return undefined;
    const loans: Loan[] = [];
    let open = lacks;
    for (const id of this.#shelf.under(budget.parent)) {
      const lender = this.budget(id);
      if (lender === undefined || id === budget.id || lender.window !== budget.window || lender.used > 0) continue;
      const lendable = permilleOf(lender.allowance + lender.lent, lender.lendPermille) - lender.lent;
      const amount = Math.min(open, lendable);
      if (amount <= 0) continue;
      loans.push({ lender, amount });
      open -= amount;
      if (open === 0) return loans;
    }
    return undefined;
  }

  #borrow(budget: Budget, loans: readonly Loan[]): void {
    for (const { lender, amount } of loans) {
      lender.lent += amount;
      lender.allowance -= amount;
      budget.owed = { ...budget.owed, [lender.id]: (budget.owed[lender.id] ?? 0) + amount };
      budget.allowance += amount;
      this.changed.add(lender);
    }
  }

  /**
   * Gives back of what was charged as the text says (`take`'s answer): to the same window it counts no more as used, to
   * a later one it is only gone from what was spent in all.
   */
  giveBack(charged: string, amount: number): void {
    charged.split(',').forEach((entry, level) => {
      const [id = '', start] = entry.split(':');
      const budget = this.budget(id);
      if (budget === undefined) throw new Error(`there is no budget ${id}`);
      budget.total -= amount;
      if (level === 0) budget.direct -= amount;
      this.changed.add(budget);
      if (budget.windowStart !== Number(start)) return;
      budget.used -= amount;
      this.#repay(budget, amount);
      cutDown(budget);
    });
  }

  /** What came back within the window goes to those first that it was borrowed from. */
  #repay(budget: Budget, amount: number): void {
    let open = amount;
    for (const id of Object.keys(budget.owed).sort()) {
      const paid = Math.min(open, budget.owed[id]!);
      if (paid === 0) return;
      const lender = this.budget(id)!;
      lender.allowance += paid;
      lender.lent -= paid;
      cutDown(lender);
      this.changed.add(lender);
      budget.allowance -= paid;
      open -= paid;
      const { [id]: debt = 0, ...others } = budget.owed;
      budget.owed = debt > paid ? { ...others, [id]: debt - paid } : others;
    }
  }

  /** Opens a budget, or gives one that exists other figures, from this window on: what is spent already stays spent. */
  allot(spec: BudgetSpec): void {
    let budget = this.budget(spec.id);
    if (budget === undefined) {
      budget = { ...turnedBudget(emptyBudget(spec), this.#nowMs) };
      this.#copies.set(spec.id, budget);
    }
    const amount = Number(spec.amountMicro);
    const wanted = budget.allowance - budget.cut + amount - budget.amount;
    budget.allowance = Math.max(0, wanted, budget.used);
    budget.cut = budget.allowance - wanted;
    budget.amount = amount;
    budget.keepPermille = spec.keepPermille;
    budget.carryCap = Number(spec.carryCapMicro);
    budget.borrow = Number(spec.borrowMicro);
    budget.lendPermille = spec.lendPermille;
    this.changed.add(budget);
  }
}

/** What an operator took from an allowance that was spent already goes as soon as it is free. */
function cutDown(budget: Budget): void {
  const free = Math.min(budget.cut, budgetLeft(budget));
  budget.allowance -= free;
  budget.cut -= free;
}

function emptyBudget({ id, parent, window }: BudgetSpec): Budget {
  return {
    ...{ id, parent, window, amount: 0, keepPermille: 0, carryCap: 0, borrow: 0, lendPermille: 0, windowStart: 0 },
    ...{ allowance: 0, used: 0, lent: 0, cut: 0, owed: {}, total: 0, direct: 0 },
  };
}

/** All budgets of a ledger, as they are stored: turned where they were last changed. */
export class BudgetBook implements Shelf {
  readonly #budgets = new Map<string, Budget>();
  readonly #under = new Map<string, string[]>();
  /** Told of each budget as a payment leaves it, or what comes back; a copy of the book has none. */
  observer?: (budget: Readonly<Budget>) => void;

  get(id: string): Readonly<Budget> | undefined {
    return this.#budgets.get(id);
  }

  all(): IterableIterator<Readonly<Budget>> {
    return this.#budgets.values();
  }

  under(parent: string): readonly string[] {
    return this.#under.get(parent) ?? [];
  }

  /** A desk on which to try what happens at `nowMs`; dropped, it has changed nothing. */
  desk(nowMs: number): BudgetDesk {
    return new BudgetDesk(this, nowMs);
  }

  /** How deep a new budget under this parent would lie: 1 without one; undefined where there is no such parent. */
  depthUnder(parent: string | undefined): number | undefined {
    if (parent === undefined) return 1;
    let depth = 1;
    for (let next = this.#budgets.get(parent); next !== undefined; depth += 1) {
      next = next.parent === undefined ? undefined : this.#budgets.get(next.parent);
    }
    return depth === 1 ? undefined : depth;
  }

  /** Charges an amount that was tried; returns what to keep beside the payment: `<id>:<windowStart>,…`. */
  charge(id: string, amount: number, nowMs: number): string {
    const desk = this.desk(nowMs);
    const charged = desk.take(id, amount);
    this.#put(desk);
    return charged;
  }

  giveBack(charged: string, amount: number, nowMs: number): void {
    const desk = this.desk(nowMs);
    desk.giveBack(charged, amount);
    this.#put(desk);
  }

  /** Opens or changes a budget; `budgetMisfit` has said nothing against it. */
  open(spec: BudgetSpec, nowMs: number): void {
    if (!this.#budgets.has(spec.id) && spec.parent !== undefined) {
      this.#under.set(spec.parent, [...this.under(spec.parent), spec.id].sort());
    }
    const desk = this.desk(nowMs);
    desk.allot(spec);
    this.#put(desk);
  }

  copyFrom(other: BudgetBook): void {
    for (const [id, budget] of other.#budgets) this.#budgets.set(id, budget);
    for (const [parent, ids] of other.#under) this.#under.set(parent, ids);
  }

  #put(desk: BudgetDesk): void {
    for (const budget of desk.changed) {
      this.#budgets.set(budget.id, budget);
      this.observer?.(budget);
    }
  }
}

/** Limits of the tree that a new budget would break, or undefined. */
export function misplaced(book: BudgetBook, parent: string | undefined): 'unknown' | 'depth' | 'siblings' | undefined {
  const depth = book.depthUnder(parent);
  if (depth === undefined) return 'unknown';
  if (depth > MAX_BUDGET_DEPTH) return 'depth';
  return parent !== undefined && book.under(parent).length >= MAX_SIBLINGS ? 'siblings' : undefined;
}
