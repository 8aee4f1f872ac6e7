// Leases in the model: heard of, renewed, ended; the rules of lease.lua, hear.lua, renew.lua and settle.lua.
import { MAX_MICRO, parseMicro } from '@tender/credits';
import type { LeaseOutcome } from '../operations.js';
import { beyondRules } from '../policy/ruling.js';
import type { Detail } from '../refusal.js';
import { type Answer, type Asked, type Done, type RenewAsked, type Renewed, refused, type Settled } from './command.js';
import { leaseMet } from './deposit.js';
import { costOfUse, LEAST_SHARE, renewalPrice } from './lease-price.js';
import { type ContractState, ENDED_KEPT_MS, type MarketState } from './market-state.js';
import { beyondWall, countHeld, noiseOf, noisy, noteUse, whoOf } from './wall.js';

/** The transfer that pays term `n`; the dot keeps it apart from every id that a caller may give a transfer. */
export function termId(contract: string, n: number): string {
  return `${contract}.t${n}`;
}

/** The transfer of what a holder gets whose slots were taken back. */
export function compensationId(contract: string): string {
  return `${contract}.c`;
}

/** When the clock ends a lease, and as what: early where its holder was silent for longer than its pool bears. */
export function leaseDue(lease: ContractState): { readonly at: number; readonly outcome: LeaseOutcome } {
  const { state, startedAt, graceMs, idleMs, heardAt, until } = lease;
  if (state === 'awarded' && graceMs !== undefined && startedAt + graceMs < until) {
    return { at: startedAt + graceMs, outcome: 'unstarted' };
  }
  if (state === 'running' && idleMs !== undefined && heardAt !== undefined && heardAt + idleMs < until) {
    return { at: heardAt + idleMs, outcome: 'idle' };
  }
  return { at: until, outcome: 'expired' };
}

/** Opens the payment of a term; a slot sold at price zero has none. */
export function openTerm(market: MarketState, lease: ContractState, n: number, amount: number): void {
  if (amount === 0) return;
  const tags = { agent: lease.participant, pool: lease.pool, contract: lease.id };
  const posting = { id: termId(lease.id, n), debit: lease.participant, credit: lease.payee, amount, tags };
  market.ledger.openPending(posting, undefined);
}

/**
 * Ends the terms that are over at `atMs`, and with `all` the running and the coming one too; of the first one at least
 * `leastMs` count as used.
 */
function endTerms(market: MarketState, lease: ContractState, atMs: number, all: boolean, leastMs: number): void {
  for (let n = lease.endedTerms + 1; n <= lease.terms; n += 1) {
    const starts = lease.startedAt + (n - 1) * lease.durationMs;
    const over = atMs >= starts + lease.durationMs;
    if (!over && !all) break;
    const amount = market.ledger.transfer(termId(lease.id, n))?.amount ?? 0;
    if (amount > 0) {
      const used = Math.max(atMs - starts, n === 1 ? leastMs : 0);
      const posted = over ? amount : costOfUse(amount, used, lease.durationMs);
      market.ledger.endPending(termId(lease.id, n), posted, posted > 0 ? 'posted' : 'voided');
      lease.paid += posted;
    }
    lease.endedTerms = n;
  }
}

function leastUsed({ durationMs }: ContractState): number {
  return Math.ceil(durationMs / LEAST_SHARE);
}

/** What one more term of a lease costs per unit, as its pool stands and by what its holder bought of late. */
export function nextTermPrice(market: MarketState, lease: ContractState, nowMs: number): number {
  const pool = market.pools.get(lease.pool)!;
  const price = renewalPrice(pool, lease.durationMs);
  if (pool.noiseMaxPermille <= 1000) return price;
  return noisy(price, noiseOf(pool, whoOf(market.ledger.account(lease.participant)!), nowMs));
}

/** Whether a lease is lent a part of the reserve that its pool cannot spare for another term. */
export function reclaimed(market: MarketState, lease: ContractState): boolean {
  return lease.lent !== undefined && beyondWall(market.pools.get(lease.pool)!, 0, 0);
}

