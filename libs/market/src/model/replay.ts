// Replay: what the journal says happened, done again in the model, so that the state can be compared (I9).

import { isSuccess, replayLedgerEntry } from '@tender/credits';
import type { Winner } from '../messages.js';
import { commitAward, type Judged } from './award.js';
import { commitCall, commitClosing, commitExtension } from './call.js';
import type { ShownBid } from './command.js';
import { commitDeposit, commitWithdrawal, depositId, overdueDeposits } from './deposit.js';
import { type EntryOf, isLedgerEntry, type JournalEntry, type JudgedBid } from './journal.js';
import {
  commitHearing,
  commitRenewal,
  commitSettlement,
  compensationId,
  nextTermPrice,
  termId,
  unheard,
} from './lease.js';
import type { CallState, ContractState, MarketState } from './market-state.js';
import { openPool } from './pool.js';
import { setPolicy } from './proposal.js';
import { replayProposal } from './replay-proposal.js';
import { replayEngagement, replayReport } from './task-replay.js';
import { replayTokens } from './token-replay.js';

/**
 * Does an entry's change to the model; decisions (who won, at what price) are the entry's, consequences (slots,
 * fences, contracts, payments) the model's. Returns in words where the two do not fit together, else undefined.
 * Whether the decisions were right is for I6 and I10 to I12: so one wrong decision is one finding, not a landslide.
 */
export function replayEntry(market: MarketState, entry: JournalEntry): string | undefined {
  try {
    return replayed(market, entry);
  } catch (error) {
    // The commits check nothing: an entry that names what does not exist ends up here.
    return `${entry.kind}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function replayed(market: MarketState, entry: JournalEntry): string | undefined {
  if (isLedgerEntry(entry)) {
    const { status, replayed: again, detail } = replayLedgerEntry(market.ledger, entry);
    if (isSuccess(status) && again !== true) return undefined;
    return `${entry.kind}: by the rules ${again ? 'a repetition' : status}${detail === undefined ? '' : ` (${detail})`}`;
  }
  market.ledger.tick(entry.at);
  market.endedDeposits = [];
  switch (entry.kind) {
    case 'open-pool': {
      const answer = openPool(market, entry.pool);
      return answer.ok ? undefined : `open-pool ${entry.pool.pool}: by the rules ${answer.detail}`;
    }
    case 'open-call':
      return replayCall(market, entry);
    case 'extend-call':
      commitExtension(market, openCallOf(market, entry.cfp), entry.ttlMs, entry.at);
      return undefined;
    case 'close-call':
      commitClosing(market, openCallOf(market, entry.cfp), entry.outcome, entry.at);
      market.calls.delete(entry.cfp);
      return undefined;
    case 'award':
      return replayAward(market, entry);
    case 'deposit':
    case 'withdraw-deposit':
    case 'return-deposits':
      return replayDeposit(market, entry);
    case 'renew': {
      const lease = leaseOf(market, entry.contract);
      const price = nextTermPrice(market, lease, entry.at);
      commitRenewal(market, lease, entry.price, entry.at);
      const { policy = market.policyVersion } = entry;
      return price === entry.price && policy === market.policyVersion
        ? undefined
        : `renew ${entry.contract}: priced ${entry.price}, by the rules ${price}; judged by version ${policy} of the ` +
            `policy, the market's is ${market.policyVersion}`;
    }
    case 'settle': {
      const lease = leaseOf(market, entry.contract);
      const { outcome, compensation } = commitSettlement(market, lease, entry.outcome, entry.at);
      forget(market, lease);
      const same = outcome === entry.outcome && lease.paid === entry.paid && compensation === entry.compensation;
      return same
        ? undefined
        : `settle ${entry.contract}: ${entry.outcome}, ${entry.paid} paid, ${entry.compensation ?? 'no'} compensation; ` +
            `by the rules ${outcome}, ${lease.paid}, ${compensation ?? 'none'}`;
    }
    case 'hear': {
      const lease = leaseOf(market, entry.contract);
      const detail = unheard(lease, entry.step, entry.at);
      commitHearing(market, lease, entry.at);
      return detail === undefined ? undefined : `hear ${entry.contract}: ${entry.step}, by the rules ${detail}`;
    }
    case 'engage':
      return replayEngagement(market, entry);
    case 'report':
      return replayReport(market, entry);
    case 'set-policy':
      setPolicy(market, entry.text, entry.at);
      return market.policyVersion === entry.version
        ? undefined
        : `set-policy: version ${entry.version}, by the rules ${market.policyVersion}`;
    case 'file-proposal':
    case 'decide-proposal':
    case 'close-proposal':
      return replayProposal(market, entry);
    case 'open-bucket':
    case 'take':
    case 'return':
    case 'offer-tokens':
    case 'buy-tokens':
    case 'expire-hold':
      return replayTokens(market, entry);
  }
}

