// Random buckets for forecasts of takes: seeded, cleared by the bank's own rule, a question before every clearing.
import {
  advance,
  bucketOf,
  bucketSpec,
  clearTokens,
  type copyOfBucket,
  costOf,
  offeredRate,
  TOKEN,
  type TokenBid,
} from '@tender/credits';
import {
  type BucketPoint,
  bucketPoint,
  type ForecastScore,
  PriceHistory,
  takeProbability,
  wouldBeServed,
} from '../src/index.js';
import { seeded } from '../src/testing/index.js';

export type RationKind = 'scarce' | 'bursts' | 'large and small' | 'plenty';

/** Takes a second; their mean size, in tokens, of a capacity of 6,000 and 1,000 a second; how unlike they are. */
const kinds: Record<RationKind, { rate: number; size: number; spread: number; burst: number }> = {
  scarce: { rate: 6, size: 300, spread: 0.6, burst: 0 },
  bursts: { rate: 3, size: 250, spread: 0.6, burst: 0.03 },
  'large and small': { rate: 1.5, size: 900, spread: 1.3, burst: 0 },
  plenty: { rate: 1.5, size: 300, spread: 0.6, burst: 0 },
};

interface Waiting {
  readonly amounts: { readonly tokens: number };
  readonly maxPrice: number;
  readonly until: number;
  waited?: boolean;
}

const START_MS = 1_000_000;
const LOOK_MS = 100;

/**
 * Who is turned away waits for three seconds. Asked about, at any moment: a take between 50 and 5,000 tokens, for up to four
 * times its price. `blind` knows how often it would have been served, and neither what is there nor who waits.
 */
export function playTakes(kind: RationKind, seed: number): { score: ForecastScore; blind: ForecastScore } {
  const { rate, size, spread, burst } = kinds[kind];
  const draw = seeded(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
  const history = new PriceHistory(wouldBeServed, ({ seq }: BucketPoint) => String(seq));
  const blind = new PriceHistory(wouldBeServed, ({ seq }: BucketPoint) => String(seq));
  const limits = [{ name: 'tokens', capacity: 6_000, refillPerSecond: 1_000, priceMicro: '10' }];
  const bucket = bucketOf(bucketSpec.parse({ bucket: 'api', account: 'till', limits }), START_MS);
  let waiting: Waiting[] = [];
  for (let seq = 1, nowMs = START_MS; seq <= 2_500; seq += 1) {
    nowMs += LOOK_MS;
    const askedAt = nowMs - 1 - Math.floor(draw() * (LOOK_MS - 1));
    advance(bucket, askedAt);
    const asked = Math.round(50 * 100 ** draw());
    const cost = costOf(bucket, [asked], 1_000, 1_000);
    const offered = offeredRate(bucket, [asked], Math.round(cost * 4 ** draw()), 1_000)!;
    const take = { rate: offered, system: false, needs: { tokens: asked } };
    waiting = waiting.filter(({ until }) => until > nowMs);
    const first = waiting.filter((one) => offeredRate(bucket, [one.amounts.tokens], one.maxPrice, 1_000)! >= offered);
    const ahead = { tokens: first.reduce((sum, { amounts }) => sum + amounts.tokens, 0) };
    const probability = takeProbability(history.latest(), take, bucket, ahead, askedAt);
    const plain = history.probability(take);
    if (probability !== undefined) history.forecast(take, probability, askedAt);
    if (plain !== undefined) blind.forecast(take, plain, askedAt);
    const comes = burst > 0 && draw() < burst ? 20 : draw() < (rate * LOOK_MS) / 1_000 ? 1 : 0;
    for (let n = 0; n < comes; n += 1) {
      const tokens = Math.max(1, Math.min(6_000, Math.round(size * Math.exp(spread * normal()))));
      const maxPrice = Math.ceil(tokens * 10 * (1 + 2 * draw()));
      waiting.push({ amounts: { tokens }, maxPrice, until: nowMs + 3_000 });
    }
    if (waiting.length === 0) continue;
    advance(bucket, nowMs);
    const point = clearOnce(bucket, waiting, { seq, at: nowMs });
    waiting = waiting.filter((_, n) => !point.won.has(n));
    for (const one of waiting) one.waited = true;
    blind.add(point.point);
    history.add(point.point);
  }
  return { score: history.score()!, blind: blind.score()! };
}

/** One clearing, as a broker would remember it; the winners' tokens leave the bucket. */
function clearOnce(
  bucket: ReturnType<typeof copyOfBucket>,
  waiting: readonly Waiting[],
  when: { readonly seq: number; readonly at: number },
): { readonly point: BucketPoint; readonly won: ReadonlySet<number> } {
  const bids = waiting.map(({ amounts, maxPrice }): TokenBid => {
    const tokens = [amounts.tokens];
    const offered = offeredRate(bucket, tokens, maxPrice, 1_000)!;
    return { class: 'standard', amounts: tokens, least: tokens, offered, use: 0 };
  });
  const { verdicts } = clearTokens(bucket, bids, when.at);
  const answers = verdicts.map((verdict, n) => {
    if (verdict.granted === undefined) return { ok: false as const, wait: { offeredPermille: bids[n]!.offered } };
    const amountMicro = String(costOf(bucket, verdict.granted, verdict.rate, 1_000));
    const amounts = { tokens: verdict.granted[0]! };
    return { ok: true as const, class: 'standard' as const, amounts, amountMicro, ratePermille: verdict.rate };
  });
  const left = { tokens: Math.floor(bucket.limits[0]!.level / TOKEN) };
  const won = new Set(verdicts.flatMap(({ granted }, n) => (granted === undefined ? [] : [n])));
  return { point: bucketPoint(when, waiting, { answers, left })!, won };
}
