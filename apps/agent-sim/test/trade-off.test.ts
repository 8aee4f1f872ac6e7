// Trading issues against the price, both sides in one process: near the frontier, though neither knows the other's mind.
import type { Issues } from '@tender/market';
import { expect, test } from 'vitest';
import { createPrng } from '../src/prng.js';
import { efficiencyOf, outcomesOf } from '../src/scenarios/bargain.js';
import { drawCosts, drawTastes, gainsOf, laddersOf, tableOf } from '../src/scenarios/preferences.js';
import { explore, quote } from '../src/scenarios/trade-off.js';

const prices = [1_000_000, 60_000_000] as const;
const standard: Issues = {
  ...{ priceMicro: '1000000', startBy: 0, deadline: 60_000, durationMs: 10 },
  ...{ units: 4, batch: 32, scope: 1000, region: 'eu' },
};

test('twenty pairs that differ in all reach 95 % of the frontier in the mean', () => {
  const prng = createPrng(7, 'trade-off');
  const reached = Array.from({ length: 20 }, () => {
    const sides = gainsOf(drawTastes(prng), drawCosts(prng), 0);
    const outcomes = outcomesOf(standard, tableOf(0));
    const rounds = 24;
    const buyers: Issues[] = [{ ...standard, priceMicro: '8000000' }];
    const providers: Issues[] = [];
    for (let move = 1; move < 2 * rounds; move++) {
      const made =
        move % 2 === 1
          ? quote({ gain: sides.provider, prices, rounds }, providers, buyers)
          : explore({ gain: sides.buyer, prices, rounds, ladders: laddersOf(0) }, buyers, providers);
      const [own, other] = move % 2 === 1 ? [providers, buyers] : [buyers, providers];
      if (made.kind === 'accept') return efficiencyOf(sides, other.at(-1)!, outcomes);
      own.push(made.issues);
    }
    return 0;
  });
  expect(reached.reduce((sum, share) => sum + share, 0) / reached.length).toBeGreaterThan(0.95);
});
