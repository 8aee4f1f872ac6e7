// I6 and I10 to I12 for tasks: whether each engagement and each hand-over was right, by the market just before it.

import { type Bound, beyondTerms, bind, dealOf, isSupplied, nothingBound, uncovered, unfit } from '../model/engage.js';
import type { EntryOf } from '../model/journal.js';
import type { MarketState } from '../model/market-state.js';
import { barredByRules, boundWithout } from '../model/task.js';
import type { StandbyOffer, TaskOffer } from '../model/task-command.js';
import type { TaskRecord } from '../model/task-record.js';
import { askedOf, issuesOf, offerOf } from '../model/task-replay.js';
import { keptFrom } from '../model/wall.js';
import { contractStems } from '../task/contract-id.js';
import { rankOffers } from '../task/offer.js';
import type { LeaseCheck } from './lease-check.js';
import type { SaleTallies } from './sale-tallies.js';

type Engagement = EntryOf<'engage'>;
type Report = EntryOf<'report'>;

/** An offer with what came of it. */
interface Shown {
  readonly offer: TaskOffer;
  readonly outcome: Engagement['offers'][number]['outcome'];
  readonly detail?: Engagement['offers'][number]['detail'];
}

export class EngageCheck {
  readonly #tallies: SaleTallies;
  readonly #leases: LeaseCheck;

  constructor(tallies: SaleTallies, leases: LeaseCheck) {
    this.#tallies = tallies;
    this.#leases = leases;
  }

  /** Called before the replay takes the entry. Issues that cannot be read are the replay's finding. */
  engage(market: MarketState, entry: Engagement): void {
    const shown = shownOf(entry);
    if (shown === undefined) return;
    const won = shown.filter(({ outcome }) => outcome === 'won').map(({ offer }) => offer);
    entry.winners.forEach((winner, index) => {
      this.#tallies.intents.won(winner, entry.at, `conversation ${entry.conversation}`);
      this.#take(market, winner, won[index]?.hold ?? '', entry.at);
    });
    this.#checkFill(market, entry, won);
    this.#checkAccounts(market, entry, shown);
    this.#checkReserve(market, entry, shown);
    this.#checkRule(entry, shown);
    for (const { offer, outcome } of shown) if (outcome !== 'barred') this.#checkTerms(market, entry, offer);
  }

