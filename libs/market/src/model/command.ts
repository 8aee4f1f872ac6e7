// What the model is asked and what it answers: the market's scripts, each by name, without their transport.
import type { Winner } from '../messages.js';
import type { LeaseOutcome, PoolSpec } from '../operations.js';
import type { Ruling } from '../policy/ruling.js';
import type { Detail, ShownVerdict } from '../refusal.js';
import type { AuctionRule, SealKind } from '../terms.js';
import type { FileProposalAsked, ProposalEnd, ProposalTold } from './proposal-command.js';
import type { EngageAsked, Engaged, ReportAsked, Reported } from './task-command.js';
import type { TokenCommand, TokensDone } from './tokens-command.js';

/** Who asks, under which idempotency key, with which body. */
export interface Asked {
  readonly by: string;
  readonly key: string;
  readonly digest: string;
}

/** A bid whose seal holds; `price` in micro-credits per unit. Ranked before it is shown. */
export interface ShownBid {
  readonly participant: string;
  readonly intent: string;
  readonly units: number;
  readonly price: number;
  readonly until_ms: number;
  /** Set where the cheque was sealed by it: the script compares it with the account's. */
  readonly nkey?: string | undefined;
  /** The most that the bidder may have set aside with it, by the market's rules. */
  readonly limit?: number | undefined;
  /** The hold of rate tokens without which it does not stand. */
  readonly tokens?: string | undefined;
}

export interface CallTerms {
  readonly cfp: string;
  readonly pool: string;
  readonly slots: readonly number[];
  readonly lockValue: string;
  readonly rule: AuctionRule;
  readonly reservePriceMicro: string;
  readonly durationMs: number;
  readonly windowMs: number;
  readonly ttlMs: number;
  readonly seals: readonly SealKind[];
  readonly termsDigest: string;
  /** What it asks of each bidder before a bid. */
  readonly depositMicro?: string | undefined;
}

/** What a call asks of its bidders, in digits as the bidder knows it. */
export interface DepositAsked extends Pick<Ruling, 'policy' | 'bounds'> {
  readonly cfp: string;
  readonly agent: string;
  readonly amountMicro: string;
  /** Until when, at most, as the bidder was told; by the market's clock. */
  readonly untilMs?: number | undefined;
}

/** What became of a deposit. */
export interface DepositEnd {
  readonly cfp: string;
  readonly pool: string;
  readonly agent: string;
  readonly amountMicro: string;
  readonly state: 'returned' | 'forfeited';
  readonly at: number;
}

/** One more term, for so much per unit at most, as the market's rules were judged. */
export interface RenewAsked extends Ruling {
  readonly contract: string;
  readonly maxPriceMicro: string;
}

/**
 * `lapse-call`, `return-deposits`, `expire-lease`, `overdue-task` and `expire-proposal` are the sweeper's, `close-proposal` the broker's
 * own: they need no key, because asked again they find nothing to do.
 */
export type MarketCommand =
  | ({ readonly kind: 'open-pool'; readonly pool: PoolSpec } & Asked)
  | ({ readonly kind: 'open-call' } & Asked & CallTerms)
  | ({ readonly kind: 'extend-call'; readonly cfp: string; readonly ttlMs: number } & Asked)
  | ({ readonly kind: 'release-call'; readonly cfp: string } & Asked)
  | { readonly kind: 'lapse-call'; readonly cfp: string }
  | ({
      readonly kind: 'award';
      readonly cfp: string;
      readonly termsDigest: string;
      readonly bids: readonly ShownBid[];
      readonly policy: number;
    } & Asked)
  | ({ readonly kind: 'deposit' } & Asked & DepositAsked)
  | ({ readonly kind: 'withdraw-deposit'; readonly cfp: string; readonly agent: string } & Asked)
  | { readonly kind: 'return-deposits'; readonly cfp: string }
  | ({ readonly kind: 'renew' } & Asked & RenewAsked)
  | ({ readonly kind: 'settle'; readonly contract: string } & Asked)
  | ({ readonly kind: 'preempt-lease'; readonly contract: string; readonly operator?: true | undefined } & Asked)
  | { readonly kind: 'expire-lease'; readonly contract: string }
  | ({ readonly kind: 'hear'; readonly contract: string; readonly step: 'run' | 'progress' } & Asked)
  | ({ readonly kind: 'engage' } & Asked & EngageAsked)
  | ({ readonly kind: 'report' } & Asked & ReportAsked)
  | { readonly kind: 'overdue-task'; readonly contract: string }
  | ({ readonly kind: 'set-policy'; readonly text: string } & Asked)
  | ({ readonly kind: 'file-proposal' } & Asked & FileProposalAsked)
  | ({ readonly kind: 'decide-proposal'; readonly proposal: string; readonly verdict: 'approve' | 'deny' } & Asked)
  | { readonly kind: 'expire-proposal'; readonly proposal: string }
  | ({ readonly kind: 'close-proposal' } & ProposalEnd)
  | TokenCommand;

