// What prices remember of a bucket's clearing: at which rate takes were served in it.
import { parseMicro } from '@tender/credits';
import type { TokenAmounts } from '../tokens.js';

/** Rates in thousandths of the reserve prices, as takes offer them (see credits' token clearing). */
export interface BucketPoint {
  /** Of its kind, in the order of time. */
  readonly seq: number;
  /** ms since the epoch. */
  readonly at: number;
  readonly served: number;
  readonly lost: number;
  /** What the lowest take that was served offered, the clearing rate at least; infinite where none was. */
  readonly rate: number;
}

/** A take that somebody thinks about. */
export interface ImaginedTake {
  /** What its most is of its cost at the reserve prices and the asker's noise, in thousandths. */
  readonly rate: number;
  /** Whether its account is of class system: those come first. */
  readonly system: boolean;
}

/** As the script answers a take. */
export type TakeOutcome =
  | {
      readonly ok: true;
      readonly replayed?: boolean | undefined;
      readonly amounts: TokenAmounts;
      readonly amountMicro: string;
      readonly ratePermille: number;
    }
  | { readonly ok: false; readonly wait?: object | undefined };

/**
 * What a clearing leaves behind; undefined where it neither served nor turned away anybody. What a winner offered is
 * told by what it pays: `maxPrice / amount` times the clearing rate, its own noise stands on both sides; of a part that it
 * was content with, by what the whole would have cost.
 *
 * @param takes with `maxPrice` in micro-credits, in the order of `outcomes`
 */
export function bucketPoint(
  when: Pick<BucketPoint, 'seq' | 'at'>,
  takes: readonly { readonly amounts: TokenAmounts; readonly maxPrice: number }[],
  outcomes: readonly TakeOutcome[],
): BucketPoint | undefined {
  let [served, lost, clearing, lowest] = [0, 0, 1000, Number.POSITIVE_INFINITY];
  outcomes.forEach((outcome, n) => {
    if (!outcome.ok) {
      if (outcome.wait !== undefined) lost += 1;
      return;
    }
    if (outcome.replayed === true) return;
    served += 1;
    const { ratePermille } = outcome;
    clearing = Math.max(clearing, ratePermille);
    const { amounts, maxPrice } = takes[n]!;
    const part = Math.min(...Object.entries(amounts).map(([limit, asked]) => (outcome.amounts[limit] ?? 0) / asked));
    const amount = parseMicro(outcome.amountMicro) ?? 0;
    if (amount > 0) lowest = Math.min(lowest, Math.floor((maxPrice / amount) * part * ratePermille));
  });
  if (served + lost === 0) return undefined;
  const rate = served === 0 ? Number.POSITIVE_INFINITY : Math.max(clearing, Number.isFinite(lowest) ? lowest : 0);
  return { ...when, served, lost, rate: lost === 0 ? 1000 : rate };
}

/**
 * Whether a take would have been served in a clearing: where nobody was turned away at the reserve price, else above the
 * lowest that was served. How much it asks for is left out: a clearing does not tell how much more there was. Under
 * proportional share the rate ranks nobody, and forecasts are worth less: their figures say how much.
 */
export function wouldBeServed(point: BucketPoint, take: ImaginedTake): boolean {
  if (point.lost === 0) return take.rate >= 1000;
  return point.served > 0 && (take.system || take.rate > point.rate);
}