  /** Whether an offer that was taken, or stands by, keeps to the terms of the slots behind it. */
  #checkTerms(market: MarketState, { at }: { readonly at: number }, offer: StandbyOffer): void {
    const call = market.calls.get(offer.hold);
    if (call === undefined) return;
    const detail = beyondTerms(call, offer);
    this.#tallies.rule.fact(
      detail === undefined,
      () => `call ${call.cfp}: ${offer.participant} has its slots work for ${offer.price} at ${at}, ${detail}`,
    );
  }

  #take(market: MarketState, taken: Parameters<LeaseCheck['taken']>[1], hold: string, atMs: number): void {
    const call = market.calls.get(hold);
    if (call !== undefined) this.#leases.taken(call.pool, taken, atMs);
  }

  #checkFill(market: MarketState, entry: Engagement, won: readonly TaskOffer[]): void {
    const { conversation, winners, fill, counts, total } = entry;
    const { units } = this.#tallies;
    const stems = contractStems(conversation, entry.buyer);
    units.fact(
      won.length === winners.length &&
        winners.every(({ contract, participant, intent, slots = [] }, index) => {
          const offer = won[index]!;
          const own = offer.participant === participant && offer.intent === intent;
          const named = stems.some((stem) => contract === `${stem}${index + 1}`);
          return own && named && slots.length === (offer.hold ? offer.units : 0);
        }),
      () => `conversation ${conversation}: the winners are not the offers that won`,
    );
    const sum = won.reduce((all, offer) => all + offer[counts], 0);
    const last = won.at(-1)?.[counts] ?? 0;
    units.fact(
      won.length > 0 && sum - last < total && (fill === 'some' || sum >= total) && (fill !== 'one' || won.length === 1),
      () =>
        `conversation ${conversation}: ${won.length} offers make up ${sum} of ${total} ${counts}, asked was ${fill}`,
    );
    units.fact(
      isSupplied(market, entry, entry.at),
      () => `conversation ${conversation}: engaged without the tokens ${entry.tokens} of ${entry.buyer}`,
    );
    const other = market.givenOut.get(`${entry.buyer}:${entry.task}`);
    units.fact(other === undefined, () => `task ${entry.task} is given out twice, in ${other?.conversation} too`);
  }

  #checkAccounts(market: MarketState, entry: Engagement, shown: readonly Shown[]): void {
    const buyer = market.ledger.account(entry.buyer);
    const bond = Number(entry.conditions.bondMicro);
    const { accounts } = this.#tallies;
    accounts.fact(
      buyer !== undefined && buyer.class === entry.class && market.speaksFor(entry.by, entry.buyer),
      () => `conversation ${entry.conversation}: ${entry.by} bought for ${entry.buyer}, taken as ${entry.class}`,
    );
    const bonds = new Map<string, number>();
    const taken = nothingBound(market, entry.at);
    const deal = dealOf(askedOf(entry));
    let spent = 0;
    for (const { offer, outcome, detail } of shown) {
      const { participant, price } = offer;
      const account = market.ledger.account(participant);
      const bound = bonds.get(participant) ?? 0;
      const own = account?.kind === 'agent' && (offer.nkey === undefined || offer.nkey === account.nkey);
      const covered = (account?.available ?? 0) - bound >= bond && (buyer?.available ?? 0) - spent >= price;
      const within = (buyer?.pending ?? 0) + spent + price <= Number(entry.limitMicro ?? Number.POSITIVE_INFINITY);
      const known = account !== undefined && buyer !== undefined;
      const lacks = known ? uncovered(market, offer, deal, taken)?.detail : undefined;
      const fits = {
        ...{ 'bad-signature': !own, unknown: !own, 'insufficient-credits': !covered },
        'over-budget': lacks === 'over-budget',
      };
      accounts.fact(
        outcome === 'barred'
          ? (fits[detail as keyof typeof fits] ?? true)
          : own && (outcome === 'lost' || (covered && within)),
        () => `conversation ${entry.conversation}: ${participant} ${detail ?? outcome} at ${price}, bond ${bond}`,
      );
      if (outcome !== 'won') continue;
      spent += price;
      bind(market, taken, offer, deal);
      bonds.set(participant, bound + bond);
    }
  }

  #checkReserve(market: MarketState, entry: Engagement, shown: readonly Shown[]): void {
    const bound = nothingBound(market, entry.at);
    for (const { offer, outcome, detail } of shown) {
      const call = market.calls.get(offer.hold);
      if (call === undefined || (outcome !== 'won' && detail !== 'reserved-for-system')) continue;
      this.#within(market, entry.buyer, call.pool, offer.units, bound, outcome === 'won');
      if (outcome === 'won') bind(market, bound, offer, { buyer: entry.buyer, bond: 0 });
    }
  }

  /** Whether so many slots more keep within the wall of the reserve and the owner's cap, and were given or kept accordingly. */
  #within(market: MarketState, buyer: string, poolId: string, units: number, bound: Bound, given: boolean): void {
    const pool = market.pools.get(poolId);
    const account = market.ledger.account(buyer);
    if (pool === undefined || account === undefined || (pool.reserve === 0 && pool.ownerMax === 0)) return;
    const [walled, owned] = [bound.walled.get(poolId) ?? 0, bound.owned.get(poolId) ?? 0];
    const detail = keptFrom(account, pool, units, walled, owned);
    this.#tallies.reserve.fact(
      given ? detail === undefined : detail === 'reserved-for-system',
      () => `${buyer} ${given ? 'got' : 'was kept from'} ${units} slots of ${poolId}, by its rules ${detail ?? 'free'}`,
    );
  }

  #checkRule({ conversation, rule, weights, offers, counts, total }: Engagement, shown: readonly Shown[]): void {
    const ranked = rankOffers(
      conversation,
      rule,
      weights,
      offers.map((offer) => ({ ...offer, issues: issuesOf(offer), offer })),
    );
    let sum = 0;
    shown.forEach(({ offer, outcome, detail }, index) => {
      const expected = detail !== undefined ? 'barred' : sum >= total ? 'lost' : 'won';
      this.#tallies.rule.fact(
        ranked[index]?.offer === offers[index] && outcome === expected,
        () =>
          `conversation ${conversation}, rank ${index + 1}: ${offer.participant} ${outcome}; ` +
          `by ${rule} ${ranked[index]?.participant} ${expected}`,
      );
      if (outcome === 'won') sum += offer[counts];
    });
  }

  /** Called before the replay takes the entry. A contract that there is not is the replay's finding. */
  report(market: MarketState, entry: Report): void {
    const task = market.tasks.get(entry.contract);
    if (task === undefined) return;
    const { by = '', side, at } = entry;
    const spokenFor = side === 'buyer' ? task.buyer : task.participant;
    this.#tallies.accounts.fact(
      side === 'clock' || side === 'operator' || market.speaksFor(by, spokenFor),
      () => `contract ${task.id}: ${by} took the ${side}'s step ${entry.step}, which is ${spokenFor}'s`,
    );
    const over = entry.tried !== undefined || entry.state === 'settled';
    if (over) this.#tallies.intents.ended(task, at);
    if (over || entry.state === 'done') this.#leases.freed(task.id, at);
    if (entry.step === 'resume') this.#leases.raised(task.id, entry.fences ?? []);
    if (entry.step === 'turn-down') this.#checkHandOver(market, task, entry);
  }

  /** The first standby that may take over does. Whether a lock still held cannot be told from a journal. */
  #checkHandOver(market: MarketState, task: TaskRecord, entry: Report): void {
    const bound = boundWithout(market, task, entry.at);
    const able = (standby: StandbyOffer, index: number) => {
      const offer = { ...standby, hold: '' };
      return (
        barredByRules(market, task, offer, entry.rulings?.[index], bound) === undefined &&
        unfit(market, offer, task, bound, entry.at) === undefined &&
        uncovered(market, offer, task, bound) === undefined
      );
    };
    task.standbys.slice(task.tried, entry.tried ?? task.standbys.length).forEach((standby, index) => {
      const chosen = task.tried + index + 1 === entry.tried;
      this.#tallies.rule.fact(
        chosen
          ? able(standby, task.tried + index)
          : standby.hold !== '' || this.#tallies.intents.known(standby) || !able(standby, task.tried + index),
        () => `contract ${task.id}: ${standby.participant} was ${chosen ? 'chosen' : 'passed over'} as a standby`,
      );
    });
    const next = entry.tried === undefined ? undefined : task.standbys[entry.tried - 1];
    if (next === undefined) return;
    this.#tallies.intents.won(next, entry.at, `contract ${task.id}`);
    this.#take(market, entry, next.hold, entry.at);
    this.#checkTerms(market, entry, next);
    const call = market.calls.get(next.hold);
    if (call === undefined) return;
    this.#within(market, task.buyer, call.pool, next.units, bound, true);
  }
}

function shownOf({ offers }: Engagement): Shown[] | undefined {
  try {
    return offers.map((entry) => ({ offer: offerOf(entry), outcome: entry.outcome, detail: entry.detail }));
  } catch {
    return undefined;
  }
}
