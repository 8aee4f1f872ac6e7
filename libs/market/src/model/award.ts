// The award in the model: who may win, who wins, and what is committed; award.lua's rules, clearing by clear().
import { clear } from '../auction/clear.js';
import type { Winner } from '../messages.js';
import type { Detail, ShownVerdict } from '../refusal.js';
import { type Answer, type Asked, type Awarded, refused, type ShownBid } from './command.js';
import { leaseDue, openTerm } from './lease.js';
import { rememberPrice } from './lease-price.js';
import type { CallState, ContractState, MarketState, PoolState } from './market-state.js';

/** A bid and what came of it; `pays` in micro-credits per unit, of winners. */
export interface Judged {
  readonly bid: ShownBid;
  readonly outcome: 'won' | 'lost' | 'barred';
  readonly detail?: Detail | undefined;
  readonly pays?: number | undefined;
}

type AwardAsked = Asked & {
  readonly cfp: string;
  readonly termsDigest: string;
  readonly bids: readonly ShownBid[];
  /** The version of the rules by which they were judged. */
  readonly policy: number;
};

export function award(market: MarketState, asked: AwardAsked, nowMs: number): Answer<Awarded> {
  const call = market.call(asked.cfp, nowMs);
  if (call === undefined) return refused('unknown');
  const detail = refusalOf(market, call, asked, nowMs);
  if (detail !== undefined) return refused(detail);
  const judged = judge(market, call, asked.bids, nowMs);
  if (!judged.some((entry) => entry.outcome === 'won')) {
    return { ...refused(judged[0]?.detail ?? 'no-capacity'), verdicts: verdictsOf(judged) };
  }
  const winners = commitAward(market, call, judged, nowMs);
  return { ok: true, ...awarded(call, judged, winners, nowMs) };
}

function refusalOf(market: MarketState, call: CallState, asked: AwardAsked, nowMs: number): Detail | undefined {
  if (call.initiator !== asked.by) return 'not-permitted';
  if (call.state === 'awarded') return 'duplicate';
  if (call.state === 'lapsed') return 'lock-lost';
  if (call.state !== 'open') return 'expired';
  if (call.termsDigest !== asked.termsDigest) return 'stale';
  if (!market.stillHeld(call)) return 'lock-lost';
  if (nowMs > call.awardBy) return 'late';
  return asked.policy === market.policyVersion ? undefined : 'stale';
}

/** What comes of each bid, given ranked bids and the accounts as they are. */
export function judge(market: MarketState, call: CallState, bids: readonly ShownBid[], nowMs: number): Judged[] {
  const rule = { units: call.slots.length, rule: call.rule, reservePrice: call.reservePrice };
  const { verdicts } = clear(rule, bids, (bid, taken) => barred(market, call, bid, taken, nowMs));
  return verdicts.map((verdict) => ({
    bid: verdict.bid,
    outcome: verdict.outcome,
    ...(verdict.outcome === 'won' ? { pays: verdict.price } : {}),
    ...(verdict.outcome !== 'won' && verdict.detail !== undefined ? { detail: verdict.detail } : {}),
  }));
}

/** Why a bid may not win, or undefined; `taken` are the bids that won before it in this award. */
function barred(
  market: MarketState,
  call: CallState,
  bid: ShownBid,
  taken: readonly ShownBid[],
  nowMs: number,
): Detail | undefined {
  if (bid.participant === call.initiator) return 'not-permitted';
  if (bid.until_ms < nowMs) return 'expired';
  const account = market.ledger.account(bid.participant);
  if (account?.kind !== 'agent') return 'unknown';
  if (bid.nkey !== undefined && bid.nkey !== account.nkey) return 'bad-signature';
  if (!call.seals.includes(bid.nkey === undefined ? 'mac' : 'ed25519')) return 'not-permitted';
  const own = taken.filter((other) => other.participant === bid.participant);
  if (own.some((other) => other.intent === bid.intent)) return 'duplicate';
  if (market.intent(bid.participant, bid.intent, nowMs) !== undefined) return 'duplicate';
  const spent = own.reduce((sum, other) => sum + other.price * other.units, 0);
  if (account.available - spent < bid.price * bid.units) return 'insufficient-credits';
  if (bid.limit !== undefined && account.pending + spent + bid.price * bid.units > bid.limit) return 'over-budget';
  const units = taken.reduce((sum, other) => sum + other.units, 0);
  const pool = market.pools.get(call.pool)!;
  const fits = bid.units <= call.slots.length - units;
  if (account.class !== 'system' && fits && pool.free.size - units - bid.units < pool.reserve) {
    return 'reserved-for-system';
  }
  return undefined;
}

