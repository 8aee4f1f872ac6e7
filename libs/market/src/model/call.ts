// Calls in the model: open, extend, end without an award; the rules of open-call.lua, extend-call.lua, close-call.lua.
import { parseMicro } from '@tender/credits';
import { type Answer, type Asked, type CallTerms, type Done, refused } from './command.js';
import { returnDeposits } from './deposit.js';
import { CALL_LIFE_MS, type CallState, ENDED_KEPT_MS, type MarketState } from './market-state.js';

export function openCall(market: MarketState, asked: Asked & CallTerms, nowMs: number): Answer<Done['open-call']> {
  const pool = market.pools.get(asked.pool);
  if (pool === undefined) return refused('unknown');
  if (pool.seller !== asked.by) return refused('not-permitted');
  const reservePrice = parseMicro(asked.reservePriceMicro);
  if (reservePrice === undefined) return refused('malformed');
  if (reservePrice < pool.reservePrice) return refused('below-reserve-price');
  if (asked.seals.some((seal) => !pool.seals.includes(seal))) return refused('not-permitted');
  if (asked.depositMicro !== undefined) {
    if ((parseMicro(asked.depositMicro) ?? 0) === 0) return refused('malformed');
    if (pool.graceMs === 0) return refused('missing-dependency');
  }
  if (market.call(asked.cfp, nowMs) !== undefined) return refused('duplicate');
  const named = new Set<number>();
  for (const slot of asked.slots) {
    if (named.has(slot)) return refused('malformed');
    named.add(slot);
    if (!pool.free.has(slot)) return refused('no-capacity');
    if (market.locks.get(`${asked.pool}:${slot}`) !== asked.lockValue) return refused('lock-lost');
  }
  const call = commitCall(market, asked, nowMs);
  return {
    ok: true,
    cfp: call.cfp,
    slots: call.slots,
    fences: call.fences,
    openedAt: nowMs,
    closesAt: nowMs + asked.windowMs,
    awardBy: call.awardBy,
    reservePriceMicro: asked.reservePriceMicro,
  };
}

export function commitCall(market: MarketState, asked: Asked & CallTerms, nowMs: number): CallState {
  const pool = market.pools.get(asked.pool);
  if (pool === undefined) throw new Error(`there is no pool ${asked.pool}`);
  const call: CallState = {
    cfp: asked.cfp,
    pool: asked.pool,
    initiator: asked.by,
    payee: pool.account,
    slots: asked.slots,
    fences: asked.slots.map((slot) => pool.slots[slot]?.fence ?? 0),
    lockValue: asked.lockValue,
    rule: asked.rule,
    reservePrice: Number(asked.reservePriceMicro),
    durationMs: asked.durationMs,
    seals: asked.seals,
    termsDigest: asked.termsDigest,
    ...(asked.depositMicro === undefined
      ? {}
      : { deposit: Number(asked.depositMicro), closesAt: nowMs + asked.windowMs, depositUntil: nowMs + asked.ttlMs }),
    deposits: new Map(),
    openedAt: nowMs,
    awardBy: nowMs + asked.ttlMs,
    state: 'open',
    leases: 0,
  };
  market.calls.set(call.cfp, call);
  market.deadlines.set(`cfp:${call.cfp}`, call.awardBy);
  return call;
}

export function extendCall(
  market: MarketState,
  asked: Asked & { readonly cfp: string; readonly ttlMs: number },
  nowMs: number,
): Answer<Done['extend-call']> {
  const call = market.call(asked.cfp, nowMs);
  if (call === undefined) return refused('unknown');
  if (call.initiator !== asked.by || !market.sells(call)) return refused('not-permitted');
  if (call.state !== 'open') return refused('expired');
  if (nowMs > call.awardBy) return refused('late');
  if (!market.stillHeld(call)) return refused('lock-lost');
  if (nowMs + asked.ttlMs > call.openedAt + CALL_LIFE_MS) return refused('round-limit');
  commitExtension(market, call, asked.ttlMs, nowMs);
  return { ok: true, cfp: call.cfp, awardBy: call.awardBy };
}

export function commitExtension(market: MarketState, call: CallState, ttlMs: number, nowMs: number): void {
  call.awardBy = Math.max(nowMs + ttlMs, call.awardBy);
  market.deadlines.set(`cfp:${call.cfp}`, call.awardBy);
}

/** `by` is absent where the sweeper asks. */
export function closeCall(
  market: MarketState,
  asked: { readonly cfp: string; readonly by?: string },
  nowMs: number,
): Answer<Done['release-call']> {
  const call = market.call(asked.cfp, nowMs);
  if (call === undefined) return refused('unknown');
  if (asked.by !== undefined && call.initiator !== asked.by) return refused('not-permitted');
  if (call.state !== 'open') return refused('expired');
  if (asked.by === undefined && nowMs <= call.awardBy) return refused('stale');
  commitClosing(market, call, asked.by === undefined ? 'lapsed' : 'released', nowMs);
  return { ok: true, cfp: call.cfp };
}

export function commitClosing(
  market: MarketState,
  call: CallState,
  outcome: 'released' | 'lapsed',
  nowMs: number,
): void {
  market.ledger.tick(nowMs);
  call.state = outcome;
  call.forgottenAt = nowMs + ENDED_KEPT_MS;
  market.deadlines.delete(`cfp:${call.cfp}`);
  market.dropLock(call.pool, call.slots, call.lockValue);
  returnDeposits(market, call);
}
