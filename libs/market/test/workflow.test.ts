// Workflows of tasks: the table of one task, what feeds what, what is tried after a failure, and how all of it ends.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addTasks,
  type PlannedTask,
  type Receipt,
  sumOf,
  type Workflow,
  type WorkflowAction,
  type WorkflowEvent,
  type WorkflowTaskEvent,
  type WorkflowTaskState,
  workflow,
  workflowStep,
  workflowTaskStep,
  workflowTaskTable,
} from '../src/index.js';
import { T, walkTable } from './task-support.js';

function receiptOf(outputs: Receipt['outputs'] = {}, more: Partial<Receipt> = {}): Receipt {
  return { outcome: 'done', startedAt: T, endedAt: T + 10, outputs, used: {}, warnings: [], ...more };
}
const task = (id: string, more: Partial<PlannedTask> = {}): PlannedTask => ({
  id,
  inputs: {},
  otherwise: 'abort',
  ...more,
});
const done = (id: string, receipt = receiptOf()): WorkflowEvent => ({ kind: 'done', task: id, receipt });
const failed = (id: string): WorkflowEvent => ({ kind: 'failed', task: id, detail: 'late', message: 'too slow' });
const hired = (id: string, provider = 'ben'): WorkflowEvent => ({ kind: 'hired', task: id, provider });

function begun(tasks: readonly PlannedTask[], open = false) {
  const planned = workflow(tasks, open);
  if (!planned.ok) throw new Error(planned.message);
  return planned;
}
function run(state: Workflow, events: readonly WorkflowEvent[]) {
  const actions: WorkflowAction[] = [];
  const ignored: string[] = [];
  let current = state;
  for (const event of events) {
    const step = workflowStep(current, event);
    current = step.state;
    for (const action of step.actions) {
      if (action.kind === 'ignored') ignored.push(`${action.event}: ${action.detail}`);
      else actions.push(action);
    }
  }
  return { state: current, actions, ignored };
}
function hires(actions: readonly { readonly kind: string }[]) {
  return (actions as WorkflowAction[]).flatMap((action) => (action.kind === 'hire' ? [action] : []));
}
const words = (actions: readonly { readonly kind: string }[]) =>
  (actions as WorkflowAction[]).map((action) =>
    action.kind === 'ended'
      ? `${action.task} ${action.state}`
      : 'task' in action
        ? `${action.kind} ${action.task}`
        : action.kind,
  );

const given = { inputs: {}, receipts: {} };
const waiting: WorkflowTaskState = {
  ...{ name: 'waiting', task: task('a', { remedies: [{ kind: 'other-provider' }] }), after: [], tried: 0, avoid: [] },
};
const to = (state: WorkflowTaskState, event: WorkflowTaskEvent) => workflowTaskStep(state, event).state;
const hiring = to(waiting, { kind: 'ready', ...given });
const running = to(hiring, { kind: 'hired', provider: 'ben' });
const fail: WorkflowTaskEvent = { kind: 'failed', detail: 'late', message: 'too slow' };
const states: Record<WorkflowTaskState['name'], WorkflowTaskState> = {
  ...{ waiting, hiring, running, cancelling: to(running, { kind: 'cancel' }) },
  done: to(running, { kind: 'done', receipt: receiptOf() }),
  ...{ failed: to(to(running, fail), fail), skipped: to(waiting, { kind: 'drop' }) },
  cancelled: to(waiting, { kind: 'cancel' }),
};
const events: Record<WorkflowTaskEvent['kind'], WorkflowTaskEvent> = {
  ...{ ready: { kind: 'ready', ...given }, drop: { kind: 'drop' }, hired: { kind: 'hired', provider: 'cid' } },
  ...{ 'not-hired': { kind: 'not-hired', detail: 'no-capacity', message: '-' }, failed: fail },
  ...{ done: { kind: 'done', receipt: receiptOf() }, cancel: { kind: 'cancel' }, cancelled: { kind: 'cancelled' } },
};
const late = {
  ...{ ready: 'late', drop: 'late', hired: 'late', 'not-hired': 'late', done: 'late', failed: 'late' },
  ...{ cancel: 'late', cancelled: 'late' },
} as const;
const early = 'not-your-turn';
walkTable<WorkflowTaskState, WorkflowTaskEvent>(
  'workflow task',
  readFileSync(new URL('../NEGOTIATION.md', import.meta.url), 'utf8'),
  {
    ...{ table: workflowTaskTable, states, events, step: workflowTaskStep, times: [T, T] },
    expected: {
      waiting: {
        ...{ ready: 'hiring: hire', drop: 'skipped: ended', hired: early, 'not-hired': early, failed: 'failed: ended' },
        ...{ done: early, cancel: 'cancelled: ended', cancelled: early },
      },
      hiring: {
        ...{ ready: 'duplicate', drop: 'late', hired: 'running:', 'not-hired': 'hiring: hire', failed: 'hiring: hire' },
        ...{ done: 'done: ended', cancel: 'cancelling: cancel', cancelled: early },
      },
      running: {
        ...{ ready: 'duplicate', drop: 'late', hired: 'running:', 'not-hired': 'stale', failed: 'hiring: hire' },
        ...{ done: 'done: ended', cancel: 'cancelling: cancel', cancelled: early },
      },
      cancelling: {
        ...{ ready: 'late', drop: 'late', hired: 'cancelling: cancel', 'not-hired': 'cancelled: ended' },
        ...{ failed: 'cancelled: ended', done: 'done: ended', cancel: 'duplicate', cancelled: 'cancelled: ended' },
      },
      ...{ done: late, failed: late, skipped: late, cancelled: late },
    },
  },
);

