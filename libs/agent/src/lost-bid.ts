// A bid that did not win: why, by whose word, and when another may.
import type { Detail } from '@tender/market';

/** What came of a bid that did not win. */
export interface LostBid {
  readonly cfp: string;
  readonly pool: string;
  readonly intent: string;
  readonly detail: Detail;
  /** Whose word `detail` is: an initiator may lie, the bank does not, and some things the agent sees by itself. */
  readonly by: 'initiator' | 'bank' | 'agent';
  /** Per unit, where something was sold: what would have had to be beaten. */
  readonly clearingPriceMicro?: number | undefined;
  /** When it may pass, where `by` said so: by the broker's clock, and in so many ms from now. Of an initiator a claim. */
  readonly retryAt?: number | undefined;
  readonly retryAfterMs?: number | undefined;
}

interface When {
  readonly retryAt?: number | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** When something may pass, by the broker's clock. */
export function whenOf({ retryAt, retryAfterMs }: When, nowMs: number): number | undefined {
  return retryAt ?? (retryAfterMs === undefined ? undefined : nowMs + retryAfterMs);
}
