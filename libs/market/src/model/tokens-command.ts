// What the model is asked about rate tokens, and what it answers; the scripts take and reply the same.
import type { AccountClass, BucketSpec } from '@tender/credits';
import type { Ruling } from '../policy/ruling.js';
import type { Detail } from '../refusal.js';
import type { HoldEnd, TokenAmounts, UpstreamWord } from '../tokens.js';

/** A take as the broker shows it: `by` asks for `agent`, prices in micro-credits. */
export interface TakeAsked extends Pick<Ruling, 'bounds' | 'barred'> {
  readonly by: string;
  /** New, and the idempotency key: asked again with this digest, it gets the same answer. */
  readonly hold: string;
  /** Of the body, the agent included. */
  readonly digest: string;
  readonly agent: string;
  readonly amounts: TokenAmounts;
  readonly atLeast?: TokenAmounts | undefined;
  /** The most that all of it may cost. */
  readonly maxPrice: number;
  readonly ttlMs: number;
}

/** Takes of one bucket, as the market's rules were judged. */
export interface TakesAsked extends Pick<Ruling, 'policy'> {
  readonly bucket: string;
  readonly takes: readonly TakeAsked[];
}

export interface ReturnAsked {
  readonly hold: string;
  readonly used: Readonly<Record<string, number>>;
  readonly upstream?: UpstreamWord | undefined;
}

export interface OfferAsked {
  readonly hold: string;
  readonly to: string;
  readonly amounts: TokenAmounts;
  /** In micro-credits, for all of them. */
  readonly price: number;
}

export interface BuyAsked extends Pick<Ruling, 'policy' | 'barred'> {
  /** By whom it was sold when the rules were asked, where there were any to ask. */
  readonly seller?: string | undefined;
  readonly by: string;
  /** The new hold, and the idempotency key. */
  readonly hold: string;
  readonly digest: string;
  readonly agent: string;
  /** The seller's hold. */
  readonly of: string;
  readonly amounts: TokenAmounts;
  readonly maxPrice: number;
}

/** Tokens in hand, as they are told. */
export interface Held {
  readonly hold: string;
  readonly bucket: string;
  readonly agent: string;
  readonly class: AccountClass;
  readonly amounts: TokenAmounts;
  readonly unitsMicro: Readonly<Record<string, string>>;
  readonly amountMicro: string;
  readonly ratePermille: number;
  readonly noisePermille: number;
  readonly expiresAt: number;
  readonly at: number;
  /** Of a hold that is asked for again: how it has ended. There is nothing left in hand. */
  readonly ended?: HoldEnd;
}

/** Why there is nothing in hand; with `wait` not for good. */
export interface NotTaken {
  readonly ok: false;
  readonly detail: Detail;
  /** `system`: of an account of that class, before whom nobody else is served; `offeredPermille` where it was cleared. */
  readonly wait?: {
    readonly ms: number;
    readonly priceMicro: string;
    readonly system?: true;
    readonly offeredPermille?: number;
  };
  readonly retryAt?: number;
  readonly priceMicro?: string;
  /** The rule of the market's policy that says no. */
  readonly rule?: string;
}
export type TakeAnswer = ({ readonly ok: true; readonly replayed?: boolean } & Held) | NotTaken;

export interface TakesDone {
  readonly takes: readonly TakeAnswer[];
  /** Whole tokens of each limit that are in the bucket thereafter; of none where it is paused, or there is none. */
  readonly left: Readonly<Record<string, number>>;
}

export interface Returned {
  readonly hold: string;
  readonly bucket: string;
  readonly agent: string;
  readonly returned: Readonly<Record<string, number>>;
  readonly paidMicro: string;
  readonly refundedMicro: string;
  readonly factorPermille: number;
  readonly pausedUntil: number;
  readonly at: number;
}

export interface HoldExpired {
  readonly hold: string;
  readonly bucket: string;
  readonly agent: string;
  readonly paidMicro: string;
  readonly at: number;
}

interface Keyed {
  readonly by: string;
  readonly key: string;
  readonly digest: string;
}

export type TokenCommand =
  | ({ readonly kind: 'open-bucket'; readonly bucket: BucketSpec } & Keyed)
  /** Takes of one instant. The hold is the key of each. */
  | ({ readonly kind: 'take-tokens' } & TakesAsked)
  | ({ readonly kind: 'return-tokens' } & Keyed & ReturnAsked)
  | ({ readonly kind: 'offer-tokens' } & Keyed & OfferAsked)
  | ({ readonly kind: 'buy-tokens' } & BuyAsked)
  /** The sweeper's. */
  | { readonly kind: 'expire-hold'; readonly hold: string };

/** What each of them answers where it succeeds. */
export interface TokensDone {
  'open-bucket': { readonly bucket: string; readonly at: number };
  'take-tokens': TakesDone;
  'return-tokens': Returned;
  'offer-tokens': { readonly hold: string; readonly to: string; readonly priceMicro: string };
  'buy-tokens': Held;
  'expire-hold': HoldExpired;
}
