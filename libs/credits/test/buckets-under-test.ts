// Buckets for tests: what one does not care about left out.
import type { z } from 'zod';
import { type Bucket, bucketOf, bucketSpec } from '../src/index.js';

export const START_MS = 1_000_000;

type Draft = Partial<z.input<typeof bucketSpec>>;

/** A hundred requests, ten a second, none reserved, at one micro-credit each; full at START_MS. */
export function testSpec(draft: Draft = {}) {
  const limits = [{ name: 'requests', capacity: 100, refillPerSecond: 10 }];
  return bucketSpec.parse({ bucket: 'api', account: 'pool', limits, ...draft });
}

export function testBucket(draft: Draft = {}, levels?: readonly number[]): Bucket {
  const bucket = bucketOf(testSpec(draft), START_MS);
  levels?.forEach((level, index) => {
    bucket.limits[index]!.level = level;
  });
  return bucket;
}
