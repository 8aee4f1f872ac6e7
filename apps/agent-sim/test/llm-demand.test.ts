// Demand for a model API: compressed until it asks for what it should, dealt in proportion, and fair where it is too much.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fluidShares, jainIndex, maxMinShares } from '../src/fair-share.js';
import { compressTrace, dealRequests, requestsNeeded, tokensOf } from '../src/llm-demand.js';
import { LlmTraceError, syntheticLlmTrace } from '../src/llm-trace.js';
import { createPrng } from '../src/prng.js';

const limits = { requestsPerMinute: 600, tokensPerMinute: 60_000, burstMs: 1000 };
const asked = { limits, load: 2, runMs: 10_000, leastMs: 2000 };

describe('compression', () => {
  test.each([
    // 10 requests and 1000 tokens a second: what binds is the tokens, above 100 a request.
    ['tokens bind', 200, 100, { requests: 1, tokens: 2 }],
    ['requests bind', 50, 200, { requests: 2, tokens: 1 }],
    ['both bind', 100, 200, { requests: 2, tokens: 2 }],
  ])('%s', (_, each, count, load) => {
    const trace = Array.from({ length: 500 }, (_, index) => ({
      atMs: index * 700,
      contextTokens: each - 10,
      generatedTokens: 10,
    }));
    const compressed = compressTrace(trace, asked);
    expect(compressed.requests).toHaveLength(count);
    expect(compressed.load).toEqual(load);
    expect(compressed.runMs).toBe(10_000);
    expect(compressed.compression).toBeCloseTo(((count - 1) * 700) / 10_000);
    expect(compressed.requests.at(-1)!.atMs).toBeCloseTo(10_000);
  });

  test('any synthetic trace of so many requests is enough, and asks for twice the limit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1000 }), (seed) => {
        const compressed = compressTrace(syntheticLlmTrace(seed, requestsNeeded(asked)), asked);
        const load = Math.max(compressed.load.requests, compressed.load.tokens);
        expect(compressed.runMs).toBe(10_000);
        expect(load).toBeGreaterThanOrEqual(2);
        expect(load).toBeLessThan(2.9);
      }),
      { numRuns: 50 },
    );
  });

  test('a shorter trace makes a shorter run of the same load; one too short is refused, with how many would pass', () => {
    const trace = Array.from({ length: 60 }, (_, index) => ({ atMs: index, contextTokens: 200, generatedTokens: 0 }));
    expect(compressTrace(trace, asked)).toMatchObject({ runMs: 6000, load: { requests: 1, tokens: 2 } });
    const short = () => compressTrace(trace.slice(0, 10), asked);
    expect(short).toThrow(LlmTraceError);
    expect(short).toThrow('they last 1.00 s, less than 2 s. What would pass: some 20 requests');
    const instant = () =>
      compressTrace(
        trace.map((row) => ({ ...row, atMs: 0 })),
        asked,
      );
    expect(instant).toThrow('at one instant');
  });
});

test('requests are dealt in proportion to weights, the same again by the seed', () => {
  const trace = Array.from({ length: 20_000 }, (_, index) => ({ atMs: index, contextTokens: 1, generatedTokens: 1 }));
  const dealt = dealRequests(trace, [1, 3], createPrng(1, 'deal'));
  expect(dealRequests(trace, [1, 3], createPrng(1, 'deal'))).toEqual(dealt);
  expect(dealt.filter(({ agent }) => agent === 1).length / dealt.length).toBeCloseTo(0.75, 1);
  expect(dealt.every(({ id }, index) => id === index)).toBe(true);
  expect(tokensOf(dealt[0]!)).toBe(2);
});

describe('fair shares', () => {
  test.each([
    ['enough for all', [1, 2, 3], 10, [1, 2, 3]],
    ['all want more than there is', [10, 20], 10, [5, 5]],
    ['the modest are served, the others share the rest', [1, 20, 20], 11, [1, 5, 5]],
    ['in whatever order they stand', [20, 2, 6], 12, [5, 2, 5]],
    ['nothing to share', [1, 2], 0, [0, 0]],
    ['nobody', [], 5, []],
  ])('%s', (_, demands, capacity, shares) => {
    expect(maxMinShares(demands, capacity)).toEqual(shares);
  });

  test('nobody gets more than it asks, all is given, and who is short has no less than any other', () => {
    const demands = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(demands, fc.integer({ min: 0, max: 10_000 }), (wishes, capacity) => {
        const shares = maxMinShares(wishes, capacity);
        const given = shares.reduce((sum, share) => sum + share, 0);
        const wanted = wishes.reduce((sum, wish) => sum + wish, 0);
        expect(given).toBeCloseTo(Math.min(wanted, capacity), 6);
        for (const [index, share] of shares.entries()) {
          expect(share).toBeLessThanOrEqual(wishes[index]!);
          if (share < wishes[index]! - 1e-9) expect(share).toBeGreaterThanOrEqual(Math.max(...shares) - 1e-6);
        }
      }),
    );
  });

  test.each([
    ['all alike', [3, 3, 3], 1],
    ['one has all', [1, 0, 0, 0], 0.25],
    ['nothing', [0, 0], 1],
    ['nobody', [], 1],
  ])('Jain’s index: %s', (_, values, index) => {
    expect(jainIndex(values)).toBeCloseTo(index);
  });
});

describe('fair shares over time', () => {
  // Ten a ms flow in, a hundred at once, for a second; whoever cannot begin within 200 ms gives up.
  const flow = { perMs: 10, burst: 100, runMs: 1000, patienceMs: 200 };
  const work = (agent: number, atMs: number, amount: number) => ({ agent, atMs, amount });

  test.each([
    ['alone, one has all that it asks for', [work(0, 0, 5000)], [5000, 0]],
    ['and no more than flows in', [work(0, 0, 50_000)], [10_100, 0]],
    ['two at once share', [work(0, 0, 50_000), work(1, 0, 50_000)], [5050, 5050]],
    ['the modest one is served', [work(0, 0, 1000), work(1, 0, 50_000)], [1000, 9100]],
    ['what flowed by before anybody came is lost', [work(0, 500, 50_000)], [5100, 0]],
    ['who comes later is due nothing of before', [work(0, 0, 50_000), work(1, 500, 50_000)], [7575, 2525]],
    ['who waits too long gives up', [work(0, 0, 3000), work(0, 1, 100), work(1, 0, 50_000)], [3000, 7100]],
  ])('%s', (_, of, due) => {
    const shares = fluidShares(of, 2, flow);
    for (const [agent, share] of due.entries()) expect(Math.abs(shares[agent]! - share)).toBeLessThan(60);
  });

  test('who comes first is served first', () => {
    const shares = fluidShares([work(0, 0, 1000), work(1, 0, 50_000)], 2, { ...flow, first: new Set([0]) });
    expect(shares[0]).toBeCloseTo(1000);
    expect(shares[1]).toBeCloseTo(9100);
    const kept = fluidShares([work(1, 0, 50_000), work(0, 500, 40)], 2, { ...flow, first: new Set([0]), kept: 40 });
    expect(kept[0]).toBeCloseTo(40);
    expect(kept[1]).toBeCloseTo(10_020);
  });
});
