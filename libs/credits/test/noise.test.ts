// Noise: what counts as recent, and what it costs; smooth, bounded, and forgotten.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_USE, noisePermille, readUse, recentUse, rolledUse, showUse, type Use, usedMore } from '../src/index.js';

const WINDOW = 1_000;
const use = { start: 10_000, prev: 600, cur: 100 };

describe('recent use', () => {
  it.each([
    ['at the start of a window all of the one before counts', 10_000, 700],
    ['half-way half of it', 10_500, 400],
    ['at the last moment hardly any', 10_999, 100],
    ['what was in this window is the next one’s before', 11_000, 100],
    ['rounded down', 11_333, 66],
    ['two windows later nothing is left', 12_000, 0],
  ])('%s', (_why, nowMs, expected) => {
    expect(recentUse(use, WINDOW, nowMs)).toBe(expected);
  });

  it('is told and read again as it was', () => {
    expect(readUse(showUse(use))).toEqual(use);
    expect(readUse(undefined)).toEqual(NO_USE);
  });

  it('grows by what is taken, and never shrinks below nothing by what is given back', () => {
    expect(usedMore(use, 50, WINDOW, 10_100)).toEqual({ ...use, cur: 150 });
    expect(usedMore(use, -500, WINDOW, 10_100)).toEqual({ ...use, cur: 0 });
    // Taken in the window before, or longer ago.
    expect(usedMore(use, -500, WINDOW, 10_100, 9_999)).toEqual({ ...use, prev: 100 });
    expect(usedMore(use, -700, WINDOW, 10_100, 9_000)).toEqual({ ...use, prev: 0 });
    expect(usedMore(use, -500, WINDOW, 10_100, 8_999)).toEqual(use);
    expect(usedMore(use, 5, WINDOW, 11_000)).toEqual({ start: 11_000, prev: 100, cur: 5 });
    expect(rolledUse(use, WINDOW, 20_000)).toEqual({ start: 20_000, prev: 0, cur: 0 });
  });

  it('stays a number of 16 digits, whatever somebody claims to have used', () => {
    let claimed: Use = use;
    for (let n = 0; n < 20; n++) claimed = usedMore(claimed, 1e15, WINDOW, 10_100);
    expect(showUse(claimed)).toMatch(/^\d{1,14},\d{1,16},\d{1,16}$/);
  });

  it('never rises while nothing is taken', () => {
    const amount = fc.integer({ min: 0, max: 1e9 });
    fc.assert(
      fc.property(amount, amount, fc.nat(2_500), fc.nat(2_500), (prev, cur, early, later) => {
        const [a, b] = [Math.min(early, later), Math.max(early, later)];
        const some = { start: 10_000, prev, cur };
        expect(recentUse(some, WINDOW, 10_000 + b)).toBeLessThanOrEqual(recentUse(some, WINDOW, 10_000 + a));
      }),
    );
  });
});

describe('its price', () => {
  it.each([
    ['nothing taken', 0, 4000, 1000],
    ['a tenth', 100, 4000, 1300],
    ['half', 500, 4000, 2500],
    ['all', 1_000, 4000, 4000],
    ['more than all', 9_000, 4000, 4000],
    ['off', 1_000, 1000, 1000],
  ])('%s', (_why, taken, max, expected) => {
    expect(noisePermille(taken, 1_000, max)).toBe(expected);
  });

  it('of nothing that can be had is at its highest at once, and bounded', () => {
    expect(noisePermille(1, 0, 4000)).toBe(4000);
  });

  it('rises with use, from one to its highest', () => {
    fc.assert(
      fc.property(fc.nat(2e6), fc.nat(2e6), fc.integer({ min: 1000, max: 100_000 }), (a, b, max) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        const prices = [1000, noisePermille(less, 1e6, max), noisePermille(more, 1e6, max), max];
        expect(prices).toEqual([...prices].sort((x, y) => x - y));
      }),
    );
  });
});
