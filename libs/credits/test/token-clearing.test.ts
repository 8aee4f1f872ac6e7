// Clearing: case by case in libs/market (TOKENS.md has the table); here what must hold for any bids.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Bucket,
  clearTokens,
  copyOfBucket,
  costOf,
  offeredRate,
  rankTokenBids,
  spareTokens,
  TOKEN,
  type TokenBid,
  unitPrice,
} from '../src/index.js';
import { START_MS, testBucket } from './buckets-under-test.js';

const RUNS = Number(process.env.TENDER_RUNS ?? 1000) * 10;
const limits = [
  { name: 'requests', capacity: 20, refillPerSecond: 10, reserve: 4, priceMicro: '3' },
  { name: 'tokens', capacity: 90, refillPerSecond: 10, reserve: 0, priceMicro: '1' },
];

const bid: fc.Arbitrary<TokenBid> = fc
  .record({
    class: fc.constantFrom('system' as const, 'standard' as const, 'standard' as const),
    requests: fc.integer({ min: 0, max: 9 }),
    tokens: fc.integer({ min: 0, max: 40 }),
    part: fc.constantFrom(1, 1, 2, 4),
    offered: fc.integer({ min: 1000, max: 1010 }),
    use: fc.nat(3),
  })
  .filter(({ requests, tokens }) => requests + tokens > 0)
  .map(({ requests, tokens, part, ...rest }) => {
    const amounts = [requests, tokens];
    return { ...rest, amounts, least: part === 1 ? amounts : amounts.map((amount) => Math.ceil(amount / part)) };
  });

const asked = fc.record({
  bids: fc.array(bid, { minLength: 1, maxLength: 8 }),
  levels: fc.tuple(fc.integer({ min: -5, max: 20 }), fc.integer({ min: -5, max: 90 })),
  rule: fc.constantFrom('uniform-price' as const, 'proportional-share' as const),
});

function cleared({ bids, levels, rule }: { bids: TokenBid[]; levels: [number, number]; rule: Bucket['spec']['rule'] }) {
  const bucket = testBucket(
    { limits, rule },
    levels.map((level) => level * TOKEN),
  );
  const after = copyOfBucket(bucket);
  return { bucket, after, ...clearTokens(after, bids, START_MS) };
}

