// Engaging in the model: which offers may be closed on, and what each binds; the rules of engage.lua and task.lua.
import { type BudgetDesk, MAX_MICRO, parseMicro } from '@tender/credits';
import type { Detail, ShownVerdict } from '../refusal.js';
import { contractStems } from '../task/contract-id.js';
import { tokensInHand } from './award.js';
import { type Answer, type Asked, refused } from './command.js';
import { returnDeposits } from './deposit.js';
import type { CallState, MarketState } from './market-state.js';
import type { EngageAsked, Engaged, StandbyOffer, TaskOffer } from './task-command.js';
import { paymentIds, type TaskRecord } from './task-record.js';
import { noteAtWork } from './tokens-record.js';
import { countHeld, keptFrom, noteUse, whoOf } from './wall.js';

/** The wire's times have 14 digits at most. */
export const MAX_MS = 99_999_999_999_999;

/** What the contract to be asks of an offer; `needs` in units or thousandths of the scope. */
export interface Deal extends Pick<TaskRecord, 'buyer' | 'counts' | 'needs' | 'bond' | 'tokens'> {
  /** The most that the buyer may have set aside with it. */
  readonly limit?: number | undefined;
}

/** What is bound by the offers that are taken together with the one that is looked at. */
export interface Bound {
  spent: number;
  readonly bonds: Map<string, number>;
  /** Slots by pool, as the wall counts them and as the buyer's owner's. */
  readonly walled: Map<string, number>;
  readonly owned: Map<string, number>;
  readonly intents: Set<string>;
  readonly holds: Set<string>;
  /** Budgets, as it leaves them. */
  desk: BudgetDesk;
}

/** Why an offer may not be engaged, and when it may where that is known. */
export interface Uncovered {
  readonly detail: Detail;
  readonly retryAt?: number;
}

export interface JudgedOffer {
  readonly offer: TaskOffer;
  readonly outcome: ShownVerdict['outcome'];
  readonly detail?: Detail | undefined;
  readonly retryAt?: number | undefined;
}

export function nothingBound(market: MarketState, nowMs: number): Bound {
  const sums = { spent: 0, bonds: new Map(), walled: new Map(), owned: new Map() };
  return { ...sums, intents: new Set(), holds: new Set(), desk: market.ledger.budgets.desk(nowMs) };
}

type Payers = Pick<Deal, 'buyer' | 'bond'>;

function add(sums: Map<string, number>, name: string, amount: number): void {
  sums.set(name, (sums.get(name) ?? 0) + amount);
}

/** Takes what an offer binds that is covered. */
export function bind(market: MarketState, bound: Bound, offer: StandbyOffer, { buyer, bond }: Payers): void {
  bound.spent += offer.price;
  bound.desk.tryTake(market.ledger.account(buyer)?.budget, offer.price);
  bound.desk.tryTake(market.ledger.account(offer.participant)?.budget, bond);
  add(bound.bonds, offer.participant, bond);
  bound.intents.add(`${offer.participant}:${offer.intent}`);
  const call = market.calls.get(offer.hold);
  if (call === undefined) return;
  bound.holds.add(offer.hold);
  add(bound.walled, call.pool, offer.units);
  add(bound.owned, call.pool, offer.units);
}

export function engage(market: MarketState, asked: Asked & EngageAsked, nowMs: number): Answer<Engaged> {
  const detail = refusalOf(market, asked, nowMs);
  if (detail !== undefined) return refused(detail);
  const judged = judgeOffers(market, asked, nowMs);
  const won = judged.filter(({ outcome }) => outcome === 'won');
  if (won.length === 0) {
    const { detail = 'no-capacity', retryAt } = judged[0]!;
    return { ...refused(detail, retryAt, nowMs), verdicts: verdictsOf(judged) };
  }
  const sum = won.reduce((total, { offer }) => total + offer[asked.counts], 0);
  if (asked.fill === 'all' && sum < asked.total) {
    const verdicts = verdictsOf(judged).map((verdict) =>
      verdict.outcome === 'won' ? { ...verdict, outcome: 'lost' as const } : verdict,
    );
    return { ...refused('no-capacity'), verdicts };
  }
  const stem = stemOf(market, asked, nowMs)!;
  const nameOf = (index: number) => `${stem}${index + 1}`;
  const contracts = commitEngagement(market, asked, judged, nowMs, nameOf).map(engagedOf);
  return { ok: true, conversation: asked.conversation, at: nowMs, contracts, verdicts: verdictsOf(judged) };
}

