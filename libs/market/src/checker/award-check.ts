// I6 and I10 to I12: whether each award was right, by the accounts and the pool as the replay had them just before it.
import { clear } from '../auction/clear.js';
import { rankBids } from '../auction/rank.js';
import { priceOf, tokensInHand, walledOff } from '../model/award.js';
import { isLaidDown } from '../model/deposit.js';
import type { EntryOf, JudgedBid } from '../model/journal.js';
import { reclaimed } from '../model/lease.js';
import type { CallState, MarketState } from '../model/market-state.js';
import { beyondCap, whoOf } from '../model/wall.js';
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
    this.#checkAccounts(market, call, entry);
    this.#checkReserve(market, call, entry);
    this.#checkCaps(market, call, entry);
    this.#checkRule(market, call, entry);
  }

  /** What is lent of the reserve goes back after one term, unless there is room within the wall. */
  renew(market: MarketState, entry: EntryOf<'renew'>): void {
    const lease = market.contracts.get(entry.contract);
    if (lease?.lent === undefined) return;
    this.#tallies.reserve.fact(
      !reclaimed(market, lease),
      () => `lease ${lease.id} is lent, and renewed where nothing of ${lease.pool} is left to lend`,
    );
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

  #checkAccounts(market: MarketState, call: CallState, entry: Award): void {
    const spent = new Map<string, number>();
    for (const bid of entry.bids) {
      const account = market.ledger.account(bid.participant);
      const before = spent.get(bid.participant) ?? 0;
      const covered = (account?.available ?? 0) - before >= bid.price * bid.units;
      this.#tallies.accounts.fact(
        accountFits(bid, account?.class, account?.nkey, covered) &&
          completeFits(bid, isComplete(market, call, bid, entry.at)),
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
    const taken: JudgedBid[] = [];
    for (const bid of entry.bids) {
      const kept = walledOff(market, call, bid, { taken, bids: entry.bids });
      if (bid.outcome === 'won' || bid.detail === 'reserved-for-system') {
        this.#tallies.reserve.fact(
          kept === (bid.outcome !== 'won'),
          () =>
            `call ${entry.cfp}: ${bid.participant} ${bid.outcome} ${bid.units} of ${pool.slots.length} slots, ` +
            `${pool.standardHeld} of them held by others, ${pool.reserve} reserved`,
        );
      }
      if (bid.outcome === 'won') taken.push(bid);
    }
  }

  #checkCaps(market: MarketState, call: CallState, entry: Award): void {
    const pool = market.pools.get(call.pool);
    if (pool === undefined || pool.ownerMax === 0) return;
    const taken = new Map<string, number>();
    for (const { participant, units } of entry.bids.filter(({ outcome }) => outcome === 'won')) {
      const account = market.ledger.account(participant);
      if (account === undefined) continue;
      const who = whoOf(account);
      const before = taken.get(who) ?? 0;
      this.#tallies.reserve.fact(
        !beyondCap(pool, who, before, units),
        () => `call ${entry.cfp}: with ${participant}'s ${units} slots ${who} has more than ${pool.ownerMax}`,
      );
      taken.set(who, before + units);
    }
  }

  #checkRule(market: MarketState, call: CallState, entry: Award): void {
    const rule = { units: call.slots.length, rule: call.rule, reservePrice: call.reservePrice };
    const ranked = rankBids(call.termsDigest, entry.bids);
    const { verdicts } = clear(rule, ranked, (bid) => bid.detail);
    verdicts.forEach((verdict, index) => {
      const shown = entry.bids[index]!;
      const won = verdict.outcome === 'won' ? priceOf(market, call, shown, verdict.price, entry.at) : undefined;
      const pays = won?.pays;
      const priced = pays === shown.pays && won?.clears === shown.clears && won?.noise === shown.noise;
      this.#tallies.rule.fact(
        verdict.bid === shown && verdict.outcome === shown.outcome && priced,
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

/** Whether the bidder laid down what the call asks, and holds the tokens that its bid names. */
function isComplete(market: MarketState, call: CallState, bid: JudgedBid, atMs: number): boolean {
  const laidDown = isLaidDown(call, bid.participant, atMs);
  return laidDown && (bid.tokens === undefined || tokensInHand(market, bid, atMs));
}

/** Who lacks one of these may not win. */
function completeFits({ outcome, detail }: JudgedBid, complete: boolean): boolean {
  if (detail === 'missing-dependency') return !complete;
  return outcome === 'barred' || complete;
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