describe('any clearing', () => {
  const check = (judge: (of: ReturnType<typeof cleared>, bids: readonly TokenBid[]) => void) => () => {
    fc.assert(
      fc.property(asked, (draw) => judge(cleared(draw), draw.bids)),
      { numRuns: RUNS },
    );
  };
  const fail = (what: string): never => {
    throw new Error(what);
  };

  it(
    'takes from the levels what it gives, no more than is there, and leaves the reserve to class system',
    check(({ bucket, after, verdicts }, bids) => {
      bucket.limits.forEach(({ level, reserve }, n) => {
        const given = verdicts.reduce((sum, { granted }) => sum + (granted?.[n] ?? 0), 0);
        if (level - given * TOKEN !== after.limits[n]!.level) fail('levels');
        if (given > 0 && after.limits[n]!.level < 0) fail('more than there is');
        const standard = verdicts.some(({ granted }, i) => bids[i]!.class === 'standard' && (granted?.[n] ?? 0) > 0);
        if (standard && after.limits[n]!.level < reserve * TOKEN) fail('the reserve');
      });
    }),
  );

  it(
    'gives each all that it asks for or the least that it is content with, nothing else',
    check(({ verdicts }, bids) => {
      verdicts.forEach(({ granted }, i) => {
        const { amounts, least } = bids[i]!;
        if (granted?.some((amount, n) => amount < least[n]! || amount > amounts[n]!)) fail('beyond what was asked');
      });
    }),
  );

  it(
    'has one rate for all of class standard, and nobody pays more than it offered',
    check(({ rate, verdicts }, bids) => {
      verdicts.forEach((verdict, i) => {
        if (verdict.granted === undefined) return;
        if (verdict.rate > bids[i]!.offered) fail('more than offered');
        if (bids[i]!.class === 'standard' && verdict.rate !== rate) fail('another rate');
      });
    }),
  );

  it('leaves nobody waiting who offered more than a winner of its class, by uniform price', () => {
    const auction = fc.record({ bids: fc.array(bid, { minLength: 1, maxLength: 8 }) });
    fc.assert(
      fc.property(auction, asked, ({ bids }, { levels }) => {
        const { verdicts, rate } = cleared({ bids, levels, rule: 'uniform-price' });
        const offers = (won: boolean, cls: TokenBid['class']) =>
          bids
            .filter((one, i) => one.class === cls && (verdicts[i]!.granted !== undefined) === won)
            .map((one) => one.offered);
        for (const cls of ['system', 'standard'] as const) {
          const [won, lost] = [offers(true, cls), offers(false, cls)];
          if (Math.min(...won) < Math.max(...lost, 0)) fail('outbid by less');
        }
        const highest = Math.max(1000, ...offers(false, 'system'), ...offers(false, 'standard'));
        if (rate !== highest) fail('the rate is not the highest offer in vain');
      }),
      { numRuns: RUNS },
    );
  });

  it(
    'serves class system before all others',
    check(({ verdicts, bucket }, bids) => {
      const systemWaits = bids.some(({ class: cls }, i) => cls === 'system' && verdicts[i]!.granted === undefined);
      if (systemWaits && bids.some(({ class: cls }, i) => cls === 'standard' && verdicts[i]!.granted))
        fail('passed by');
      const [requests, tokens] = spareTokens(bucket, 'system', START_MS);
      const sum = (n: number) =>
        bids.reduce((all, { class: cls, amounts }) => all + (cls === 'system' ? amounts[n]! : 0), 0);
      if (sum(0) <= requests! && sum(1) <= tokens! && systemWaits) fail('refused though there was enough');
    }),
  );

  it(
    'says when whoever waits could be served, later for whoever comes later',
    check(({ bucket, verdicts }, bids) => {
      let [last, cls] = [0, 'system'];
      for (const i of rankTokenBids(bucket, bids)) {
        const verdict = verdicts[i]!;
        if (verdict.granted !== undefined) continue;
        if (verdict.waitMs < 1 || verdict.rate < 1000) fail('no time, no rate');
        const single = bids[i]!.amounts.every((amount) => amount > 0);
        if (
          single &&
          bids[i]!.class === cls &&
          verdict.waitMs < last &&
          bids.every(({ amounts }) => amounts.every((n) => n > 0))
        )
          fail('sooner than who comes before');
        [last, cls] = [verdict.waitMs, bids[i]!.class];
      }
    }),
  );
});

it('nobody gets anything while the upstream asks for a pause', () => {
  const bucket = testBucket({ limits });
  bucket.pausedUntil = START_MS + 10;
  const one = { class: 'system' as const, amounts: [1, 0], least: [1, 0], offered: 1000, use: 0 };
  expect(clearTokens(bucket, [one], START_MS).verdicts).toEqual([{ waitMs: 10, rate: 1000 }]);
  expect(clearTokens(bucket, [one], START_MS + 10).verdicts).toEqual([{ granted: [1, 0], rate: 1000 }]);
});

describe('prices', () => {
  it.each([
    [7, 1000, 1000, 7],
    [7, 1001, 1000, 8],
    [7, 1500, 2000, 21],
    [0, 9_999, 4000, 0],
    [99_999_999_999_999, 1_000_000_000, 100_000, 99_999_999_999_999],
  ])('%i at rate %i and noise %i is %i', (price, rate, noise, unit) => {
    expect(unitPrice(price, rate, noise)).toBe(unit);
  });

  it('what is offered is what the reserve prices go into, less by one’s own noise', () => {
    const bucket = testBucket({ limits });
    expect(costOf(bucket, [2, 10], 1000, 1000)).toBe(16);
    expect(offeredRate(bucket, [2, 10], 15, 1000)).toBeUndefined();
    expect(offeredRate(bucket, [2, 10], 16, 1000)).toBe(1000);
    expect(offeredRate(bucket, [2, 10], 40, 1000)).toBe(2500);
    expect(offeredRate(bucket, [2, 10], 40, 2000)).toBe(1250);
    expect(offeredRate(bucket, [2, 10], 99_999_999_999_999, 1000)).toBe(1_000_000_000);
  });

  it('free tokens cannot be bid for', () => {
    const bucket = testBucket({ limits: [{ name: 'requests', capacity: 9, refillPerSecond: 1, priceMicro: '0' }] });
    expect([0, 500].map((max) => offeredRate(bucket, [3], max, 4000))).toEqual([1000, 1000]);
  });
});
