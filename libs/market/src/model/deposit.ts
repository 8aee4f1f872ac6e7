// Deposits in the model: what a call asks of its bidders, laid down before they bid; the rules of deposit.lua.
import { parseMicro } from '@tender/credits';
import { type Answer, type Asked, type DepositAsked, type Done, refused } from './command.js';
import type { CallState, ContractState, MarketState } from './market-state.js';

/** At most so many bidders: the award gives all of them back what is theirs. */
export const MAX_DEPOSITS = 512;

/** The dots keep it apart from every id that a caller may give a transfer. */
export function depositId(cfp: string, agent: string): string {
  return `${cfp}.d.${agent}`;
}

export function deposit(market: MarketState, asked: Asked & DepositAsked, nowMs: number): Answer<Done['deposit']> {
  const { cfp, agent, amountMicro } = asked;
  const account = market.ledger.account(agent);
  if (account?.kind !== 'agent') return refused('unknown');
  if (!market.speaksFor(asked.by, agent)) return refused('not-permitted');
  const call = market.call(cfp, nowMs);
  if (call === undefined) return refused('unknown');
  if (call.state !== 'open') return refused('expired');
  if (nowMs > call.awardBy) return refused('late');
  if (call.initiator === agent) return refused('not-permitted');
  const amount = parseMicro(amountMicro) ?? 0;
  if (amount === 0) return refused('malformed');
  if (amount !== (call.deposit ?? 0)) return refused('stale');
  if (call.deposits.has(agent)) return refused('duplicate');
  if (call.deposits.size >= MAX_DEPOSITS) return refused('no-capacity');
  if (account.available < amount) return refused('insufficient-credits');
  const short = market.ledger.budgets.desk(nowMs).short(account.budget, amount);
  if (short !== undefined) return refused('over-budget', short.retryAt, nowMs);
  commitDeposit(market, call, agent, nowMs);
  return { ok: true, cfp, agent, amountMicro };
}

/** Checks nothing; throws where the call asks for none. */
export function commitDeposit(market: MarketState, call: CallState, agent: string, nowMs: number): void {
  if (call.deposit === undefined) throw new Error(`call ${call.cfp} asks for no deposit`);
  market.ledger.tick(nowMs);
  const tags = { agent, pool: call.pool };
  const posting = { id: depositId(call.cfp, agent), debit: agent, credit: call.payee, amount: call.deposit, tags };
  market.ledger.openPending(posting, undefined);
  call.deposits.set(agent, 0);
}

function endDeposit(market: MarketState, call: CallState, agent: string, forfeited: boolean): void {
  call.deposits.delete(agent);
  const id = depositId(call.cfp, agent);
  market.ledger.endPending(id, forfeited ? call.deposit! : 0, forfeited ? 'posted' : 'voided');
}

/** Gives back what was laid down, but to those who have leases to begin: `kept` is how many. */
export function returnDeposits(market: MarketState, call: CallState, kept: ReadonlyMap<string, number> = new Map()) {
  for (const agent of [...call.deposits.keys()].sort()) {
    const leases = kept.get(agent);
    if (leases === undefined) endDeposit(market, call, agent, false);
    else call.deposits.set(agent, leases);
  }
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