export interface Refused {
  readonly ok: false;
  /** Of an award in which no bid could win. */
  readonly verdicts?: readonly ShownVerdict[];
  readonly detail: Detail;
  /** Of `over-budget`: when the next window of what is spent begins, and how far that is. */
  readonly retryAt?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  /** The rule of the market's policy that says no. */
  readonly rule?: string | undefined;
}
export type Answer<T> =
  | ({ readonly ok: true; readonly replayed?: boolean; readonly deposits?: readonly DepositEnd[] } & T)
  | Refused;

export interface CallOpened {
  readonly cfp: string;
  readonly slots: readonly number[];
  readonly fences: readonly number[];
  readonly openedAt: number;
  readonly closesAt: number;
  readonly awardBy: number;
  readonly reservePriceMicro: string;
}

export interface Awarded {
  readonly cfp: string;
  readonly pool: string;
  readonly initiator: string;
  readonly at: number;
  readonly rule: AuctionRule;
  readonly units: number;
  readonly durationMs: number;
  readonly clearingPriceMicro: string;
  readonly winners: readonly Winner[];
  readonly verdicts: readonly ShownVerdict[];
  readonly outbid?: { readonly participant: string; readonly priceMicro: string };
}

export interface Renewed {
  readonly contract: string;
  readonly until: number;
  readonly priceMicro: string;
  readonly amountMicro: string;
  readonly terms: number;
}

export interface Settled {
  readonly contract: string;
  readonly pool: string;
  readonly participant: string;
  readonly slots: readonly number[];
  readonly outcome: LeaseOutcome;
  readonly paidMicro: string;
  readonly refundedMicro: string;
  /** Of a lease that was taken back. */
  readonly compensationMicro?: string;
  readonly at: number;
}

/** What each command answers where it succeeds, beside the deposits that it ended. */
export interface Done extends TokensDone {
  'open-pool': { readonly pool: string };
  'open-call': CallOpened;
  'extend-call': { readonly cfp: string; readonly awardBy: number };
  'release-call': { readonly cfp: string };
  'lapse-call': { readonly cfp: string };
  award: Awarded;
  deposit: Omit<DepositAsked, 'untilMs' | 'policy' | 'bounds'> & {
    readonly until: number;
    readonly pool: string;
    readonly at: number;
  };
  'withdraw-deposit': { readonly cfp: string; readonly agent: string };
  'return-deposits': { readonly cfp: string };
  renew: Renewed;
  settle: Settled;
  'preempt-lease': Settled;
  'expire-lease': Settled;
  hear: { readonly contract: string; readonly dueAt: number };
  engage: Engaged;
  report: Reported;
  'overdue-task': Reported;
  'set-policy': { readonly version: number; readonly at: number };
  'file-proposal': ProposalTold & { readonly expiresAt: number };
  'decide-proposal': ProposalTold;
  'expire-proposal': ProposalTold;
  'close-proposal': ProposalTold;
}

/** `retryAt`: when it would pass by itself; absent or 0 where that is not known. */
export function refused(detail: Detail, retryAt = 0, nowMs = 0): Refused {
  return retryAt > 0 ? { ok: false, detail, retryAt, retryAfterMs: retryAt - nowMs } : { ok: false, detail };
}
