// Monotonic concession: where Zeuthen's rule leads two sides, how fast, and that nobody goes beyond what a deal is worth to it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  acceptable,
  concedes,
  type DealSide,
  decideMonotonic,
  type HaggleContext,
  type HaggleState,
  type Issues,
  issueValue,
  type MonotonicStrategy,
  type Preferences,
  type Protocol,
  priceAt,
  riskOf,
  risksTogether,
  sufficientGain,
  totalOf,
  utilityOf,
} from '../src/index.js';
import { played } from './haggle-play.js';
import { after, ask, at, begun, HOUR, heardFrom, proposal, protocol, T } from './haggle-support.js';

/** A side that cares for the price alone, from the worst that it takes to the best that it hopes for. */
function priced(side: 'buyer' | 'provider', worst: number, best: number): Preferences {
  return { side, issues: { priceMicro: { weight: 1000, worst, best } }, reservePermille: 0 };
}

describe('utility', () => {
  const wants: Preferences = {
    side: 'buyer',
    issues: {
      priceMicro: { weight: 600, worst: 2000, best: 1000 },
      deadline: { weight: 300, worst: T + 96 * HOUR, best: T + 48 * HOUR },
    },
    region: { weight: 100, worth: { eu: 1000, us: 500 } },
    reservePermille: 200,
  };

  test.each([
    ['all as it likes best', at(1000), 1],
    ['better than best counts no more', at(500), 1],
    ['half of the price', at(1500), 0.7],
    ['half of the delay, another region', at(1000, { deadline: T + 72 * HOUR, region: 'us' }), 0.8],
    ['a region without a worth', at(1000, { region: 'asia' }), 0.9],
    ['all at its worst', at(2000, { deadline: T + 96 * HOUR, region: 'asia' }), 0],
  ])('%s', (_what, issues, worth) => {
    expect(utilityOf(wants, issues)).toBeCloseTo(worth, 9);
  });

  test.each([
    ['worth more than no agreement', at(1999), true],
    ['beyond the reservation value of one issue, though rich in others', at(2001), false],
    ['within each, but not enough of all', at(2000, { deadline: T + 90 * HOUR, region: 'asia' }), false],
  ])('acceptable: %s', (_what, issues, yes) => {
    expect(acceptable(wants, issues)).toBe(yes);
  });

  test('the price at a utility gives it back to the micro-credit, and never less', () => {
    const price = fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: 99_999_999_999_999 }));
    fc.assert(
      fc.property(
        price,
        price,
        fc.boolean(),
        fc.integer({ min: 0, max: 1_000_000 }).map((n) => n / 1_000_000),
        (a, b, buys, utility) => {
          fc.pre(a !== b);
          const [low, high] = [Math.min(a, b), Math.max(a, b)];
          const wanted = buys ? priced('buyer', high, low) : priced('provider', low, high);
          const found = priceAt(wanted, ask, utility)!;
          const worth = utilityOf(wanted, at(found));
          expect(worth).toBeGreaterThanOrEqual(utility - 1e-9);
          expect(worth - utility).toBeLessThanOrEqual(1 / (high - low) + 1e-9);
        },
      ),
    );
  });
});

