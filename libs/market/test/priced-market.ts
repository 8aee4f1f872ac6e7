// Random markets for forecasts of prices: seeded, cleared by the market's own rule, a question before every call.
import {
  type AwardPoint,
  awardPoint,
  Calibration,
  type CallRule,
  clear,
  type ForecastScore,
  PriceHistory,
  rankBids,
  wouldWin,
} from '../src/index.js';
import { seeded } from '../src/testing/index.js';

export interface DrawnBid {
  readonly participant: string;
  readonly price: number;
  readonly units: number;
}

/** What is remembered of a call after these bids; undefined where nobody wins. */
export function pointOf(call: CallRule, bids: readonly DrawnBid[], at = 1): AwardPoint | undefined {
  const ranked = rankBids(
    'seed',
    bids.map((bid, n) => ({ ...bid, intent: `i${n}` })),
  );
  const { verdicts, clearingPrice } = clear(call, ranked);
  if (!verdicts.some(({ outcome }) => outcome === 'won')) return undefined;
  const award = { cfp: `c${at}`, at, durationMs: 1_000, units: call.units, price: clearingPrice };
  return awardPoint(
    award,
    verdicts.map(({ bid, outcome }) => ({ ...bid, outcome })),
  );
}

export type MarketKind = 'steady' | 'thin' | 'drifting' | 'many units';

const kinds: Record<MarketKind, { bidders: number; units: number; most: number; drift: number }> = {
  steady: { bidders: 12, units: 4, most: 1, drift: 0 },
  thin: { bidders: 3, units: 2, most: 1, drift: 0 },
  drifting: { bidders: 12, units: 4, most: 1, drift: 0.02 },
  'many units': { bidders: 16, units: 12, most: 4, drift: 0 },
};

/** Values are lognormal about a level that may walk; a bid between a third of it and thrice is asked about each time. */
export function playForecasts(kind: MarketKind, seed: number): { score: ForecastScore; constant: number } {
  const { bidders, units, most, drift } = kinds[kind];
  const draw = seeded(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
  const history = new PriceHistory(wouldWin, ({ cfp }: AwardPoint) => cfp);
  const constant = new Calibration();
  let level = 1_000;
  for (let at = 1; at <= 1_500; at += 1) {
    level *= Math.exp(drift * normal());
    const asked = {
      participant: 'me',
      price: Math.round(level * 3 ** (2 * draw() - 1)),
      durationMs: 1_000,
      units: 1 + Math.floor(draw() * most),
      system: false,
    };
    const probability = history.probability(asked);
    if (probability !== undefined) history.forecast(asked, probability, at - 1);
    const bids = Array.from({ length: 1 + Math.floor(draw() * bidders) }, (_, n) => ({
      participant: `b${n}`,
      price: Math.round(level * Math.exp(0.5 * normal())),
      units: 1 + Math.floor(draw() * most),
    }));
    const point = pointOf({ units, rule: 'uniform-price', reservePrice: 100 }, bids, at);
    if (point === undefined) continue;
    history.add(point);
    if (probability !== undefined) constant.add(0.5, wouldWin(point, asked));
  }
  return { score: history.score()!, constant: constant.score()!.brier };
}
