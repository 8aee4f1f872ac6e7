// How a hold ends in the model, given back or by the clock: the rules of return-tokens.lua and expire-hold.lua.
import {
  type Bucket,
  hearUpstream,
  isHeard,
  MAX_MICRO,
  NO_USE,
  noisePermille,
  recentUse,
  reconcile,
  unitPrice,
  WHOLE_WINDOW,
} from '@tender/credits';
import type { HoldEnd } from '../tokens.js';
import { bucketAt, countUse, weightIn } from './bucket.js';
import { type Answer, type Done, refused } from './command.js';
import type { MarketState } from './market-state.js';
import type { HoldExpired, ReturnAsked, Returned } from './tokens-command.js';
import { type HoldState, inHand, paymentId, setAside } from './tokens-record.js';

/** Of what was scarce, this part of the price at least is paid, used or not. */
const KEPT_LEAST_SHARE = 10;
/** The rate of a surplus is at most so many times the hold's own: a clearing can be bid up to make others pay. */
const SURPLUS_TIMES = 10;

type Asked = ReturnAsked & { readonly by: string; readonly key: string; readonly digest: string };

export function returnTokens(market: MarketState, asked: Asked, nowMs: number): Answer<Done['return-tokens']> {
  const hold = market.hold(asked.hold, nowMs);
  if (hold === undefined) return refused('unknown');
  if (!market.speaksFor(asked.by, hold.taken.agent)) return refused('not-permitted');
  if (hold.end?.key === asked.key) {
    return hold.end.digest === asked.digest ? { ok: true, replayed: true, ...hold.end.answer } : refused('duplicate');
  }
  if (hold.state !== 'held' || nowMs >= hold.taken.expiresAt) return refused('expired');
  if (hold.tasks !== undefined) return refused('not-your-turn');
  if (Object.keys(asked.used).some((name) => hold.taken.amounts[name] === undefined)) return refused('malformed');
  return { ok: true, ...commitReturn(market, hold, asked, nowMs).answer };
}

/** What a return came to, beside its answer: what was used of each limit, and what was paid within and beyond the hold. */
export interface Settlement {
  readonly answer: Returned;
  readonly used: Readonly<Record<string, number>>;
  readonly paid: number;
  readonly extra: number;
}

export function commitReturn(
  market: MarketState,
  hold: HoldState,
  asked: Omit<Asked, 'by' | 'hold'>,
  nowMs: number,
): Settlement {
  const { taken } = hold;
  market.ledger.tick(nowMs);
  const bucket = bucketAt(market, taken.bucket, nowMs);
  const names = Object.keys(taken.unitsMicro);
  const held = Object.fromEntries(names.map((name) => [name, inHand(hold, name)]));
  const used = Object.fromEntries(names.map((name) => [name, asked.used[name] ?? held[name]!]));
  const { cost, over } = priced(market, bucket, hold, used, nowMs);
  const returned = Object.fromEntries(names.map((name) => [name, Math.max(0, held[name]! - used[name]!)]));
  const { class: accountClass } = market.ledger.account(taken.agent)!;
  const heard = isHeard(bucket, accountClass);
  for (const limit of bucket.limits) {
    const name = limit.name;
    if (name in used) reconcile(limit, held[name]!, heard ? used[name]! : Math.min(used[name]!, held[name]!));
  }
  // What was sold was taken, too.
  const counts = Object.fromEntries(names.map((name) => [name, taken.amounts[name]! - held[name]! + used[name]!]));
  const more = weightIn(bucket, counts) - weightIn(bucket, taken.amounts);
  countUse(market, bucket, taken.who, more, nowMs, more < 0 ? taken.at : nowMs);
  if (asked.upstream !== undefined) hearUpstream(bucket, asked.upstream, accountClass, nowMs);
  const pending = setAside(hold);
  // As with a lease: what was scarce and kept from others costs a tenth at least.
  const least = bucket.scarceAt >= taken.at ? Math.ceil(pending / KEPT_LEAST_SHARE) : 0;
  const paid = Math.min(pending, Math.max(cost, least));
  endHold(market, hold, 'settled', paid, nowMs);
  const extra = payExtra(market, hold, over);
  const answer: Returned = {
    ...{ hold: taken.hold, bucket: bucket.id, agent: taken.agent, returned, at: nowMs },
    ...{ paidMicro: String(hold.paid + extra), refundedMicro: String(pending - paid) },
    ...{ factorPermille: bucket.factor, pausedUntil: bucket.pausedUntil },
  };
  hold.end = { key: asked.key, digest: asked.digest, answer };
  return { answer, used, paid, extra };
}

