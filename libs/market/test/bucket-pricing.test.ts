// What quotes of rate tokens know: what a clearing was, for how much and how soon, how likely; and how good such forecasts are.
import { type Bucket, bucketOf, bucketSpec, TOKEN } from '@tender/credits';
import { describe, expect, it } from 'vitest';
import {
  beyondReach,
  bucketPoint,
  expectedTakeMs,
  goingCost,
  imaginedTake,
  journaledPoint,
  rankOf,
  takeProbability,
  wouldBeServed,
} from '../src/index.js';
import { playTakes, type RationKind } from './rationed-market.js';

const NOW = 1_000_000;

/** Ten requests, a hundred tokens; one and ten a second; for ten and one. */
function bucketWith(draft: object = {}, levels: readonly number[] = [10, 100]): Bucket {
  const limits = [
    { name: 'requests', capacity: 10, refillPerSecond: 1, reserve: 2, priceMicro: '10' },
    { name: 'tokens', capacity: 100, refillPerSecond: 10, priceMicro: '1' },
  ];
  const bucket = bucketOf(bucketSpec.parse({ bucket: 'api', account: 'till', limits, ...draft }), NOW);
  bucket.limits.forEach((limit, n) => {
    limit.level = levels[n]! * TOKEN;
  });
  return bucket;
}

const standard = { class: 'standard' } as const;
const system = { class: 'system' } as const;

describe('a take in a clearing that has been', () => {
  const when = { seq: 1, at: 1 };
  const take = (maxPrice: number, tokens = 10, more: object = {}) => ({ amounts: { tokens }, maxPrice, ...more });
  const held = (amountMicro: string, ratePermille: number, tokens = 10, cls: 'standard' | 'system' = 'standard') => {
    return { ok: true as const, class: cls, amounts: { tokens }, amountMicro, ratePermille };
  };
  const lost = (offeredPermille: number, more: object = {}) => ({
    ok: false as const,
    wait: { offeredPermille, ...more },
  });
  const asks = (rate: number, tokens = 10, system = false) => ({ rate, system, needs: { tokens } });
  // Ten tokens cost 100 at the reserve price.
  const scarce = { answers: [held('200', 2_000), lost(2_000)], left: { tokens: 4 } };
  const two = [take(300), take(200)];
  it.each([
    [
      'it fits into what was left',
      [take(100)],
      { answers: [held('100', 1_000)], left: { tokens: 10 } },
      asks(1_000),
      true,
    ],
    ['it does not', [take(100)], { answers: [held('100', 1_000)], left: { tokens: 9 } }, asks(1_000), false],
    [
      'with what one behind it got',
      [take(100)],
      { answers: [held('100', 1_000)], left: { tokens: 9 } },
      asks(1_001),
      true,
    ],
    ['and more than both', [take(100)], { answers: [held('100', 1_000)], left: { tokens: 9 } }, asks(1_001, 20), false],
    ['above the lowest that was served', two, scarce, asks(3_001), true],
    ['so many tokens more than that', two, scarce, asks(3_001, 15), false],
    ['above who lost alone, few enough', two, scarce, asks(2_999, 4), true],
    ['above who lost alone, too many', two, scarce, asks(2_999, 5), false],
    ['as much as who lost: that one came first', two, scarce, asks(2_000, 1), false],
    ['class system, before all others', two, scarce, asks(1_000, 14, true), true],
    [
      'who was served is noisy',
      [take(600), take(200)],
      { answers: [held('400', 2_000), lost(2_000)], left: { tokens: 0 } },
      asks(3_001),
      true,
    ],
    [
      'a part was enough for the lowest',
      two,
      { answers: [held('100', 2_000, 5), lost(2_000)], left: { tokens: 0 } },
      asks(3_001, 5),
      true,
    ],
    ['the bucket was paused', [take(300)], { answers: [lost(3_000)], left: {} }, asks(9_000, 1), false],
    [
      'class system waits before it',
      [take(300)],
      { answers: [lost(1_000, { system: true })], left: { tokens: 9 } },
      asks(9_000, 1),
      false,
    ],
    ['a limit that nobody knows of', [take(100)], { answers: [held('100', 1_000)], left: {} }, asks(1_000), false],
  ])('%s', (_why, takes, reply, imagined, served) => {
    expect(wouldBeServed(bucketPoint(when, takes, reply)!, imagined)).toBe(served);
  });

  it('is not remembered where it only repeated, refused, or waits for itself', () => {
    const answers = [
      { ...held('100', 1_000), replayed: true },
      { ok: false as const },
      { ok: false as const, wait: {} },
    ];
    expect(bucketPoint(when, [take(100), take(100), take(100)], { answers, left: { tokens: 9 } })).toBeUndefined();
  });

  it('is known of the journal, who was turned away by the rate that the others paid', () => {
    const entry = { at: 7, class: 'standard', amounts: { tokens: 10 }, maxPrice: 300, amountMicro: '200' } as const;
    const last = { ...entry, ratePermille: 2_000, clearingPermille: 2_000, left: { tokens: 3 } };
    const point = journaledPoint(1, [{ ...last, left: undefined }, last] as never)!;
    expect(point).toMatchObject({ at: 7, given: { tokens: 20 }, left: { tokens: 3 } });
    expect(wouldBeServed(point, asks(3_001, 23))).toBe(true);
    expect(wouldBeServed(point, asks(2_001, 3))).toBe(true);
    expect(wouldBeServed(point, asks(2_000, 1))).toBe(false);
  });
});