function refusalOf(market: MarketState, asked: Asked & EngageAsked, nowMs: number): Detail | undefined {
  const { buyer, conditions, limitMicro } = asked;
  if (!market.speaksFor(asked.by, buyer)) return 'not-permitted';
  if (market.ledger.account(buyer)?.kind !== 'agent') return 'unknown';
  if (market.policyVersion !== asked.policy) return 'stale';
  if (market.taskGivenOut(buyer, asked.task, nowMs) !== undefined) return 'duplicate';
  if (stemOf(market, asked, nowMs) === undefined) return 'duplicate';
  const amounts = [conditions.bondMicro, limitMicro ?? '0'];
  return amounts.some((amount) => parseMicro(amount) === undefined) ? 'malformed' : undefined;
}

/** How the contracts will be called; undefined where this buyer has closed in this conversation before. */
function stemOf(market: MarketState, { conversation, buyer, offers }: EngageAsked, nowMs: number): string | undefined {
  const [plain, own] = contractStems(conversation, buyer);
  let stem = plain;
  for (let n = 1; n <= offers.length; n += 1) {
    const closed = market.task(`${plain}${n}`, nowMs)?.buyer;
    if (closed === buyer || market.task(`${own}${n}`, nowMs) !== undefined) return undefined;
    if (closed !== undefined) stem = own;
  }
  return stem;
}

/** What each contract of an engagement asks of an offer. */
export function dealOf(asked: EngageAsked): Deal {
  return {
    buyer: asked.buyer,
    counts: asked.counts,
    needs: asked.fill === 'one' ? asked.total : 1,
    bond: Number(asked.conditions.bondMicro),
    tokens: asked.tokens,
    limit: asked.limitMicro === undefined ? undefined : Number(asked.limitMicro),
  };
}

/** In rank order, each offer whole: what is taken counts for those behind it; those not needed stand by. */
function judgeOffers(market: MarketState, asked: EngageAsked, nowMs: number): JudgedOffer[] {
  const deal = dealOf(asked);
  const bound = nothingBound(market, nowMs);
  let sum = 0;
  return asked.offers.map((offer): JudgedOffer => {
    const full = sum >= asked.total;
    const detail = unfit(market, offer, deal, bound, nowMs);
    const lacks = detail === undefined && !full ? uncovered(market, offer, deal, bound) : detail && { detail };
    if (lacks !== undefined) return { offer, outcome: 'barred', ...lacks };
    if (full) return { offer, outcome: 'lost' };
    bind(market, bound, offer, deal);
    sum += offer[asked.counts];
    return { offer, outcome: 'won' };
  });
}

/** Why an offer may not be engaged at all, or undefined. */
export function unfit(
  market: MarketState,
  offer: StandbyOffer & Pick<TaskOffer, 'barred'>,
  deal: Deal,
  bound: Bound,
  nowMs: number,
): Detail | undefined {
  if (offer.barred !== undefined) return offer.barred;
  if (!Number.isInteger(offer.price) || offer.price < 1 || offer.price > MAX_MICRO) return 'malformed';
  if (offer.participant === deal.buyer) return 'not-permitted';
  if (offer.until_ms < nowMs) return 'expired';
  const account = market.ledger.account(offer.participant);
  if (account?.kind !== 'agent') return 'unknown';
  if (offer.nkey !== undefined && offer.nkey !== account.nkey) return 'bad-signature';
  if (bound.intents.has(`${offer.participant}:${offer.intent}`)) return 'duplicate';
  if (market.intent(offer.participant, offer.intent, nowMs) !== undefined) return 'duplicate';
  if (offer.deadline <= nowMs) return 'deadline-infeasible';
  if (offer[deal.counts] < deal.needs) return 'no-capacity';
  if (!isSupplied(market, deal, nowMs)) return 'missing-dependency';
  if (offer.hold === '') return undefined;
  return bound.holds.has(offer.hold) ? 'lock-lost' : notHeld(market, offer, nowMs);
}

/** Whether the buyer has the rate tokens in hand that it said the work may use. */
export function isSupplied(market: MarketState, { tokens, buyer }: Pick<Deal, 'tokens' | 'buyer'>, nowMs: number) {
  return tokens === undefined || tokensInHand(market, { tokens, participant: buyer }, nowMs);
}

/** Why the provider's call does not back its offer. */
function notHeld(market: MarketState, offer: StandbyOffer, nowMs: number): Detail | undefined {
  const call = market.call(offer.hold, nowMs);
  if (call !== undefined && (call.initiator !== offer.participant || !market.sells(call))) return 'not-permitted';
  if (call?.state !== 'open' || nowMs > call.awardBy || !market.stillHeld(call)) return 'lock-lost';
  return call.slots.length === offer.units ? beyondTerms(call, offer) : 'no-capacity';
}

