// Leases in the model: renewal, early release and expiry; the rules of lease.lua, renew.lua and settle.lua.
import { MAX_MICRO, parseMicro } from '@tender/credits';
import { type Answer, type Asked, type Renewed, refused, type Settled } from './command.js';
import { costOfUse, LEAST_SHARE, renewalPrice } from './lease-price.js';
import { type ContractState, ENDED_KEPT_MS, type MarketState } from './market-state.js';

/** The transfer that pays term `n`; the dot keeps it apart from every id that a caller may give a transfer. */
export function termId(contract: string, n: number): string {
  return `${contract}.t${n}`;
}

/** Opens the payment of a term; a slot sold at price zero has none. */
export function openTerm(market: MarketState, lease: ContractState, n: number, amount: number): void {
  if (amount === 0) return;
  const tags = { agent: lease.participant, pool: lease.pool, contract: lease.id };
  const posting = { id: termId(lease.id, n), debit: lease.participant, credit: lease.payee, amount, tags };
  market.ledger.openPending(posting, undefined);
}

/** Ends the terms that are over at `atMs`, and with `all` the running and the coming one too. Returns what was paid. */
function endTerms(market: MarketState, lease: ContractState, atMs: number, all: boolean): number {
  let paid = 0;
  for (let n = lease.endedTerms + 1; n <= lease.terms; n += 1) {
    const starts = lease.startedAt + (n - 1) * lease.durationMs;
    const over = atMs >= starts + lease.durationMs;
    if (!over && !all) break;
    const amount = market.ledger.transfer(termId(lease.id, n))?.amount ?? 0;
    if (amount > 0) {
      const used = Math.max(atMs - starts, n === 1 ? Math.ceil(lease.durationMs / LEAST_SHARE) : 0);
      const posted = over ? amount : costOfUse(amount, used, lease.durationMs);
      market.ledger.endPending(termId(lease.id, n), posted, posted > 0 ? 'posted' : 'voided');
      paid += posted;
    }
    lease.endedTerms = n;
  }
  lease.paid += paid;
  return paid;
}

/** What one more term of a lease costs per unit, as its pool stands. */
export function nextTermPrice(market: MarketState, lease: ContractState): number {
  return renewalPrice(market.pools.get(lease.pool)!, lease.durationMs);
}

export function renew(
  market: MarketState,
  asked: Asked & { readonly contract: string; readonly maxPriceMicro: string },
  nowMs: number,
): Answer<Renewed> {
  const lease = market.contract(asked.contract, nowMs);
  if (lease === undefined) return refused('unknown');
  if (!market.speaksFor(asked.by, lease.participant)) return refused('not-permitted');
  if (lease.state !== 'awarded' || nowMs >= lease.until) return refused('expired');
  if (lease.until - nowMs > lease.durationMs) return refused('stale');
  if (lease.terms >= market.pools.get(lease.pool)!.maxTerms) return refused('round-limit');
  const price = nextTermPrice(market, lease);
  const limit = parseMicro(asked.maxPriceMicro);
  if (limit === undefined || price > limit) return refused('below-reserve-price');
  const amount = price * lease.units;
  if (lease.amount + amount > MAX_MICRO) return refused('round-limit');
  if (market.ledger.account(lease.participant)!.available < amount) return refused('insufficient-credits');
  commitRenewal(market, lease, price, nowMs);
  return {
    ...{ ok: true, contract: lease.id, until: lease.until, terms: lease.terms },
    ...{ priceMicro: String(price), amountMicro: String(amount) },
  };
}

export function commitRenewal(market: MarketState, lease: ContractState, price: number, nowMs: number): void {
  market.ledger.tick(nowMs);
  endTerms(market, lease, nowMs, false);
  lease.terms += 1;
  lease.until += lease.durationMs;
  lease.amount += price * lease.units;
  market.deadlines.set(`lease:${lease.id}`, lease.until);
  openTerm(market, lease, lease.terms, price * lease.units);
}

/** `by` is absent where the sweeper asks. */
export function settle(
  market: MarketState,
  asked: { readonly contract: string; readonly by?: string },
  nowMs: number,
): Answer<Settled> {
  const lease = market.contract(asked.contract, nowMs);
  if (lease === undefined) return refused('unknown');
  if (asked.by !== undefined && !market.speaksFor(asked.by, lease.participant)) return refused('not-permitted');
  if (lease.state !== 'awarded') return refused('expired');
  if (asked.by === undefined && nowMs < lease.until) return refused('stale');
  const outcome = commitSettlement(market, lease, nowMs);
  return {
    ...{ ok: true, contract: lease.id, pool: lease.pool, participant: lease.participant, slots: lease.slots },
    ...{ outcome, paidMicro: String(lease.paid), refundedMicro: String(lease.amount - lease.paid), at: nowMs },
  };
}

export function commitSettlement(market: MarketState, lease: ContractState, nowMs: number): 'released' | 'expired' {
  market.ledger.tick(nowMs);
  endTerms(market, lease, Math.min(nowMs, lease.until), true);
  market.freeSlots(lease.pool, lease.slots, lease.cfp, nowMs);
  const forgottenAt = nowMs + ENDED_KEPT_MS;
  lease.state = 'settled';
  lease.forgottenAt = forgottenAt;
  market.intents.set(`${lease.participant}:${lease.intent}`, { contract: lease.id, forgottenAt });
  market.deadlines.delete(`lease:${lease.id}`);
  return nowMs >= lease.until ? 'expired' : 'released';
}
