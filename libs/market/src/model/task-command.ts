// What the model is asked about tasks, and what it answers: engagements and reports, without their transport.
import type { BrokenRule, StandbyRuling } from '../policy/ruling.js';
import type { Detail, ShownVerdict } from '../refusal.js';
import type { Conditions } from '../task/deal.js';
import type { KeptState, TaskOutcome, TaskStep } from '../task/life-cycle.js';
import type { BuyRule, Weights } from '../task/offer.js';
import type { Fill } from '../task/task-call.js';

/** What a contract keeps of an offer that stands by. */
export interface StandbyOffer {
  readonly participant: string;
  readonly intent: string;
  readonly until_ms: number;
  /** Set where the offer was sealed by it: it must be the account's. */
  readonly nkey?: string | undefined;
  /** In micro-credits, for the whole task. */
  readonly price: number;
  readonly units: number;
  readonly scope: number;
  readonly startBy: number;
  readonly deadline: number;
  readonly durationMs: number;
  /** The provider's call whose locked slots do the work; empty where there is none. */
  readonly hold: string;
  /** The issues as JSON, as they were sealed; kept verbatim. */
  readonly issuesText: string;
}

/** An offer whose seal holds. Ranked before it is shown. */
export interface TaskOffer extends StandbyOffer {
  readonly completesAt: number;
  readonly quality: number;
  readonly risk: number;
  /** Why the market's rules refuse it; it is shown all the same, because the others' ranks depend on it. */
  readonly barred?: Detail | undefined;
}

export interface EngageAsked {
  readonly buyer: string;
  readonly conversation: string;
  readonly task: string;
  readonly resource: string;
  /** The version of the policy by which the offers were judged. */
  readonly policy: number;
  /** The most that the buyer may have set aside with these contracts. */
  readonly limitMicro?: string | undefined;
  /** Set where an operator approved it: nobody is asked for its runners-up either. */
  readonly approved?: true | undefined;
  /** The buyer's hold of rate tokens that the work may use: without it nobody is engaged. */
  readonly tokens?: string | undefined;
  /** The frame as JSON; kept verbatim. */
  readonly frameText: string;
  readonly fill: Fill['kind'];
  /** What is counted, and up to how much. */
  readonly counts: Fill['by'];
  readonly total: number;
  readonly conditions: Conditions;
  readonly rule: BuyRule;
  readonly weights?: Weights | undefined;
  readonly offers: readonly TaskOffer[];
}

export interface ReportAsked {
  readonly contract: string;
  readonly step: Exclude<TaskStep, 'overdue'>;
  /** In whose name, where a host asks. */
  readonly agent?: string | undefined;
  /** Which of the provider's processes asks. */
  readonly process?: string | undefined;
  /** Set where an operator's request was checked. */
  readonly operator?: true | undefined;
  readonly percent?: number | undefined;
  readonly deadline?: number | undefined;
  /** The receipt as JSON, kept verbatim, or what people are told. */
  readonly text?: string | undefined;
  readonly receiptOutcome?: 'done' | 'failed' | undefined;
  readonly paidMicro?: string | undefined;
  readonly bondTo?: 'buyer' | 'provider' | undefined;
  /** Of a turn-down: the version of the rules, and what they say of each standby, in their order. */
  readonly policy?: number | undefined;
  readonly rulings?: readonly StandbyRuling[] | undefined;
}

/** A standby that the market's rules kept from a contract that was turned down. */
export interface PassedOver extends BrokenRule {
  readonly participant: string;
  readonly intent: string;
}

/** A contract as it begins; times by the market's clock. */
export interface EngagedContract {
  readonly contract: string;
  readonly participant: string;
  readonly intent: string;
  readonly priceMicro: string;
  readonly units: number;
  readonly startBy: number;
  readonly deadline: number;
  readonly slots: readonly number[];
  readonly fences: readonly number[];
  readonly dueAt: number;
}

export interface Engaged {
  readonly conversation: string;
  readonly at: number;
  readonly contracts: readonly EngagedContract[];
  readonly verdicts: readonly ShownVerdict[];
}

export interface Reported {
  readonly contract: string;
  /** `overdue` where the asked step came after the contract's time. */
  readonly step: TaskStep;
  readonly state: KeptState;
  readonly attempt: number;
  readonly participant: string;
  readonly at: number;
  readonly dueAt: number;
  readonly percent: number;
  readonly outcome?: TaskOutcome;
  readonly paidMicro?: string;
  readonly refundedMicro?: string;
  readonly bondTo?: 'buyer' | 'provider';
  readonly passedOver?: readonly PassedOver[];
}