/** What terms that are over, and not paid yet, set aside. */
function overTerms(market: MarketState, lease: ContractState, nowMs: number): number {
  let sum = 0;
  for (let n = lease.endedTerms + 1; n <= lease.terms; n += 1) {
    if (nowMs < lease.startedAt + n * lease.durationMs) break;
    sum += market.ledger.transfer(termId(lease.id, n))?.amount ?? 0;
  }
  return sum;
}

export function renew(market: MarketState, asked: Asked & RenewAsked, nowMs: number): Answer<Renewed> {
  const lease = market.contract(asked.contract, nowMs);
  if (lease === undefined) return refused('unknown');
  if (!market.speaksFor(asked.by, lease.participant)) return refused('not-permitted');
  if (lease.state === 'settled' || nowMs >= leaseDue(lease).at) return refused('expired');
  if (lease.until - nowMs > lease.durationMs) return refused('stale');
  if (lease.terms >= market.pools.get(lease.pool)!.maxTerms) return refused('round-limit');
  if (reclaimed(market, lease)) return refused('reserved-for-system');
  const price = nextTermPrice(market, lease, nowMs);
  const limit = parseMicro(asked.maxPriceMicro);
  if (limit === undefined || price > limit) return refused('below-reserve-price');
  const amount = price * lease.units;
  if (lease.amount + amount > MAX_MICRO) return refused('round-limit');
  const account = market.ledger.account(lease.participant)!;
  if (asked.policy !== market.policyVersion) return refused('stale');
  const payer = account.pending - overTerms(market, lease, nowMs) + amount;
  const sums = { term: amount, contract: lease.amount + amount, payer };
  const broken = asked.barred ?? beyondRules(asked.bounds, sums);
  if (broken !== undefined) return { ...refused(broken.detail), rule: broken.rule };
  if (account.available < amount) return refused('insufficient-credits');
  const short = market.ledger.budgets.desk(nowMs).short(account.budget, amount);
  if (short !== undefined) return refused('over-budget', short.retryAt, nowMs);
  commitRenewal(market, lease, price, nowMs);
  return {
    ...{ ok: true, contract: lease.id, until: lease.until, terms: lease.terms },
    ...{ priceMicro: String(price), amountMicro: String(amount) },
  };
}

export function commitRenewal(market: MarketState, lease: ContractState, price: number, nowMs: number): void {
  market.ledger.tick(nowMs);
  endTerms(market, lease, nowMs, false, leastUsed(lease));
  lease.terms += 1;
  lease.until += lease.durationMs;
  lease.amount += price * lease.units;
  market.deadlines.set(`lease:${lease.id}`, leaseDue(lease).at);
  openTerm(market, lease, lease.terms, price * lease.units);
  lease.lent = undefined;
  const who = whoOf(market.ledger.account(lease.participant)!);
  noteUse(market.pools.get(lease.pool)!, who, lease.units * lease.durationMs, nowMs);
}

/** Why a holder's word comes at the wrong time, or undefined. */
export function unheard(lease: ContractState, step: 'run' | 'progress', nowMs: number): Detail | undefined {
  if (lease.state === 'settled' || nowMs >= leaseDue(lease).at) return 'expired';
  if (step === 'run' && lease.state === 'running') return 'duplicate';
  return step === 'progress' && lease.state === 'awarded' ? 'not-your-turn' : undefined;
}

export function hear(
  market: MarketState,
  asked: Asked & { readonly contract: string; readonly step: 'run' | 'progress' },
  nowMs: number,
): Answer<Done['hear']> {
  const lease = market.contract(asked.contract, nowMs);
  if (lease === undefined) return refused('unknown');
  if (!market.speaksFor(asked.by, lease.participant)) return refused('not-permitted');
  const detail = unheard(lease, asked.step, nowMs);
  if (detail !== undefined) return refused(detail);
  commitHearing(market, lease, nowMs);
  return { ok: true, contract: lease.id, dueAt: leaseDue(lease).at };
}

