// budget: what an agent may still spend, and when its windows turn; its own chain alone, nothing here changes anything.
import { type Budget, turnedBudget } from '@tender/credits';
import type { BankRequest, BankResult } from '@tender/market';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { budgetViewOf } from './listings.js';
import { accountSpokenFor } from './speaks-for.js';

export async function budget(bank: Bank, asked: Asked<BankRequest<'budget'>>): Promise<Outcome<BankResult<'budget'>>> {
  const found = await accountSpokenFor(bank, asked.sender, asked.body.agent);
  if (!found.ok) return found;
  const { id, budget: named } = found.result;
  const chain = await chainOf(bank, named);
  const at = await bank.reader.clock();
  const budgets = chain.map((one) => budgetViewOf(turnedBudget(one, at)));
  if (budgets.length === 0) return ok({ agent: id, at, budgets });
  const left = Math.min(...budgets.map(({ leftMicro }) => Number(leftMicro)));
  return ok({ agent: id, at, budgets, leftMicro: String(left) });
}

/** A budget and all above it: a parent stays as it was at a budget's creation, so that the chain ends. */
async function chainOf({ ledger }: Bank, first: string | undefined): Promise<Budget[]> {
  const chain: Budget[] = [];
  for (let next = first; next !== undefined; ) {
    const found = await ledger.budget(next);
    if (found === undefined) break;
    chain.push(found);
    next = found.parent;
  }
  return chain;
}