/**
 * What was used costs: as agreed up to what was held; beyond it what it would cost now, and no less than the rest, so
 * that it is no way around the clearing.
 */
function priced(
  market: MarketState,
  bucket: Bucket,
  hold: HoldState,
  used: Readonly<Record<string, number>>,
  nowMs: number,
): { readonly cost: number; readonly over: number } {
  const { who, unitsMicro, ratePermille } = hold.taken;
  const rate = Math.min(bucket.spotPermille, SURPLUS_TIMES * ratePermille);
  const { noiseWindowMs, noiseMaxPermille } = bucket.spec;
  const recent = recentUse(market.taken.get(bucket.id)?.get(who) ?? NO_USE, noiseWindowMs, nowMs);
  const noise = noisePermille(recent, WHOLE_WINDOW, noiseMaxPermille);
  let [cost, over] = [0, 0];
  for (const [name, unit] of Object.entries(unitsMicro)) {
    const has = inHand(hold, name);
    cost += Math.min(used[name]!, has) * Number(unit);
    const limit = bucket.limits.find((one) => one.name === name);
    if (limit === undefined) continue;
    const now = Math.max(Number(unit), unitPrice(limit.price, rate, noise));
    over += Math.max(0, used[name]! - has) * now;
  }
  return { cost, over };
}

/** What was used beyond the hold is paid as far as credits and budgets reach; returns how much that is. */
function payExtra(market: MarketState, { taken }: HoldState, over: number): number {
  const { ledger } = market;
  const account = ledger.account(taken.agent)!;
  let extra = Math.min(over, account.available);
  if (extra > 0 && account.budget !== undefined) {
    const desk = ledger.budgets.desk(ledger.clock);
    if (desk.short(account.budget, extra) !== undefined) {
      const room = desk
        .chain(account.budget)
        .map(({ allowance, used, total }) => Math.min(Math.max(0, allowance - used), Number.MAX_SAFE_INTEGER - total));
      extra = Math.min(extra, MAX_MICRO, ...room);
    }
  }
  const posting = { id: `${taken.hold}.o`, debit: taken.agent, credit: taken.payee, amount: extra };
  if (extra > 0) ledger.postSingle({ ...posting, tags: { agent: taken.agent, bucket: taken.bucket } });
  return extra;
}

/** Ends a hold and the payment that it is: `posted` of what is still set aside is paid, the rest goes back. */
export function endHold(market: MarketState, hold: HoldState, state: HoldEnd, posted: number, nowMs: number): void {
  const { hold: id, amountMicro } = hold.taken;
  const payment = posted > 0 || hold.paid > 0 ? 'posted' : 'voided';
  if (Number(amountMicro) > 0) market.ledger.endPending(paymentId(id), posted, payment);
  hold.state = state;
  hold.paid += posted;
  hold.endedAt = nowMs;
  hold.offer = undefined;
  hold.tasks = undefined;
  market.deadlines.delete(`hold:${id}`);
}

export function expireHold(market: MarketState, id: string, nowMs: number): Answer<HoldExpired> {
  const hold = market.hold(id, nowMs);
  if (hold === undefined) return refused('unknown');
  if (hold.state !== 'held') return refused('expired');
  if (nowMs < hold.taken.expiresAt) return refused('stale');
  commitExpiry(market, hold, nowMs);
  const { bucket, agent } = hold.taken;
  return { ok: true, hold: id, bucket, agent, paidMicro: String(hold.paid), at: nowMs };
}

/** What was not given back counts as used. Returns what was paid by this. */
export function commitExpiry(market: MarketState, hold: HoldState, nowMs: number): number {
  market.ledger.tick(nowMs);
  const posted = setAside(hold);
  endHold(market, hold, 'expired', posted, nowMs);
  return posted;
}