describe('risk', () => {
  test.each([
    [{ own: 1, theirs: 0 }, 1],
    [{ own: 1, theirs: 0.5 }, 0.5],
    [{ own: 0.5, theirs: 0.5 }, 0],
    [{ own: 0.4, theirs: 0.6 }, 0],
    [{ own: 0, theirs: 0 }, 1],
    [{ own: 0.5, theirs: -0.5 }, 1],
  ])('of %o is %d', (pair, risk) => expect(riskOf(pair)).toBeCloseTo(risk, 9));

  const share = fc.integer({ min: 10, max: 990 }).map((permille) => permille / 1000);

  test('a stated one tells what there is to share, and the smallest concession that makes the other’s the lower one', () => {
    fc.assert(
      fc.property(share, share, share, (total, a, b) => {
        // Each asks for more of it than it leaves the other.
        const [own, theirs] = [total * Math.max(a, b), total * Math.min(a, b)];
        fc.pre(own - theirs > 0.001);
        const pair = { own, theirs };
        const risk = riskOf({ own: total - theirs, theirs: total - own });
        expect(totalOf(pair, risk)).toBeCloseTo(total, 6);
        const gain = sufficientGain(pair, total);
        expect(gain).toBeLessThanOrEqual(own);
        expect(riskOf({ own: gain, theirs })).toBeGreaterThanOrEqual(
          risksTogether({ own: gain, theirs }, total) - 1e-9,
        );
        const less = gain + 0.001;
        if (less > own) return;
        expect(riskOf({ own: less, theirs })).toBeLessThan(risksTogether({ own: less, theirs }, total));
      }),
    );
  });

  test('is what the next proposal goes by, where it is believed', () => {
    // The buyer pays 2000 at most, the provider takes 1000 at least: at 1100 and 1800, 1200 divides as 1800 does.
    const next = (believes: boolean) => {
      const context = { ask: at(1100), protocol: { ...protocol, maxRounds: 64, endsAt: T + 1e6 } };
      const state = after(begun('buyer', context), [
        proposal('buyer', at(1100)),
        { ...heardFrom('provider', 'counter', 1, at(1800)), risk: 875 },
      ]);
      return decideMonotonic({ preferences: priced('buyer', 2000, 1000), believes }, state, T + 1);
    };
    expect(next(true)).toMatchObject({ kind: 'propose', issues: at(1200) });
    expect(next(false)).not.toMatchObject({ issues: at(1200) });
  });

  test('the lower one concedes, and both where they are equal', () => {
    expect([concedes(0.3, 0.4), concedes(0.4, 0.4), concedes(0.5, 0.4)]).toEqual([true, true, false]);
  });
});

interface Drawn {
  /** The provider's reservation price, and how far above it the buyer's lies, in thousandths. */
  readonly cost: number;
  readonly room: number;
  /** Where each hopes to end, in thousandths of the room. */
  readonly buyerHopes: number;
  readonly providerHopes: number;
}
const zone: fc.Arbitrary<Drawn> = fc.record({
  cost: fc.integer({ min: 1_000, max: 1_000_000 }),
  room: fc.integer({ min: 200, max: 3_000 }),
  buyerHopes: fc.integer({ min: 0, max: 300 }),
  providerHopes: fc.integer({ min: 700, max: 1000 }),
});

const price = (issues: Issues | undefined) => (issues === undefined ? Number.NaN : issueValue(issues, 'priceMicro'));

/** What a zone comes to; `gain`: the provider's part of the room. */
function haggled(drawn: Drawn, more: Partial<Protocol>, believes = true) {
  const room = Math.floor((drawn.cost * drawn.room) / 1000);
  const along = (hopes: number) => drawn.cost + Math.floor((room * hopes) / 1000);
  const [limit, opening, hope] = [along(1000), along(drawn.buyerHopes), along(drawn.providerHopes)];
  const shared: Partial<HaggleContext> = {
    ask: at(opening),
    bounds: { priceMicro: { min: '1', max: '99999999' } },
    protocol: { ...protocol, maxRounds: 64, endsAt: T + 1_000_000, minImprovementPermille: 1, ...more },
  };
  const strategies: Record<DealSide, MonotonicStrategy> = {
    buyer: { preferences: priced('buyer', limit, opening), believes },
    provider: { preferences: priced('provider', drawn.cost, hope), believes },
  };
  const decide = (state: HaggleState, nowMs: number) => decideMonotonic(strategies[state.context.side], state, nowMs);
  const outcome = played(shared, decide);
  return { ...outcome, gain: (price(outcome.issues) - drawn.cost) / room };
}