/** The slots are the pool's, not the provider's: they cost what their call asks, for as long as it lends them. */
export function beyondTerms(
  call: Pick<CallState, 'reservePrice' | 'durationMs'>,
  offer: Pick<StandbyOffer, 'price' | 'units' | 'durationMs'>,
): Detail | undefined {
  if (offer.price < call.reservePrice * offer.units) return 'below-reserve-price';
  return offer.durationMs > call.durationMs ? 'deadline-infeasible' : undefined;
}

/** Why an offer that is fit may not be engaged beside what is bound already, or undefined. */
export function uncovered(market: MarketState, offer: StandbyOffer, deal: Deal, bound: Bound): Uncovered | undefined {
  const detail = unpaid(market, offer, deal, bound);
  return detail === undefined ? overspent(market, offer, deal, bound) : { detail };
}

/** Whether budgets, which buyer and provider may share, lack room for price and bond beside what is bound. */
function overspent(
  market: MarketState,
  { participant, price }: Pick<StandbyOffer, 'participant' | 'price'>,
  { buyer, bond }: Payers,
  bound: Pick<Bound, 'desk'>,
): Uncovered | undefined {
  const desk = bound.desk.copy();
  const short =
    desk.tryTake(market.ledger.account(buyer)?.budget, price) ??
    desk.tryTake(market.ledger.account(participant)?.budget, bond);
  if (short === undefined) return undefined;
  return short.retryAt > 0 ? { detail: 'over-budget', retryAt: short.retryAt } : { detail: 'over-budget' };
}

function unpaid(market: MarketState, offer: StandbyOffer, deal: Deal, bound: Bound): Detail | undefined {
  const provider = market.ledger.account(offer.participant)!;
  const buyer = market.ledger.account(deal.buyer)!;
  if (provider.available - (bound.bonds.get(offer.participant) ?? 0) < deal.bond) return 'insufficient-credits';
  const call = market.calls.get(offer.hold);
  if (call !== undefined) {
    const [walled, owned] = [bound.walled.get(call.pool) ?? 0, bound.owned.get(call.pool) ?? 0];
    const detail = keptFrom(buyer, market.pools.get(call.pool)!, offer.units, walled, owned);
    if (detail !== undefined) return detail;
  }
  if (buyer.available - bound.spent < offer.price) return 'insufficient-credits';
  if (deal.limit !== undefined && buyer.pending + bound.spent + offer.price > deal.limit) return 'over-budget';
  return undefined;
}

/** Makes the winners' contracts; throws where there is no such account, call or slot. */
export function commitEngagement(
  market: MarketState,
  asked: EngageAsked,
  judged: readonly JudgedOffer[],
  nowMs: number,
  nameOf: (index: number) => string,
): readonly TaskRecord[] {
  market.ledger.tick(nowMs);
  const { graceMs, reportEveryMs, lateMs, rebatePermille, penaltyPermille, disputeMs } = asked.conditions;
  const { buyer, conversation, task, resource, counts, frameText: frame, approved, tokens } = asked;
  const { needs, bond } = dealOf(asked);
  const standbys = judged.filter(({ outcome }) => outcome === 'lost').map(({ offer }) => standbyOf(offer));
  const won = judged.filter(({ outcome }) => outcome === 'won');
  market.givenOut.set(`${buyer}:${task}`, { conversation, live: won.length, done: 0 });
  return won.map(({ offer }, index) => {
    const terms = {
      ...{ id: nameOf(index), buyer, conversation, task, resource, counts, frame, bond },
      ...(approved === undefined ? {} : { approved: 1 as const }),
      ...(tokens === undefined ? {} : { tokens }),
      ...{ graceMs, reportEveryMs, lateMs, rebatePermille, penaltyPermille, disputeMs },
      // A standby makes up for what its forerunner leaves open.
      needs: asked.fill === 'all' ? offer[counts] : needs,
      ...{ standbys, tried: 0, awardedAt: nowMs, attempt: 1 },
    };
    const record: TaskRecord = { ...terms, ...giveTask(market, terms, offer, nowMs) };
    market.tasks.set(record.id, record);
    return record;
  });
}

type Terms = Pick<TaskRecord, 'id' | 'attempt' | 'buyer' | 'resource' | 'bond' | 'graceMs' | 'tokens'>;
type Attempt = Omit<TaskRecord, keyof EngagedTerms>;
type EngagedTerms = Omit<Terms, 'graceMs'> &
  Pick<
    TaskRecord,
    'conversation' | 'task' | 'counts' | 'needs' | 'approved' | 'tokens' | 'frame' | 'standbys' | 'tried' | 'awardedAt'
  > &
  Pick<TaskRecord, 'graceMs' | 'reportEveryMs' | 'lateMs' | 'rebatePermille' | 'penaltyPermille' | 'disputeMs'>;

