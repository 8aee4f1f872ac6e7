// Budgets: what the accounts that name one, and the budgets under it, may together spend in a window.
import { z } from 'zod';
import { idText } from './account.js';
import { microText } from './amount.js';

/** Windows begin with the epoch's minutes, hours, days (UTC); `life` never turns. */
export const budgetWindows = ['minute', 'hour', 'day', 'life'] as const;
export type BudgetWindow = (typeof budgetWindows)[number];

export const WINDOW_MS: Readonly<Record<BudgetWindow, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  life: Number.POSITIVE_INFINITY,
};

/** A budget's chain, itself included, is at most so long. */
export const MAX_BUDGET_DEPTH = 4;
/** So many budgets may be under one: a borrower's script looks at all of its siblings. */
export const MAX_SIBLINGS = 64;

const permille = z.int().min(0).max(1000);

/** What an operator sets; amounts in micro-credits. `parent` and `window` stay as they were at its creation. */
export const budgetSpec = z.strictObject({
  id: idText,
  /** The budget that caps this one and its siblings together. */
  parent: idText.optional(),
  window: z.enum(budgetWindows),
  /** The allocation per window. */
  amountMicro: microText,
  /** The share of what a window leaves that the next one gets on top; it decays so with every window. */
  keepPermille: permille.default(0),
  /** At most so much is carried over. */
  carryCapMicro: microText.default('0'),
  /** The most that it may owe its siblings in a window; given back when the window turns. At most `amountMicro`. */
  borrowMicro: microText.default('0'),
  /** The share of its allowance that siblings may borrow while it is idle: nothing spent in this window. */
  lendPermille: permille.default(0),
});
export type BudgetSpec = z.infer<typeof budgetSpec>;

/** A budget as the bank keeps it; amounts in micro-credits. */
export interface Budget {
  readonly id: string;
  readonly parent?: string | undefined;
  readonly window: BudgetWindow;
  amount: number;
  keepPermille: number;
  carryCap: number;
  borrow: number;
  lendPermille: number;
  /** When the window began that these figures are of: ms since the epoch; 0 for `life`. */
  windowStart: number;
  /** What may be spent in this window: amount, carried over, borrowed, less lent and what was owed. */
  allowance: number;
  /** Set aside or spent in this window, less what came back within it. */
  used: number;
  /** Lent to siblings in this window. */
  lent: number;
  /** Of the allowance: what an operator took away though it was spent already; it goes as soon as it comes back. */
  cut: number;
  /** Owed to siblings, by their ids, in this window. */
  owed: Readonly<Record<string, number>>;
  /** Since its creation: all that was set aside or spent and did not come back, its children's included. */
  total: number;
  /** The part of `total` that accounts naming this very budget spent: total = direct + the children's totals. */
  direct: number;
}
