// What attribution counts: payments, and bids that the bank judged, each with all that spending can be told apart by.
import type { SpendKey } from '../bank-views.js';

/** Whose it was and what for; what nobody said is absent. `agent` is the account that paid, or that bid. */
export type SpendOf = { readonly [K in Exclude<SpendKey, 'window'>]?: string | undefined };

export interface PaymentFact extends SpendOf {
  /** The market's clock, in ms since the epoch. */
  readonly at: number;
  /** In micro-credits. */
  readonly amount: number;
}

/** A bid or an offer that was shown to the bank and might have won; what was barred is none. */
export interface BidFact extends SpendOf {
  readonly at: number;
  readonly won: boolean;
  /** Who won where it did not. */
  readonly winners: readonly string[];
}
