// The yardsticks of the scenarios: what they measure against must itself be right.
import type { Issues } from '@tender/market';
import { expect, test } from 'vitest';
import { createPrng } from '../src/prng.js';
import { efficiencyOf, outcomesOf, priceOf } from '../src/scenarios/bargain.js';
import { cheapestFill, mostPlaced } from '../src/scenarios/placement.js';
import { firstShare } from '../src/scenarios/rubinstein.js';

const base: Issues = {
  ...{ priceMicro: '50', startBy: 0, deadline: 100, durationMs: 10 },
  ...{ units: 1, batch: 1, scope: 1000, region: 'eu' },
};

test('a bargain over the price alone is on the frontier whatever the price, as long as nobody loses', () => {
  const sides = { buyer: (one: Issues) => 100 - priceOf(one), provider: (one: Issues) => priceOf(one) - 20 };
  for (const priceMicro of ['20', '60', '99']) expect(efficiencyOf(sides, { ...base, priceMicro }, [base])).toBe(1);
  expect(efficiencyOf(sides, { ...base, priceMicro: '19' }, [base])).toBe(0);
});

test('an agreement that leaves half of what both could have is half efficient', () => {
  const sides = {
    buyer: (one: Issues) => 20 * one.units - priceOf(one),
    provider: (one: Issues) => priceOf(one) - 10 * one.units,
  };
  const outcomes = outcomesOf(base, { units: [1, 2, 4] });
  expect(efficiencyOf(sides, { ...base, units: 2, priceMicro: '30' }, outcomes)).toBe(0.5);
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
