// How a bucket fills, shrinks and recovers: case by case, and against what must always hold.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advance,
  bucketOf,
  copyOfBucket,
  floorOf,
  hearUpstream,
  mostOf,
  reconcile,
  reserveIsLent,
  spareTokens,
  TOKEN,
  waitMsFor,
  weightOf,
} from '../src/index.js';
import { START_MS, testBucket, testSpec } from './buckets-under-test.js';

const level = (bucket: ReturnType<typeof testBucket>) => bucket.limits[0]!.level;

describe('filling', () => {
  it.each([
    ['a millisecond', {}, 0, 1, 10_000],
    ['a second', {}, 0, 1_000, 10 * TOKEN],
    ['up to the capacity', {}, 95 * TOKEN, 1_000, 100 * TOKEN],
    ['out of debt', {}, -5 * TOKEN, 1_000, 5 * TOKEN],
    ['a year', {}, -100 * TOKEN, 31_536_000_000, 100 * TOKEN],
    [
      'a thousandth of a token a second',
      { limits: [{ name: 'requests', capacity: 100, refillPerSecond: 0.001 }] },
      ...([0, 1_500, 1_500] as const),
    ],
  ])('%s', (_why, draft, from, ms, to) => {
    const bucket = testBucket(draft, [from]);
    advance(bucket, START_MS + ms);
    expect(level(bucket)).toBe(to);
    expect(bucket.at).toBe(START_MS + ms);
  });

  it('never runs back', () => {
    const bucket = testBucket({}, [0]);
    advance(bucket, START_MS - 5_000);
    expect([level(bucket), bucket.at]).toEqual([0, START_MS]);
  });

  it('gives the same however often it is looked at, but for a millionth each time', () => {
    const times = fc.array(fc.integer({ min: 0, max: 4_000 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(times, fc.integer({ min: 50, max: 1000 }), fc.constantFrom(0, 20, 333), (stops, factor, increase) => {
        const often = testBucket({ increasePermille: increase }, [0]);
        often.factor = factor;
        const once = copyOfBucket(often);
        const last = Math.max(...stops);
        for (const ms of [...stops].sort((a, b) => a - b)) advance(often, START_MS + ms);
        advance(once, START_MS + last);
        expect(often.factor).toBe(once.factor);
        expect(level(often)).toBeLessThanOrEqual(level(once));
        expect(level(once) - level(often)).toBeLessThanOrEqual(stops.length);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a bucket that is opened again', () => {
  it('keeps its levels by name, and its factor', () => {
    const was = testBucket({}, [30 * TOKEN]);
    was.factor = 400;
    const limits = [
      { name: 'tokens', capacity: 7, refillPerSecond: 1 },
      { name: 'requests', capacity: 200, refillPerSecond: 1 },
    ];
    const bucket = bucketOf(testSpec({ limits }), START_MS, was);
    expect(bucket.limits.map((limit) => limit.level)).toEqual([7 * TOKEN, 30 * TOKEN]);
    expect(bucket.factor).toBe(400);
  });

  it.each([
    ['tokens', 90, 50],
    ['debt', -90, -50],
  ])('has no more room for %s than its capacity', (_what, before, after) => {
    const limits = [{ name: 'requests', capacity: 50, refillPerSecond: 1 }];
    const bucket = bucketOf(testSpec({ limits }), START_MS, testBucket({}, [before * TOKEN]));
    expect(level(bucket)).toBe(after * TOKEN);
  });
});

describe('the reserve', () => {
  const limits = [{ name: 'requests', capacity: 100, refillPerSecond: 10, reserve: 30 }];
  it.each([
    ['class system takes the last token', 'system', 0, START_MS, 0, 100],
    ['class standard leaves it', 'standard', 0, START_MS, 30, 70],
    ['it is not lent yet', 'standard', 500, START_MS + 499, 30, 100],
    ['it is lent', 'standard', 500, START_MS + 500, 0, 100],
  ] as const)('%s', (_why, cls, lendAfterMs, nowMs, floor, most) => {
    const bucket = testBucket({ limits, lendAfterMs });
    bucket.systemAt = START_MS;
    const limit = bucket.limits[0]!;
    expect(floorOf(bucket, limit, cls, nowMs)).toBe(floor);
    expect(mostOf(bucket, limit, cls)).toBe(most);
    expect(spareTokens(bucket, cls, nowMs)).toEqual([100 - floor]);
    expect(reserveIsLent(bucket, nowMs)).toBe(nowMs - START_MS >= (lendAfterMs || Number.POSITIVE_INFINITY));
  });
});

describe('the upstream', () => {
  it('cuts the refill, once in a while, and not below the least', () => {
    const bucket = testBucket({ decreasePermille: 500, backOffMs: 2_000, leastPermille: 200, increasePermille: 0 });
    const said = [0, 1_999, 2_000, 4_000, 6_000].map((ms) => {
      advance(bucket, START_MS + ms);
      hearUpstream(bucket, { status: 429 }, 'standard', START_MS + ms);
      return bucket.factor;
    });
    expect(said).toEqual([500, 500, 250, 200, 200]);
  });

  it('says nothing by any other status', () => {
    const bucket = testBucket();
    for (const status of [200, 500, 503])
      hearUpstream(bucket, { status, retryAfterMs: status === 503 ? 0 : 900 }, 'standard', START_MS);
    expect([bucket.factor, bucket.pausedUntil]).toEqual([1000, START_MS]);
  });

  it('is answered by a step a second, up to the whole', () => {
    const bucket = testBucket({ increasePermille: 200 }, [0]);
    hearUpstream(bucket, { status: 429 }, 'standard', START_MS);
    advance(bucket, START_MS + 999);
    expect(bucket.factor).toBe(700);
    advance(bucket, START_MS + 2_500);
    expect([bucket.factor, level(bucket)]).toEqual([1000, 7 * TOKEN + 9 * TOKEN + 5 * TOKEN]);
    const [factorAt] = [bucket.factorAt];
    advance(bucket, START_MS + 9_000);
    expect([bucket.factor, bucket.factorAt]).toEqual([1000, factorAt]);
  });

  it('is found out where nobody knows its limit: what it refuses grows rare, and nearly all it takes is used', () => {
    const limits = [{ name: 'requests', capacity: 20, refillPerSecond: 200 }];
    const bucket = testBucket({ limits, decreasePermille: 600, backOffMs: 200, increasePermille: 20 });
    const [limit, most] = [bucket.limits[0]!, 40];
    const seconds: { taken: number; refused: number }[] = [];
    for (let ms = 0; ms < 30_000; ms += 5) {
      if (ms % 1000 === 0) seconds.push({ taken: 0, refused: 0 });
      const second = seconds.at(-1)!;
      advance(bucket, START_MS + ms);
      while (limit.level >= TOKEN && bucket.pausedUntil <= START_MS + ms) {
        limit.level -= TOKEN;
        if (second.taken < most) second.taken += 1;
        else {
          second.refused += 1;
          hearUpstream(bucket, { status: 429 }, 'standard', START_MS + ms);
        }
      }
    }
    const sum = (from: number, to: number, of: 'taken' | 'refused') =>
      seconds.slice(from, to).reduce((total, second) => total + second[of], 0);
    const told = JSON.stringify(seconds);
    expect(sum(2, 5, 'refused'), told).toBeLessThan(sum(0, 2, 'refused') / 2);
    expect(sum(20, 30, 'refused'), told).toBeLessThan(sum(20, 30, 'taken') / 10);
    expect(sum(20, 30, 'taken'), told).toBeGreaterThan(0.7 * 10 * most);
  });

  it('pauses for a minute at most, or what its operator says, the longest word counts', () => {
    const bucket = testBucket();
    hearUpstream(bucket, { status: 429, retryAfterMs: 3_600_000 }, 'standard', START_MS);
    hearUpstream(bucket, { status: 503, retryAfterMs: 5 }, 'standard', START_MS);
    expect(bucket.pausedUntil).toBe(START_MS + 60_000);
    const deaf = testBucket({ maxPauseMs: 0 });
    hearUpstream(deaf, { status: 429, retryAfterMs: 5_000 }, 'standard', START_MS);
    expect(deaf.pausedUntil).toBeLessThanOrEqual(START_MS);
  });

  it('hears class system alone where its operator trusts nobody else', () => {
    const bucket = testBucket({ hears: 'system' }, [50 * TOKEN]);
    const word = { status: 429, retryAfterMs: 900, remaining: { requests: 3 } };
    hearUpstream(bucket, word, 'standard', START_MS);
    expect([bucket.factor, bucket.pausedUntil, level(bucket)]).toEqual([1000, 0, 50 * TOKEN]);
    hearUpstream(bucket, word, 'system', START_MS);
    expect([bucket.factor, bucket.pausedUntil, level(bucket)]).toEqual([700, START_MS + 900, 3 * TOKEN]);
  });

  it('lowers a level to what is left, never raises it', () => {
    const bucket = testBucket({}, [50 * TOKEN]);
    hearUpstream(bucket, { status: 200, remaining: { requests: 80, tokens: 0 } }, 'standard', START_MS);
    expect(level(bucket)).toBe(50 * TOKEN);
    hearUpstream(bucket, { status: 200, remaining: { requests: 8 } }, 'standard', START_MS);
    expect(level(bucket)).toBe(8 * TOKEN);
  });
});

it.each([
  ['less than held comes back', 50, 10, 4, 56, 6],
  ['as far as there is room', 98, 10, 4, 100, 6],
  ['all of it was used', 50, 10, 10, 50, 0],
  ['more than held is gone', 50, 10, 70, -10, 0],
  ['down to a capacity of debt', 50, 10, 1_000, -100, 0],
])('a return: %s', (_why, before, held, used, after, back) => {
  const bucket = testBucket({}, [before * TOKEN]);
  expect(reconcile(bucket.limits[0]!, held, used)).toBe(back);
  expect(level(bucket)).toBe(after * TOKEN);
});

it.each([
  ['nothing is lacking', [10], 0, 1],
  ['a token', [11], 0, 100],
  ['at half the refill', [11], 500, 200],
  ['none is needed', [0], 0, 1],
  ['rather a day than never', [1e9], 0, 86_400_000],
])('a wait: %s', (_why, needs, factor, ms) => {
  const bucket = testBucket({}, [10 * TOKEN]);
  bucket.factor = factor || 1000;
  expect(waitMsFor(bucket, needs, START_MS)).toBe(ms);
  bucket.pausedUntil = START_MS + 50_000;
  expect(waitMsFor(bucket, needs, START_MS)).toBe(Math.max(50_000, ms));
});

it('a take counts for the largest share of a window that it takes', () => {
  const limits = [
    { name: 'requests', capacity: 100, refillPerSecond: 10 },
    { name: 'tokens', capacity: 9_000, refillPerSecond: 0.001 },
  ];
  const bucket = testBucket({ limits, noiseWindowMs: 60_000 });
  expect(weightOf(bucket, [6, 0])).toBe(10_000);
  // Less than a token in a window: one counts for all of it.
  expect(weightOf(bucket, [6, 1])).toBe(1_000_000);
});
