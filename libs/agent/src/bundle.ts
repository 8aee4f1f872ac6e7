// Slots and rate tokens together or not at all: tokens first, then bids that stand only while they are held.
import type { Lease } from './lease.js';
import { RefusedError } from './refused-error.js';
import type { TokenHold } from './token-hold.js';
import type { TokenOrder } from './token-order.js';
import type { Taken, TakeOptions } from './tokens.js';
import type { WinOptions } from './win.js';

export interface BundleOptions extends Omit<WinOptions, 'tokens'> {
  readonly bucket: string;
  /** Amounts by limit, and the most that they may cost together. */
  readonly order: TokenOrder;
  /**
   * How long the tokens are held, in ms, from before the first bid on; a minute beyond the deadline when absent. The
   * bucket's longest time is a limit (`tender bucket get`).
   */
  readonly ttlMs?: number;
}

/** What was won together. Each ends by itself: the lease by `release`, the tokens by `held.return`. */
export interface Bundle {
  readonly lease: Lease;
  readonly held: TokenHold;
}

const BEYOND_MS = 60_000;

/**
 * Waits for the tokens and then for the slots, both within `deadlineMs`. Where either cannot be had, tokens go back
 * unused, and nothing is paid (a tenth of their price where they were scarce). Rejects as `win` does; with RefusedError where there are no tokens.
 */
export async function winBundle(
  take: (bucket: string, order: TokenOrder, options: TakeOptions) => Promise<Taken>,
  win: (options: WinOptions) => Promise<Lease>,
  options: BundleOptions,
): Promise<Bundle> {
  const { bucket, order, deadlineMs = 60_000, ttlMs = deadlineMs + BEYOND_MS, signal, ...wanted } = options;
  const due = performance.now() + deadlineMs;
  const aborting = signal === undefined ? {} : { signal };
  const taken = await take(bucket, order, { waitMs: deadlineMs, ttlMs, ...aborting });
  if (!taken.ok) throw new RefusedError(taken);
  const { held } = taken;
  try {
    const left = Math.max(0, due - performance.now());
    return { lease: await win({ ...wanted, ...aborting, deadlineMs: left, tokens: held.hold }), held };
  } catch (error) {
    await held.release();
    throw error;
  }
}