describe('convergence', () => {
  test('optimal, with risks stated truly: the deal that maximises the product of both gains', () => {
    fc.assert(
      fc.property(zone, (drawn) => {
        const { gain } = haggled(drawn, { mode: 'optimal' });
        // Straight utilities: half and half, but for the last step.
        expect(Math.abs(gain - 0.5)).toBeLessThan(0.02);
      }),
    );
  });

  test('fast: at most a third of the rounds, and a deal that is worth it to both', () => {
    fc.assert(
      fc.property(zone, (drawn) => {
        const fast = haggled(drawn, { mode: 'fast' });
        expect(fast.gain).toBeGreaterThanOrEqual(0);
        expect(fast.gain).toBeLessThanOrEqual(1);
        expect(fast.rounds * 3).toBeLessThanOrEqual(haggled(drawn, { mode: 'optimal' }).rounds);
      }),
    );
  });

  test('risks that are not believed, few rounds, large least steps: never beyond what either may take', () => {
    const protocols = fc.record({
      mode: fc.constantFrom('fast' as const, 'optimal' as const),
      maxRounds: fc.integer({ min: 1, max: 20 }),
      minImprovementPermille: fc.integer({ min: 0, max: 200 }),
    });
    fc.assert(
      fc.property(zone, protocols, fc.boolean(), (drawn, drawnProtocol, believes) => {
        const { issues, gain } = haggled(drawn, drawnProtocol, believes);
        if (issues === undefined) return;
        expect(gain).toBeGreaterThanOrEqual(0);
        expect(gain).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('with a few rounds a deal is found wherever there is one', () => {
    fc.assert(
      fc.property(zone, fc.integer({ min: 4, max: 20 }), fc.boolean(), (drawn, maxRounds, believes) => {
        expect(haggled(drawn, { mode: 'fast', maxRounds }, believes).issues).toBeDefined();
        expect(haggled(drawn, { mode: 'optimal', maxRounds }, believes).issues).toBeDefined();
      }),
    );
  });

  test('where there is no room, nobody agrees, and nobody talks for ever', () => {
    const [buyer, provider] = [priced('buyer', 900, 600), priced('provider', 1000, 1500)];
    const decide = (state: HaggleState, nowMs: number) =>
      decideMonotonic({ preferences: state.context.side === 'buyer' ? buyer : provider, believes: true }, state, nowMs);
    const { issues, states } = played({ ask: at(600) }, decide);
    expect(issues).toBeUndefined();
    expect(states.buyer.name).toBe('ended');
    expect(states.provider.name).toBe('ended');
  });

  test('several issues: each side gives way where the other asks it to, the price does the rest', () => {
    const both: Record<DealSide, Preferences> = {
      buyer: {
        ...{ side: 'buyer', reservePermille: 100 },
        issues: {
          priceMicro: { weight: 800, worst: 2000, best: 800 },
          deadline: { weight: 200, worst: T + 96 * HOUR, best: T + 30 * HOUR },
        },
        region: { weight: 50, worth: { eu: 1000, us: 800 } },
      },
      provider: {
        ...{ side: 'provider', reservePermille: 100 },
        issues: {
          priceMicro: { weight: 300, worst: 900, best: 2500 },
          deadline: { weight: 700, worst: T + 24 * HOUR, best: T + 90 * HOUR },
        },
        region: { weight: 10, worth: { us: 1000 } },
      },
    };
    const opening = at(800, { deadline: T + 30 * HOUR });
    for (const mode of ['fast', 'optimal'] as const) {
      const { issues } = played(
        { ask: opening, protocol: { ...protocol, mode, maxRounds: 32, endsAt: T + 1e6 } },
        (state, nowMs) => decideMonotonic({ preferences: both[state.context.side], believes: true }, state, nowMs),
      );
      expect(issues).toBeDefined();
      for (const preferences of Object.values(both)) expect(acceptable(preferences, issues!)).toBe(true);
      expect(issues!.deadline).toBeGreaterThan(opening.deadline);
      expect(price(issues)).toBeGreaterThan(800);
    }
  });
});
