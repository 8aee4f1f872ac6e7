// What people type as credits, times, shares, factors and limits, and what the bank is told.
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { showLimit, typedLimit } from '../src/bucket-limit.js';
import {
  credits,
  duration,
  factor,
  instant,
  lengthOf,
  percent,
  plainMicro,
  showDuration,
  showFactor,
  showInstant,
  showMicro,
  showPercent,
  someCredits,
} from '../src/quantities.js';

describe('credits', () => {
  const typed: [string, string][] = [
    ['12.5', '12500000'],
    ['0', '0'],
    ['0.000001', '1'],
    ['007', '7000000'],
    ['99999999.999999', '99999999999999'],
    ['0.1', '100000'],
  ];
  test.each(typed)('%s is %s micro-credits', (text, micro) => expect(credits(text)).toBe(micro));
  test.each(['', '.5', '1.', '1e3', '-1', '+1', '1,5', '1.0000001', '100000000', '12 ', '٣', 'NaN'])(
    '%j is none',
    (text) => {
      expect(() => credits(text)).toThrow(/up to 99999999, with six decimals at most/);
    },
  );
  it('are never nothing where something must be', () => expect(() => someCredits('0.000000')).toThrow(/at least/));

  it('are shown as they were typed, to the last one', () => {
    const amount = fc.bigInt({ min: 0n, max: 99_999_999_999_999n }).map(String);
    fc.assert(
      fc.property(amount, (micro) => {
        expect(credits(plainMicro(micro))).toBe(micro);
        expect(showMicro(micro).replaceAll(',', '')).toBe(plainMicro(micro));
      }),
    );
    expect(['-1500000', '1234567890123', '19999999999999800'].map(showMicro)).toEqual([
      '-1.5',
      '1,234,567.890123',
      '19,999,999,999.9998',
    ]);
  });
});

describe('lengths of time', () => {
  const typed: [string, number | undefined][] = [
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5h', 5_400_000],
    ['m', 60_000],
    ['2min', 120_000],
    ['day', 86_400_000],
    ['0.0005s', undefined],
    ['0.5ms', undefined],
    ['5', undefined],
    ['5w', undefined],
    ['-5s', undefined],
    ['.5s', undefined],
  ];
  test.each(typed)('%s is %s ms', (text, ms) => expect(lengthOf(text)).toBe(ms));
  it('are shown as they may be typed', () => {
    fc.assert(fc.property(fc.nat({ max: 86_400_000 }), (ms) => ms === 0 || lengthOf(showDuration(ms)) === ms));
  });
  it('lie within bounds, which a mistake is told', () => {
    expect(duration(0, 1000)('0')).toBe(0);
    expect(() => duration(1000, 86_400_000)('10ms')).toThrow('from 1s to 1d is needed');
    expect(() => duration(1000, 86_400_000)('0')).toThrow('is needed');
  });
});

it('shares and factors are thousandths', () => {
  expect(['50%', '12.5%', '0', '100'].map(percent(0, 1000))).toEqual([500, 125, 0, 1000]);
  expect(() => percent(1, 1000)('0%')).toThrow('from 0.1% to 100%');
  expect(() => percent(0, 1000)('12.55%')).toThrow('one decimal at most');
  expect(['4', '1.5x', '1.001'].map(factor(1000, 100_000))).toEqual([4000, 1500, 1001]);
  expect(() => factor(1000, 100_000)('0.5')).toThrow('from 1 to 100');
  expect([showPercent(125), showFactor(1500)]).toEqual(['12.5%', '1.5x']);
});

it('times are UTC, or so long ago', () => {
  const at = Date.UTC(2026, 10, 21, 8);
  expect(['2026-11-21T08:00', '2026-11-21T08:00:00Z', '2026-11-21T09:00+01:00'].map(instant)).toEqual([at, at, at]);
  expect(instant('2026-11-21')).toBe(Date.UTC(2026, 10, 21));
  expect(Math.abs(instant('2h') - (Date.now() - 7_200_000))).toBeLessThan(1000);
  expect(showInstant(at)).toBe('2026-11-21T08:00:00Z');
  for (const text of ['yesterday', '2026-13-01', '21.11.2026', ''])
    expect(() => instant(text)).toThrow('a time is needed');
});

describe('limits of a bucket', () => {
  const typed: [string, object][] = [
    ['requests=60/60s', { name: 'requests', capacity: 60, refillPerSecond: 1 }],
    ['requests=60/min', { name: 'requests', capacity: 60, refillPerSecond: 1 }],
    // A third of a token a second is rounded down: the upstream never gives less.
    ['tokens=100000/60s', { name: 'tokens', capacity: 100_000, refillPerSecond: 1666.666 }],
    [
      'requests=60/60s,reserve=6,price=0.001',
      { name: 'requests', capacity: 60, refillPerSecond: 1, reserve: 6, priceMicro: '1000' },
    ],
    ['tokens=10/1s,capacity=500', { name: 'tokens', capacity: 500, refillPerSecond: 10 }],
    ['requests,price=0.002', { name: 'requests', priceMicro: '2000' }],
  ];
  test.each(typed)('%s', (text, limit) => expect(typedLimit(text)).toEqual([limit]));

  const wrong: [string, RegExp][] = [
    ['60/60s', /names no limit/],
    ['requests=60', /60 is no count per time/],
    ['requests=60/0s', /no count per time/],
    ['requests=1/1d', /less than 0.001 a second/],
    ['requests=0/1s', /0 is no whole number from 1/],
    ['requests=60/60s,reserve=half', /half is no whole number from 0/],
    ['requests=60/60s,color=red', /color=red is none of capacity=, reserve=, price=/],
    ['requests=60/60s,price=free', /credits are needed/],
  ];
  test.each(wrong)('%s is told what is wrong with it', (text, why) => expect(() => typedLimit(text)).toThrow(why));
  it('are each said once', () => {
    expect(() => typedLimit('a=1/1s', typedLimit('a=2/1s'))).toThrow('a is said twice');
    expect(typedLimit('b=1/1s', typedLimit('a=2/1s')).map(({ name }) => name)).toEqual(['a', 'b']);
  });
  it('are shown', () => {
    expect(showLimit({ name: 'r', capacity: 60, refillPerSecond: 1, reserve: 6, priceMicro: '1000' })).toBe(
      '60, 1/s, reserve 6, 0.001 each',
    );
  });
});