describe('a plan', () => {
  test('begins with what waits for nobody; receipts feed what refers to them', () => {
    const inputs = {
      rows: { $from: 'load', path: 'outputs.rows' },
      deep: [{ first: { $from: 'load', path: 'outputs.list.0' } }],
    };
    const { state, actions } = begun([task('train', { inputs }), task('load')]);
    expect(words(actions)).toEqual(['hire load']);
    const next = run(state, [hired('load'), done('load', receiptOf({ rows: 3, list: ['a', 'b'] }))]);
    expect(words(next.actions)).toEqual(['load done', 'hire train']);
    expect(hires(next.actions)[0]).toMatchObject({
      inputs: { rows: 3, deep: [{ first: 'a' }] },
      receipts: { load: {} },
    });
    const end = run(next.state, [done('train')]);
    expect(end.actions.at(-1)).toMatchObject({
      kind: 'finish',
      outcome: { ok: true, states: { load: 'done', train: 'done' } },
    });
  });

  test('tasks of one intent run at once, feed a list, and give their receipts together', () => {
    const part = (id: string) => task(id, { intent: 'map' });
    const reduce = task('reduce', { inputs: { parts: { $from: 'map', path: 'outputs.n' } } });
    const { state, actions } = begun([part('m1'), part('m2'), reduce]);
    expect(words(actions)).toEqual(['hire m1', 'hire m2']);
    const more = { used: { gpuSeconds: 2 }, warnings: ['hot'], costMicro: '5' };
    const { actions: next } = run(state, [
      done('m2', receiptOf({ n: 2 }, { ...more, endedAt: T + 30 })),
      done('m1', receiptOf({ n: 1 }, more)),
      done('reduce'),
    ]);
    expect(hires(next)[0]?.inputs).toEqual({ parts: [1, 2] });
    expect(next.at(-1)).toMatchObject({
      outcome: {
        intents: {
          map: {
            ...{ tasks: ['m1', 'm2'], done: 2, startedAt: T, endedAt: T + 30, outputs: [{ n: 1 }, { n: 2 }] },
            ...{ used: { gpuSeconds: 4 }, warnings: ['hot', 'hot'], costMicro: '10' },
          },
        },
      },
    });
    expect(sumOf([['x', receiptOf()]]).costMicro).toBe('0');
  });

  test.each([
    [
      'a cycle',
      [task('a', { after: ['c'] }), task('b', { after: ['a'] }), task('c', { after: ['b'] })],
      'a cycle: a → b → c → a',
    ],
    ['itself', [task('a', { inputs: { x: { $from: 'a' } } })], 'a cycle: a → a'],
    ['its own intent', [task('a', { intent: 'i', after: ['i'] })], 'a cycle: a → a'],
    ['nobody', [task('a', { after: ['z'] })], 'task a waits for z, which is no task and no intent'],
    ['a name twice', [task('a'), task('a')], 'two tasks are called a'],
    ['one name for two things', [task('a'), task('b', { intent: 'a' })], 'a is a task and an intent'],
  ])('with %s is refused, and says so', (_why, tasks, message) => {
    expect(workflow(tasks)).toMatchObject({ ok: false, message });
  });

  test('grows while it runs; what is added to an intent does not bind those who waited for it', () => {
    const reduce = task('reduce', { inputs: { parts: { $from: 'map' } } });
    const { state } = begun([task('m1', { intent: 'map' }), reduce], true);
    const added = addTasks(state, [task('m2', { intent: 'map' }), task('last', { after: ['reduce'] })]);
    if (!added.ok) throw new Error(added.message);
    expect(words(added.actions)).toEqual(['hire m2']);
    const next = run(added.state, [done('m1'), done('reduce'), done('last'), done('m2')]);
    expect(hires(next.actions).map(({ task: id }) => id)).toEqual(['reduce', 'last']);
    expect(next.state.finished).toBe(false);
    expect(run(next.state, [{ kind: 'close' }]).actions).toMatchObject([{ kind: 'finish', outcome: { ok: true } }]);
    expect(addTasks(run(next.state, [{ kind: 'close' }]).state, [task('x')])).toMatchObject({ detail: 'late' });
    // What comes after a task that failed will not be begun.
    const failing = run(begun([task('m', { otherwise: 'go-on' })], true).state, [failed('m')]).state;
    const vain = addTasks(failing, [task('n', { after: ['m'] })]);
    expect(vain.ok && words(vain.actions)).toEqual(['n skipped']);
  });
});

