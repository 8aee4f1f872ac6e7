// Strategies as tables: the decision in the last column.
import { describe, expect, test } from 'vitest';
import { type Need, type Offer, type Purse, type Strategy, strategies, worthPerTerm } from '../src/strategies.js';

const need: Need = {
  units: 2,
  remainingMs: 1000,
  valueMicro: 8_000_000,
  arrivesAtMs: 0,
  deadlineMs: 5000,
  priority: 3,
};
const offer: Offer = { units: 4, durationMs: 2000, reservePriceMicro: 100_000 };
const purse: Purse = { availableMicro: 1_000_000_000 };

/** 8 credits for two slots over one second are 8 credits a slot for a term of two. */
const WORTH = 8_000_000;

describe('what a slot is worth', () => {
  test.each([
    ['a job shorter than the term prices the term pro rata', need, 8_000_000],
    ['a job as long as the term', { ...need, remainingMs: 2000 }, 4_000_000],
    ['a job half done is worth as much on half the time', { ...need, remainingMs: 500 }, 16_000_000],
    ['one unit instead of two', { ...need, units: 1 }, 16_000_000],
    ['nothing left to do', { ...need, remainingMs: 0 }, 8_000_000_000],
  ])('%s', (_, given, expected) => {
    expect(worthPerTerm(given, offer.durationMs)).toBe(expected);
  });
});

const refuse = (detail: string) => ({ kind: 'refuse', detail });
const bid = (priceMicro: number) => ({ kind: 'bid', units: 2, priceMicro });
// floor(worth × (0.4 + 0.6 × (0.5 × priority + 0.5 × urgency))); urgency 1000/5000 at the start, 1000/2000 at 3 s
const AT_START = Math.floor(WORTH * (0.4 + 0.6 * (0.5 + 0.5 * 0.2)));
const AT_3S = Math.floor(WORTH * (0.4 + 0.6 * (0.5 + 0.5 * 0.5)));
const AT_END = WORTH;

describe.each(Object.entries(strategies) as [string, Strategy][])('what every strategy does: %s', (_, strategy) => {
  test.each([
    ['too late', need, offer, purse, 4001, refuse('deadline-infeasible')],
    ['more units than are offered', need, { ...offer, units: 1 }, purse, 0, refuse('no-capacity')],
    ['an empty purse', need, offer, { availableMicro: 1 }, 0, refuse('insufficient-credits')],
    ['a purse below the reserve price', need, offer, { availableMicro: 199_998 }, 0, refuse('insufficient-credits')],
    [
      'a job worth less than the reserve price',
      { ...need, valueMicro: 1000 },
      offer,
      purse,
      0,
      refuse('below-reserve-price'),
    ],
    ['a purse that covers the reserve price just so', need, offer, { availableMicro: 200_000 }, 4000, bid(100_000)],
  ])('%s', (_name, given, on, from, nowMs, expected) => {
    expect(strategy(given, on, from, nowMs)).toEqual(expected);
  });
});

describe('what they differ in', () => {
  test.each([
    ['truthful', 'at the start', need, purse, 0, bid(AT_START)],
    ['truthful', 'after three seconds', need, purse, 3000, bid(AT_3S)],
    ['truthful', 'at the last moment', need, purse, 4000, bid(AT_END)],
    ['truthful', 'with no priority', { ...need, priority: 0 as const }, purse, 4000, bid(Math.floor(WORTH * 0.7))],
    ['truthful', 'whatever the last price', need, { ...purse, spotMicro: 90_000_000 }, 0, bid(AT_START)],
    ['aggressive', 'at the start', need, purse, 0, bid(8_800_000)],
    ['aggressive', 'at the last moment', need, purse, 4000, bid(8_800_000)],
    ['patient', 'at the start', need, purse, 0, bid(Math.floor(AT_START * 0.5))],
    ['patient', 'after three seconds', need, purse, 3000, bid(Math.floor(AT_3S * 0.875))],
    ['patient', 'at the last moment', need, purse, 4000, bid(AT_END)],
    ['patient', 'while the price is above its bid', need, { ...purse, spotMicro: 3_100_000 }, 0, undefined],
    ['patient', 'when waiting helps no more', need, { ...purse, spotMicro: 90_000_000 }, 3500, 'bid'],
  ] as const)('%s, %s', (name, _, given, from, nowMs, expected) => {
    const decided = strategies[name](given, offer, from, nowMs);
    if (expected === 'bid') expect(decided?.kind).toBe('bid');
    else expect(decided).toEqual(expected);
  });
});
