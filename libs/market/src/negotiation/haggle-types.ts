// What one side of a negotiation between two agents knows, hears and does: the vocabulary of haggle.ts.
import type { Detail, Refusal } from '../refusal.js';
import type { DealSide } from '../task/compare.js';
import type { Frame } from '../task/deal.js';
import type { Bounds, Issues } from '../task/issues.js';
import type { Offer } from '../task/offer.js';
import type { Protocol } from '../task/protocol.js';
import type { RejectMove, TaskBody } from '../task/talk.js';
import type { TaskView } from '../task/task-view.js';

/** What both sides know, and what a side keeps to itself. */
export interface HaggleContext {
  readonly side: DealSide;
  /** Who proposes first: the buyer with an opening, or the provider with the tender for an announced call. */
  readonly opener: DealSide;
  readonly frame: Frame;
  /** Whose offers they are; a host speaks for many. */
  readonly provider: string;
  /** What bounds leave out is fixed at what it says: the opening's issues, or the call's. */
  readonly ask: Issues;
  readonly bounds: Bounds;
  readonly protocol: Protocol;
  /** The most that this buyer pays, the least that this provider takes: no own move goes beyond it. */
  readonly limitMicro?: string | undefined;
  /** Begins the idempotency keys (8 to 48 characters), another for each process that takes the negotiation up. */
  readonly nonce: string;
}

/** A proposal as it stands: nobody takes one back, a better one takes its place. */
export interface Proposal {
  /** Its place among its side's moves, from 1. A rejection takes a place too. */
  readonly round: number;
  readonly issues: Issues;
  /** A provider's; one that only says in a rejection what would pass may lack it. */
  readonly offer?: Offer | undefined;
  /** As stated by its sender, in thousandths. */
  readonly risk?: number | undefined;
}

/** What has been said so far. */
export interface Haggled {
  readonly context: HaggleContext;
  /** Oldest first. */
  readonly ours: readonly Proposal[];
  readonly theirs: readonly Proposal[];
  /** Places taken, by proposals and rejections. */
  readonly ourMoves: number;
  readonly theirMoves: number;
  /** Of both sides: a third one is the last. */
  readonly rejections: number;
  /** Moves in a row by which nothing changed. */
  readonly still: number;
  /** A provider's: what it sealed last, and the call whose slots are still locked behind it. */
  readonly sealed?: Offer | undefined;
  readonly hold?: string | undefined;
  /** A provider's: its last offer that the buyer could still close on ends then; 0 where there is none. */
  readonly offersUntil: number;
}

interface Asking {
  /** When the bank is asked next, and how long it is waited then. */
  readonly askAt: number;
  readonly pauseMs: number;
  /** What it waits for is over then, and soon after the waiting too. */
  readonly until: number;
}

export type HaggleState =
  /** This side proposes, accepts or rejects until `replyBy`. */
  | ({ readonly name: 'mine'; readonly replyBy: number } & Haggled)
  | ({ readonly name: 'theirs'; readonly replyBy: number } & Haggled)
  /**
   * Buyer: it closes on `offer`. Provider: an offer is out on which the buyer may close; `because`: nothing more is
   * negotiated, and why, so that the offer's end is this negotiation's.
   */
  | ({ readonly name: 'settling'; readonly offer?: Offer | undefined; readonly because?: Detail | undefined } & Asking &
      Haggled)
  /** 261: somebody must approve; `own`: this side filed it, and asks. */
  | ({ readonly name: 'pending'; readonly proposal: string; readonly own: boolean } & Asking & Haggled)
  /** Three rejections: it is escalated until then, or over. */
  | ({ readonly name: 'stuck'; readonly until: number } & Haggled)
  /** An arbiter has it until then. */
  | ({ readonly name: 'escalated'; readonly until: number } & Haggled)
  | ({ readonly name: 'agreed'; readonly view: TaskView } & Haggled)
  /** `askAt`: whatever was said, a bond is at stake until the last offer is over, and the bank is asked then. */
  | ({ readonly name: 'ended'; readonly detail: Detail; readonly askAt?: number | undefined } & Haggled);

