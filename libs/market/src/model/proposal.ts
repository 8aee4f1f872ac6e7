// Policies and approvals in the model: the rules of set-policy.lua and of the scripts that file, decide and close.
import { parseMicro } from '@tender/credits';
import { type Answer, type Done, refused } from './command.js';
import { ENDED_KEPT_MS, type MarketState } from './market-state.js';
import type { FileProposalAsked, ProposalEnd, ProposalTold } from './proposal-command.js';
import { isOpen, type ProposalRecord } from './proposal-record.js';

/** Operators can look through so many; one asker must not take all the room. */
const MAX_WAITING = 10_000;
export const MAX_ASKED = 64;
/** An approved engagement that is not closed within this time is taken up by another broker. */
export const CLOSED_WITHIN_MS = 5_000;

/**
 * So many of one asker may wait while so many wait in all: less and less as the room goes, so that whoever has nothing
 * there still finds some (the dynamic threshold of Choudhury and Hahne, IEEE/ACM Transactions on Networking 6, 1998).
 */
export function shareOf(waiting: number): number {
  return Math.min(MAX_ASKED, Math.ceil((MAX_WAITING - waiting) / MAX_ASKED));
}

function told({ id, about, state, by, conversation }: ProposalRecord, nowMs: number): ProposalTold {
  return { proposal: id, about, state, asker: by, conversation, at: nowMs };
}

export function setPolicy(market: MarketState, text: string, nowMs: number): Answer<Done['set-policy']> {
  market.ledger.tick(nowMs);
  market.policyVersion += 1;
  market.policyText = text;
  return { ok: true, version: market.policyVersion, at: nowMs };
}

export function fileProposal(
  market: MarketState,
  asked: FileProposalAsked & { readonly by: string },
  nowMs: number,
): Answer<Done['file-proposal']> {
  if (asked.amountMicro !== undefined && parseMicro(asked.amountMicro) === undefined) return refused('malformed');
  const waiting = [...market.proposals.values()].filter(({ state }) => state === 'pending');
  if (waiting.filter(({ by }) => by === asked.by).length >= shareOf(waiting.length)) return refused('no-capacity');
  const proposal = commitFiling(market, asked, nowMs);
  return { ok: true, ...told(proposal, nowMs), expiresAt: proposal.expiresAt };
}

export function commitFiling(
  market: MarketState,
  asked: FileProposalAsked & { readonly by: string },
  nowMs: number,
): ProposalRecord {
  market.ledger.tick(nowMs);
  market.proposalsFiled += 1;
  const { about, by, buyer, conversation, rule = '', message, amountMicro = '', text = '' } = asked;
  const proposal: ProposalRecord = {
    ...{ id: `p${market.proposalsFiled}`, about, by, buyer, conversation, rule, message, amountMicro, text },
    ...{ filedAt: nowMs, expiresAt: nowMs + asked.withinMs, state: 'pending' },
  };
  market.proposals.set(proposal.id, proposal);
  market.deadlines.set(`proposal:${proposal.id}`, proposal.expiresAt);
  return proposal;
}

const decided = { approve: 'approved', deny: 'denied', expire: 'expired' } as const;

/** `by` is absent where the sweeper asks. */
export function decideProposal(
  market: MarketState,
  asked: { readonly proposal: string; readonly verdict: keyof typeof decided; readonly by?: string },
  nowMs: number,
): Answer<ProposalTold> {
  const proposal = market.proposal(asked.proposal, nowMs);
  if (proposal === undefined) return refused('unknown');
  if (proposal.state === 'approved') return refused('duplicate');
  if (proposal.state !== 'pending') return refused('expired');
  const over = nowMs >= proposal.expiresAt;
  if (asked.verdict === 'expire' && !over) return refused('stale');
  if (asked.verdict !== 'expire' && over) return refused('expired');
  commitDecision(market, proposal, decided[asked.verdict], asked.by, nowMs);
  return { ok: true, ...told(proposal, nowMs) };
}

export function commitDecision(
  market: MarketState,
  proposal: ProposalRecord,
  state: 'approved' | 'denied' | 'expired',
  by: string | undefined,
  nowMs: number,
): void {
  market.ledger.tick(nowMs);
  proposal.state = state;
  proposal.decidedBy = by ?? '';
  proposal.decidedAt = nowMs;
  if (isOpen(proposal)) market.deadlines.set(`proposal:${proposal.id}`, nowMs + CLOSED_WITHIN_MS);
  else end(market, proposal, nowMs);
}

export function closeProposal(market: MarketState, asked: ProposalEnd, nowMs: number): Answer<ProposalTold> {
  const proposal = market.proposal(asked.proposal, nowMs);
  if (proposal === undefined) return refused('unknown');
  if (proposal.state === 'pending') return refused('stale');
  const corrected = proposal.state === 'failed' && 'contracts' in asked;
  if (!isOpen(proposal) && !corrected) return refused('expired');
  commitEnd(market, proposal, asked, nowMs);
  return { ok: true, ...told(proposal, nowMs) };
}

export interface EndOfProposal {
  readonly contracts?: readonly string[] | undefined;
  readonly detail?: string | undefined;
  readonly message?: string | undefined;
}

export function commitEnd(market: MarketState, proposal: ProposalRecord, how: EndOfProposal, nowMs: number): void {
  market.ledger.tick(nowMs);
  if (how.contracts !== undefined) {
    proposal.state = 'engaged';
    proposal.contracts = how.contracts;
    proposal.detail = undefined;
  } else {
    proposal.state = 'failed';
    proposal.detail = how.detail;
    proposal.message = how.message ?? '';
  }
  end(market, proposal, nowMs);
}

function end(market: MarketState, proposal: ProposalRecord, nowMs: number): void {
  proposal.forgottenAt = nowMs + ENDED_KEPT_MS;
  market.deadlines.delete(`proposal:${proposal.id}`);
}
