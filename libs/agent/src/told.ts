// The bank's answer as an agent hands it on: the fields of the result beside `ok`, or the refusal.
import type { BankOperation, BankResult, Refusal } from '@tender/market';
import type { BankAnswer } from './bank.js';

export type Told<O extends BankOperation> = ({ readonly ok: true } & BankResult<O>) | Refusal;

export function told<O extends BankOperation>(answer: BankAnswer<O>): Told<O> {
  return answer.ok ? { ok: true, ...answer.value } : answer;
}