describe('a quote of tokens', () => {
  it.each([
    ['as much as there can be', standard, [8, 100], {}],
    ['more than the reserve leaves', standard, [9, 101], { requests: 8, tokens: 100 }],
    ['class system may take it all', system, [10, 100], {}],
  ] as const)('of what can never be had: %s', (_why, asker, amounts, beyond) => {
    expect(beyondReach(bucketWith(), amounts, asker)).toEqual(beyond);
  });

  it('of more than an owner may ever have says how much that is', () => {
    // In a second ten tokens flow in, of which an owner may have 60 %.
    const bucket = bucketWith({ ownerMaxPermille: 600, noiseWindowMs: 1_000 });
    expect(beyondReach(bucket, [0, 6], standard)).toEqual({});
    expect(beyondReach(bucket, [0, 7], standard)).toEqual({ tokens: 6 });
  });

  it('costs what the last ones paid while tokens were scarce of late', () => {
    const bucket = bucketWith();
    expect(goingCost(bucket, [1, 30], standard, NOW)).toBe(40);
    Object.assign(bucket, { spotPermille: 2_500, scarceAt: NOW - 1_000 });
    expect(goingCost(bucket, [1, 30], standard, NOW)).toBe(115);
    expect(rankOf(bucket, [1, 30], standard, undefined, NOW)).toEqual({ rate: 2_500, system: false });
    expect(rankOf(bucket, [1, 30], system, 120, NOW)).toEqual({ rate: 3_000, system: true });
    expect(rankOf(bucket, [1, 30], standard, 39, NOW)).toBeUndefined();
    const shared = bucketWith({ rule: 'proportional-share' });
    expect(rankOf(shared, [1, 30], standard, 120, NOW)).toEqual({ rate: 0, system: false });
  });

  it.each([
    ['it is there', bucketWith(), standard, [1, 100], {}, 0],
    ['the refill of the limit that lacks most', bucketWith({}, [3, 20]), standard, [1, 30], {}, 1_000],
    ['the reserve is not for it', bucketWith({}, [2, 100]), standard, [1, 30], {}, 1_000],
    ['for class system it is', bucketWith({}, [2, 100]), system, [1, 30], {}, 0],
    ['those before it first', bucketWith({}, [10, 100]), standard, [1, 30], { tokens: 90 }, 2_000],
    ['those before it in a limit that it does not name', bucketWith(), standard, [0, 30], { requests: 50 }, 0],
    ['a pause', Object.assign(bucketWith(), { pausedUntil: NOW + 700 }), standard, [1, 1], {}, 700],
    ['half of the refill', Object.assign(bucketWith({}, [3, 20]), { factor: 500 }), standard, [1, 30], {}, 2_000],
  ] as const)('can be expected: %s', (_why, bucket, asker, amounts, ahead, ms) => {
    expect(expectedTakeMs(bucket, amounts, asker, ahead, NOW)).toBe(ms);
  });

  it("can be expected when its owner's share has room, and when the reserve is lent", () => {
    const capped = bucketWith({ ownerMaxPermille: 500, noiseWindowMs: 1_000, increasePermille: 0 });
    const use = { start: NOW, prev: 0, cur: 500_000 };
    // All of its share was taken in this window: half a window after its end half of that still counts.
    expect(expectedTakeMs(capped, [0, 3], { ...standard, use }, {}, NOW)).toBe(1_600);
    const lent = Object.assign(bucketWith({ lendAfterMs: 5_000 }), { systemAt: NOW - 1_000 });
    expect(expectedTakeMs(lent, [9, 1], standard, {}, NOW)).toBe(4_000);
    expect(expectedTakeMs(lent, [8, 1], standard, {}, NOW)).toBe(0);
  });
});