function openCallOf(market: MarketState, cfp: string): CallState {
  const call = market.calls.get(cfp);
  if (call?.state !== 'open') throw new Error(`call ${cfp} is ${call?.state ?? 'unknown'}, not open`);
  return call;
}

function leaseOf(market: MarketState, contract: string): ContractState {
  const lease = market.contracts.get(contract);
  if (lease === undefined || lease.state === 'settled') {
    throw new Error(`lease ${contract} is ${lease?.state ?? 'unknown'}, not running`);
  }
  return lease;
}

function replayCall(market: MarketState, entry: EntryOf<'open-call'>): string | undefined {
  const known = market.calls.get(entry.cfp);
  if (known !== undefined && (known.state === 'open' || known.leases > 0)) {
    return `open-call ${entry.cfp}: the call is known and has not ended`;
  }
  const call = commitCall(market, { ...entry, lockValue: '' }, entry.at);
  const same = call.fences.join() === entry.fences.join();
  return same ? undefined : `open-call ${entry.cfp}: fences ${entry.fences}, by the rules ${call.fences}`;
}

function replayDeposit(
  market: MarketState,
  entry: EntryOf<'deposit' | 'withdraw-deposit' | 'return-deposits'>,
): string | undefined {
  const { kind, cfp, at } = entry;
  const call = openCallOf(market, cfp);
  if (kind === 'return-deposits') {
    const answer = overdueDeposits(market, entry, at);
    return answer.ok ? undefined : `${kind} ${cfp}: by the rules ${answer.detail}`;
  }
  if (kind === 'withdraw-deposit') {
    commitWithdrawal(market, call, entry.agent, at);
    return at < (call.closesAt ?? 0) ? undefined : `${kind} ${cfp}: at ${at}, after its close`;
  }
  commitDeposit(market, call, entry.agent, at);
  const { deposit, depositUntil = 0 } = call;
  if (at > depositUntil) return `${kind} ${cfp}: at ${at}, after ${depositUntil}`;
  const { policy = market.policyVersion } = entry;
  if (policy !== market.policyVersion) {
    return `${kind} ${cfp}: by the rules of version ${policy}, the market's are ${market.policyVersion}`;
  }
  return deposit === entry.amount ? undefined : `${kind} ${cfp}: ${entry.amount}, asked ${deposit}`;
}

function replayAward(market: MarketState, entry: EntryOf<'award'>): string | undefined {
  const call = openCallOf(market, entry.cfp);
  const judged = entry.bids.map(
    (bid): Judged => ({
      bid: shownOf(bid),
      outcome: bid.outcome,
      detail: bid.detail,
      pays: bid.pays,
      clears: bid.clears,
      noise: bid.noise,
      class: bid.class,
    }),
  );
  const winners = commitAward(market, call, judged, entry.at);
  const same = winners.length === entry.winners.length && winners.every((one, n) => sameWinner(one, entry.winners[n]!));
  return same
    ? undefined
    : `award ${entry.cfp}: winners ${JSON.stringify(entry.winners)}, by the rules ${JSON.stringify(winners)}`;
}

function shownOf({ participant, intent, units, price, until, nkey, tokens }: JudgedBid): ShownBid {
  return { participant, intent, units, price, until_ms: until, nkey, tokens };
}

function sameWinner(a: Winner, b: Winner): boolean {
  return (
    a.contract === b.contract &&
    a.participant === b.participant &&
    a.intent === b.intent &&
    a.units === b.units &&
    a.slots.join() === b.slots.join() &&
    a.fences.join() === b.fences.join() &&
    a.priceMicro === b.priceMicro &&
    a.amountMicro === b.amountMicro &&
    a.startedAt === b.startedAt &&
    a.until === b.until
  );
}

/**
 * Drops what a lease leaves behind: a replay never needs it, and a long journal's would fill the memory. The scripts
 * remember it for a day, to answer who asks late.
 */
function forget(market: MarketState, lease: ContractState): void {
  market.contracts.delete(lease.id);
  market.intents.delete(`${lease.participant}:${lease.intent}`);
  for (let n = 1; n <= lease.terms; n += 1) market.ledger.forget(termId(lease.id, n));
  market.ledger.forget(compensationId(lease.id));
  market.ledger.forget(depositId(lease.cfp, lease.participant));
  if (market.calls.get(lease.cfp)?.leases === 0) market.calls.delete(lease.cfp);
}
