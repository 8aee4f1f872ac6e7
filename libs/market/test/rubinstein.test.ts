// Alternating offers between the rational: at once, at the closed form, and nobody gains by doing otherwise.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type DealSide,
  type Discounts,
  decideRubinstein,
  type HaggleMove,
  type HaggleState,
  type Issues,
  issueValue,
  otherSide,
  proposersShare,
  type RubinsteinStrategy,
  shareBefore,
} from '../src/index.js';
import { played } from './haggle-play.js';
import { at, protocol, T } from './haggle-support.js';

const permille = fc.integer({ min: 100, max: 999 });
interface Drawn {
  readonly least: number;
  readonly pie: number;
  readonly buyer: number;
  readonly provider: number;
  readonly opener: DealSide;
}
const drawn: fc.Arbitrary<Drawn> = fc.record({
  least: fc.integer({ min: 1, max: 40_000_000_000_000 }),
  pie: fc.integer({ min: 1, max: 50_000_000_000_000 }),
  buyer: permille,
  provider: permille,
  opener: fc.constantFrom<DealSide>('buyer', 'provider'),
});

type Decide = (state: HaggleState) => HaggleMove;

/** Rational but for those who are told otherwise; what each gains, discounted by the proposals that it took. */
function bargain(
  facts: Drawn,
  horizon: RubinsteinStrategy['horizon'],
  others: Partial<Record<DealSide, Decide>> = {},
  maxRounds = 64,
) {
  const { least, pie, opener } = facts;
  const discounts: Discounts = { buyer: facts.buyer, provider: facts.provider };
  const strategy: RubinsteinStrategy = {
    ...{ buyerLimitMicro: String(least + pie), providerLimitMicro: String(least), horizon },
  };
  const shared = {
    opener,
    ask: at(least),
    bounds: { priceMicro: { min: '1', max: String(least + pie) } },
    protocol: {
      ...{ ...protocol, kind: 'alternating-offers' as const, maxRounds, endsAt: T + 1e6, minImprovementPermille: 0 },
      discountPermille: discounts,
    },
  };
  const decide = (state: HaggleState) =>
    (others[state.context.side] ?? ((one: HaggleState) => decideRubinstein(strategy, one)))(state);
  const { issues, proposals } = played(shared, decide);
  const price = issues && issueValue(issues, 'priceMicro');
  const share = (side: DealSide) => (price === undefined ? 0 : side === 'buyer' ? least + pie - price : price - least);
  const gain = (side: DealSide) => share(side) * (discounts[side] / 1000) ** (proposals - 1);
  return { proposals, share, gain };
}

function rational(facts: Drawn, horizon: RubinsteinStrategy['horizon']): Decide {
  const { least, pie } = facts;
  return (state) =>
    decideRubinstein({ buyerLimitMicro: String(least + pie), providerLimitMicro: String(least), horizon }, state);
}

describe('the closed form', () => {
  test.each([
    [900, 900, 1000, 526],
    [500, 900, 1000, 181],
    [900, 500, 1000, 909],
    [1000, 900, 1000, 1000],
    [900, 1000, 1000, 0],
    [0, 0, 1000, 1000],
    [1000, 1000, 1000, 500],
    [999, 999, 99_999_999_999_999, 50_025_012_506_252],
  ])('δ₁ %i, δ₂ %i of %i: %i', (first, second, pie, share) => {
    expect(proposersShare(pie, first, second)).toBe(share);
  });

  test.each([
    ['the last proposal is take it or leave it', 1, 1_000_000_000],
    ['before it, the responder gets what waiting is worth', 2, 100_000_000],
    ['and so on', 3, 910_000_000],
    ['far from the end, near the closed form', 128, 526_315_057],
  ])('%s', (_why, proposals, share) => {
    expect(shareBefore(1_000_000_000, proposals, 900, 900)).toBe(share);
  });
});

test('perfectly informed, they agree on the first proposal, at the closed form to the micro-credit', () => {
  fc.assert(
    fc.property(drawn, (facts) => {
      const { opener, pie } = facts;
      const { proposals, share } = bargain(facts, 'infinite');
      expect(proposals).toBe(1);
      const [first, second] = [BigInt(facts[opener]), BigInt(facts[otherSide(opener)])];
      const exact = Number(((1000n - second) * 1000n * BigInt(pie)) / (1_000_000n - first * second));
      expect(Math.abs(share(opener) - exact)).toBeLessThanOrEqual(2);
    }),
  );
});

test('with a last round, they agree on the first proposal too, at what is worked out from the end', () => {
  fc.assert(
    fc.property(drawn, fc.integer({ min: 1, max: 64 }), (facts, rounds) => {
      const { opener, pie } = facts;
      const { proposals, share } = bargain(facts, 'rounds', {}, rounds);
      expect(proposals).toBe(1);
      const expected = shareBefore(pie, 2 * rounds, facts[opener], facts[otherSide(opener)]);
      expect(Math.abs(share(opener) - expected)).toBeLessThanOrEqual(1);
    }),
  );
});

test('who deviates, as opener or as responder, once or always, gains nothing', () => {
  const deviation = fc.record({
    /** What the deviator does at its moves: demands such a share of the pie, or accepts. */
    demands: fc.array(fc.option(fc.integer({ min: 0, max: 1000 }), { nil: undefined, freq: 8 }), {
      minLength: 1,
      maxLength: 12,
    }),
    /** Then it is rational again, or goes on with the last demand. */
    repents: fc.boolean(),
    byOpener: fc.boolean(),
    horizon: fc.constantFrom<RubinsteinStrategy['horizon']>('infinite', 'rounds'),
  });
  fc.assert(
    fc.property(
      drawn,
      deviation,
      fc.integer({ min: 4, max: 64 }),
      (facts, { demands, repents, byOpener, horizon }, drawnRounds) => {
        // Who takes the rounds for endless can be made to wait until they end: the end must be far.
        const rounds = horizon === 'infinite' ? 64 : drawnRounds;
        const { least, pie, opener } = facts;
        const deviator = byOpener ? opener : otherSide(opener);
        const honest = rational(facts, horizon);
        let lowest = 1000;
        const deviates: Decide = (state) => {
          const n = state.ours.length;
          if (n >= state.context.protocol.maxRounds || (n >= demands.length && repents)) return honest(state);
          const demand = demands[Math.min(n, demands.length - 1)];
          if (demand === undefined) return state.theirs.length > 0 ? { kind: 'accept' } : honest(state);
          // Nobody may step back: a demand that rises is no move.
          lowest = Math.min(lowest, demand);
          const part = Math.floor((pie * lowest) / 1000);
          const issues: Issues = at(deviator === 'buyer' ? least + pie - part : least + part);
          return { kind: 'propose', issues };
        };
        const equilibrium = bargain(facts, horizon, {}, rounds).gain(deviator);
        // A micro-credit for each rounding on the way.
        expect(bargain(facts, horizon, { [deviator]: deviates }, rounds).gain(deviator)).toBeLessThanOrEqual(
          equilibrium + 2,
        );
      },
    ),
    { numRuns: 300 },
  );
});