/** Gives a contract to an offer: payments, intent, slots, rate tokens. Returns what the record says of the present provider. */
export function giveTask(market: MarketState, terms: Terms, offer: StandbyOffer, nowMs: number): Attempt {
  const { id, buyer, resource, bond } = terms;
  const { participant, intent, price, units, scope, startBy, deadline, durationMs, hold } = offer;
  const tags = (agent: string) => ({ agent, pool: resource, contract: id });
  const payments = paymentIds(terms);
  const { ledger } = market;
  // Work on a pool's slots earns for the pool: whoever sells them does not sell them to itself.
  const payee = hold === '' ? participant : openCallOf(market, hold).payee;
  ledger.openPending({ id: payments.price, debit: buyer, credit: payee, amount: price, tags: tags(buyer) }, undefined);
  if (bond > 0) {
    const posting = { id: payments.bond, debit: participant, credit: buyer, amount: bond, tags: tags(participant) };
    ledger.openPending(posting, undefined);
  }
  market.winIntent(offer, id);
  const none = { pool: '', slots: [], fences: [], class: '', owner: '' } as const;
  const taken = hold === '' ? none : takeSlots(market, offer, id, buyer, nowMs);
  noteTokens(market, terms, true);
  const dueAt = Math.min(Math.max(startBy, nowMs) + terms.graceMs, MAX_MS);
  market.deadlines.set(`task:${id}`, dueAt);
  return {
    ...{ state: 'awarded', handedAt: nowMs, participant, payee, intent, price, units, scope, startBy, deadline },
    ...{ durationMs, issues: offer.issuesText, hold, ...taken, percent: 0, dueAt },
  };
}

/** Notes that a contract's work has its buyer's rate tokens, or no longer; of a hold that is over nothing is left. */
export function noteTokens(market: MarketState, { id, tokens }: Pick<Terms, 'id' | 'tokens'>, atWork: boolean): void {
  const hold = tokens === undefined ? undefined : market.holds.get(tokens);
  if (hold?.state === 'held') noteAtWork(hold, id, atWork);
}

function takeSlots(market: MarketState, offer: StandbyOffer, contract: string, buyer: string, nowMs: number) {
  const { hold, durationMs } = offer;
  const call = openCallOf(market, hold);
  const pool = market.pools.get(call.pool)!;
  const fences = call.slots.map((n) => {
    const slot = pool.slots[n];
    if (slot === undefined) throw new Error(`there is no slot ${call.pool}:${n}`);
    slot.fence += 1;
    slot.contract = contract;
    pool.free.delete(n);
    return slot.fence;
  });
  // The work is the buyer's: whether the slots count as system's, and in whose name, is by its account.
  const account = market.ledger.account(buyer)!;
  const owner = pool.ownerMax > 0 ? whoOf(account) : '';
  countHeld(pool, fences.length, account.class, owner);
  noteUse(pool, whoOf(account), fences.length * durationMs, nowMs);
  call.state = 'awarded';
  call.leases = 1;
  market.deadlines.delete(`cfp:${call.cfp}`);
  market.dropLock(call.pool, call.slots, call.lockValue);
  returnDeposits(market, call);
  return { pool: call.pool, slots: call.slots, fences, class: account.class, owner };
}

function openCallOf(market: MarketState, cfp: string): CallState {
  const call = market.calls.get(cfp);
  if (call?.state !== 'open') throw new Error(`call ${cfp} is ${call?.state ?? 'unknown'}, not open`);
  return call;
}

function standbyOf(offer: TaskOffer): StandbyOffer {
  const { completesAt: _completesAt, quality: _quality, risk: _risk, barred: _barred, ...standby } = offer;
  return standby;
}

function verdictsOf(judged: readonly JudgedOffer[]): ShownVerdict[] {
  return judged.map(({ offer, outcome, detail, retryAt }) => ({
    ...{ participant: offer.participant, intent: offer.intent, outcome },
    ...(detail === undefined ? {} : { detail }),
    ...(retryAt === undefined ? {} : { retryAt }),
  }));
}

function engagedOf(record: TaskRecord): Engaged['contracts'][number] {
  const { id: contract, participant, intent, price, units, startBy, deadline, slots, fences, dueAt } = record;
  return { contract, participant, intent, priceMicro: String(price), units, startBy, deadline, slots, fences, dueAt };
}