describe('the probability of a take', () => {
  const when = (seq: number) => ({ seq, at: NOW - 10_000 + seq * 200 });
  const held = {
    ok: true as const,
    class: 'standard' as const,
    amounts: { tokens: 10 },
    amountMicro: '10',
    ratePermille: 1_000,
  };
  const point = (seq: number, left: number, maxPrice = 20) =>
    bucketPoint(when(seq), [{ amounts: { tokens: 10 }, maxPrice }], { answers: [held], left: { tokens: left } })!;
  const points = [point(4, 0), point(3, 0), point(2, 0), point(1, 0)];
  const chance = (bucket: Bucket, tokens: number, ahead: Record<string, number> = {}, most = tokens) => {
    const rank = rankOf(bucket, [0, tokens], standard, most, NOW)!;
    return takeProbability(points, imaginedTake(bucket, [0, tokens], standard, rank, NOW), bucket, ahead, NOW)!;
  };

  it('is unknown before the first clearing', () => {
    const bucket = bucketWith();
    expect(takeProbability([], { rate: 1_000, system: false, needs: { tokens: 1 } }, bucket, {}, NOW)).toBeUndefined();
  });

  it('hangs on how many tokens it asks for, what is there now, and who waits before it', () => {
    // However empty the bucket was: it is full now, and ten come before it each time.
    expect(chance(bucketWith(), 90)).toBeGreaterThan(0.8);
    expect(chance(bucketWith(), 92)).toBeLessThan(0.2);
    expect(chance(bucketWith({}, [10, 40]), 32)).toBeLessThan(0.2);
    expect(chance(bucketWith({}, [10, 40]), 30)).toBeGreaterThan(0.8);
    expect(chance(bucketWith({}, [10, 40]), 30, { tokens: 10 })).toBeLessThan(0.2);
    // It offers more than those who come: they come after it.
    expect(chance(bucketWith({}, [10, 40]), 40, {}, 81)).toBeGreaterThan(0.8);
    expect(chance(Object.assign(bucketWith(), { pausedUntil: NOW + 5_000 }), 1)).toBeLessThan(0.2);
  });
});

describe('forecasts of takes on random buckets', () => {
  it.each<[RationKind, number]>([
    ['scarce', 0.7],
    ['bursts', 0.7],
    ['large and small', 0.7],
  ])('%s: calibrated, and far better than by how often it went well before', (kind, skill) => {
    for (const seed of [1, 2]) {
      const { score, blind } = playTakes(kind, seed);
      const said = `${kind} ${seed}: ${JSON.stringify({ score, blind })}`;
      expect(score.count, said).toBeGreaterThan(700);
      expect(score.skill!, said).toBeGreaterThan(skill);
      expect(score.brier, said).toBeLessThan(blind.brier * 0.6);
    }
  });

  it('where there is plenty, it is nearly certain', () => {
    expect(playTakes('plenty', 1).score.brier).toBeLessThan(0.02);
  });
});
