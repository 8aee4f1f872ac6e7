// How a buyer has a task announced, chosen, approved and escalated; and what comes of it.
import type { Bounds, BuyRule, Fill, Policy, Protocol, Refusal, Seen, ShownVerdict, Weights } from '@tender/market';
import type { Hired } from './hired.js';
import type { IssuesDraft, OrderOptions } from './task-order.js';
import type { Move } from './trail.js';

/** What the buyer does when a round leaves it a choice. */
export type Choice =
  /** Asks otherwise, in one round more. */
  | { readonly kind: 'revise'; readonly ask: Partial<IssuesDraft>; readonly bounds?: Bounds | undefined }
  /** Takes the best offers; or these, by their intents, counter-offers too. */
  | { readonly kind: 'settle'; readonly intents?: readonly string[] | undefined }
  | { readonly kind: 'give-up' };

export interface HireOptions extends OrderOptions {
  /** Default `lowest-price`; `best-score` by `weights`. */
  readonly rule?: BuyRule;
  readonly weights?: Weights;
  /** Default: one offer for all of it. */
  readonly fill?: Fill;
  /** How long offers are taken in each round; default 1000 ms. */
  readonly windowMs?: number;
  /** Closes a round as soon as so many have answered. */
  readonly closeAfterAnswers?: number;
  /** `fast` (default) takes the best offer of the first round that has one; `optimal` asks `choose`. */
  readonly mode?: Protocol['mode'];
  /** Default 4. */
  readonly maxRounds?: number;
  /** The negotiation ends so many ms from now at the latest; default 60,000, approvals and escalations not counted. */
  readonly withinMs?: number;
  /**
   * How far the buyer would go at all, which it keeps to itself: what it asks and its bounds move towards what was
   * refused, round by round, never beyond.
   */
  readonly limits?: Bounds;
  /** Asked where a round gives nothing that fits, and in `optimal` mode; default: settle, else revise within `limits`. */
  readonly choose?: (seen: Seen, until: number) => Choice | Promise<Choice>;
  /** The agent's own rules: offers that break one are refused unseen. */
  readonly policy?: Policy;
  /** Who decides where the rules allow no further round: an agent, or the operators' queue. */
  readonly escalateTo?: 'operators' | (string & {});
  /** Default 60,000. */
  readonly escalateWithinMs?: number;
  /** Ends the negotiation; what is under way at the bank already is given up as soon as it is known. */
  readonly signal?: AbortSignal;
  /** W3C trace context; travels in the headers of every step. */
  readonly traceparent?: string;
  /** The call is announced under this id. */
  readonly onOpen?: (conversation: string) => void;
  /** 261: an operator must approve it, until then. */
  readonly onPending?: (proposal: string, expiresAt: number) => void;
}

/** What came of a negotiation: the contracts, or why there is none. */
export type HireOutcome =
  | {
      readonly ok: true;
      readonly conversation: string;
      readonly tasks: readonly Hired[];
      readonly verdicts: readonly ShownVerdict[];
      readonly trail: readonly Move[];
    }
  | (Refusal & { readonly conversation: string; readonly trail: readonly Move[] });