export function commitHearing(market: MarketState, lease: ContractState, nowMs: number): void {
  market.ledger.tick(nowMs);
  if (lease.state === 'awarded') leaseMet(market, lease, false);
  lease.state = 'running';
  lease.heardAt = nowMs;
  market.deadlines.set(`lease:${lease.id}`, leaseDue(lease).at);
}

interface SettleAsked {
  readonly contract: string;
  readonly as: 'release' | 'preempt' | 'expire';
  /** Absent where the sweeper asks. */
  readonly by?: string;
  readonly operator?: true | undefined;
}

export function settle(market: MarketState, asked: SettleAsked, nowMs: number): Answer<Settled> {
  const lease = market.contract(asked.contract, nowMs);
  if (lease === undefined) return refused('unknown');
  const { as, by = '', operator } = asked;
  if (as === 'release' && !market.speaksFor(by, lease.participant)) return refused('not-permitted');
  const sells = operator === true || market.pools.get(lease.pool)!.seller === by;
  if (as === 'preempt' && !sells) return refused('not-permitted');
  if (lease.state === 'settled') return refused('expired');
  if (as === 'expire' && nowMs < leaseDue(lease).at) return refused('stale');
  const { outcome, compensation } = commitSettlement(market, lease, as === 'preempt' ? 'preempted' : 'released', nowMs);
  return {
    ...{ ok: true, contract: lease.id, pool: lease.pool, participant: lease.participant, slots: lease.slots },
    ...{ outcome, paidMicro: String(lease.paid), refundedMicro: String(lease.amount - lease.paid), at: nowMs },
    ...(compensation === undefined ? {} : { compensationMicro: String(compensation) }),
  };
}

/** `asked` is how it ends where the clock has not ended it before. */
export function commitSettlement(
  market: MarketState,
  lease: ContractState,
  asked: LeaseOutcome,
  nowMs: number,
): { readonly outcome: LeaseOutcome; readonly compensation?: number } {
  market.ledger.tick(nowMs);
  const due = leaseDue(lease);
  const early = nowMs < due.at;
  const outcome = early ? (asked === 'preempted' ? asked : 'released') : due.outcome;
  const at = early ? nowMs : due.at;
  const running = Math.min(Math.floor((at - lease.startedAt) / lease.durationMs) + 1, lease.terms);
  const termPrice = market.ledger.transfer(termId(lease.id, running))?.amount ?? 0;
  endTerms(market, lease, at, true, outcome === 'preempted' ? 0 : leastUsed(lease));
  const compensation = outcome === 'preempted' ? compensate(market, lease, termPrice) : undefined;
  const pool = market.pools.get(lease.pool)!;
  for (const slot of lease.slots) {
    pool.slots[slot]!.contract = '';
    pool.free.add(slot);
  }
  countHeld(pool, -lease.slots.length, lease.class, lease.owner);
  // Who never began, and let the clock say so, has kept the slots from others.
  if (lease.state === 'awarded') leaseMet(market, lease, outcome === 'unstarted' || outcome === 'expired');
  const forgottenAt = nowMs + ENDED_KEPT_MS;
  lease.state = 'settled';
  lease.forgottenAt = forgottenAt;
  market.leaveIntent(lease, nowMs);
  market.deadlines.delete(`lease:${lease.id}`);
  const call = market.calls.get(lease.cfp);
  if (call !== undefined) {
    call.leases -= 1;
    if (call.leases === 0) call.forgottenAt = forgottenAt;
  }
  return compensation === undefined ? { outcome } : { outcome, compensation };
}

/** A share of the running term's price, as much as the pool's account has, and no more than the lease brought it. */
function compensate(market: MarketState, lease: ContractState, termPrice: number): number {
  const { id, participant, payee, pool } = lease;
  const there = market.ledger.account(payee)!.available;
  const amount = Math.min(costOfUse(termPrice, lease.compensationPermille, 1000), there, lease.paid);
  const tags = { agent: participant, pool, contract: id };
  if (amount > 0) market.ledger.postSingle({ id: compensationId(id), debit: payee, credit: participant, amount, tags });
  return amount;
}
