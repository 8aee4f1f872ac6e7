// Ranking and clearing: who wins and at what price, as a table and as properties of any bids.
import { clear, type PricedBid, rankBids } from '@tender/market';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const bid = (participant: string, price: number, units = 1): PricedBid => ({ participant, intent: 'i', units, price });
const shown = (call: Parameters<typeof clear>[0], bids: PricedBid[], barred?: string[]) =>
  clear(call, bids, (one) => (barred?.includes(one.participant) ? 'insufficient-credits' : undefined)).verdicts.map(
    (verdict) => (verdict.outcome === 'won' ? `${verdict.bid.participant} ${verdict.price}` : verdict.outcome),
  );

const four = [bid('a', 40), bid('b', 30), bid('c', 20), bid('d', 10)];
test.each([
  ['uniform-price', 2, 0, undefined, ['a 20', 'b 20', 'lost', 'lost']],
  ['second-price', 2, 0, undefined, ['a 30', 'b 20', 'lost', 'lost']],
  ['first-price', 2, 0, undefined, ['a 40', 'b 30', 'lost', 'lost']],
  ['uniform-price', 4, 0, undefined, ['a 0', 'b 0', 'c 0', 'd 0']],
  ['uniform-price', 5, 7, undefined, ['a 7', 'b 7', 'c 7', 'd 7']],
  ['second-price', 4, 7, undefined, ['a 30', 'b 20', 'c 10', 'd 7']],
  ['uniform-price', 2, 25, undefined, ['a 25', 'b 25', 'barred', 'barred']],
  ['uniform-price', 1, 50, undefined, ['barred', 'barred', 'barred', 'barred']],
  // A barred bid wins nothing and sets no price.
  ['uniform-price', 2, 0, ['b', 'd'], ['a 0', 'barred', 'c 0', 'barred']],
  ['second-price', 1, 0, ['b'], ['a 20', 'barred', 'lost', 'lost']],
] as const)('%s, %i units, reserve price %i, barred %j: %j', (rule, units, reservePrice, barred, outcome) => {
  expect(shown({ rule, units, reservePrice }, four, barred as string[] | undefined)).toEqual(outcome);
});

describe('bids for several units', () => {
  const call = { rule: 'uniform-price', units: 3, reservePrice: 1 } as const;
  test('are taken whole or not at all, and the next may still fit', () => {
    expect(shown(call, [bid('a', 40, 2), bid('b', 30, 2), bid('c', 20, 1), bid('d', 10, 1)])).toEqual([
      'a 10',
      'lost',
      'c 10',
      'lost',
    ]);
  });
  test('a large one skipped for its size does not set a price above what a winner offered', () => {
    expect(shown(call, [bid('a', 40, 2), bid('b', 30, 2), bid('c', 20, 1)])).toEqual(['a 1', 'lost', 'c 1']);
  });
});

const anyBids = fc.uniqueArray(
  fc.record({
    participant: fc.stringMatching(/^[a-z]{1,3}$/),
    intent: fc.stringMatching(/^[a-z]$/),
    units: fc.integer({ min: 1, max: 4 }),
    price: fc.integer({ min: 1, max: 30 }),
  }),
  { selector: (one) => `${one.participant}|${one.intent}`, maxLength: 20 },
);
const anyCall = fc.record({
  rule: fc.constantFrom('uniform-price' as const, 'second-price' as const, 'first-price' as const),
  units: fc.integer({ min: 1, max: 8 }),
  reservePrice: fc.integer({ min: 0, max: 20 }),
});

test('the order of arrival does not matter, and the ranking falls in price', () => {
  fc.assert(
    fc.property(anyBids, fc.string(), fc.infiniteStream(fc.nat()), (bids, seed, keys) => {
      const shuffled = bids
        .map((one) => ({ one, key: keys.next().value }))
        .sort((a, b) => a.key - b.key)
        .map(({ one }) => one);
      const ranked = rankBids(seed, bids);
      expect(rankBids(seed, shuffled)).toEqual(ranked);
      for (let n = 1; n < ranked.length; n++) expect(ranked[n]!.price).toBeLessThanOrEqual(ranked[n - 1]!.price);
    }),
  );
});

test('ties fall by the seed, not by the name or the intent', () => {
  const tied = ['a', 'b', 'c', 'd'].map((name) => bid(name, 5));
  const firsts = Array.from({ length: 200 }, (_, n) => rankBids(`seed-${n}`, tied)[0]!.participant);
  for (const name of ['a', 'b', 'c', 'd']) {
    expect(firsts.filter((one) => one === name).length).toBeGreaterThan(20);
  }
  const order = (intent: string) =>
    rankBids('seed', [{ ...bid('a', 5), intent }, bid('b', 5)]).map((one) => one.participant);
  expect(new Set(['x', 'y', 'z', '0'].map((intent) => order(intent).join())).size).toBe(1);
});

test('units are never oversold, nobody pays above its bid or below the reserve price, the price is uniform', () => {
  fc.assert(
    fc.property(anyCall, anyBids, (call, bids) => {
      const { verdicts, clearingPrice } = clear(call, rankBids('seed', bids));
      const won = verdicts.flatMap((verdict) => (verdict.outcome === 'won' ? [verdict] : []));
      expect(won.reduce((sum, { bid: one }) => sum + one.units, 0)).toBeLessThanOrEqual(call.units);
      for (const { bid: one, price } of won) {
        expect(price).toBeLessThanOrEqual(one.price);
        expect(price).toBeGreaterThanOrEqual(call.reservePrice);
        if (call.rule === 'uniform-price') expect(price).toBe(clearingPrice);
        if (call.rule === 'first-price') expect(price).toBe(one.price);
      }
      expect(verdicts).toHaveLength(bids.length);
    }),
  );
});

test('for one-unit bids no loser bid more than a winner, and a uniform price does not depend on the winners’ bids', () => {
  fc.assert(
    fc.property(anyCall, anyBids, (call, bids) => {
      const ones = rankBids(
        'seed',
        bids.map((one) => ({ ...one, units: 1 })),
      );
      const uniform = { ...call, rule: 'uniform-price' as const };
      const { verdicts, clearingPrice } = clear(uniform, ones);
      const lowest = Math.min(...verdicts.flatMap((verdict) => (verdict.outcome === 'won' ? [verdict.bid.price] : [])));
      for (const verdict of verdicts)
        if (verdict.outcome === 'lost') expect(verdict.bid.price).toBeLessThanOrEqual(lowest);
      const winners = new Set(verdicts.flatMap((verdict) => (verdict.outcome === 'won' ? [verdict.bid] : [])));
      const raised = ones.map((one) => (winners.has(one) ? { ...one, price: one.price + 5 } : one));
      expect(clear(uniform, rankBids('seed', raised)).clearingPrice).toBe(clearingPrice);
    }),
  );
});