export type HaggleEvent =
  /** This side's own decisions. A provider seals what it proposes and accepts: `offer` for exactly these issues. */
  | {
      readonly kind: 'propose';
      readonly issues: Issues;
      readonly offer?: Offer | undefined;
      readonly risk?: number | undefined;
    }
  /** Theirs as it stands. A buyer's, where the provider only hinted at it, becomes a proposal of the same. */
  | { readonly kind: 'accept'; readonly offer?: Offer | undefined }
  /** See `rejection`; the round is filled in. Final and without a counter, it is the end. */
  | { readonly kind: 'reject'; readonly move: Omit<RejectMove, 'round'> }
  /** `withinMs`: so long the arbiter has. */
  | { readonly kind: 'escalate'; readonly message: string; readonly withinMs: number }
  | { readonly kind: 'quit'; readonly detail: Detail; readonly message?: string | undefined }
  /** What the other side says; `replyBy` as its envelope has it. An opening is also a provider's tender. */
  | ({ readonly kind: 'opening' } & Heard)
  | ({ readonly kind: 'counter' } & Heard)
  | { readonly kind: 'accepted'; readonly issues: Issues; readonly offer?: Offer | undefined; readonly round: number }
  | { readonly kind: 'rejected'; readonly move: RejectMove; readonly replyBy?: number | undefined }
  | { readonly kind: 'cancelled'; readonly detail: Detail }
  /** The other's word that there is a contract, or that approval is awaited: the bank is asked. */
  | { readonly kind: 'contract'; readonly contract: string }
  | { readonly kind: 'waits'; readonly proposal: string; readonly expiresAt: number }
  /** What the bank says: to the buyer of its engagement; of what was filed; to the provider of its intent. */
  | { readonly kind: 'engaged'; readonly view: TaskView }
  | { readonly kind: 'filed'; readonly proposal: string; readonly expiresAt: number }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'held'; readonly view: TaskView }
  /** `askedAt`: as the question said. An answer from before an offer's end leaves open what came after. */
  | { readonly kind: 'absent'; readonly askedAt: number }
  /** Time has passed: due at `haggleWakeAt`. */
  | { readonly kind: 'tick' };

interface Heard {
  readonly issues: Issues;
  readonly offer?: Offer | undefined;
  readonly round: number;
  readonly risk?: number | undefined;
  readonly replyBy?: number | undefined;
}

/** A message whole but for its envelope. */
type Say<P extends 'propose' | 'counter-propose' | 'accept-proposal' | 'reject-proposal' | 'cancel' | 'inform'> =
  P extends unknown
    ? {
        readonly kind: 'send';
        readonly performative: P;
        readonly body: TaskBody<P>;
        /** Until when the other side's answer is awaited. */
        readonly replyBy?: number | undefined;
      }
    : never;

export type HaggleAction =
  | Say<'propose' | 'counter-propose' | 'accept-proposal' | 'reject-proposal' | 'cancel' | 'inform'>
  /** `failure` to the other side: its move was understood and is not obeyed. */
  | {
      readonly kind: 'answer';
      readonly event: HaggleEvent['kind'];
      readonly status: number;
      readonly detail: Detail;
      readonly message: string;
    }
  /** Bank op `engage` for this offer, again under the same key where it gave no answer: engaged, filed or refused. */
  | { readonly kind: 'engage'; readonly key: string; readonly offer: Offer }
  /** Bank op `task` by the intent: held or absent; nothing where the bank gives no answer. */
  | { readonly kind: 'inquire'; readonly intent: string; readonly askedAt: number }
  /** Bank op `proposal`: engaged, refused, or absent while nobody has decided. */
  | { readonly kind: 'poll'; readonly proposal: string; readonly askedAt: number }
  /** The slots behind the offer stay locked until then. */
  | { readonly kind: 'extend'; readonly hold: string; readonly until: number }
  /** They are needed no more. */
  | { readonly kind: 'release'; readonly hold: string }
  /** To the agent named for it, or bank op `escalate` (filed or refused). `offer`: what a yes would close on. */
  | {
      readonly kind: 'escalate';
      readonly key: string;
      readonly body: TaskBody<'escalate'>;
      readonly withinMs: number;
      readonly offer?: Offer | undefined;
    }
  /** Once; a second time where the bank bears out a contract after an end. */
  | { readonly kind: 'finish'; readonly outcome: Haggling };

export type Haggling =
  | { readonly ok: true; readonly view: TaskView }
  | { readonly ok: false; readonly detail: Detail; readonly theirs?: Proposal | undefined };
