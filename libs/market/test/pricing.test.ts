// What a price history tells: whether a bid would have won, how likely it is to, when; and how good such forecasts are.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AwardPoint,
  awardPoint,
  Calibration,
  clear,
  expectedStartMs,
  HALF_LIFE,
  MAX_OPEN_FORECASTS,
  nextProbability,
  PriceHistory,
  REMEMBERED_CLEARINGS,
  rankBids,
  wouldWin,
} from '../src/index.js';
import { type DrawnBid, type MarketKind, playForecasts, pointOf } from './priced-market.js';

const bid = (price: number, more: object = {}) => ({
  ...{ participant: 'me', price, durationMs: 1_000, units: 1, system: false },
  ...more,
});
const point = (more: Partial<AwardPoint> = {}): AwardPoint => ({
  ...{ cfp: 'c', at: 0, durationMs: 1_000, units: 2, sold: 2, price: 30, walled: false },
  ladder: [
    { participant: 'ann', price: 40, units: 1 },
    { participant: 'ben', price: 50, units: 1 },
  ],
  losing: { participant: 'cid', price: 30 },
  ...more,
});
const open = { units: 3, losing: undefined, price: 20 } as const;
const mine = [
  { participant: 'me', price: 40, units: 1 },
  { participant: 'ben', price: 50, units: 1 },
];

describe('a bid in an award that has been', () => {
  it.each([
    ['above the lowest winner', point(), bid(41), true],
    ['as high as the lowest winner: a lot decides', point(), bid(40), false],
    ['between the highest loser and the lowest winner', point(), bid(31), false],
    ['two units, above one winner', point(), bid(41, { units: 2 }), false],
    ['two units, above both', point(), bid(51, { units: 2 }), true],
    ['more units than were offered', point(), bid(99, { units: 3 }), false],
    ['where a unit was left over, at the clearing price', point(open), bid(20), true],
    ['where a unit was left over, below it', point(open), bid(19), false],
    ['where a unit was left over, two units, above the lowest winner', point(open), bid(41, { units: 2 }), true],
    ['what is left over is for class system', point({ ...open, walled: true }), bid(20), false],
    ['and it is of that class', point({ ...open, walled: true }), bid(20, { system: true }), true],
    ['in its own place, above the highest loser', point({ ladder: mine }), bid(31), true],
    ['in its own place, below the highest loser', point({ ladder: mine }), bid(29), false],
    ['for twice the time, twice the price', point(), bid(82, { durationMs: 2_000 }), true],
    ['for twice the time, hardly more', point(), bid(79, { durationMs: 2_000 }), false],
    ['for half the time', point(), bid(21, { durationMs: 500 }), true],
    ['winners beyond the ladder stay ahead', point({ units: 9, sold: 9 }), bid(60, { units: 3 }), false],
  ])('%s', (_why, past, imagined, wins) => {
    expect(wouldWin(past, imagined)).toBe(wins);
  });

  const bids = fc.array(fc.record({ price: fc.integer({ min: 1, max: 60 }), units: fc.integer({ min: 1, max: 3 }) }), {
    minLength: 1,
    maxLength: 14,
  });
  const markets = fc.record({
    bids,
    units: fc.integer({ min: 1, max: 8 }),
    reservePrice: fc.integer({ min: 0, max: 20 }),
    rule: fc.constantFrom('uniform-price', 'second-price', 'first-price'),
    imagined: fc.record({ price: fc.integer({ min: 0, max: 120 }), units: fc.integer({ min: 1, max: 3 }) }),
    own: fc.integer({ min: -1, max: 13 }),
  });
  it('is judged as clearing it anew would, and never too well', () => {
    let exact = 0;
    fc.assert(
      fc.property(markets, ({ bids, units, reservePrice, rule, imagined, own }) => {
        const call = { units, reservePrice, rule } as const;
        // Doubled prices and an odd one imagined: nobody ties with it.
        const drawn = bids.map(
          (one, n): DrawnBid => ({ ...one, price: 2 * one.price, participant: n === own ? 'me' : `b${n}` }),
        );
        const past = pointOf(call, drawn);
        if (past === undefined) return;
        const mine = { ...bid(2 * imagined.price + 1), units: imagined.units };
        const others = drawn.filter(({ participant }) => participant !== 'me');
        const ranked = rankBids(
          'seed',
          [...others, mine].map((one) => ({ ...one, intent: 'i' })),
        );
        const won = clear(call, ranked).verdicts.some((one) => one.bid.participant === 'me' && one.outcome === 'won');
        if (wouldWin(past, mine)) expect(won).toBe(true);
        const cheap = mine.price < Math.min(past.price, past.losing?.price ?? past.price);
        if (cheap || others.length < drawn.length) return;
        exact += 1;
        expect(wouldWin(past, mine)).toBe(won);
      }),
      { numRuns: 3_000 },
    );
    expect(exact).toBeGreaterThan(1_000);
  });

  it('is remembered by the lowest winners alone, however many there were', () => {
    const ranked = Array.from({ length: 40 }, (_, n) => ({
      participant: `p${n}`,
      units: 1,
      price: 100 - n,
      outcome: 'won' as const,
    }));
    const past = awardPoint({ cfp: 'c', at: 1, durationMs: 10, units: 40, price: 0 }, ranked);
    expect(past).toMatchObject({ sold: 40, walled: false });
    expect(past.ladder.map(({ price }) => price)).toEqual(Array.from({ length: 16 }, (_, n) => 61 + n));
    expect(past.losing).toBeUndefined();
  });
});

