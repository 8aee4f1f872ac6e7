// Demand: the same seed makes the same jobs, and they have the shape that they claim.
import { describe, expect, test } from 'vitest';
import { demandDigest, type Job } from '../src/job.js';
import { createPrng } from '../src/prng.js';
import { replayDemand } from '../src/replay.js';
import { syntheticDemand } from '../src/synthetic.js';
import { parseTrace } from '../src/trace.js';

const options = {
  seed: 1,
  agents: 500,
  slots: 64,
  maxUnits: 64,
  seconds: 60,
  speed: 2500,
  load: 1.25,
  bounds: { minMs: 100, maxMs: 10_000 },
};

describe('the generator', () => {
  test('gives the same draws for the same seed and stream, others for others', () => {
    const draws = (seed: number, stream: string) => {
      const prng = createPrng(seed, stream);
      return Array.from({ length: 50 }, () => prng.next());
    };
    expect(draws(1, 'a')).toEqual(draws(1, 'a'));
    expect(draws(1, 'a')).not.toEqual(draws(1, 'b'));
    expect(draws(1, 'a')).not.toEqual(draws(2, 'a'));
  });

  test('draws as its distributions say', () => {
    const prng = createPrng(7, 'moments');
    const mean = (draw: () => number) => Array.from({ length: 40_000 }, draw).reduce((sum, x) => sum + x, 0) / 40_000;
    expect(mean(() => prng.next())).toBeCloseTo(0.5, 1);
    expect(mean(() => prng.exponential(3))).toBeCloseTo(3, 0);
    expect(mean(() => prng.normal())).toBeCloseTo(0, 1);
    expect(mean(() => prng.normal() ** 2)).toBeCloseTo(1, 1);
    expect(mean(() => prng.weighted([1, 0, 3]))).toBeCloseTo(1.5, 1);
  });
});

describe('synthetic demand', () => {
  test('is the same for the same seed', () => {
    expect(demandDigest(syntheticDemand(options).jobs)).toBe(demandDigest(syntheticDemand(options).jobs));
    expect(demandDigest(syntheticDemand({ ...options, seed: 2 }).jobs)).not.toBe(
      demandDigest(syntheticDemand(options).jobs),
    );
  });

  test('is the same on every machine and after every change that does not mean to change it', () => {
    expect(demandDigest(syntheticDemand({ ...options, seconds: 5 }).jobs).slice(0, 16)).toMatchInlineSnapshot(
      `"c3070c03ba3c9a05"`,
    );
  });

  test('arrives in order, within the run, in bounds, and can be done by its deadline', () => {
    for (const seed of [1, 2, 3]) {
      const { jobs } = syntheticDemand({ ...options, seed });
      let before = 0;
      for (const job of jobs) {
        expect(job.arrivesAtMs).toBeGreaterThanOrEqual(before);
        before = job.arrivesAtMs;
        expect(job.arrivesAtMs).toBeLessThan(60_000);
        expect(job.durationMs).toBeGreaterThanOrEqual(100);
        expect(job.durationMs).toBeLessThanOrEqual(10_000);
        expect(job.deadlineMs).toBeGreaterThan(job.arrivesAtMs + job.durationMs);
        expect(job.valueMicro).toBeGreaterThan(0);
        expect(job.agent).toBeLessThan(500);
      }
    }
  });

  test('asks for the load that was asked for, in the mean, and comes in bursts', () => {
    const { jobs } = syntheticDemand({ ...options, seconds: 3000 });
    const work = jobs.reduce((sum, job) => sum + job.units * job.durationMs, 0);
    expect(work / (64 * 3_000_000)).toBeGreaterThan(1.1);
    expect(work / (64 * 3_000_000)).toBeLessThan(1.4);
    // A Poisson process has a ratio of 1.
    expect(dispersion(jobs, 3000)).toBeGreaterThan(3);
  });
});

describe('a replayed trace', () => {
  const header = 'name,num_gpu,gpu_milli,qos,creation_time,deletion_time,scheduled_time';
  const rows = Array.from({ length: 200 }, (_, i) => `p${i},1,500,LS,${1000 + i * 10},${1000 + i * 10 + 60 + i},1`);
  const trace = parseTrace([header, ...rows].join('\n'), 64);
  const replay = { seed: 1, agents: 10, seconds: 10, bounds: { minMs: 100, maxMs: 1000 } };

  test('counts every row exactly once', () => {
    for (const extra of [{}, { limit: 20 }, { fromS: 1500 }, { sample: 0.3 }, { speed: 50 }, { fromS: 99_999 }]) {
      const { trace: counts } = replayDemand(trace, { ...replay, ...extra });
      const left = [...Object.values(counts!.unusable), ...Object.values(counts!.outside)].reduce((a, b) => a + b, 0);
      expect(counts!.used + left).toBe(200);
    }
  });

  test('compresses time by its speed and counts what it clamped', () => {
    const demand = replayDemand(trace, { ...replay, fromS: 1000, speed: 200 });
    expect(demand.jobs).toHaveLength(200);
    expect(demand.jobs[20]!.arrivesAtMs).toBe(1000);
    expect(demand.jobs[199]!.durationMs).toBe(1000);
    expect(demand.clampedLong).toBe(59);
    expect(demand.jobs[0]!.durationMs).toBe(300);
    expect(replayDemand(trace, { ...replay, fromS: 1000, speed: 1000 }).clampedShort).toBe(40);
  });

  test('starts where it gets dense, and fits the rest into the run, where not told otherwise', () => {
    const demand = replayDemand(trace, replay);
    expect(demand.trace).toMatchObject({ fromS: 1020, used: 198, outside: { 'before-the-window': 2 } });
    expect(demand.trace!.speed).toBe(198);
    expect(Math.max(...demand.jobs.map((job) => job.arrivesAtMs))).toBeLessThan(10_000);
  });

  test('is the same for the same seed', () => {
    const digest = (seed: number) => demandDigest(replayDemand(trace, { ...replay, seed, sample: 0.5 }).jobs);
    expect(digest(1)).toBe(digest(1));
    expect(digest(1)).not.toBe(digest(2));
  });
});

/** Variance over mean of the jobs per second. */
function dispersion(jobs: readonly Job[], seconds: number): number {
  const counts = Array.from({ length: seconds }, () => 0);
  for (const job of jobs) counts[Math.floor(job.arrivesAtMs / 1000)]! += 1;
  const mean = jobs.length / seconds;
  return counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / seconds / mean;
}
