// The rate-token scenario's judgement: figures by kind from what became of each request, and every target missed is said.
import { describe, expect, test } from 'vitest';
import { tokensOf } from '../src/llm-demand.js';
import { createPrng } from '../src/prng.js';
import { evenTokens, fairTokens, grantedTokens, type RunFigures, runFigures } from '../src/scenarios/rate-figures.js';
import { PATIENCE_MS, planRates, type RatePlan } from '../src/scenarios/rate-plan.js';
import { judge } from '../src/scenarios/rate-verdict.js';

const plan = planRates(3, createPrng(3, 'deal'), 10_000, undefined);

test('the plan asks for twice the limit, the greedy one for some twenty times its share', () => {
  expect(plan.load.tokens).toBeGreaterThanOrEqual(2);
  expect(plan.load.tokens).toBeLessThan(2.1);
  expect(plan.players).toHaveLength(25);
  const greedy = plan.players.findIndex(({ kind }) => kind === 'greedy');
  const asked = plan.arrivals.filter(({ agent }) => agent === greedy).length / plan.arrivals.length;
  expect(asked * 50).toBeGreaterThan(17);
  expect(asked * 50).toBeLessThan(23);
  expect(planRates(3, createPrng(3, 'deal'), 10_000, undefined)).toEqual(plan);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const [fair, even] = [fairTokens(plan), evenTokens(plan)];
  expect(even[greedy]).toBeCloseTo(Math.max(...even));
  expect(sum(even)).toBeCloseTo(grantedTokens(plan.runMs), 3);
  expect(sum(fair)).toBeLessThanOrEqual(grantedTokens(plan.runMs) + 1);
  expect(sum(fair)).toBeGreaterThan(0.8 * grantedTokens(plan.runMs));
  // System agents come first: what they ask for is within the reserve.
  const asked4 = plan.arrivals.filter(({ agent }) => agent < 4).reduce((total, one) => total + tokensOf(one), 0);
  expect(sum(fair.slice(0, 4))).toBeGreaterThan(0.98 * asked4);
});

describe('figures', () => {
  const arrival = (agent: number, id = 0) => ({ id, agent, atMs: 0, contextTokens: 900, generatedTokens: 100 });
  const small: RatePlan = {
    ...{ source: 'test', compression: 1, load: { requests: 1, tokens: 1 }, runMs: 10_000 },
    players: [
      { name: 'system-1', kind: 'system', worth: 1 },
      { name: 'honest-1', kind: 'honest', worth: 1 },
      { name: 'greedy', kind: 'greedy', worth: 1 },
    ],
    arrivals: [arrival(0), arrival(1), arrival(2)],
  };
  const letIn = (agent: number, admittedAtMs: number, paidMicro = 0, noiseMicro = 0) => ({
    arrival: arrival(agent),
    waitMs: admittedAtMs,
    admittedAtMs,
    tokens: 1000,
    paidMicro,
    noiseMicro,
  });
  const gaveUp = (agent: number) => ({
    arrival: arrival(agent),
    waitMs: PATIENCE_MS,
    tokens: 0,
    paidMicro: 0,
    noiseMicro: 0,
    refused: 'token-limit',
  });

  test('by kind: waits of all, throughput within the run, prices of what was had', () => {
    const told = [
      letIn(0, 5),
      letIn(1, 3000, 20_000),
      letIn(1, 11_000, 20_000),
      letIn(2, 50, 60_000, 30_000),
      gaveUp(2),
    ];
    const upstream = { requests: 200, throttled: 1, tokens: 4000 };
    const figures = runFigures(small, { told, upstream });
    expect(figures.throttled).toBe(0.005);
    expect(figures.kinds.system).toMatchObject({ requests: 1, letIn: 1, p99Ms: 5, tokens: 1000 });
    // What was let in after the run was paid, but is no throughput of it.
    expect(figures.kinds.honest).toMatchObject({ requests: 2, letIn: 2, tokens: 1000, perThousandMicro: 20_000 });
    expect(figures.kinds.greedy).toMatchObject({ requests: 2, letIn: 1, p99Ms: PATIENCE_MS, noiseMicro: 30_000 });
    expect(figures.kinds.greedy.perThousandMicro).toBe(60_000);
    expect(figures.othersP99Ms).toBe(11_000);
    expect(figures.gaveUp).toEqual({ 'token-limit': 1 });
  });
});

describe('judgement', () => {
  const got = {
    requests: 100,
    letIn: 100,
    tokens: 95,
    fairTokens: 100,
    evenTokens: 110,
    p50Ms: 10,
    p99Ms: 50,
    paidMicro: 1,
    noiseMicro: 0,
  };
  const good: RunFigures = {
    kinds: {
      system: { ...got, perThousandMicro: 1000 },
      honest: { ...got, perThousandMicro: 1000 },
      greedy: { ...got, perThousandMicro: 2000 },
    },
    ...{ othersP99Ms: 8000, throttled: 0.001, lowestHonest: 0.9, jain: 1, served: 0.9, gaveUp: {} },
  };
  const kinds = (kind: 'system' | 'honest' | 'greedy', more: object) => ({
    kinds: { ...good.kinds, [kind]: { ...good.kinds[kind], ...more } },
  });
  test.each([
    ['all is well', {}, undefined],
    ['too many 429s', { throttled: 0.005 }, '0.5 % of the upstream’s answers were 429'],
    ['System waits', kinds('system', { p99Ms: 420 }), 'System agents waited 420 ms'],
    ['System waits as long as the machine is late', kinds('system', { p99Ms: 419 }), undefined],
    ['on a busy machine System waits longer', { ...kinds('system', { p99Ms: 999 }), answers: 200 }, undefined],
    ['even there it does not wait long', { ...kinds('system', { p99Ms: 1000 }), answers: 200 }, 'agents waited 1.00 s'],
    ['honest agents get too little', kinds('honest', { tokens: 89 }), 'honest agents got 89 %'],
    ['on a busy machine all get less', { ...kinds('honest', { tokens: 82 }), answers: 200 }, undefined],
    [
      'on a busy machine honest agents get less than the others',
      { ...kinds('honest', { tokens: 80 }), answers: 200 },
      'not 81 % or more',
    ],
    [
      'nothing is said of a machine that stalls',
      { ...kinds('system', { p99Ms: 5000 }), throttled: 0.1, answers: 501 },
      undefined,
    ],
    ['noise is cheap', kinds('greedy', { perThousandMicro: 1100 }), 'the greedy neighbour paid 1.10 times'],
  ] as readonly [string, Partial<RunFigures> & { answers?: number }, string | undefined][])('%s', (_, more, breach) => {
    const { answers = 20, ...figures } = more;
    const breaches = judge({ plan, before: good, after: { ...good, ...figures }, answerMs: answers });
    expect(breaches).toHaveLength(breach === undefined ? 0 : 1);
    if (breach !== undefined) expect(breaches[0]).toContain(breach);
  });
});
