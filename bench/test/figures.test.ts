// What is computed from bursts: spreads, references, ratios, the table. Made-up figures, so that the right answer is known.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { seeded } from '@tender/market/testing';
import { describe, expect, test } from 'vitest';
import { closedLoop } from '../src/closed-loop.js';
import { merged, newHistogram, packed, recordMs } from '../src/histogram.js';
import { parseOptions } from '../src/options.js';
import { crowdMicros, type Results, ratiosOf, referencesOf, variantResults } from '../src/results.js';
import type { BurstRecord } from '../src/rounds.js';
import { shuffled } from '../src/shuffled.js';
import { spread } from '../src/stats.js';
import { BEGIN, END, markdown, writeTable } from '../src/table.js';
import { sizesOf, variantsOf } from '../src/variants.js';

const options = parseOptions([]);
const sizes = sizesOf(options);

function burst(round: number, id: string, perSecond: number | undefined, more: Partial<BurstRecord> = {}): BurstRecord {
  const cpuMicros = { broker: 1_000, nats: 100, redis: 500, client: 50 };
  const measured = { wallMs: 100, cpuMicros, calibrationMs: 2, foreignShare: 0, repeated: 0 };
  return { round, id, ops: 10, perSecond, histograms: {}, extra: {}, ...measured, ...more };
}

/** R = 12,000 by the better of two ways, Q = 24,000: A* = 8,000. D = 400,000, M = 100,000: N*(10) = 4,000. */
function round(number: number, awards: number, hosted: number): BurstRecord[] {
  return [
    burst(number, 'R/single', 6_000),
    burst(number, 'R/batch', 12_000),
    burst(number, 'Q', 24_000),
    burst(number, 'D/one-connection', 400_000),
    burst(number, 'D/own-connections', 200_000),
    burst(number, 'M', 100_000),
    burst(number, 'award/1-broker/mac/256', awards),
    burst(number, 'negotiation/hosted/10', hosted),
    burst(number, 'crowd/idle', undefined, { wallMs: 100 }),
    burst(number, 'crowd/50', undefined, { wallMs: 500, cpuMicros: { broker: 15_000, nats: 0, redis: 0, client: 0 } }),
    burst(number, 'crowd/500', undefined, { wallMs: 500, cpuMicros: { broker: 16_000, nats: 0, redis: 0, client: 0 } }),
  ];
}

describe('figures', () => {
  test('a spread has quartiles by interpolation', () => {
    expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, q1: 1.75, q3: 3.25, min: 1, max: 4, n: 4 });
    expect(spread([])).toBeUndefined();
  });

  test('references take the better way of measuring, ratios are formed within each round', () => {
    const records = [...round(1, 4_000, 1_000), ...round(2, 6_000, 2_000), ...round(3, 8_000, 3_000)];
    const references = referencesOf(sizes, records);
    expect(references.R?.median).toBe(12_000);
    expect(references['A*']?.median).toBeCloseTo(8_000);
    expect(references['N*(10)']?.median).toBeCloseTo(1 / (10 / 400_000 + 10 / 100_000 + 1 / 8_000));
    const ratios = ratiosOf(sizes, records);
    const award = ratios.find(({ id }) => id.startsWith('award/1-broker'));
    expect(award?.value).toMatchObject({ median: 0.75, min: 0.5, max: 1, n: 3 });
    expect(award?.met).toBe(true);
    expect(ratios.find(({ id }) => id.startsWith('negotiation/hosted/10'))?.value.median).toBeCloseTo(0.5);
    // Nothing is claimed about what was not measured.
    expect(ratios.some(({ id }) => id.startsWith('award/2-brokers'))).toBe(false);
  });

  test('a crowd is charged with what the broker uses beyond idling', () => {
    const records = round(1, 1, 1);
    expect(crowdMicros(sizes, records)).toMatchObject({ 50: { median: 1_000 }, 500: { median: 1_100 } });
    expect(ratiosOf(sizes, records).find(({ id }) => id.endsWith('less idle use'))?.value.median).toBeCloseTo(1.1);
  });

  test('latencies of several rounds are merged, not averaged', () => {
    const parts = [1, 100].map((ms) => {
      const histogram = newHistogram();
      recordMs(histogram, ms);
      return packed(histogram);
    });
    const latency = merged([...parts, parts[0]!]);
    expect(latency.count).toBe(3);
    expect(latency.p50Ms).toBeCloseTo(1, 1);
    expect(latency.p99Ms).toBeCloseTo(100, 0);
  });

  test('the table goes between the markers and leaves the rest alone', () => {
    const records = round(1, 6_000, 2_000);
    const one = spread([1])!;
    const machine = { cpu: 'c', cores: 2, memoryGb: 1, kernel: 'k', node: 'n', nats: 'n', redis: 'r' };
    const results: Results = {
      schema: 'tender-bench-1',
      startedAt: '2026-01-01T00:00:00.000Z',
      endedAt: '2026-01-01T00:00:01.000Z',
      options,
      machine,
      host: { calibrationMs: one, foreignShare: one, repeatedBursts: 0, waitedS: 0 },
      variants: variantResults(variantsOf(options), records),
      references: referencesOf(sizes, records),
      ratios: ratiosOf(sizes, records),
      crowds: crowdMicros(sizes, records),
      checks: [],
      bursts: records,
    };
    const file = join(mkdtempSync(join(tmpdir(), 'tender-bench-')), 'README.md');
    writeFileSync(file, `before\n${BEGIN}\noutdated\n${END}\nafter\n`);
    writeTable(results, pathToFileURL(file));
    const text = readFileSync(file, 'utf8');
    expect(text.startsWith('before\n')).toBe(true);
    expect(text.endsWith('\nafter\n')).toBe(true);
    expect(text).not.toContain('outdated');
    expect(text).toContain('| award/1-broker/mac/256 ÷ A* | 0.75 |');
    expect(markdown(results)).toContain('0.8 to 1.2');
  });
});

describe('method', () => {
  test('the same seed gives the same order', () => {
    const items = [1, 2, 3, 4, 5, 6, 7, 8];
    expect(shuffled(items, seeded(3))).toEqual(shuffled(items, seeded(3)));
    expect(shuffled(items, seeded(3)).toSorted()).toEqual(items);
  });

  test('a closed loop keeps its depth, counts only its window and drains', async () => {
    let running = 0;
    let deepest = 0;
    let ended = 0;
    const result = await closedLoop({ inFlight: 4, rampMs: 20, windowMs: 50 }, async () => {
      running += 1;
      deepest = Math.max(deepest, running);
      await new Promise((resume) => setTimeout(resume, 5));
      running -= 1;
      ended += 1;
    });
    expect(deepest).toBe(4);
    expect(running).toBe(0);
    expect(result.total).toBe(ended);
    expect(result.counted).toBeLessThan(result.total);
    expect(result.exhausted).toBe(false);
  });

  test('a loop that runs out of work says so, and one that fails fails', async () => {
    let left = 3;
    const dry = await closedLoop({ inFlight: 2, rampMs: 0, windowMs: 1_000 }, () =>
      left-- > 0 ? Promise.resolve() : undefined,
    );
    expect(dry).toMatchObject({ total: 3, exhausted: true });
    const broken = closedLoop({ inFlight: 2, rampMs: 0, windowMs: 50 }, () => Promise.reject(new Error('463')));
    await expect(broken).rejects.toThrow('463');
  });

  test('options that mean nothing are refused', () => {
    expect(() => parseOptions(['--rounds', 'many'])).toThrow('--rounds takes a number');
    expect(() => parseOptions(['fast'])).toThrow('what is fast?');
  });
});
