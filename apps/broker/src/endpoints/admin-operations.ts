// What operators may do, each a function of its own; who asks has been checked.
import type { Tags } from '@tender/credits';
import { runScript } from '@tender/credits/redis';
import { type AdminOperation, refusal } from '@tender/market';
import { marketScripts, type ReportReply } from '@tender/market/redis';
import type { Bank } from '../bank.js';
import { ledgerOutcome, ok } from '../outcome.js';
import type { AdminDone, AdminPerform } from './admin-done.js';
import { approvals, decide } from './approvals.js';
import { bankAdminTable } from './bank-admin.js';
import { keyed } from './keyed.js';
import { refused } from './refused.js';
import { reported } from './report.js';

export const adminTable: { readonly [O in AdminOperation]: AdminPerform<O> } = {
  account: async (bank, by, { key, account }) => {
    const { id } = account;
    // Keys and answers are told apart by who they are of: an agent must not be called like an operator, or the bank.
    if (id === 'bank' || bank.operators.has(id)) return refusal('not-permitted', `account.id: ${id} is taken`);
    return ledgerOutcome(await bank.ledger.apply({ kind: 'open-account', by, key, account }));
  },

  grant: async (bank, by, { key, to, amountMicro: amount, tags }) =>
    ledgerOutcome(await bank.ledger.apply({ kind: 'grant', by, key, to, amount, ...tagged(tags) })),

  retire: async (bank, by, { key, from, amountMicro: amount, tags }) =>
    ledgerOutcome(await bank.ledger.apply({ kind: 'retire', by, key, from, amount, ...tagged(tags) })),

  pool: async (bank, by, request) => {
    const input = { ...keyed('pool', by, request), pool: request.pool };
    const reply = await runScript(bank.redis, marketScripts.openPool, bank.meta, input);
    return reply.ok ? ok({ status: 'done' }) : refused(bank, reply);
  },

  policy: async (bank, by, request) => {
    const input = { ...keyed('policy', by, request), text: JSON.stringify(request.policy) };
    const reply = await runScript(bank.redis, marketScripts.setPolicy, bank.meta, input);
    if (!reply.ok) return refused(bank, reply);
    await bank.policies.load();
    bank.events.policy({ version: reply.version, at: reply.at });
    return ok({ status: `version ${reply.version}` });
  },

  decide: async (bank, by, request) => {
    const decided = await decide(bank, by, request);
    return decided.ok ? ok({ status: decided.result.state, proposal: decided.result }) : decided;
  },

  approvals: async (bank, _by, request) => approvals(bank, request),

  preempt: async (bank, by, request) => {
    const head = { ...keyed('preempt', by, request), contract: request.contract, operator: true as const };
    const lease = await runScript(bank.redis, marketScripts.settle, bank.meta, { kind: 'preempt', ...head });
    if (lease.ok && lease.replayed !== true) bank.events.settled(lease);
    if (lease.ok) return ok({ status: lease.outcome });
    if (lease.detail !== 'unknown') return refused(bank, lease);
    return stepped(bank, await runScript(bank.redis, marketScripts.report, bank.meta, { ...head, step: 'preempt' }));
  },

  resolve: async (bank, by, request) => {
    const { contract, paidMicro, bondTo } = request;
    const head = { ...keyed('resolve', by, request), contract, operator: true as const };
    const input = { ...head, step: 'resolve' as const, paidMicro, bondTo };
    return stepped(bank, await runScript(bank.redis, marketScripts.report, bank.meta, input));
  },

  ...bankAdminTable,
};

function tagged(tags: Tags | undefined): { tags?: Tags } {
  return tags === undefined ? {} : { tags };
}

/** A step of a task that an operator took. */
async function stepped(bank: Bank, reply: ReportReply): Promise<AdminDone> {
  if (!reply.ok) return refused(bank, reply);
  const outcome = await reported(bank, reply);
  return outcome.ok ? ok({ status: outcome.result.outcome ?? outcome.result.state }) : outcome;
}
