// renew, settle, preempt: a lease is prolonged, or ends before its time; and what its holder says meanwhile.
import { runScript } from '@tender/credits/redis';
import type { BankRequest, BankResult, Ruling } from '@tender/market';
import { marketScripts } from '@tender/market/redis';
import type { Asked, Bank } from '../bank.js';
import { type Outcome, ok } from '../outcome.js';
import { keyed } from './keyed.js';
import { refused } from './refused.js';

export async function renew(bank: Bank, asked: Asked<BankRequest<'renew'>>): Promise<Outcome<BankResult<'renew'>>> {
  const { sender, body } = asked;
  const reply = await bank.policies.during(async () =>
    runScript(bank.redis, marketScripts.renew, bank.meta, {
      ...keyed('renew', sender, body),
      contract: body.contract,
      maxPriceMicro: body.maxPriceMicro,
      ...(await rulingOn(bank, body.contract)),
    }),
  );
  if (!reply.ok) return refused(bank, reply);
  const { contract, until, priceMicro, amountMicro, terms } = reply;
  return ok({ contract, until, priceMicro, amountMicro, terms }, { budget: amountMicro, expires: until });
}

/** What the market's rules say of one more term; the script says where there is no such lease. */
async function rulingOn({ policies, reader }: Bank, contract: string): Promise<Ruling> {
  const { version } = policies;
  const lease = policies.isSilent(true) ? undefined : await reader.contract(contract);
  const pool = lease && (await reader.pool(lease.pool));
  if (lease === undefined || pool === undefined) return { policy: version };
  const { participant, pool: resource, units, startedAt, until, terms } = lease;
  const durationMs = (until - startedAt) / terms;
  return policies.ruleOnTerm({ payer: participant, payee: pool.seller, resource, units, durationMs });
}

export async function settle(bank: Bank, asked: Asked<BankRequest<'settle'>>): Promise<Outcome<BankResult<'settle'>>> {
  const { sender, body } = asked;
  const reply = await runScript(bank.redis, marketScripts.settle, bank.meta, {
    kind: 'release',
    ...keyed('settle', sender, body),
    contract: body.contract,
  });
  if (!reply.ok) return refused(bank, reply);
  if (!reply.replayed) bank.events.settled(reply);
  const { contract, outcome, paidMicro, refundedMicro } = reply;
  return ok({ contract, outcome, paidMicro, refundedMicro });
}

/** By the pool's seller; operators have an operation of their own. */
export async function preempt(
  bank: Bank,
  asked: Asked<BankRequest<'preempt'>>,
): Promise<Outcome<BankResult<'preempt'>>> {
  const { sender, body } = asked;
  const reply = await runScript(bank.redis, marketScripts.settle, bank.meta, {
    kind: 'preempt',
    ...keyed('preempt', sender, body),
    contract: body.contract,
  });
  if (!reply.ok) return refused(bank, reply);
  if (!reply.replayed) bank.events.settled(reply);
  const { contract, outcome, paidMicro, refundedMicro, compensationMicro = '0' } = reply;
  return ok({ contract, outcome, paidMicro, refundedMicro, compensationMicro });
}

/** A lease's holder says that it runs: when it should speak again. */
export async function hear(
  bank: Bank,
  asked: Asked<BankRequest<'report'>>,
  step: 'run' | 'progress',
): Promise<Outcome<{ contract: string; dueAt: number }>> {
  const { sender, body } = asked;
  const input = { ...keyed('report', sender, body), contract: body.contract, step };
  const reply = await runScript(bank.redis, marketScripts.hear, bank.meta, input);
  if (!reply.ok) return refused(bank, reply);
  if (!reply.replayed) bank.events.depositsEnded(reply);
  return ok({ contract: reply.contract, dueAt: reply.dueAt }, { expires: reply.dueAt });
}
