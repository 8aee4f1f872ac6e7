// Worth: monotone in each argument, never above what is gained, whole micro-credits.
import { MAX_MICRO } from '@tender/credits';
import { feasible, urgencyOf, utility, type Worth, willingnessToPay } from '@tender/market';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const share = fc.double({ min: 0, max: 1, noNaN: true });
const worth: fc.Arbitrary<Worth> = fc.record({
  valueMicro: fc.integer({ min: 0, max: MAX_MICRO }),
  priority: share,
  urgency: share,
  marginalGain: share,
});
const urgency = fc.record({
  deadlineMs: fc.integer({ min: 0, max: 1e9 }),
  nowMs: fc.integer({ min: 0, max: 1e9 }),
  remainingMs: fc.integer({ min: 0, max: 1e9 }),
});

test.each(['valueMicro', 'priority', 'urgency', 'marginalGain'] as const)('rises with %s', (field) => {
  fc.assert(
    fc.property(worth, worth, (a, b) => {
      const low = { ...a, [field]: Math.min(a[field], b[field]) };
      const high = { ...a, [field]: Math.max(a[field], b[field]) };
      expect(willingnessToPay(high)).toBeGreaterThanOrEqual(willingnessToPay(low));
    }),
  );
});

test('is a whole amount between nothing and the gain', () => {
  fc.assert(
    fc.property(worth, (one) => {
      const price = willingnessToPay(one);
      expect(Number.isSafeInteger(price)).toBe(true);
      expect(price).toBeGreaterThanOrEqual(0);
      expect(price).toBeLessThanOrEqual(one.valueMicro * one.marginalGain);
      expect(utility({ won: true, ...one, paidMicro: price })).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('the formula, at its corners', () => {
  const base = { valueMicro: 1000, priority: 0, urgency: 0, marginalGain: 1 };
  expect(willingnessToPay(base)).toBe(400);
  expect(willingnessToPay({ ...base, priority: 1 })).toBe(700);
  expect(willingnessToPay({ ...base, urgency: 1 })).toBe(700);
  expect(willingnessToPay({ ...base, priority: 1, urgency: 1 })).toBe(1000);
  expect(willingnessToPay({ ...base, priority: 1, urgency: 1, marginalGain: 0.5 })).toBe(500);
});

test.each([Number.NaN, Number.NEGATIVE_INFINITY, -1])('%d counts as nothing', (odd) => {
  expect(willingnessToPay({ valueMicro: odd, priority: odd, urgency: odd, marginalGain: 1 })).toBe(0);
  expect(willingnessToPay({ valueMicro: 1000, priority: odd, urgency: odd, marginalGain: 1 })).toBe(400);
});
test('more than all is all', () => {
  const most = { valueMicro: Number.POSITIVE_INFINITY, priority: 9, urgency: 9, marginalGain: 9 };
  expect(willingnessToPay(most)).toBe(MAX_MICRO);
});

test('urgency lies within 0 and 1, rises with time and work, falls with the deadline', () => {
  fc.assert(
    fc.property(urgency, fc.nat(1e6), (one, more) => {
      const now = urgencyOf(one);
      expect(now).toBeGreaterThanOrEqual(0);
      expect(now).toBeLessThanOrEqual(1);
      expect(urgencyOf({ ...one, nowMs: one.nowMs + more })).toBeGreaterThanOrEqual(now);
      expect(urgencyOf({ ...one, remainingMs: one.remainingMs + more })).toBeGreaterThanOrEqual(now);
      expect(urgencyOf({ ...one, deadlineMs: one.deadlineMs + more })).toBeLessThanOrEqual(now);
      if (!feasible(one) && one.remainingMs > 0) expect(now).toBe(1);
    }),
  );
});

test('utility: what was gained less what was paid, nothing where nothing was won', () => {
  expect(utility({ won: true, valueMicro: 100, marginalGain: 0.5, paidMicro: 30 })).toBe(20);
  expect(utility({ won: true, valueMicro: 100, marginalGain: 0.5, paidMicro: 80 })).toBe(-30);
  expect(utility({ won: false, valueMicro: 100, marginalGain: 0.5, paidMicro: 30 })).toBe(0);
});
