// I13: no budget spends more than its allowance, parents and children conserve, what is lent is owed.
import { type Budget, type BudgetBook, owedOf } from '@tender/credits';
import type { MarketSnapshot } from '../model/snapshot.js';
import { type Finding, Tally } from './finding.js';

export class BudgetCheck {
  readonly #tally = new Tally('I13');

  /** Looks at each budget as a payment of the replay leaves it: whatever was decided there, it must have fitted. */
  watch(budgets: BudgetBook): void {
    budgets.observer = ({ id, used, allowance, windowStart }: Readonly<Budget>) =>
      this.#tally.fact(
        used >= 0 && used <= allowance,
        () => `budget ${id}: ${used} of ${allowance} spent in the window that began at ${windowStart}`,
      );
  }

  finish({ budgets }: Pick<MarketSnapshot, 'budgets'>): Finding {
    const totals = new Map<string, number>();
    const debts = new Map<string, number>();
    const latest = new Map<string, number>();
    const at = (id: string, windowStart = '') => `${id} ${windowStart}`;
    for (const { parent, total, owed, windowStart, window } of Object.values(budgets)) {
      if (parent !== undefined) add(totals, parent, Number(total));
      for (const [lender, amount] of Object.entries(owedOf(owed ?? ''))) add(debts, at(lender, windowStart), amount);
      const siblings = at(parent ?? '', window);
      latest.set(siblings, Math.max(latest.get(siblings) ?? 0, Number(windowStart)));
    }
    for (const [id, { allowance, used, lent, total, direct, windowStart, parent, window }] of Object.entries(budgets)) {
      this.#tally.fact(
        Number(used) >= 0 && Number(used) <= Number(allowance),
        () => `budget ${id}: ${used} of ${allowance} spent`,
      );
      const children = totals.get(id) ?? 0;
      this.#tally.fact(
        Number(total) === Number(direct) + children,
        () => `budget ${id}: ${total} spent in all, ${direct} of it its own, ${children} its children's`,
      );
      const owed = debts.get(at(id, windowStart)) ?? 0;
      // Windows turn when somebody looks: a sibling that has turned owes nothing any more, and the lender has yet to see it.
      const turned = (latest.get(at(parent ?? '', window)) ?? 0) > Number(windowStart);
      this.#tally.fact(
        turned ? owed <= Number(lent) : owed === Number(lent),
        () => `budget ${id} has lent ${lent}, its siblings owe it ${owed}`,
      );
    }
    return this.#tally.finding();
  }
}

function add(sums: Map<string, number>, name: string, amount: number): void {
  sums.set(name, (sums.get(name) ?? 0) + amount);
}
