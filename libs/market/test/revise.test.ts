// How a call that came to nothing is revised, a row per round: towards what was refused, never back, never too far.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Bounds,
  type Detail,
  details,
  type Issues,
  isStepBack,
  issueValue,
  numericIssues,
  outOfBounds,
  type Protocol,
  revisedCall,
  type TaskCall,
} from '../src/index.js';
import { ask, at, ENDS, frame, HOUR, protocol, T } from './haggle-support.js';

/** Asks for 1000 within 48 hours; would go to 2000, 96 hours, another region, half of the batches. */
const limits: Bounds = {
  priceMicro: { min: '1', max: '2000' },
  deadline: { min: T, max: T + 96 * HOUR },
  units: { min: 1, max: 2 },
  region: ['eu', 'us'],
};

function callOf(mode: Protocol['mode'], more: Partial<TaskCall> = {}): TaskCall {
  return {
    ...{ direction: 'buy', frame, ask, bounds: { priceMicro: { min: '500', max: '1000' } }, rule: 'lowest-price' },
    ...{ fill: { kind: 'one', by: 'units' }, protocol: { ...protocol, mode, maxRounds: 4 }, round: 1, closesAt: T + 1 },
    ...more,
  };
}

const revise = (
  mode: Protocol['mode'],
  counters: readonly Issues[],
  refusals: readonly Detail[],
  more: Partial<TaskCall> = {},
  own = limits,
) => revisedCall({ call: callOf(mode, more), counters, refusals, limits: own }, T);

const at72 = at(1000, { deadline: T + 72 * HOUR });

test.each<[string, ReturnType<typeof revise>, Partial<Issues>, Bounds]>([
  [
    'fast: all the way to what would pass',
    revise('fast', [at72], ['deadline-infeasible']),
    { deadline: T + 72 * HOUR },
    { priceMicro: { min: '500', max: '1000' }, deadline: { min: ask.deadline, max: T + 72 * HOUR } },
  ],
  [
    'optimal: an equal part of the way in each round that is left',
    revise('optimal', [at72], []),
    { deadline: T + 56 * HOUR },
    { priceMicro: { min: '500', max: '1000' }, deadline: { min: ask.deadline, max: T + 56 * HOUR } },
  ],
  [
    'the counter-proposal that asks for least',
    revise('fast', [at(1900), at(1200), at(1000, { deadline: T + 96 * HOUR })], []),
    { priceMicro: '1200' },
    { priceMicro: { min: '500', max: '1200' } },
  ],
  [
    'one beyond the limits does not count',
    revise('fast', [at(2001), at(1000, { units: 1, region: 'asia' })], ['below-reserve-price']),
    { priceMicro: '1500' },
    { priceMicro: { min: '500', max: '1500' } },
  ],
  [
    'no reason known: the price, half of the way to the most',
    revise('fast', [], []),
    { priceMicro: '1500' },
    { priceMicro: { min: '500', max: '1500' } },
  ],
  [
    'no reason known: the price, in as many steps as there are rounds',
    revise('optimal', [], ['outbid'], { round: 2 }),
    { priceMicro: '1500' },
    { priceMicro: { min: '500', max: '1500' } },
  ],
  [
    'what was refused moves, and nothing else',
    revise('optimal', [], ['deadline-infeasible'], { round: 3 }),
    { deadline: T + 96 * HOUR },
    { priceMicro: { min: '500', max: '1000' }, deadline: { min: ask.deadline, max: T + 96 * HOUR } },
  ],
  [
    'what is taken rises with what is asked',
    revise('fast', [], ['outbid'], { bounds: { priceMicro: { min: '500', max: '1600' } } }),
    { priceMicro: '1500' },
    { priceMicro: { min: '500', max: '1800' } },
  ],
  [
    'another region, where that was refused',
    revise('optimal', [], ['region']),
    { region: 'us' },
    { priceMicro: { min: '500', max: '1000' }, region: ['eu', 'us'] },
  ],
  [
    'fewer slots, where nobody has as many',
    revise('optimal', [], ['no-capacity'], { round: 3 }),
    { units: 1, deadline: T + 96 * HOUR },
    {
      ...{ priceMicro: { min: '500', max: '1000' }, deadline: { min: ask.deadline, max: T + 96 * HOUR } },
      units: { min: 1, max: 2 },
    },
  ],
])('%s', (_what, revision, change, bounds) => {
  expect(revision).toEqual({ kind: 'revise', ask: { ...ask, ...change }, bounds });
});

describe('it stops', () => {
  test.each<[Detail, ReturnType<typeof revise>]>([
    ['round-limit', revise('fast', [at72], [], { round: 4 })],
    ['expired', revisedCall({ call: callOf('fast'), counters: [at72], refusals: [], limits }, ENDS)],
    [
      'no-improvement',
      revise('fast', [], ['outbid'], { ask: at(2000), bounds: { priceMicro: { min: '500', max: '2000' } } }),
    ],
    ['no-improvement', revise('fast', [], ['rating-too-low'], {}, { deadline: { min: T, max: T + 96 * HOUR } })],
  ])('%s', (detail, revision) => {
    expect(revision).toEqual({ kind: 'stop', detail });
  });
});

test('whatever was refused: no step back, within the limits, the ask within its bounds, and an end', () => {
  const counter = fc.record({
    price: fc.integer({ min: 1, max: 4_000 }),
    hours: fc.integer({ min: 1, max: 120 }),
    units: fc.integer({ min: 1, max: 3 }),
    region: fc.constantFrom('eu', 'us', 'asia'),
  });
  const rounds = fc.array(
    fc.tuple(fc.array(counter, { maxLength: 4 }), fc.array(fc.constantFrom(...details), { maxLength: 4 })),
    {
      minLength: 4,
      maxLength: 4,
    },
  );
  fc.assert(
    fc.property(fc.constantFrom('fast' as const, 'optimal' as const), rounds, (mode, heard) => {
      let call = callOf(mode);
      for (const [counters, refusals] of heard) {
        const seen = counters.map(({ price, hours, ...rest }) => at(price, { deadline: T + hours * HOUR, ...rest }));
        const revision = revisedCall({ call, counters: seen, refusals, limits }, T);
        if (revision.kind === 'stop') return;
        expect(isStepBack('buyer', call.ask, revision.ask)).toBe(false);
        expect(outOfBounds(revision.ask, revision.ask, revision.bounds)).toEqual([]);
        for (const name of numericIssues) {
          const [range, before] = [revision.bounds[name], call.bounds[name]];
          const value = issueValue(revision.ask, name);
          if (limits[name] === undefined) expect(value).toBe(issueValue(ask, name));
          else expect(value).toBeLessThanOrEqual(Number(limits[name].max));
          if (before)
            expect([Number(range!.min) <= Number(before.min), Number(range!.max) >= Number(before.max)]).toEqual([
              true,
              true,
            ]);
        }
        call = { ...call, ask: revision.ask, bounds: revision.bounds, round: call.round + 1 };
      }
      expect.unreachable('there are four rounds, and so three revisions');
    }),
  );
});