describe('a failure', () => {
  test('is mended in the order that the task names, without those who failed it', () => {
    const remedies = [
      ...[{ kind: 'alternative-offer' } as const, { kind: 'other-provider' } as const],
      { kind: 'changed-parameters', inputs: { n: 1 }, change: { batch: 8 } } as const,
    ];
    const { state } = begun([task('a', { inputs: { n: 9, m: 2 }, remedies })]);
    const notHired: WorkflowEvent = { kind: 'not-hired', task: 'a', detail: 'no-capacity', message: 'nobody' };
    const { actions } = run(state, [hired('a'), failed('a'), hired('a', 'cid'), failed('a'), notHired, notHired]);
    expect(hires(actions)).toMatchObject([
      { remedy: { kind: 'alternative-offer' }, inputs: { n: 9, m: 2 }, avoid: ['ben'] },
      { remedy: { kind: 'other-provider' }, avoid: ['ben', 'cid'] },
      { remedy: { kind: 'changed-parameters', change: { batch: 8 } }, inputs: { n: 1, m: 2 }, avoid: ['ben', 'cid'] },
    ]);
    expect(actions.at(-1)).toMatchObject({ outcome: { ok: false, failures: { a: { detail: 'no-capacity' } } } });
  });

  test('that nothing mends ends what waits for it, or everything', () => {
    const plan = (otherwise: PlannedTask['otherwise']) => [
      ...[task('a', { otherwise }), task('b', { after: ['a'] }), task('c', { after: ['b'] }), task('other')],
    ];
    const goesOn = run(begun(plan('go-on')).state, [failed('a')]);
    expect(words(goesOn.actions)).toEqual(['a failed', 'b skipped', 'c skipped']);
    expect(run(goesOn.state, [done('other')]).actions.at(-1)).toMatchObject({ outcome: { ok: false } });
    const all = run(begun(plan('abort')).state, [failed('a')]);
    expect(words(all.actions)).toEqual(['a failed', 'b cancelled', 'c cancelled', 'cancel other']);
    const end = run(all.state, [{ kind: 'cancelled', task: 'other' }]).actions.at(-1);
    expect(end).toMatchObject({ outcome: { aborted: { detail: 'late', message: 'task a: too slow' } } });
  });

  test('of a reference: what no receipt has is not looked for again', () => {
    const remedies = [{ kind: 'other-provider' } as const];
    const { state } = begun([
      task('a'),
      task('b', { inputs: { x: { $from: 'a', path: 'outputs.__proto__' } }, remedies }),
    ]);
    const { actions } = run(state, [done('a')]);
    expect(actions.at(-1)).toMatchObject({
      outcome: { failures: { b: { detail: 'missing-dependency', message: 'no receipt has a: outputs.__proto__' } } },
    });
  });

  test('an abort stops what runs; what is done meanwhile is done', () => {
    const { state } = begun([task('a'), task('b'), task('c', { after: ['b'] })]);
    const aborting = run(state, [hired('a'), { kind: 'abort' }, hired('b'), { kind: 'abort' }]);
    expect(words(aborting.actions)).toEqual(['cancel a', 'cancel b', 'c cancelled', 'cancel b']);
    expect(aborting.ignored).toEqual(['abort: duplicate']);
    const end = run(aborting.state, [done('a'), { kind: 'cancelled', task: 'b' }]);
    expect(words(end.actions)).toEqual(['a done', 'b cancelled', 'finish']);
    expect(run(end.state, [done('a')]).ignored).toEqual(['done: late']);
    expect(run(state, [done('nobody')]).ignored).toEqual(['done: unknown']);
  });
});

