// What the buyer's side of an announced call for a task knows, hears and does: the vocabulary of hire.ts.
import type { ProposalView } from '../operations.js';
import type { Detail, Refusal, ShownVerdict } from '../refusal.js';
import type { Bounds, Issues } from '../task/issues.js';
import type { Offer } from '../task/offer.js';
import type { RejectMove } from '../task/talk.js';
import type { TaskCall } from '../task/task-call.js';
import type { TaskView } from '../task/task-view.js';
import type { Book, BookLimits } from './bid-book.js';

export interface HireOptions {
  /** A round closes as soon as so many offers and refusals are in; Infinity waits for `closesAt`. */
  readonly closeAfterAnswers: number;
  /** Offers (and counter-offers, and refusals) kept in one call; more are answered `no-capacity`. */
  readonly limits: BookLimits;
  /** How often the bank is asked to engage, where it bars what it was shown. */
  readonly maxEngagements: number;
  /** Who decides where the rules allow no further round: `operators`, or an agent's id; undefined: nobody. */
  readonly escalateTo?: 'operators' | (string & {}) | undefined;
  readonly escalateWithinMs: number;
  /** Begins the idempotency keys (8 to 48 characters), another for each process that takes the negotiation up. */
  readonly nonce: string;
}

/** An offer as the buyer keeps it; `sender` is the subject's token, a provider or its host. */
export interface BookedOffer {
  readonly sender: string;
  readonly participant: string;
  readonly intent: string;
  readonly offer: Offer;
  /** The round in which it was made. */
  readonly round: number;
  /** Why it cannot win the call as it now is; and where the bank said so, when it could (by the broker's clock). */
  readonly fault?: Detail | undefined;
  readonly retryAt?: number | undefined;
}

/** A provider that said no; out of the call where that is `final`. */
export interface BookedRefusal {
  readonly sender: string;
  readonly participant: string;
  readonly intent: string;
  readonly move: RejectMove;
}

/** All that is known of the call at the end of a round: what the buyer decides by. */
export interface Seen {
  readonly call: TaskCall;
  /** Those that may be engaged, best first. */
  readonly offers: readonly BookedOffer[];
  /** Sealed offers outside the bounds: a revised call that takes one in makes it an offer. */
  readonly counters: readonly BookedOffer[];
  readonly refusals: readonly BookedRefusal[];
  /** Rounds that gave nothing to engage, and rounds in a row in which neither side moved. */
  readonly rejections: number;
  readonly unchanged: number;
}

interface Calling {
  readonly options: HireOptions;
  readonly call: TaskCall;
  readonly offers: Book<BookedOffer>;
  readonly counters: Book<BookedOffer>;
  readonly refusals: Book<BookedRefusal>;
  /** How often each `<sender>|<participant>` was rejected in this call. */
  readonly rejected: ReadonlyMap<string, number>;
  readonly rejections: number;
  readonly unchanged: number;
  /** How often the bank was asked, in all rounds. */
  readonly engagements: number;
  /** What the last round came to, to see whether the next one moves. */
  readonly last?: string | undefined;
}

interface Showing {
  /** At most MAX_SHOWN_OFFERS, in rank order. */
  readonly shown: readonly BookedOffer[];
  /** Of those whose offers the bank barred before, counted from 1. */
  readonly attempt: number;
  /** The intents that the buyer would close on, where it named some: others are not shown in their place. */
  readonly named?: readonly string[] | undefined;
}

export type HireState =
  /** A round is open until the call's `closesAt`. */
  | ({ readonly name: 'calling' } & Calling)
  /** A round is over; the buyer revises the call, settles for what there is, or gives up, until then. */
  | ({ readonly name: 'revising'; readonly until: number } & Calling)
  /** `askAgainAt`: the bank did not answer. `duplicate`: it said so, and is asked what there is. */
  | ({ readonly name: 'settling'; readonly askAgainAt: number; readonly duplicate?: Refusal | undefined } & Showing &
      Calling)
  /** 261: an operator decides. */
  | ({ readonly name: 'pending'; readonly proposal: string; readonly expiresAt: number } & Polling & Showing & Calling)
  /** Another decides: operators, by a proposal once it is filed, or the agent that was named. */
  | ({
      readonly name: 'escalated';
      readonly asked: Escalation;
      readonly proposal?: string | undefined;
      readonly expiresAt: number;
    } & Polling &
      Showing &
      Calling)
  | { readonly name: 'hired'; readonly contracts: readonly TaskView[] }
  | { readonly name: 'ended' };