describe('the probability of the next time', () => {
  it.each([
    ['nothing is known', [], undefined],
    ['once, won', [true], 0.75],
    ['once, lost', [false], 0.25],
  ] as const)('%s', (_why, outcomes, probability) => {
    expect(nextProbability(outcomes)).toBe(probability);
  });

  it('is never certain, and the last time counts twice as much as the one HALF_LIFE before', () => {
    const always = nextProbability(Array.from({ length: 256 }, () => true))!;
    expect(always).toBeGreaterThan(0.97);
    expect(always).toBeLessThan(1);
    const at = (n: number) =>
      nextProbability(Array.from({ length: 256 }, (_, i) => i === n))! -
      nextProbability(Array.from({ length: 256 }, () => false))!;
    expect(at(0) / at(HALF_LIFE)).toBeCloseTo(2, 6);
  });
});

describe('the expected start', () => {
  const every = (gapMs: number, n: number) => Array.from({ length: n }, (_, i) => point({ at: 100_000 - i * gapMs }));
  const asked = { nowMs: 100_000, free: 4, units: 1, winProbability: 1 };
  it.each([
    ['nothing was sold', [], asked, undefined],
    ['one award tells no interval', every(100, 1), asked, undefined],
    ['regular calls: half of the interval', every(100, 50), asked, 50],
    ['a bid that wins every other call: one interval more', every(100, 50), { ...asked, winProbability: 0.5 }, 150],
    ['no slot is free: when the first lease ends', every(100, 50), { ...asked, free: 0 }, 100],
    ['more slots than will have come back', every(100, 3), { ...asked, free: 0, units: 7 }, undefined],
    ['a bid that cannot win', every(100, 50), { ...asked, winProbability: 0 }, undefined],
  ])('%s', (_why, points, how, ms) => {
    expect(expectedStartMs(points, how)).toBe(ms);
  });
});

describe('a price history', () => {
  const history = () => new PriceHistory(wouldWin, ({ cfp, at }: AwardPoint) => `${cfp}@${at}`);

  it('is bounded, counts what is told twice once, and stands in order', () => {
    const prices = history();
    for (let n = 0; n < 2 * REMEMBERED_CLEARINGS; n += 1) prices.add(point({ cfp: `c${n}`, at: n ^ 1 }));
    for (let n = 0; n < 2 * REMEMBERED_CLEARINGS; n += 1) prices.add(point({ cfp: `c${n}`, at: n ^ 1 }));
    expect(prices.latest().map(({ at }) => at)).toEqual(
      Array.from({ length: REMEMBERED_CLEARINGS }, (_, n) => 511 - n),
    );
    expect(prices.latest(2).map(({ cfp }) => cfp)).toEqual(['c510', 'c511']);
  });

  it('judges each forecast once, by the first clearing after it, and as many as it may', () => {
    const prices = history();
    prices.forecast(bid(41), 0.9, 5);
    prices.forecast(bid(31), 0.8, 7);
    prices.add(point({ cfp: 'before', at: 5 }));
    expect(prices.judged).toBe(0);
    prices.add(point({ cfp: 'after', at: 6 }));
    expect(prices.judged).toBe(1);
    prices.add(point({ cfp: 'later', at: 8 }));
    expect(prices.score()).toMatchObject({ count: 2, brier: ((1 - 0.9) ** 2 + 0.8 ** 2) / 2, baseRate: 0.5 });
    for (let n = 0; n < 2 * MAX_OPEN_FORECASTS; n += 1) prices.forecast(bid(41), 0.5, 9);
    prices.add(point({ cfp: 'last', at: 10 }));
    expect(prices.judged).toBe(2 + MAX_OPEN_FORECASTS);
  });
});

describe('the calibration', () => {
  it.each([
    ['always right', 1, 0, 1, 0],
    ['one half, all the time', 0.5, 0.5, 0, 0.25],
  ] as const)('%s', (_why, ofCame, ofNot, skill, brier) => {
    const calibration = new Calibration();
    expect(calibration.score()).toBeUndefined();
    for (let n = 0; n < 100; n += 1) calibration.add(n % 2 === 0 ? ofCame : ofNot, n % 2 === 0);
    expect(calibration.score()).toMatchObject({ count: 100, skill, brier, baseRate: 0.5 });
  });

  it('says no skill where everything came true, and forgets what is long ago', () => {
    const calibration = new Calibration();
    for (let n = 0; n < 5_000; n += 1) calibration.add(1, n > 3_000);
    expect(calibration.total).toBe(5_000);
    expect(calibration.score()).toMatchObject({ count: 1_024, brier: 0, baseRate: 1, skill: undefined });
    expect(calibration.score()!.bins[9]).toEqual({ meanForecast: 1, rate: 1, count: 1_024 });
  });
});

describe('forecasts on random markets', () => {
  it.each<[MarketKind, number]>([
    ['steady', 0.35],
    ['thin', 0.15],
    ['drifting', 0.35],
    ['many units', 0.35],
  ])('%s: calibrated, and better than the base rate by a margin', (kind, skill) => {
    for (const seed of [1, 2, 3]) {
      const { score, constant } = playForecasts(kind, seed);
      const said = `${kind} ${seed}: ${JSON.stringify(score)}`;
      expect(score.count, said).toBeGreaterThan(1_000);
      expect(score.skill!, said).toBeGreaterThan(skill);
      expect(score.brier, said).toBeLessThan(constant * 0.75);
      for (const { count, meanForecast, rate } of score.bins) {
        if (count < 60) continue;
        // Three standard errors of a share, and a little.
        const error = 3 * Math.sqrt((meanForecast! * (1 - meanForecast!)) / count);
        expect(Math.abs(rate! - meanForecast!), said).toBeLessThan(error + 0.05);
      }
    }
  });
});
