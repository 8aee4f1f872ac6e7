// deposit and withdraw-deposit: what a call asks of its bidders is laid down before they bid, and taken back with the bids.
import { runScript } from '@tender/credits/redis';
import type { BankRequest, BankResult, Ruling } from '@tender/market';
import { marketScripts } from '@tender/market/redis';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { keyed } from './keyed.js';
import { refused } from './refused.js';

/** Attributed as the bid that it is laid down for; the script says where there is no such call. */
async function capsOn(
  { policies, reader }: Bank,
  cfp: string,
  payer: string,
): Promise<Pick<Ruling, 'policy' | 'bounds'>> {
  const { version } = policies;
  const call = policies.capsPayers ? await reader.call(cfp) : undefined;
  if (call === undefined) return { policy: version };
  return policies.capsOn({ payer, payee: call.initiator, resource: call.pool });
}

export async function deposit(
  bank: Bank,
  asked: Asked<BankRequest<'deposit'>>,
): Promise<Outcome<BankResult<'deposit'>>> {
  const { sender, body } = asked;
  const agent = body.agent ?? sender;
  const reply = await bank.policies.during(async () =>
    runScript(bank.redis, marketScripts.deposit, bank.meta, {
      ...keyed('deposit', sender, body),
      cfp: body.cfp,
      agent,
      amountMicro: body.amountMicro,
      untilMs: body.until,
      ...(await capsOn(bank, body.cfp, agent)),
    }),
  );
  if (!reply.ok) return refused(bank, reply);
  if (!reply.replayed) bank.events.depositSetAside(reply);
  const { cfp, amountMicro, until } = reply;
  return ok({ cfp, amountMicro, until }, { budget: amountMicro, expires: until });
}

export async function withdrawDeposit(
  bank: Bank,
  asked: Asked<BankRequest<'withdraw-deposit'>>,
): Promise<Outcome<BankResult<'withdraw-deposit'>>> {
  const { sender, body } = asked;
  const reply = await runScript(bank.redis, marketScripts.withdrawDeposit, bank.meta, {
    ...keyed('withdraw-deposit', sender, body),
    cfp: body.cfp,
    agent: body.agent ?? sender,
  });
  if (!reply.ok) return refused(bank, reply);
  if (!reply.replayed) bank.events.depositsEnded(reply);
  return ok({ cfp: reply.cfp });
}
