// Attribution: the journal done again in the model, with an ear at the ledger; so it agrees with the ledger by construction.
import type { Moved, Tags } from '@tender/credits';
import type { JournalEntry } from '../model/journal.js';
import { MarketState } from '../model/market-state.js';
import { replayEntry } from '../model/replay.js';
import type { BidFact, SpendOf } from './spend-facts.js';
import type { SpendTally } from './spend-tally.js';

/**
 * Who spent which credits on what: `add` the journal's entries from the first one on, in order. Every payment from one
 * account to another is told to each tally once, with the labels that the payer's account has at that moment: the end
 * of a term, of a task, of a hold, since what is set aside is not spent. What a pool pays back (compensation) is a
 * payment of the pool's account; grants and retirements are none, nobody is paid by them. Of bids only those count that
 * were shown to the bank, in awards and engagements; losers that an initiator never showed are unknown here.
 */
export class SpendReplay {
  readonly #market = new MarketState();
  readonly #tallies: ReadonlyMap<string, SpendTally>;
  #seq = 0;
  #at = 0;

  /** @param tallies by any name; one that is taken out while it goes on hears no more. */
  constructor(tallies: ReadonlyMap<string, SpendTally>) {
    this.#tallies = tallies;
    this.#market.ledger.observer = (moved) => this.#paid(moved);
  }

  /** The last entry that is counted. */
  get seq(): number {
    return this.#seq;
  }

  /** The market's clock there, in ms since the epoch. */
  get at(): number {
    return this.#at;
  }

  /** Returns in words where the entry and the rules do not fit together, as `replayEntry`. */
  add(seq: number, entry: JournalEntry): string | undefined {
    this.#seq = seq;
    this.#at = entry.at;
    // Before it is done again: the accounts' labels and the call as they were when it was judged.
    if (entry.kind === 'award') {
      const call = this.#market.calls.get(entry.cfp);
      const contracts = new Map(entry.winners.map((one) => [`${one.participant}:${one.intent}`, one.contract]));
      this.#judged(entry.at, entry.bids, contracts, { resource: call?.pool, payee: call?.payee });
    } else if (entry.kind === 'engage') {
      const contracts = new Map(entry.winners.map((one) => [`${one.participant}:${one.intent}`, one.contract]));
      this.#judged(entry.at, entry.offers, contracts, { resource: entry.resource });
    }
    return replayEntry(this.#market, entry);
  }

  #paid({ id, debit, credit, amount, tags, at }: Moved): void {
    const fact = {
      ...this.#labelsOf(debit),
      ...(tags.project === undefined ? {} : { project: tags.project }),
      ...(tags.team === undefined ? {} : { team: tags.team }),
      ...{ resource: tags.bucket ?? tags.pool, payee: credit, contract: contractOf(id, tags), at, amount },
    };
    for (const tally of this.#tallies.values()) tally.pay(fact);
  }

  #judged(
    at: number,
    bids: readonly { participant: string; intent: string; outcome: 'won' | 'lost' | 'barred' }[],
    contracts: ReadonlyMap<string, string>,
    of: SpendOf,
  ): void {
    const winners = [...new Set(bids.flatMap((bid) => (bid.outcome === 'won' ? [bid.participant] : [])))];
    for (const { participant, intent, outcome } of bids) {
      if (outcome === 'barred') continue;
      const won = outcome === 'won';
      const contract = won ? contracts.get(`${participant}:${intent}`) : undefined;
      const fact: BidFact = { ...this.#labelsOf(participant), ...of, contract, at, won, winners };
      for (const tally of this.#tallies.values()) tally.bid(fact);
    }
  }

  #labelsOf(agent: string): SpendOf {
    const account = this.#market.ledger.account(agent);
    return { agent, owner: account?.owner, project: account?.project, team: account?.team };
  }
}

/** What is paid for rate tokens is the hold's: its payments are called like it, with a suffix behind a dot. */
function contractOf(id: string, { contract, bucket }: Tags): string | undefined {
  return contract ?? (bucket === undefined ? undefined : id.replace(/^hold:/, '').split('.')[0]);
}
