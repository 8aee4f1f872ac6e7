// What an agent hands over when it listens: its answers to calls, and what it does with what comes of them.
import type { CallView, Decision } from './decision.js';
import type { Lease } from './lease.js';
import type { LostBid } from './lost-bid.js';

/** What an agent does with a pool's calls. All three may throw: that is logged and counted. */
export interface ListenHandlers {
  /**
   * Answers a call with `bid(…)`, several bids, `refuse(…)` or undefined. A value returned at once is sent with
   * those of the host's other agents; a promise must resolve before the call closes.
   */
  readonly evaluate: (call: CallView) => Decision | Promise<Decision>;
  readonly onLease: (lease: Lease) => void;
  readonly onLost?: ((outcome: LostBid) => void) | undefined;
}

export interface Listening {
  /** Resolves when the server knows of it: a call announced from then on is heard. Asking costs a round trip. */
  readonly ready: Promise<void>;
  /** No more calls; open bids stand, unless `withdraw` is set. */
  stop(options?: { readonly withdraw?: boolean }): void;
}
