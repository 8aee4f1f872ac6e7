// account, contract: what an agent may look up; nothing here changes anything.
import { type BankRequest, type BankResult, refusal } from '@tender/market';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { accountRowOf } from './listings.js';
import { accountSpokenFor } from './speaks-for.js';

export async function account(
  bank: Bank,
  asked: Asked<BankRequest<'account'>>,
): Promise<Outcome<BankResult<'account'>>> {
  const found = await accountSpokenFor(bank, asked.sender, asked.body.agent);
  if (!found.ok) return found;
  return ok(accountRowOf(found.result));
}

export async function contract(
  bank: Bank,
  asked: Asked<BankRequest<'contract'>>,
): Promise<Outcome<BankResult<'contract'>>> {
  const { body } = asked;
  let id = body.contract;
  if (id === undefined) {
    const found = await accountSpokenFor(bank, asked.sender, body.agent);
    if (!found.ok) return found;
    id = await bank.reader.contractOfIntent(found.result.id, body.intent!);
    if (id === undefined) return refusal('unknown', 'this intent has won nothing so far');
  }
  const view = await bank.reader.contract(id);
  return view === undefined ? refusal('unknown', `there is no contract ${id}`) : ok(view);
}
