// Deposits in the model: what a call asks of its bidders, laid down before they bid; the rules of deposit.lua.
import { parseMicro } from '@tender/credits';
import { beyondRules } from '../policy/ruling.js';
import { type Answer, type Asked, type DepositAsked, type Done, refused } from './command.js';
import type { CallState, ContractState, MarketState } from './market-state.js';

/** At most so many bidders: the award gives all of them back what is theirs. */
export const MAX_DEPOSITS = 512;

/** The dots keep it apart from every id that a caller may give a transfer. */
export function depositId(cfp: string, agent: string): string {
  return `${cfp}.d.${agent}`;
}

export function deposit(market: MarketState, asked: Asked & DepositAsked, nowMs: number): Answer<Done['deposit']> {
  const { cfp, agent, amountMicro, untilMs } = asked;
  const account = market.ledger.account(agent);
  if (account?.kind !== 'agent') return refused('unknown');
  if (!market.speaksFor(asked.by, agent)) return refused('not-permitted');
  const call = market.call(cfp, nowMs);
  if (call === undefined) return refused('unknown');
  if (call.state !== 'open') return refused('expired');
  const { depositUntil: until = call.awardBy } = call;
  if (nowMs > until) return refused('late');
  if (call.initiator === agent) return refused('not-permitted');
  const amount = parseMicro(amountMicro) ?? 0;
  if (amount === 0) return refused('malformed');
  if (amount !== (call.deposit ?? 0)) return refused('stale');
  if (untilMs !== undefined && untilMs !== until) return refused('stale');
  if (call.deposits.has(agent)) return refused('duplicate');
  if (market.ledger.transfer(depositId(cfp, agent)) !== undefined) return refused('expired');
  if (call.deposits.size >= MAX_DEPOSITS) return refused('no-capacity');
  if (asked.policy !== market.policyVersion) return refused('stale');
  const broken = beyondRules(asked.bounds, { payer: account.pending + amount });
  if (broken !== undefined) return { ...refused(broken.detail), rule: broken.rule };
  if (account.available < amount) return refused('insufficient-credits');
  const short = market.ledger.budgets.desk(nowMs).short(account.budget, amount);
  if (short !== undefined) return refused('over-budget', short.retryAt, nowMs);
  commitDeposit(market, call, agent, nowMs);
  return { ok: true, cfp, agent, amountMicro, until, pool: call.pool, at: nowMs };
}

/** Checks nothing; throws where the call asks for none. */
export function commitDeposit(market: MarketState, call: CallState, agent: string, nowMs: number): void {
  if (call.deposit === undefined) throw new Error(`call ${call.cfp} asks for no deposit`);
  market.ledger.tick(nowMs);
  const tags = { agent, pool: call.pool };
  const posting = { id: depositId(call.cfp, agent), debit: agent, credit: call.payee, amount: call.deposit, tags };
  market.ledger.openPending(posting, undefined);
  call.deposits.set(agent, 0);
  market.deadlines.set(deadlineOf(call), call.depositUntil!);
}

function deadlineOf({ cfp }: CallState): string {
  return `deposit:${cfp}`;
}

/** Whether a bid of this agent has what the call asks behind it: what was agreed to ends by itself. */
export function isLaidDown({ deposit, deposits, depositUntil }: CallState, agent: string, nowMs: number): boolean {
  return deposit === undefined || (deposits.has(agent) && nowMs <= depositUntil!);
}

export function withdrawDeposit(
  market: MarketState,
  asked: Asked & { readonly cfp: string; readonly agent: string },
  nowMs: number,
): Answer<Done['withdraw-deposit']> {
  const { cfp, agent } = asked;
  if (!market.speaksFor(asked.by, agent)) return refused('not-permitted');
  const call = market.call(cfp, nowMs);
  if (call === undefined) return refused('unknown');
  if (call.state !== 'open') return refused('expired');
  if (nowMs >= (call.closesAt ?? 0)) return refused('late');
  if (!call.deposits.has(agent)) return refused('unknown');
  commitWithdrawal(market, call, agent, nowMs);
  return { ok: true, cfp, agent };
}

/** Throws where nothing is laid down. */
export function commitWithdrawal(market: MarketState, call: CallState, agent: string, nowMs: number): void {
  if (!call.deposits.has(agent)) throw new Error(`${agent} has laid nothing down for call ${call.cfp}`);
  market.ledger.tick(nowMs);
  endDeposit(market, call, agent, false);
  if (call.deposits.size === 0) market.deadlines.delete(deadlineOf(call));
}

/** The sweeper's: what was agreed to is over, and the call is still open because it was extended. */
export function overdueDeposits(
  market: MarketState,
  { cfp }: { readonly cfp: string },
  nowMs: number,
): Answer<Done['return-deposits']> {
  const call = market.call(cfp, nowMs);
  if (call === undefined) return refused('unknown');
  if (call.state !== 'open') return refused('expired');
  if (call.deposits.size === 0) return refused('unknown');
  if (nowMs <= call.depositUntil!) return refused('stale');
  market.ledger.tick(nowMs);
  returnDeposits(market, call);
  return { ok: true, cfp };
}

function endDeposit(market: MarketState, call: CallState, agent: string, forfeited: boolean): void {
  const { cfp, pool, deposit: amount = 0 } = call;
  call.deposits.delete(agent);
  market.ledger.endPending(depositId(cfp, agent), forfeited ? amount : 0, forfeited ? 'posted' : 'voided');
  const state = forfeited ? 'forfeited' : 'returned';
  market.endedDeposits.push({ cfp, pool, agent, amountMicro: String(amount), state, at: market.ledger.clock });
}

/** Gives back what was laid down, but to those who have leases to begin: `kept` is how many. */
export function returnDeposits(market: MarketState, call: CallState, kept: ReadonlyMap<string, number> = new Map()) {
  for (const agent of [...call.deposits.keys()].sort()) {
    const leases = kept.get(agent);
    if (leases === undefined) endDeposit(market, call, agent, false);
    else call.deposits.set(agent, leases);
  }
  market.deadlines.delete(deadlineOf(call));
}

/**
 * A lease with a deposit has begun or ended: with the last one it goes back, with the first one that nobody came for to
 * the pool.
 */
export function leaseMet(market: MarketState, lease: ContractState, forfeited: boolean): void {
  const call = market.calls.get(lease.cfp);
  const left = call?.deposits.get(lease.participant);
  if (call === undefined || left === undefined || lease.deposit === undefined) return;
  if (forfeited || left === 1) endDeposit(market, call, lease.participant, forfeited);
  else call.deposits.set(lease.participant, left - 1);
}
