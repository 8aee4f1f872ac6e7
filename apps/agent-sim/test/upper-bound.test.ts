// The bound: exact on small cases, and never below what a schedule realises.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Job } from '../src/job.js';
import { valueBound } from '../src/upper-bound.js';

function job(id: number, more: Partial<Job>): Job {
  const plain = { id: `j${id}`, agent: 0, units: 1, durationMs: 1000, valueMicro: 100, priority: 0 as const };
  return { ...plain, arrivesAtMs: 0, deadlineMs: 1000, ...more };
}

describe('small cases, one slot', () => {
  test.each([
    ['nothing', [], 0],
    ['one job', [job(1, {})], 100],
    ['two in a row', [job(1, { deadlineMs: 2000 }), job(2, { deadlineMs: 2000 })], 200],
    ['two at once: the dearer, and it is widened by one bucket', [job(1, {}), job(2, { valueMicro: 300 })], 300],
    [
      'the dearer one moves aside for one that cannot wait',
      [job(1, { valueMicro: 300, deadlineMs: 2000 }), job(2, { deadlineMs: 1000 })],
      400,
    ],
    ['a job that needs two slots never has them', [job(1, { units: 2, valueMicro: 400 })], 200],
  ])('%s', (_, jobs, expected) => {
    expect(valueBound(jobs, 1, 2000)).toBe(expected);
  });
});

test('no job starts after the trading', () => {
  expect(valueBound([job(1, { arrivesAtMs: 5000, deadlineMs: 9000 })], 1, 3000)).toBe(0);
});

test('no greedy schedule realises more than the bound', () => {
  const jobs = fc.array(
    fc.record({
      units: fc.integer({ min: 1, max: 3 }),
      durationMs: fc.integer({ min: 100, max: 3000 }),
      valueMicro: fc.integer({ min: 1, max: 10_000 }),
      arrivesAtMs: fc.integer({ min: 0, max: 8000 }),
      slackMs: fc.integer({ min: 0, max: 4000 }),
    }),
    { maxLength: 25 },
  );
  fc.assert(
    fc.property(jobs, fc.integer({ min: 1, max: 4 }), (drawn, slots) => {
      const all = drawn.map(({ slackMs, ...one }, index) =>
        job(index, { ...one, deadlineMs: one.arrivesAtMs + one.durationMs + slackMs }),
      );
      const total = all.reduce((sum, one) => sum + one.valueMicro, 0);
      const bound = valueBound(all, slots, 8000);
      expect(bound).toBeLessThanOrEqual(total);
      // Whole micro-credits and slot-ms are lost to rounding, per job.
      expect(bound + all.length * 20).toBeGreaterThanOrEqual(greedy(all, slots));
    }),
    { numRuns: 200 },
  );
});

/** A real schedule: by arrival, each job where slots are free when it comes. */
function greedy(jobs: readonly Job[], slots: number): number {
  const freeAt = Array.from({ length: slots }, () => 0);
  let value = 0;
  for (const one of [...jobs].sort((a, b) => a.arrivesAtMs - b.arrivesAtMs)) {
    const free = freeAt.map((at, slot) => ({ at, slot })).sort((a, b) => a.at - b.at);
    const taken = free.slice(0, one.units);
    if (taken.length < one.units) continue;
    const start = Math.max(one.arrivesAtMs, ...taken.map(({ at }) => at));
    if (start + one.durationMs > one.deadlineMs || start > 8000) continue;
    for (const { slot } of taken) freeAt[slot] = start + one.durationMs;
    value += one.valueMicro;
  }
  return value;
}
