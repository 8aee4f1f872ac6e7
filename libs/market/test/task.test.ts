// A task's contract: its life cell by cell, every way in which it can end and what that costs, and who takes over.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KeptState, keptStates, lifeCycle, type ReportAsked, type TaskStep, taskSteps } from '../src/index.js';
import { specRows, startTestRedis, type TestRedis } from './market-under-test.js';
import { endCases } from './task-cases.js';
import { type TaskMarket, taskMarket } from './task-market.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

const steps = Object.keys(taskSteps) as TaskStep[];

describe('the life of a contract', () => {
  /** How a contract gets into each state. */
  const ways: Readonly<Record<KeptState, readonly ReportAsked['step'][]>> = {
    awarded: [],
    starting: ['take'],
    running: ['take', 'run'],
    renewing: ['take', 'run', 'ask-time'],
    done: ['take', 'run', 'done'],
    disputed: ['take', 'run', 'done', 'dispute'],
    settled: ['decommit'],
  };
  const who = (step: TaskStep) => (taskSteps[step] === 'provider' ? 'ben' : 'ann');
  let market: TaskMarket;
  let nowMs = 0;
  beforeAll(async () => {
    market = await taskMarket(server);
  });

  async function take(contract: string, step: TaskStep) {
    if (step === 'overdue') {
      // Past every limit that a state has.
      nowMs += 8 * 24 * 3_600_000;
      await market.at(nowMs);
      return market.tasks.overdue(contract);
    }
    const more = {
      ...(taskSteps[step] === 'operator'
        ? { operator: true as const, paidMicro: '0', bondTo: 'provider' as const }
        : {}),
      ...{ percent: 1, deadline: 4_000_000_000_000 + nowMs + 50_000, process: 'process-1' },
    };
    return market.tasks.report(who(step), contract, step, more);
  }

  const cells = keptStates.flatMap((state) => steps.map((step) => ({ state, step })));
  it.each(cells)('$state: $step', async ({ state, step }) => {
    const conversation = `life-${state}-${step}`;
    const draft = {
      task: conversation,
      conditions: { disputeMs: 1_000 },
      offers: [{ participant: 'ben', price: 20, intent: conversation }],
    };
    await market.tasks.engage({ conversation, ...draft });
    for (const before of ways[state]) await take(`${conversation}-t1`, before);
    const before = await market.dump();
    const reply = await take(`${conversation}-t1`, step);
    const cell = lifeCycle[state][step];
    if ('detail' in cell) {
      expect(reply).toMatchObject({ ok: false, detail: cell.detail });
      expect({ ...(await market.dump()), [`{${market.market}}:meta`]: '' }).toEqual({
        ...before,
        [`{${market.market}}:meta`]: '',
      });
      return;
    }
    // Nobody stands by: who turns down ends it.
    const to = step === 'turn-down' ? 'failed' : cell.to;
    const kept = (keptStates as readonly string[]).includes(to);
    expect(reply).toMatchObject({ ok: true, step, state: kept ? to : 'settled' });
    if (!kept) expect(reply).toMatchObject({ outcome: to });
    expect((await market.reader.task(`${conversation}-t1`))?.state).toBe(kept ? to : 'settled');
  });

  it('is the one of SPEC.md, step by step', () => {
    const told = (state: KeptState, step: TaskStep) => {
      const cell = lifeCycle[state][step];
      return 'detail' in cell ? cell.detail : cell.to;
    };
    const rows = specRows();
    for (const step of steps) {
      expect(rows).toContain([step, taskSteps[step], ...keptStates.map((state) => told(state, step))].join('|'));
    }
  });

  it('leaves everything in order', () => market.check());

  it.each(steps.filter((step) => step !== 'overdue'))('%s: nobody else', async (step) => {
    const contract = 'life-running-take-t1';
    const others = {
      provider: ['ann', 'cid', 'zed'],
      buyer: ['ben', 'cid'],
      either: ['cid'],
      operator: ['ann', 'ben'],
      clock: [],
    };
    for (const by of others[taskSteps[step]]) {
      expect(await market.tasks.report(by, contract, step)).toMatchObject({ ok: false, detail: 'not-permitted' });
    }
  });
});

describe('the end of a contract', () => {
  it.each(endCases)('$why: $outcome, $paid paid, the bond to the $bondTo', async (row) => {
    const { steps: taken, outcome, paid, bondTo, disputeMs = 0, standby } = row;
    const market = await taskMarket(server);
    const { tasks, at, reader, available, pending } = market;
    const conditions = { bondMicro: '100', disputeMs };
    const cid = { participant: 'cid', price: 1_200 };
    await tasks.engage({
      conversation: 'k1',
      conditions,
      offers: [{ participant: 'ben', price: 1_000 }, ...(standby ? [cid] : [])],
    });
    let last: unknown;
    for (const [ms, who, step, more = {}] of taken) {
      await at(ms);
      last = step === 'overdue' ? await tasks.overdue('k1-t1') : await tasks.report(who, 'k1-t1', step, moved(more));
      expect(last, step).toMatchObject({ ok: true });
    }
    const price = standby ? 1_200 : 1_000;
    const back = price - paid;
    const end = { outcome, paidMicro: String(paid), refundedMicro: String(back), bondTo };
    expect(last).toMatchObject({ state: 'settled', ...end });
    expect(await reader.task('k1-t1')).toMatchObject({ state: 'settled', ...end });
    const bond = bondTo === 'buyer' ? 100 : 0;
    expect(await available('ann')).toBe(10_000 - paid + bond);
    expect(await available(standby ? 'cid' : 'ben')).toBe(10_000 + paid - bond);
    for (const agent of ['ann', 'ben', 'cid']) expect(await pending(agent)).toBe(0);
    expect(specRows()).toContain([row.why, outcome, paid, back, bondTo].join('|'));
    await market.check();
  });

  it('has no case in SPEC.md that is not walked', () => {
    const told = specRows().filter((row) => /^[^|]+\|[a-z]+\|\d+\|\d+\|(buyer|provider)$/.test(row));
    expect(told).toHaveLength(endCases.length);
  });
});

/** Deadlines count from the engagement. */
function moved(more: Partial<ReportAsked>): Partial<ReportAsked> {
  return more.deadline === undefined ? more : { ...more, deadline: 4_000_000_000_000 + more.deadline };
}
