// Replay of approvals: what waited for an operator, what was decided, and what came of it.
import type { EntryOf } from './journal.js';
import type { MarketState } from './market-state.js';
import { commitDecision, commitEnd, commitFiling } from './proposal.js';
import { isOpen, type ProposalRecord } from './proposal-record.js';

type Entry = EntryOf<'file-proposal' | 'decide-proposal' | 'close-proposal'>;

export function replayProposal(market: MarketState, entry: Entry): string | undefined {
  switch (entry.kind) {
    case 'file-proposal': {
      const { id } = commitFiling(market, entry, entry.at);
      return id === entry.proposal ? undefined : `file-proposal ${entry.proposal}: by the rules ${id}`;
    }
    case 'decide-proposal': {
      const proposal = openOf(market, entry, 'pending');
      commitDecision(market, proposal, entry.state, entry.by, entry.at);
      const over = entry.at >= proposal.expiresAt;
      forget(market, proposal);
      const fits = over === (entry.state === 'expired');
      return fits ? undefined : `decide-proposal ${entry.proposal}: ${entry.state} at ${entry.at}`;
    }
    case 'close-proposal': {
      const proposal = openOf(market, entry, 'approved');
      commitEnd(market, proposal, entry, entry.at);
      forget(market, proposal);
      const { state } = proposal;
      return state === entry.state
        ? undefined
        : `close-proposal ${entry.proposal}: ${entry.state}, by the rules ${state}`;
    }
  }
}

/** What has ended is not needed any more, but for what failed: it may turn out to be engaged. */
function forget(market: MarketState, proposal: ProposalRecord): void {
  if (isOpen(proposal)) return;
  if (proposal.state === 'failed') market.proposals.set(proposal.id, { ...proposal, text: '' });
  else market.proposals.delete(proposal.id);
}

function openOf(market: MarketState, entry: Exclude<Entry, EntryOf<'file-proposal'>>, state: string): ProposalRecord {
  const proposal = market.proposals.get(entry.proposal);
  const corrected = entry.kind === 'close-proposal' && entry.state === 'engaged' && proposal?.state === 'failed';
  if (proposal === undefined || !(corrected || (proposal.state === state && isOpen(proposal)))) {
    throw new Error(`proposal ${entry.proposal} is ${proposal?.state ?? 'unknown'}, not ${state}`);
  }
  return proposal;
}
