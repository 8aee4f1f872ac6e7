// The yardsticks of the scenarios: what they measure against must itself be right.
import type { Issues } from '@tender/market';
import { describe, expect, test } from 'vitest';
import { createPrng } from '../src/prng.js';
import {
  efficiencyOf,
  frontierOf,
  nashSolution,
  outcomesOf,
  pointOf,
  priceOf,
  pricesOf,
} from '../src/scenarios/bargain.js';
import { cheapestFill, mostPlaced } from '../src/scenarios/placement.js';
import { firstShare } from '../src/scenarios/rubinstein.js';

const base: Issues = {
  ...{ priceMicro: '50', startBy: 0, deadline: 100, durationMs: 10 },
  ...{ units: 1, batch: 1, scope: 1000, region: 'eu' },
};

describe('a bargain over price alone', () => {
  const sides = { buyer: (one: Issues) => 100 - priceOf(one), provider: (one: Issues) => priceOf(one) - 20 };
  const outcomes = outcomesOf(base, { priceMicro: pricesOf(0, 120, 121) });

  test('is split in half by Nash', () => {
    expect(nashSolution(sides, outcomes)?.priceMicro).toBe('60');
    expect(nashSolution(sides, outcomesOf(base, { priceMicro: ['10', '110'] }))).toBeUndefined();
  });

  test('is on the frontier whatever the price, as long as both gain', () => {
    const frontier = frontierOf(outcomes.map((one) => pointOf(sides, one)));
    for (const priceMicro of ['21', '60', '99']) {
      expect(efficiencyOf(pointOf(sides, { ...base, priceMicro }), frontier)).toBe(1);
    }
    expect(efficiencyOf(pointOf(sides, { ...base, priceMicro: '20' }), frontier)).toBe(0);
  });
});

test('an outcome that leaves half of what both could have is half efficient', () => {
  const frontier = frontierOf([
    { buyer: 10, provider: 10 },
    { buyer: 4, provider: 12 },
    { buyer: 4, provider: 9 },
  ]);
  expect(frontier).toEqual([
    { buyer: 4, provider: 12 },
    { buyer: 10, provider: 10 },
  ]);
  expect(efficiencyOf({ buyer: 5, provider: 5 }, frontier)).toBe(0.5);
});

test.each([
  [1, 0, 1],
  [0.5, 0.5, 2 / 3],
  [0.9, 0.8, 0.2 / 0.28],
  [1, 1, 0.5],
  [0, 0.9, 0.1],
])('with patience %d and %d the first gets %d', (first, second, share) => {
  expect(firstShare({ first, second })).toBeCloseTo(share, 12);
});

/** All assignments, one by one. */
function exhaustively(able: readonly (readonly number[])[], capacity: readonly number[]): number {
  const [first, ...rest] = able;
  if (first === undefined) return 0;
  const taken = first
    .filter((provider) => capacity[provider]! > 0)
    .map(
      (provider) =>
        1 +
        exhaustively(
          rest,
          capacity.map((left, index) => (index === provider ? left - 1 : left)),
        ),
    );
  return Math.max(exhaustively(rest, capacity), ...taken);
}

test('the most tasks are placed that trying everything places', () => {
  const prng = createPrng(1, 'placement');
  for (let round = 0; round < 200; round++) {
    const capacity = Array.from({ length: 1 + prng.int(4) }, () => prng.int(3));
    const able = Array.from({ length: prng.int(7) }, () =>
      capacity.map((_, index) => index).filter(() => prng.int(3) === 0),
    );
    expect(mostPlaced(able, capacity)).toBe(exhaustively(able, capacity));
  }
});

test('the cheapest fill takes offers whole, and more than is asked where that is cheaper', () => {
  const [four, three, two, one] = [
    { units: 4, price: 100 },
    { units: 3, price: 60 },
    { units: 2, price: 30 },
    { units: 1, price: 25 },
  ];
  const all = [four!, three!, two!, one!];
  expect(cheapestFill(all, 4)).toEqual([three, one]);
  expect(cheapestFill(all, 10)).toEqual(all);
  expect(cheapestFill([four!, three!], 5)).toEqual([four, three]);
  expect(cheapestFill([{ units: 9, price: 20 }, three!], 2)).toEqual([{ units: 9, price: 20 }]);
  expect(cheapestFill(all, 11)).toBeUndefined();
});
