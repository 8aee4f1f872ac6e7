// A run that never was: a tally with every kind of event in it, for the tests of board and report.
import { drawUp } from '../src/books.js';
import type { Demand, Job } from '../src/job.js';
import type { Result } from '../src/result.js';
import { Tally } from '../src/tally.js';

const jobs: Job[] = Array.from({ length: 400 }, (_, n) => ({
  id: `j${n}`,
  agent: n % 20,
  arrivesAtMs: n * 25,
  units: 1,
  durationMs: 500,
  valueMicro: 2_000_000,
  priority: (n % 4) as Job['priority'],
  deadlineMs: n * 25 + 3000,
}));

export const agentIds = Array.from({ length: 20 }, (_, n) => `agent-${String(n).padStart(4, '0')}-run`);

/** Ten seconds of a market whose price rises and falls. */
export function sampleTally(): Tally {
  const tally = new Tally(16);
  jobs.forEach((job, n) => {
    const nowMs = job.arrivesAtMs + (n % 7) * 40;
    tally.jobArrived();
    if (n % 5 === 4) {
      tally.jobUnmet('deadline', false);
      return;
    }
    tally.jobStarted(job, nowMs);
    const price = String(1_000_000 + Math.round(900_000 * Math.sin(n / 40)));
    const participant = agentIds[job.agent]!;
    const contract = `c${n}-1`;
    const slots = [n % 16];
    tally.awarded(
      {
        cfp: `c${n}`,
        initiator: 'steward',
        at: nowMs,
        rule: 'uniform-price',
        units: 1,
        durationMs: 2000,
        clearingPriceMicro: price,
        winners: [
          {
            contract,
            participant,
            intent: `i${n}`,
            units: 1,
            slots,
            fences: [n],
            priceMicro: price,
            amountMicro: price,
            startedAt: nowMs,
            until: nowMs + 2000,
          },
        ],
        outbid: n % 3 === 0 ? undefined : { participant: agentIds[(n * 7) % 20]!, priceMicro: price },
      },
      nowMs,
    );
    if (n % 2 === 0) {
      tally.settled({
        contract,
        participant,
        at: nowMs,
        outcome: 'released',
        slots,
        paidMicro: '250000',
        refundedMicro: '1',
      });
    }
    tally.jobDone(job, nowMs + 500);
    tally.refused('bid: outbid');
    if (n % 10 === 0) tally.sample(job.arrivesAtMs);
  });
  return tally;
}

export function sampleResult(more: Partial<Result> = {}): Result {
  const demand: Demand = {
    source: 'trace, speed 100, from 0 s',
    jobs,
    clampedShort: 3,
    clampedLong: 2,
    trace: {
      rows: 420,
      used: 400,
      unusable: { 'no-gpu-asked': 12, '</script><b>': 1 },
      outside: { 'after-the-window': 7 },
      fractions: 5,
      neverScheduled: 4,
      fromS: 0,
      speed: 100,
    },
  };
  const result = drawUp({
    run: {
      market: 'demo',
      pool: 'gpu.h100',
      slots: 16,
      reserve: 1,
      agents: 20,
      connections: 20,
      seconds: 10,
      seed: 1,
      strategy: 'mix',
      startedAt: '2026-01-01T00:00:00.000Z',
      wallMs: 12_000,
      command: 'npm run tender -- sim --seed 1',
    },
    demand,
    outcome: {
      tally: sampleTally(),
      disturbances: {},
      balances: agentIds.map((_, n) => (n === 3 ? undefined : n * 1e6)),
    },
    grantMicro: 10_000_000,
    agentIds,
    strategyOf: agentIds.map((_, n) => (n % 2 === 0 ? 'truthful' : 'patient')),
    check: { ok: true, lines: [{ invariant: 'I1', ok: true, detail: 'sums agree (3 facts)' }] },
  });
  return { ...result, ...more };
}
