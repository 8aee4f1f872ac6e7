// The award in the model: who may win, who wins, and what is committed; award.lua's rules, clearing by clear().
import type { AccountClass, Shortage } from '@tender/credits';
import { clear } from '../auction/clear.js';
import type { Winner } from '../messages.js';
import type { Detail, ShownVerdict } from '../refusal.js';
import { type Answer, type Asked, type Awarded, refused, type ShownBid } from './command.js';
import { isLaidDown, returnDeposits } from './deposit.js';
import { leaseDue, openTerm } from './lease.js';
import { rememberPrice } from './lease-price.js';
import type { CallState, ContractState, MarketState, PoolState } from './market-state.js';
import { beyondCap, beyondWall, countHeld, noiseOf, noisy, noteUse, whoOf } from './wall.js';

/** A bid and what came of it; `pays` in micro-credits per unit, of winners. */
export interface Judged {
  readonly bid: ShownBid;
  readonly outcome: 'won' | 'lost' | 'barred';
  readonly detail?: Detail | undefined;
  /** Of a bid beyond its budget: when that has its next window. */
  readonly retryAt?: number | undefined;
  readonly pays?: number | undefined;
  /** Where noise has a price: what clears, and by what the winner's own share multiplied it, in thousandths. */
  readonly clears?: number | undefined;
  readonly noise?: number | undefined;
  /** The account's class, of winners. */
  readonly class?: AccountClass | undefined;
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
    const [first] = judged;
    return { ...refused(first?.detail ?? 'no-capacity', first?.retryAt, nowMs), verdicts: verdictsOf(judged) };
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
  if (asked.policy !== market.policyVersion) return 'stale';
  return market.sells(call) ? undefined : 'not-permitted';
}

/** What comes of each bid, given ranked bids and the accounts as they are. */
export function judge(market: MarketState, call: CallState, bids: readonly ShownBid[], nowMs: number): Judged[] {
  const rule = { units: call.slots.length, rule: call.rule, reservePrice: call.reservePrice };
  const retryAt = new Map<ShownBid, number>();
  const { verdicts } = clear(rule, bids, (bid, taken) => {
    const detail = barred(market, call, bid, { taken, bids }, nowMs);
    if (typeof detail !== 'object') return detail;
    if (detail.retryAt > 0) retryAt.set(bid, detail.retryAt);
    return 'over-budget';
  });
  return verdicts.map((verdict) => {
    const { bid, outcome } = verdict;
    if (outcome === 'won') {
      const { class: accountClass } = market.ledger.account(bid.participant)!;
      return { bid, outcome, class: accountClass, ...priceOf(market, call, bid, verdict.price, nowMs) };
    }
    const at = retryAt.get(bid);
    const when = at === undefined ? {} : { retryAt: at };
    return { bid, outcome, ...(verdict.detail === undefined ? {} : { detail: verdict.detail }), ...when };
  });
}

/** Who takes a large share of late pays more than the price that clears, its own bid at most. */
export function priceOf(
  market: MarketState,
  call: Pick<CallState, 'pool'>,
  { participant, price }: Pick<ShownBid, 'participant' | 'price'>,
  clears: number,
  nowMs: number,
): Pick<Judged, 'pays' | 'clears' | 'noise'> {
  const account = market.ledger.account(participant);
  const pool = market.pools.get(call.pool);
  if (account === undefined || pool === undefined || pool.noiseMaxPermille <= 1000) return { pays: clears };
  const noise = noiseOf(pool, whoOf(account), nowMs);
  return { pays: Math.min(price, noisy(clears, noise)), clears, noise };
}

/** What is shown in one award, and what of it won before the bid that is looked at. */
interface Shown<B extends BidOfAccount = ShownBid> {
  readonly taken: readonly B[];
  readonly bids: readonly B[];
}

type BidOfAccount = Pick<ShownBid, 'participant' | 'units'>;

function unitsOf(bids: readonly BidOfAccount[]): number {
  return bids.reduce((sum, bid) => sum + bid.units, 0);
}

/** Whether a bid may not have slots of class standard, or of those lent for one short term: the wall's rule. */
export function walledOff<B extends BidOfAccount>(
  market: MarketState,
  call: Pick<CallState, 'pool' | 'slots' | 'durationMs'>,
  bid: B,
  { taken, bids }: Shown<B>,
): boolean {
  const classOf = ({ participant }: B) => market.ledger.account(participant)?.class;
  if (classOf(bid) === 'system') return false;
  const pool = market.pools.get(call.pool)!;
  const walled = unitsOf(taken.filter((other) => classOf(other) !== 'system'));
  if (!beyondWall(pool, walled, bid.units)) return false;
  const waiting = unitsOf(bids.filter((other) => classOf(other) === 'system' && !taken.includes(other)));
  return call.durationMs > pool.lendMs || call.slots.length - unitsOf(taken) - bid.units < waiting;
}

/** What lacks what a bid may come to, in the budgets as the bids leave them that were taken before it. */
function shortOf(market: MarketState, bid: ShownBid, taken: readonly ShownBid[], nowMs: number): Shortage | undefined {
  const budget = market.ledger.account(bid.participant)?.budget;
  if (budget === undefined) return undefined;
  const desk = market.ledger.budgets.desk(nowMs);
  for (const { participant, price, units } of taken) {
    desk.tryTake(market.ledger.account(participant)?.budget, price * units);
  }
  return desk.short(budget, bid.price * bid.units);
}

