// The budgets of the budget scenario: a company's life, a project's minute, four teams under it; and what must add up.
import { CREDIT } from '@tender/credits';
import type { BudgetView } from '@tender/market';
import { credits } from './cast.js';
import type { Table } from './scenario.js';
import type { World } from './world.js';

export const TEAMS = ['blue', 'green', 'grey', 'red'] as const;
export type Team = (typeof TEAMS)[number];
const BUDGETS = ['company', 'project', ...TEAMS] as const;
export type BudgetName = (typeof BUDGETS)[number];
export type Budgets = Readonly<Record<BudgetName, BudgetView>>;

/** Whole credits. */
export const AMOUNTS: Readonly<Record<BudgetName, number>> = {
  company: 1000,
  project: 130,
  blue: 60,
  green: 30,
  grey: 20,
  red: 60,
};
/** What red may owe, and the shares of blue and grey. */
export const BORROW = 30;
const CARRY = { blue: 20, grey: 8 } as const;

const micro = (amount: number) => String(amount * CREDIT);

export async function openBudgets(world: World): Promise<void> {
  const open = (name: BudgetName, window: 'life' | 'minute', parent?: BudgetName, more: object = {}) =>
    world.must(
      world.operator.openBudget({
        id: world.id(name),
        window,
        amountMicro: micro(AMOUNTS[name]),
        keepPermille: 0,
        carryCapMicro: '0',
        borrowMicro: '0',
        lendPermille: 0,
        ...(parent === undefined ? {} : { parent: world.id(parent) }),
        ...more,
      }),
    );
  await open('company', 'life');
  await open('project', 'minute', 'company');
  // Blue lends half of what it has while it spends nothing, and keeps half of what it leaves.
  const blue = { keepPermille: 500, carryCapMicro: micro(CARRY.blue), lendPermille: 500 };
  await open('blue', 'minute', 'project', blue);
  await open('green', 'minute', 'project');
  await open('grey', 'minute', 'project', { keepPermille: 500, carryCapMicro: micro(CARRY.grey) });
  await open('red', 'minute', 'project', { borrowMicro: micro(BORROW) });
}

/** As they stand now, their windows turned. */
export async function readBudgets(world: World): Promise<Budgets> {
  const { budgets = [] } = await world.must(world.operator.list('budgets'));
  const found = BUDGETS.map((name) => [name, budgets.find(({ id }) => id === world.id(name))] as const);
  for (const [name, view] of found) if (view === undefined) throw new Error(`the budget ${name} is not listed`);
  return Object.fromEntries(found) as Budgets;
}

/** Whole credits of a budget's amount on the wire. */
export function wholeOf(microText: string): number {
  return credits(Number(microText));
}

/** Where parent and children do not add up, a sentence each. */
export function unbalanced(budgets: Budgets, when: string): string[] {
  const sum = (of: readonly BudgetName[], figure: 'usedMicro' | 'totalMicro') =>
    of.reduce((total, name) => total + BigInt(budgets[name][figure]), 0n);
  const rows = [
    ['project', TEAMS, 'usedMicro'],
    ['project', TEAMS, 'totalMicro'],
    ['company', ['project'], 'totalMicro'],
  ] as const;
  const wrong = rows.flatMap(([parent, children, figure]) => {
    const whole = BigInt(budgets[parent][figure]);
    const parts = sum(children, figure);
    return whole === parts ? [] : [`${when}: ${figure} of ${parent} is ${whole}, of those under it ${parts}`];
  });
  const beyond = BUDGETS.filter((name) => BigInt(budgets[name].usedMicro) > BigInt(budgets[name].allowanceMicro));
  return [...wrong, ...beyond.map((name) => `${when}: ${name} spent more than its allowance`)];
}

export function budgetTable(title: string, budgets: Budgets): Table {
  const rows = BUDGETS.map((name) => {
    const { allowanceMicro, usedMicro, leftMicro, lentMicro, owedMicro, totalMicro } = budgets[name];
    const figures = [allowanceMicro, usedMicro, leftMicro, lentMicro, owedMicro, totalMicro];
    return [name, ...figures.map((text) => wholeOf(text).toFixed(2))];
  });
  return { title, head: ['budget', 'allowance', 'used', 'left', 'lent', 'owed', 'total'], rows };
}
