// A task and the rate tokens for it together or not at all: the buyer takes them first, and hands them over with the work.
import type { Refusal } from '@tender/market';
import type { HireOptions, HireOutcome } from './hire-options.js';
import { issuesOf } from './task-order.js';
import type { TokenHold } from './token-hold.js';
import type { TokenOrder } from './token-order.js';
import type { Taken, TakeOptions } from './tokens.js';
import type { Move } from './trail.js';

export interface HireBundleOptions extends HireOptions {
  readonly bucket: string;
  /** Amounts by limit, and the most that they may cost together. */
  readonly order: TokenOrder;
  /**
   * How long the tokens are held, in ms; a minute beyond the deadline that is asked for when absent. The bucket's longest
   * time is a limit (`tender bucket get`).
   */
  readonly ttlMs?: number;
}

/** As of `hire`, and the tokens: theirs to return who hired, when the work is done. Or why there is neither. */
export type HiredBundle =
  | (Extract<HireOutcome, { readonly ok: true }> & { readonly held: TokenHold })
  | (Refusal & { readonly trail: readonly Move[] });

const WITHIN_MS = 60_000;
const BEYOND_MS = 60_000;

/**
 * Waits for the tokens and then for a provider, both within `withinMs`. Where either cannot be had, tokens go back
 * unused, and nothing is paid (a tenth of their price where they were scarce). Throws at once on options that make no sense.
 */
export async function hireBundle(
  take: (bucket: string, order: TokenOrder, options: TakeOptions) => Promise<Taken>,
  hire: (options: HireOptions) => Promise<HireOutcome>,
  options: HireBundleOptions,
  nowMs: number,
): Promise<HiredBundle> {
  const { bucket, order, withinMs = WITHIN_MS, signal, ...wanted } = options;
  const { ttlMs = issuesOf(wanted.ask, nowMs).deadline - nowMs + BEYOND_MS, ...hiring } = wanted;
  const due = performance.now() + withinMs;
  const aborting = signal === undefined ? {} : { signal };
  const taken = await take(bucket, order, { waitMs: withinMs, ttlMs, ...aborting });
  if (!taken.ok) return { ...taken, trail: [] };
  const { held } = taken;
  try {
    const left = Math.max(0, Math.floor(due - performance.now()));
    const task = { ...hiring.task, tokenHold: held.hold };
    const outcome = await hire({ ...hiring, ...aborting, task, withinMs: left });
    if (outcome.ok) return { ...outcome, held };
    await held.release();
    return outcome;
  } catch (error) {
    await held.release();
    throw error;
  }
}