/** Gives the winners their slots and sets their credits aside; throws where there is no such account or slot. */
export function commitAward(
  market: MarketState,
  call: CallState,
  judged: readonly Judged[],
  nowMs: number,
): readonly Winner[] {
  market.ledger.tick(nowMs);
  const pool = market.pools.get(call.pool)!;
  const winners: Winner[] = [];
  let next = 0;
  let spot = Number.POSITIVE_INFINITY;
  for (const { bid, outcome, pays } of judged) {
    if (outcome !== 'won' || pays === undefined) continue;
    const slots = call.slots.slice(next, next + bid.units);
    next += bid.units;
    winners.push(grantLease(market, call, bid, { id: `${call.cfp}-${winners.length + 1}`, slots, pays }, nowMs));
    spot = Math.min(spot, pays);
  }
  pool.spot = spot;
  pool.spotDurationMs = call.durationMs;
  pool.recent = rememberPrice(pool.recent, { priceMicro: spot, durationMs: call.durationMs });
  call.state = 'awarded';
  call.leases = winners.length;
  market.deadlines.delete(`cfp:${call.cfp}`);
  market.dropLock(call.pool, call.slots, call.lockValue);
  return winners;
}

interface Grant {
  readonly id: string;
  readonly slots: readonly number[];
  readonly pays: number;
}

function grantLease(market: MarketState, call: CallState, bid: ShownBid, grant: Grant, nowMs: number): Winner {
  const pool = market.pools.get(call.pool)!;
  const { id, slots, pays } = grant;
  const fences = slots.map((n) => {
    const slot = pool.slots[n];
    if (slot === undefined) throw new Error(`there is no slot ${call.pool}:${n}`);
    slot.fence += 1;
    slot.contract = id;
    pool.free.delete(n);
    return slot.fence;
  });
  const lease = leaseOf(pool, call, bid, grant, fences, nowMs);
  market.contracts.set(id, lease);
  market.intents.set(`${bid.participant}:${bid.intent}`, { contract: id });
  market.deadlines.set(`lease:${id}`, leaseDue(lease).at);
  openTerm(market, lease, 1, lease.amount);
  return {
    contract: id,
    participant: bid.participant,
    intent: bid.intent,
    units: bid.units,
    slots: [...slots],
    fences,
    priceMicro: String(pays),
    amountMicro: String(lease.amount),
    startedAt: nowMs,
    until: lease.until,
  };
}

function leaseOf(
  { graceMs, idleMs, compensationPermille }: PoolState,
  call: CallState,
  bid: ShownBid,
  grant: Grant,
  fences: readonly number[],
  nowMs: number,
): ContractState {
  return {
    id: grant.id,
    cfp: call.cfp,
    pool: call.pool,
    participant: bid.participant,
    payee: call.payee,
    intent: bid.intent,
    units: bid.units,
    slots: grant.slots,
    fences,
    price: grant.pays,
    startedAt: nowMs,
    durationMs: call.durationMs,
    ...{ graceMs: graceMs || undefined, idleMs: idleMs || undefined, compensationPermille },
    until: nowMs + call.durationMs,
    terms: 1,
    endedTerms: 0,
    amount: grant.pays * bid.units,
    paid: 0,
    state: 'awarded',
  };
}

function verdictsOf(judged: readonly Judged[]): ShownVerdict[] {
  return judged.map(({ bid, outcome, detail }) => ({
    ...{ participant: bid.participant, intent: bid.intent, outcome },
    ...(detail === undefined ? {} : { detail }),
  }));
}

function awarded(call: CallState, judged: readonly Judged[], winners: readonly Winner[], nowMs: number): Awarded {
  const outbid = judged.find((entry) => entry.outcome === 'lost');
  return {
    ...{ cfp: call.cfp, pool: call.pool, initiator: call.initiator, at: nowMs, rule: call.rule },
    ...{ units: call.slots.length, durationMs: call.durationMs, winners },
    clearingPriceMicro: String(Math.min(...judged.flatMap(({ pays }) => (pays === undefined ? [] : [pays])))),
    verdicts: verdictsOf(judged),
    ...(outbid === undefined
      ? {}
      : { outbid: { participant: outbid.bid.participant, priceMicro: String(outbid.bid.price) } }),
  };
}