/** Whether a bidder holds the rate tokens without which its bid does not stand. */
export function tokensInHand(
  market: MarketState,
  { tokens, participant }: Pick<ShownBid, 'tokens' | 'participant'>,
  nowMs: number,
): boolean {
  const hold = tokens === undefined ? undefined : market.holds.get(tokens);
  return hold?.state === 'held' && hold.taken.agent === participant && nowMs < hold.taken.expiresAt;
}

/** Why a bid may not win, or undefined; `shown.taken` are the bids that won before it in this award. */
function barred(
  market: MarketState,
  call: CallState,
  bid: ShownBid,
  shown: Shown,
  nowMs: number,
): Detail | Shortage | undefined {
  if (bid.participant === call.initiator) return 'not-permitted';
  if (bid.until_ms < nowMs) return 'expired';
  const account = market.ledger.account(bid.participant);
  if (account?.kind !== 'agent') return 'unknown';
  if (bid.nkey !== undefined && bid.nkey !== account.nkey) return 'bad-signature';
  if (!call.seals.includes(bid.nkey === undefined ? 'mac' : 'ed25519')) return 'not-permitted';
  if (!isLaidDown(call, bid.participant, nowMs)) return 'missing-dependency';
  if (bid.tokens !== undefined && !tokensInHand(market, bid, nowMs)) return 'missing-dependency';
  const { taken } = shown;
  const own = taken.filter((other) => other.participant === bid.participant);
  if (own.some((other) => other.intent === bid.intent)) return 'duplicate';
  if (market.intent(bid.participant, bid.intent, nowMs) !== undefined) return 'duplicate';
  const spent = own.reduce((sum, other) => sum + other.price * other.units, 0);
  if (account.available - spent < bid.price * bid.units) return 'insufficient-credits';
  if (bid.limit !== undefined && account.pending + spent + bid.price * bid.units > bid.limit) return 'over-budget';
  const pool = market.pools.get(call.pool)!;
  const owner = whoOf(account);
  const ours = taken.filter((other) => whoOf(market.ledger.account(other.participant)!) === owner);
  if (beyondCap(pool, owner, unitsOf(ours), bid.units)) return 'over-budget';
  const short = shortOf(market, bid, taken, nowMs);
  if (short !== undefined) return short;
  const fits = bid.units <= call.slots.length - unitsOf(taken);
  return fits && walledOff(market, call, bid, shown) ? 'reserved-for-system' : undefined;
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
  const toBegin = new Map<string, number>();
  for (const won of judged) {
    const { bid, outcome, pays, clears } = won;
    if (outcome !== 'won' || pays === undefined) continue;
    const slots = call.slots.slice(next, next + bid.units);
    next += bid.units;
    const grant = { id: `${call.cfp}-${winners.length + 1}`, slots, pays, class: won.class ?? 'standard' };
    winners.push(grantLease(market, call, bid, grant, nowMs));
    if (pool.graceMs > 0) toBegin.set(bid.participant, (toBegin.get(bid.participant) ?? 0) + 1);
    spot = Math.min(spot, clears ?? pays);
  }
  pool.spot = spot;
  pool.spotDurationMs = call.durationMs;
  pool.recent = rememberPrice(pool.recent, { priceMicro: spot, durationMs: call.durationMs });
  call.state = 'awarded';
  call.leases = winners.length;
  market.deadlines.delete(`cfp:${call.cfp}`);
  market.dropLock(call.pool, call.slots, call.lockValue);
  returnDeposits(market, call, toBegin);
  return winners;
}

interface Grant {
  readonly id: string;
  readonly slots: readonly number[];
  readonly pays: number;
  readonly class: AccountClass;
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
  const who = whoOf(market.ledger.account(bid.participant)!);
  if (lease.class === 'standard' && beyondWall(pool, 0, bid.units)) lease.lent = 1;
  if (pool.ownerMax > 0) lease.owner = who;
  countHeld(pool, bid.units, lease.class, lease.owner);
  noteUse(pool, who, bid.units * call.durationMs, nowMs);
  market.contracts.set(id, lease);
  market.winIntent(bid, id);
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
    ...{ graceMs: graceMs || undefined, idleMs: idleMs || undefined, compensationPermille, class: grant.class },
    ...(graceMs > 0 && call.deposit !== undefined ? { deposit: call.deposit } : {}),
    until: nowMs + call.durationMs,
    terms: 1,
    endedTerms: 0,
    amount: grant.pays * bid.units,
    paid: 0,
    state: 'awarded',
  };
}

function verdictsOf(judged: readonly Judged[]): ShownVerdict[] {
  return judged.map(({ bid, outcome, detail, retryAt }) => ({
    ...{ participant: bid.participant, intent: bid.intent, outcome },
    ...(detail === undefined ? {} : { detail }),
    ...(retryAt === undefined ? {} : { retryAt }),
  }));
}

function awarded(call: CallState, judged: readonly Judged[], winners: readonly Winner[], nowMs: number): Awarded {
  const outbid = judged.find((entry) => entry.outcome === 'lost');
  return {
    ...{ cfp: call.cfp, pool: call.pool, initiator: call.initiator, at: nowMs, rule: call.rule },
    ...{ units: call.slots.length, durationMs: call.durationMs, winners },
    clearingPriceMicro: String(
      Math.min(...judged.flatMap(({ pays, clears = pays }) => (clears === undefined ? [] : [clears]))),
    ),
    verdicts: verdictsOf(judged),
    ...(outbid === undefined
      ? {}
      : { outbid: { participant: outbid.bid.participant, priceMicro: String(outbid.bid.price) } }),
  };
}
