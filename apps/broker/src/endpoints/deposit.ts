// deposit: what a call asks of its bidders is laid down before they bid.
import { type BankRequest, type BankResult, refusal } from '@tender/market';
import type { Asked, Bank } from '../bank.js';
import type { Outcome } from '../outcome.js';

export async function deposit(
  _bank: Bank,
  _asked: Asked<BankRequest<'deposit'>>,
): Promise<Outcome<BankResult<'deposit'>>> {
  return refusal('unavailable', 'not served yet');
}
