// How likely a take is to be served in a bucket's next clearing: by what there is, who waits, and who came of late.
import { type Bucket, TOKEN } from '@tender/credits';
import { type BucketPoint, type ImaginedTake, wouldFit } from './bucket-point.js';
import { nextProbability } from './win-probability.js';

/**
 * Who came to each of the last clearings comes again, and finds what will be there by then: the level as it stands, and
 * what flows in within half of the time that had passed before that clearing, since who asks does so at any moment.
 * Undefined where no clearing is known.
 *
 * @param points the latest first
 * @param bucket brought to `nowMs`
 * @param ahead what those want who wait before it, by limit
 */
export function takeProbability(
  points: readonly BucketPoint[],
  take: ImaginedTake,
  bucket: Bucket,
  ahead: Readonly<Record<string, number>>,
  nowMs: number,
): number | undefined {
  return nextProbability(
    points.map((point, n) => {
      const ms = Math.max(0, point.at - (points[n + 1]?.at ?? point.at)) / 2;
      return nowMs + ms >= bucket.pausedUntil && wouldFit(point, take, thereIn(bucket, ms), ahead);
    }),
  );
}

/** Whole tokens by limit, as the bucket flows now. */
function thereIn({ limits, factor }: Bucket, ms: number): Readonly<Record<string, number>> {
  const there: Record<string, number> = {};
  for (const { name, capacity, refillMilli, level } of limits) {
    there[name] = Math.floor(Math.min(capacity * TOKEN, level + (refillMilli * ms * factor) / 1000) / TOKEN);
  }
  return there;
}
