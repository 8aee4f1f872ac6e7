// I6 and I10 to I12: whether each award was right, by the accounts and the pool as the replay had them just before it.
import { clear } from '../auction/clear.js';
import { rankBids } from '../auction/rank.js';
import type { EntryOf, JudgedBid } from '../model/journal.js';
import type { CallState, MarketState } from '../model/market-state.js';
import type { LeaseCheck } from './lease-check.js';
import type { SaleTallies } from './sale-tallies.js';

type Award = EntryOf<'award'>;

export class AwardCheck {
  readonly #tallies: SaleTallies;
  readonly #leases: LeaseCheck;

  constructor(tallies: SaleTallies, leases: LeaseCheck) {
    this.#tallies = tallies;
    this.#leases = leases;
  }

  /** Called before the replay takes the entry. A call that there is not is the replay's finding. */
  award(market: MarketState, entry: Award): void {
    const call = market.calls.get(entry.cfp);
    if (call === undefined) return;
    for (const winner of entry.winners) {
      this.#leases.taken(call.pool, winner, winner.startedAt);
      this.#tallies.intents.won(winner, entry.at, `call ${entry.cfp}`);
    }
    this.#checkUnits(call, entry);
    this.#checkAccounts(market, entry);
    this.#checkReserve(market, call, entry);
    this.#checkRule(call, entry);
  }

  settle(market: MarketState, entry: EntryOf<'settle'>): void {
    this.#leases.freed(entry.contract, entry.at);
    const lease = market.contracts.get(entry.contract);
    if (lease !== undefined) this.#tallies.intents.ended(lease, entry.at);
  }

  #checkUnits(call: CallState, entry: Award): void {
    const given = entry.winners.flatMap((winner) => winner.slots);
    this.#tallies.units.fact(
      given.length <= call.slots.length &&
        new Set(given).size === given.length &&
        given.every((slot) => call.slots.includes(slot)),
      () => `call ${entry.cfp} offered slots ${call.slots}, awarded were ${given}`,
    );
    const won = entry.bids.filter((bid) => bid.outcome === 'won');
    this.#tallies.units.fact(
      won.length === entry.winners.length &&
        entry.winners.every((winner, index) => {
          const bid = won[index];
          return bid?.participant === winner.participant && bid.intent === winner.intent && bid.units === winner.units;
        }) &&
        entry.winners.every((winner) => winner.slots.length === winner.units && winner.fences.length === winner.units),
      () => `call ${entry.cfp}: the winners are not the bids that won`,
    );
  }

  #checkAccounts(market: MarketState, entry: Award): void {
    const spent = new Map<string, number>();
    for (const bid of entry.bids) {
      const account = market.ledger.account(bid.participant);
      const before = spent.get(bid.participant) ?? 0;
      const covered = (account?.available ?? 0) - before >= bid.price * bid.units;
      this.#tallies.accounts.fact(
        accountFits(bid, account?.class, account?.nkey, covered),
        () =>
          `call ${entry.cfp}: ${bid.participant} was taken as ${bid.class ?? bid.detail}; its account has ` +
          `${(account?.available ?? 0) - before} available, class ${account?.class ?? 'none'}`,
      );
      if (bid.outcome === 'won') spent.set(bid.participant, before + bid.price * bid.units);
    }
  }

  #checkReserve(market: MarketState, call: CallState, entry: Award): void {
    const pool = market.pools.get(call.pool);
    if (pool === undefined || pool.reserve === 0) return;
    let taken = 0;
    for (const bid of entry.bids) {
      const left = pool.free.size - taken - bid.units;
      if (bid.outcome === 'won' && market.ledger.account(bid.participant)?.class !== 'system') {
        this.#tallies.reserve.fact(
          left >= pool.reserve,
          () => `call ${entry.cfp}: ${bid.participant} leaves ${left} of a reserve of ${pool.reserve}`,
        );
      }
      if (bid.detail === 'reserved-for-system') {
        this.#tallies.reserve.fact(
          left < pool.reserve,
          () => `call ${entry.cfp}: ${bid.participant} was kept out though ${left} would have been left`,
        );
      }
      if (bid.outcome === 'won') taken += bid.units;
    }
  }

  #checkRule(call: CallState, entry: Award): void {
    const rule = { units: call.slots.length, rule: call.rule, reservePrice: call.reservePrice };
    const ranked = rankBids(call.termsDigest, entry.bids);
    const { verdicts } = clear(rule, ranked, (bid) => bid.detail);
    verdicts.forEach((verdict, index) => {
      const shown = entry.bids[index]!;
      const pays = verdict.outcome === 'won' ? verdict.price : undefined;
      this.#tallies.rule.fact(
        verdict.bid === shown && verdict.outcome === shown.outcome && pays === shown.pays,
        () =>
          `call ${entry.cfp}, rank ${index + 1}: ${shown.participant} ${shown.outcome} at ${shown.pays}; ` +
          `by ${call.rule} ${verdict.bid.participant} ${verdict.outcome} at ${pays}`,
      );
    });
    const won = entry.bids.filter((bid) => bid.outcome === 'won');
    entry.winners.forEach((winner, index) => {
      const pays = won[index]?.pays ?? Number.NaN;
      this.#tallies.rule.fact(
        Number(winner.priceMicro) === pays && Number(winner.amountMicro) === pays * winner.units,
        () => `call ${entry.cfp}: ${winner.participant} pays ${winner.amountMicro} for ${winner.units} at ${pays}`,
      );
    });
  }
}

function accountFits(bid: JudgedBid, cls: string | undefined, nkey: string | undefined, covered: boolean): boolean {
  switch (bid.detail) {
    case 'insufficient-credits':
      return !covered;
    case 'bad-signature':
      return bid.nkey !== nkey;
    case undefined:
    case 'reserved-for-system':
      return bid.class === cls && cls !== undefined && covered && (bid.nkey === undefined || bid.nkey === nkey);
    default:
      // The others are not about the account.
      return true;
  }
}