const plans = fc
  .array(
    fc.record({
      after: fc.array(fc.nat({ max: 11 }), { maxLength: 3 }),
      remedies: fc.nat({ max: 2 }),
      otherwise: fc.constantFrom('abort' as const, 'go-on' as const, 'go-on' as const, 'go-on' as const),
      late: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((drawn) =>
    drawn.map(({ after, remedies, otherwise, late: isLate }, n) => ({
      isLate,
      task: task(`t${n}`, {
        ...{ otherwise, remedies: Array.from({ length: remedies }, () => ({ kind: 'other-provider' }) as const) },
        after: [...new Set(after.filter((at) => at < n).map((at) => `t${at}`))],
      }),
    })),
  );

test('every task ends once, none begins before those it waits for are done, an abort leaves none running', () => {
  const seen = { done: 0, failed: 0, skipped: 0, cancelled: 0, aborted: 0 };
  fc.assert(
    fc.property(plans, fc.array(fc.nat(), { maxLength: 200 }), fc.nat({ max: 400 }), (plan, draws, abortAt) => {
      const first: PlannedTask[] = [];
      for (const { task: one, isLate } of plan) {
        const known = one.after!.every((id) => first.some((other) => other.id === id));
        if (known && !isLate) first.push(one);
      }
      const start = begun(first, true);
      let { state } = start;
      const actions = [...start.actions] as WorkflowAction[];
      const took = (step: { readonly state: Workflow; readonly actions: readonly { readonly kind: string }[] }) => {
        state = step.state;
        actions.push(...(step.actions as WorkflowAction[]).filter(({ kind }) => (kind as string) !== 'ignored'));
      };
      const rest = plan.map((one) => one.task).filter((one) => !first.includes(one));
      const step = (draw: number): boolean => {
        const busy = [...state.tasks.values()].filter(({ name }) => ['hiring', 'running', 'cancelling'].includes(name));
        const one = busy[draw % Math.max(1, busy.length)];
        if (one === undefined) return false;
        const { id } = one.task;
        const choices: WorkflowEvent[] = [
          ...[
            hired(id),
            done(id),
            done(id),
            failed(id),
            { kind: 'not-hired', task: id, detail: 'late', message: '-' } as const,
          ],
          { kind: 'cancelled', task: id },
        ];
        took(workflowStep(state, choices[(draw >> 4) % choices.length]!));
        return true;
      };
      draws.forEach((draw, n) => {
        if (n === abortAt) took(workflowStep(state, { kind: 'abort' }));
        if (n === 5 && state.aborted === undefined) {
          const added = addTasks(state, rest);
          if (!added.ok) throw new Error(added.message);
          took(added);
        }
        step(draw);
      });
      took(workflowStep(state, { kind: 'close' }));
      for (let n = 0; !state.finished; n++) {
        expect(step(n % 7 === 0 ? 16 : 80 + n)).toBe(true);
        expect(n).toBeLessThan(1000);
      }
      const ends = actions.flatMap((action) => (action.kind === 'ended' ? [action] : []));
      expect(ends.map((end) => end.task).sort()).toEqual([...state.tasks.keys()].sort());
      expect(actions.filter(({ kind }) => kind === 'finish')).toHaveLength(1);
      expect(actions.at(-1)?.kind).toBe('finish');
      const doneSoFar = new Set<string>();
      for (const action of actions) {
        if (action.kind === 'ended' && action.state === 'done') doneSoFar.add(action.task);
        if (action.kind === 'hire')
          for (const id of state.tasks.get(action.task)!.after) expect(doneSoFar).toContain(id);
      }
      for (const end of ends) seen[end.state] += 1;
      if (state.aborted !== undefined) seen.aborted += 1;
    }),
    { numRuns: 300 },
  );
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(5);
});
