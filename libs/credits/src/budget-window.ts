// How a budget's window turns: pure arithmetic in integers, step for step what include/budget.lua does.
import { type Budget, type BudgetWindow, WINDOW_MS } from './budget.js';

/** So many idle windows are carried through one by one; a longer gap carries no further. */
const MAX_IDLE_WINDOWS = 64;

/** A share in thousandths, rounded down; split, so that no product leaves the 53 bits of a double. */
export function permilleOf(amount: number, permille: number): number {
  const rest = amount % 1000;
  return ((amount - rest) / 1000) * permille + Math.floor((rest * permille) / 1000);
}

/** What a budget owes to all its siblings. */
export function owedInAll({ owed }: Pick<Budget, 'owed'>): number {
  return Object.values(owed).reduce((sum, amount) => sum + amount, 0);
}

/** What may still be spent in the window that the figures are of; borrowing left aside. */
export function budgetLeft({ allowance, used }: Pick<Budget, 'allowance' | 'used'>): number {
  return Math.max(0, allowance - used);
}

function windowStartOf(window: BudgetWindow, nowMs: number): number {
  return window === 'life' ? 0 : Math.floor(nowMs / WINDOW_MS[window]) * WINDOW_MS[window];
}

/** When the window after the present one begins, in ms since the epoch; 0 where there is none. */
export function nextWindowAt({ window, windowStart }: Pick<Budget, 'window' | 'windowStart'>): number {
  return window === 'life' ? 0 : windowStart + WINDOW_MS[window];
}

/**
 * A budget as it stands at `nowMs`. What is left is carried over (a share, capped), debts to siblings are repaid out of
 * the new allowance, and each window that passed idle carries again: so a balance that nobody uses decays. A budget
 * that has turned already is given back as it is.
 */
export function turnedBudget(budget: Budget, nowMs: number): Budget {
  const windowStart = windowStartOf(budget.window, nowMs);
  if (windowStart <= budget.windowStart) return budget;
  const { amount, carryCap, keepPermille } = budget;
  const passed = (windowStart - budget.windowStart) / WINDOW_MS[budget.window];
  const carry = Math.min(carryCap, permilleOf(budgetLeft(budget), keepPermille));
  let allowance = Math.max(0, amount + budget.lent - owedInAll(budget)) + carry;
  for (let n = 2; n <= Math.min(passed, 1 + MAX_IDLE_WINDOWS); n += 1) {
    const after = amount + Math.min(carryCap, permilleOf(allowance, keepPermille));
    if (after === allowance) break;
    allowance = after;
  }
  return { ...budget, windowStart, allowance, used: 0, lent: 0, cut: 0, owed: {} };
}

/** Debts as they are stored, `<lender>:<amount>,…` in the order of the lenders' ids. */
export function owedText(owed: Budget['owed']): string {
  return Object.keys(owed)
    .sort()
    .map((lender) => `${lender}:${owed[lender]}`)
    .join(',');
}

/** Reads what `owedText` wrote. */
export function owedOf(text: string): Budget['owed'] {
  if (text === '') return {};
  return Object.fromEntries(
    text.split(',').map((debt) => {
      const [lender = '', amount] = debt.split(':');
      return [lender, Number(amount)];
    }),
  );
}
