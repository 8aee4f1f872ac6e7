// An accountant who keeps every charge on a list and adds up: what any budget must come to, whatever order things came in.
import { isDeepStrictEqual } from 'node:util';
import { type Budget, isSuccess, LedgerBook, owedInAll, turnedBudget, WINDOW_MS } from '../src/index.js';
import { applyToBook } from '../src/model/pure-ledger.js';
import { CASE_START_MS, grant, open } from '../src/testing/index.js';
import type { Step } from './both-ledgers.js';

/** What a payment was charged to, and how much of it has not come back. */
interface Charge {
  readonly budgets: readonly { readonly id: string; readonly windowStart: number }[];
  left: number;
}

/** Takes commands on a book of its own and expects, after each, that the budgets come to what they must. */
export class BudgetAccountant {
  readonly #book = new LedgerBook();
  readonly #charges = new Map<string, Charge>();
  readonly #ended: Charge[] = [];
  #now = CASE_START_MS;
  readonly #seen: Map<string, number>;

  /** @param seen how often each of the rarer things happened: what never does is not tested. */
  constructor(seen: Map<string, number>) {
    this.#seen = seen;
    for (const command of [open('a1'), open('b1'), open('p1', 'pool'), grant('a1', '1000')]) {
      applyToBook(this.#book, command, this.#now);
    }
  }

  take({ waitMs, command }: Step): void {
    const nowMs = this.#now + waitMs;
    if (waitMs > 0) for (const budget of this.#book.budgets.all()) expectTurn(budget, this.#now, nowMs);
    this.#now = nowMs;
    const before = this.#standing();
    const stored = new Map([...this.#book.budgets.all()].map((budget) => [budget.id, budget]));
    const { status, replayed } = applyToBook(this.#book, command, this.#now);
    if (!isSuccess(status) || replayed) {
      // What is refused leaves all as it was, the stored state too.
      for (const budget of this.#book.budgets.all())
        must(budget === stored.get(budget.id), 'a refusal or a replay leaves what is stored', budget);
      return;
    }
    if (command.kind === 'transfer') this.#charge(command.id);
    if (command.kind === 'post' || command.kind === 'void' || command.kind === 'expire') this.#giveBack(command.id);
    this.#addUp(before, command.kind === 'open-budget' ? command.budget.id : undefined);
  }

  #standing(): Map<string, Budget> {
    return new Map([...this.#book.budgets.all()].map((budget) => [budget.id, turnedBudget(budget, this.#now)]));
  }

  #charge(id: string): void {
    const { debit, amount, budgets } = this.#book.transfer(id)!;
    const budget = this.#book.account(debit)?.budget;
    must((budgets === undefined) === (budget === undefined), 'a payment is charged where its payer has a budget', id);
    if (budgets === undefined) return;
    const charged = budgets.split(',').map((entry) => {
      const [id = '', start] = entry.split(':');
      return { id, windowStart: Number(start) };
    });
    must(charged[0]!.id === budget, "the first that is charged is the payer's own", id);
    const before = this.#charges.get(id);
    if (before !== undefined) this.#ended.push(before);
    this.#charges.set(id, { budgets: charged, left: amount });
  }

  #giveBack(id: string): void {
    const charge = this.#charges.get(id);
    if (charge !== undefined && this.#book.transfer(id)?.budgets !== undefined) {
      charge.left = this.#book.transfer(id)!.posted;
    }
  }

  #count(what: string): void {
    this.#seen.set(what, (this.#seen.get(what) ?? 0) + 1);
  }

  #addUp(before: ReadonlyMap<string, Budget>, changed: string | undefined): void {
    const standing = this.#standing();
    const charges = [...this.#charges.values(), ...this.#ended];
    for (const budget of standing.values()) {
      const sum = (which: (charge: Charge) => boolean) =>
        charges.filter(which).reduce((total, { left }) => total + left, 0);
      const mine = ({ budgets }: Charge) => budgets.some(({ id }) => id === budget.id);
      const now = ({ budgets }: Charge) =>
        budgets.some(({ id, windowStart }) => id === budget.id && windowStart === budget.windowStart);
      must(budget.used === sum(now), 'used is what was charged in this window', budget);
      must(budget.total === sum(mine), 'total is all that was charged and did not come back', budget);
      must(
        budget.direct === sum(({ budgets }) => budgets[0]!.id === budget.id),
        'direct is of those who name it',
        budget,
      );
      expectWithin(budget, standing);
      if (budget.lent > 0) this.#count('lent');
      if (budget.cut > 0) this.#count('cut');
      if (budget.allowance > budget.amount && budget.lent === 0 && owedInAll(budget) === 0) this.#count('carried');
      if ((before.get(budget.id)?.lent ?? 0) > budget.lent) this.#count('repaid');
      const earlier = before.get(budget.id);
      if (earlier !== undefined && budget.id !== changed) {
        must(ownOf(budget) === ownOf(earlier), 'what is its own stays', budget);
      }
      if (earlier !== undefined && budget.id === changed) {
        const asked = ownOf(earlier) + budget.amount - earlier.amount;
        must(ownOf(budget) === asked, 'an operator gets what was asked for', budget);
      }
    }
  }
}

/** What a budget has in this window of its own, whoever has it now: nothing but an operator changes it. */
function ownOf(budget: Budget): number {
  return budget.allowance - budget.cut + budget.lent - owedInAll(budget);
}

function expectWithin(budget: Budget, all: ReadonlyMap<string, Budget>): void {
  must(budget.used <= budget.allowance, 'nothing beyond the allowance', budget);
  const { used, lent, cut, allowance, total, direct } = budget;
  must(Math.min(used, lent, cut, allowance, direct, total - direct) >= 0, 'nothing below zero', budget);
  const children = [...all.values()].filter(({ parent }) => parent === budget.id);
  must(
    total === direct + children.reduce((sum, child) => sum + child.total, 0),
    'parent and children conserve',
    budget,
  );
  const debts = [...all.values()].map(({ owed }) => owed[budget.id] ?? 0);
  must(lent === debts.reduce((sum, debt) => sum + debt, 0), 'what is lent is owed', budget);
  for (const [id, debt] of Object.entries(budget.owed)) {
    const lender = all.get(id);
    const alike = lender?.parent === budget.parent && lender?.window === budget.window;
    must(debt > 0 && alike, 'only siblings of the same window lend', budget);
  }
  must(owedInAll(budget) <= Math.max(used, 0), 'what came back paid debts first', budget);
}

/** A gap of more windows than this is carried in part. */
const MAX_GAP = 65;

/** Whoever turns it on the way, and how often: the same budget, and of what was left no more than its share. */
function expectTurn(stored: Budget, earlierMs: number, nowMs: number): void {
  const before = turnedBudget(stored, earlierMs);
  const after = turnedBudget(stored, nowMs);
  must(turnedBudget(after, nowMs) === after, 'a window turns once', after);
  const passed = (after.windowStart - stored.windowStart) / WINDOW_MS[stored.window];
  const again = passed > MAX_GAP || isDeepStrictEqual(turnedBudget(before, nowMs), after);
  must(again, 'whoever turned it on the way', after);
  if (after.windowStart === before.windowStart) return;
  const { amount, carryCap, keepPermille } = before;
  const { total, direct } = before;
  const fresh = { ...after, used: 0, lent: 0, cut: 0, owed: {}, total, direct };
  must(isDeepStrictEqual(after, fresh), 'a new window begins at zero', after);
  if (passed <= MAX_GAP && after.windowStart === before.windowStart + WINDOW_MS[before.window]) {
    const carried = Number((BigInt(before.allowance - before.used) * BigInt(keepPermille)) / 1000n);
    const own = Math.max(0, amount + before.lent - owedInAll(before));
    must(after.allowance === own + Math.min(carryCap, carried), 'a share of what was left is carried', after);
  } else if (before.windowStart !== stored.windowStart || passed > 1) {
    must(after.allowance >= amount && after.allowance <= amount + carryCap, 'the cap of what is carried', after);
  }
}

/** As `expect`, which is too slow for millions of facts. */
function must(holds: boolean, what: string, where: unknown): asserts holds {
  if (!holds) throw new Error(`${what}: ${JSON.stringify(where)}`);
}
