// deposit: what a call asks of its bidders is laid down before they bid.
import { bodyDigest, runScript } from '@tender/credits/redis';
import type { BankRequest, BankResult } from '@tender/market';
import { marketScripts } from '@tender/market/redis';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { refused } from './calls.js';

export async function deposit(
  bank: Bank,
  asked: Asked<BankRequest<'deposit'>>,
): Promise<Outcome<BankResult<'deposit'>>> {
  const { sender, body } = asked;
  const reply = await runScript(bank.redis, marketScripts.deposit, bank.meta, {
    by: sender,
    key: body.key,
    digest: bodyDigest('deposit', body),
    cfp: body.cfp,
    agent: body.agent ?? sender,
    amountMicro: body.amountMicro,
  });
  if (!reply.ok) return refused(bank, reply);
  const { cfp, amountMicro } = reply;
  return ok({ cfp, amountMicro }, { budget: amountMicro });
}
