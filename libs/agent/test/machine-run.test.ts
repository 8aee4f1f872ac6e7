// A machine's time: it is woken when its state says so, however often that was put off, and moves set no timers.
import type { Step } from '@tender/market';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Link } from '../src/link.js';
import { MachineRun } from '../src/machine-run.js';
import { MarketClock } from '../src/market-clock.js';

interface Waits {
  readonly until: number;
}
type Event = { readonly kind: 'until'; readonly until: number };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** It waits until it is told otherwise; `woken` notes when time moved it, by how far from now. */
function waiting(until: number) {
  const link = { clock: new MarketClock(), ignore: () => undefined } as unknown as Link;
  const begunAt = link.clock.now();
  const woken: number[] = [];
  const step = (state: Waits, event: Event | { kind: 'tick' }, nowMs: number): Step<Waits, never> => {
    if (event.kind === 'until') return { state: { until: begunAt + event.until }, actions: [] };
    woken.push(nowMs - begunAt);
    return { state: nowMs < state.until ? state : { until: Number.POSITIVE_INFINITY }, actions: [] };
  };
  const run = new MachineRun<Waits, Event, never>(link, {
    start: { state: { until: begunAt + until }, actions: [] },
    step,
    wakeAt: (state) => state.until,
    act: () => undefined,
  }).begin();
  return { woken, wait: (ms: number) => run.step({ kind: 'until', until: ms }), run };
}

test('whose end is put off by each move is woken at the last one, and a thousand moves set no timer', () => {
  const { woken, wait } = waiting(1000);
  const set = vi.spyOn(globalThis, 'setTimeout');
  for (let move = 1; move <= 1000; move += 1) wait(1000 + move);
  expect(set).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1999);
  expect(woken).toEqual([]);
  vi.advanceTimersByTime(3);
  expect(woken).toEqual([expect.toSatisfy((at: number) => at >= 2000 && at <= 2002)]);
});

test('whose end comes nearer is woken then', () => {
  const { woken, wait } = waiting(60_000);
  wait(500);
  vi.advanceTimersByTime(502);
  expect(woken).toHaveLength(1);
});

test('what waits for nothing any more, or is closed, is not woken', () => {
  const { woken, wait } = waiting(1000);
  wait(Number.POSITIVE_INFINITY);
  const closed = waiting(1000);
  closed.run.close();
  vi.advanceTimersByTime(10_000);
  expect([woken, closed.woken]).toEqual([[], []]);
  expect(vi.getTimerCount()).toBe(0);
});

test('one that wants to be woken for what is over already gets its turn, not the whole processor', () => {
  const link = { clock: new MarketClock(), ignore: () => undefined } as unknown as Link;
  const over = link.clock.now() - 1;
  let ticks = 0;
  const start = { state: { until: over }, actions: [] };
  const step = (state: Waits) => {
    ticks += 1;
    return { state, actions: [] };
  };
  const run = new MachineRun<Waits, Event, never>(link, { start, step, wakeAt: () => over, act: () => undefined });
  run.begin();
  vi.advanceTimersByTime(1000);
  expect(ticks).toBeGreaterThan(5);
  expect(ticks).toBeLessThan(15);
  run.close();
});