interface Polling {
  readonly pollAt: number;
  readonly pauseMs: number;
}

export type HireEvent =
  /** What providers say; `from` is the subject's token. */
  | { readonly kind: 'tender'; readonly from: string; readonly offer: Offer; readonly round: number }
  | { readonly kind: 'refused'; readonly from: string; readonly move: RejectMove }
  | { readonly kind: 'withdrawn'; readonly from: string }
  /** The buyer's own decisions, or those of the agent that it escalated to. */
  | { readonly kind: 'close' }
  | { readonly kind: 'revise'; readonly ask: Issues; readonly bounds: Bounds }
  /** Without `intents`: the best offers; with them: these, counter-offers too. */
  | { readonly kind: 'settle'; readonly intents?: readonly string[] | undefined }
  | { readonly kind: 'abort' }
  /** What the bank says. */
  | { readonly kind: 'engaged'; readonly contracts: readonly TaskView[]; readonly verdicts: readonly ShownVerdict[] }
  | { readonly kind: 'filed'; readonly proposal: string; readonly expiresAt: number }
  | { readonly kind: 'declined'; readonly refusal: Refusal }
  | { readonly kind: 'decided'; readonly view: ProposalView }
  /** Time has passed: due at `hireWakeAt`. */
  | { readonly kind: 'tick' };

export type Hiring =
  | { readonly ok: true; readonly contracts: readonly TaskView[]; readonly verdicts: readonly ShownVerdict[] }
  | Refusal;

export interface Escalation {
  readonly kind: 'escalate';
  readonly to: string;
  readonly key: string;
  readonly rejections: number;
  readonly message: string;
  readonly withinMs: number;
  readonly call: TaskCall;
  /** What would be engaged, a yes given; may be empty. */
  readonly offers: readonly Offer[];
}

export type HireAction =
  /** To all who listen to the resource. */
  | { readonly kind: 'announce'; readonly call: TaskCall }
  /** A revised call to those who are still in, on their talk subjects. */
  | { readonly kind: 'recall'; readonly call: TaskCall; readonly to: readonly string[] }
  /** Ask the buyer what next: `revise`, `settle` or `abort`. */
  | { readonly kind: 'choose'; readonly seen: Seen; readonly until: number }
  /** Bank op `engage`, under this key; its answer is `engaged`, `filed` or `declined`. */
  | { readonly kind: 'engage'; readonly key: string; readonly call: TaskCall; readonly offers: readonly Offer[] }
  /** Bank op `task` for `<conversation>-t1` and on: `engaged` (without verdicts) or `declined`. */
  | { readonly kind: 'inquire'; readonly conversation: string }
  /** Bank op `proposal`: its answer is `decided`. */
  | { readonly kind: 'poll'; readonly proposal: string }
  /** To `operators`: bank op `escalate` under this key, answered by `filed` or `declined`; else to that agent. */
  | Escalation
  | { readonly kind: 'inform'; readonly to: string; readonly view: TaskView }
  | {
      readonly kind: 'inform-pending';
      readonly to: readonly string[];
      readonly proposal: string;
      readonly expiresAt: number;
    }
  /** `intent` tells a host for which of its offers. */
  | {
      readonly kind: 'reject';
      readonly to: string;
      readonly participant: string;
      readonly intent: string;
      readonly move: RejectMove;
      /** When it may pass, by the broker's clock: as it is sent the move says in how many ms. */
      readonly retryAt?: number | undefined;
    }
  /** Nothing more comes of the call. */
  | { readonly kind: 'cancel'; readonly to: readonly string[]; readonly detail: Detail }
  | { readonly kind: 'finish'; readonly outcome: Hiring };
