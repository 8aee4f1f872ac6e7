// What a provider in an announced call for a task knows, hears and does: the vocabulary of tender.ts.
import type { Detail } from '../refusal.js';
import type { Offer } from '../task/offer.js';
import type { RejectMove } from '../task/talk.js';
import type { TaskCall } from '../task/task-call.js';
import type { TaskView } from '../task/task-view.js';

interface Seat {
  readonly call: TaskCall;
  /** Whom to answer: the sender of the call. */
  readonly buyer: string;
}

/** The provider is bound: what it sealed may be engaged, whatever is said meanwhile. */
interface Bound extends Seat {
  /** The last one; all offers of a provider in one call have one intent, so that one of them at most is engaged. */
  readonly offer: Offer;
  /** When the last of its seals runs out. */
  readonly sealedUntil: number;
  /** When the bank is asked what became of the intent, if nobody says so before; and how long it is waited then. */
  readonly askAt: number;
  readonly pauseMs: number;
}

export type TenderWaiting =
  /** An offer, or a counter-offer outside the bounds. */
  | ({ readonly name: 'tendered' } & Bound)
  /** The buyer waits for an operator's yes. */
  | ({ readonly name: 'pending' } & Bound)
  /** Outbid, but the contract may come here without a new call until then: the hold is kept. */
  | ({ readonly name: 'standing'; readonly until: number } & Bound)
  /** Told that it lost: the hold is free. Where a bond is at stake the bank is asked once the seals have run out. */
  | ({ readonly name: 'lost' } & Bound);

export type TenderState =
  /** A round is open; what was offered before stands meanwhile. */
  | ({ readonly name: 'considering'; readonly before?: Omit<Bound, keyof Seat> | undefined } & Seat)
  /** No offer in this round; there may be another one. */
  | ({ readonly name: 'declined' } & Seat)
  | TenderWaiting
  /** The bank was asked; where there is no contract it goes on as before. */
  | { readonly name: 'inquiring'; readonly from: TenderWaiting; readonly askedAt: number }
  | { readonly name: 'won'; readonly view: TaskView }
  | { readonly name: 'over' };

export type TenderEvent =
  /** The provider's own decisions; a refusal may carry a sealed counter-offer. */
  | { readonly kind: 'offer'; readonly offer: Offer }
  | { readonly kind: 'refuse'; readonly move: RejectMove }
  | { readonly kind: 'withdraw' }
  /** What the buyer says: a further round, a contract (or its `task-start`), that it waits, that it is over. */
  | { readonly kind: 'cfp'; readonly call: TaskCall }
  | { readonly kind: 'contract'; readonly contract: string }
  | { readonly kind: 'pending'; readonly expiresAt: number }
  | { readonly kind: 'reject'; readonly move: RejectMove }
  | { readonly kind: 'cancel'; readonly detail: Detail }
  /** What the bank says of the intent: a contract, none, or nothing. */
  | { readonly kind: 'held'; readonly view: TaskView }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unanswered' }
  /** Time has passed: due at `tenderWakeAt`. */
  | { readonly kind: 'tick' };

export type TenderAction =
  /** Ask the provider: `offer` or `refuse`; what it offered before stands meanwhile. */
  | { readonly kind: 'consider'; readonly call: TaskCall; readonly standing?: Offer | undefined }
  | { readonly kind: 'tender'; readonly to: string; readonly round: number; readonly offer: Offer }
  | { readonly kind: 'refuse'; readonly to: string; readonly move: RejectMove }
  | { readonly kind: 'withdraw'; readonly to: string; readonly detail: Detail }
  /** Bank op `task` by the intent: `held`, `absent` or `unanswered`. */
  | { readonly kind: 'inquire'; readonly intent: string }
  /** The slots behind an offer are needed no more. */
  | { readonly kind: 'release'; readonly hold: string }
  /** Won: the contract's work begins (see task/work.ts). */
  | { readonly kind: 'work'; readonly view: TaskView }
  | {
      readonly kind: 'lost';
      readonly detail: Detail;
      readonly message?: string | undefined;
      /** In so many ms it may pass, as the buyer says. */
      readonly retryAfterMs?: number | undefined;
    };
