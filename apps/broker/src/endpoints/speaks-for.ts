// For whom a sender speaks: itself, or the agents that name it as their host.
import type { Account } from '@tender/credits';
import { refusal } from '@tender/market';
import type { Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';

/** The account of `agent` (the sender's own where absent), if the sender may speak for it. */
export async function accountSpokenFor(bank: Bank, sender: string, agent = sender): Promise<Outcome<Account>> {
  const account = await bank.ledger.account(agent);
  if (account === undefined) return refusal('unknown', `there is no account ${agent}: an operator opens it`);
  if (agent !== sender && account.host !== sender) {
    return refusal('not-permitted', `${sender} is not the host of ${agent}: an operator registers hosts`);
  }
  return ok(account);
}
