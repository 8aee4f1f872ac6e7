// What the two sides of a running contract come to: begun once, reported until heard, never silent.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type OrderAction,
  type OrderEvent,
  type OrderState,
  orderWakeAt,
  type ProvideAction,
  type ProvideEvent,
  type ProvideState,
  placing,
  provideWakeAt,
  providing,
  refusal,
  type TaskView,
} from '../src/index.js';
import { frame, offerOf, T, viewOf } from './task-support.js';
import {
  asked,
  asking,
  at,
  begin,
  EVERY,
  ended,
  granted,
  NOW,
  nonce,
  offer,
  order,
  orderEvents,
  orderOf,
  orderStates,
  provide,
  provideEvents,
  provideStates,
  receipt,
  tick,
  validating,
  waiting,
  working,
} from './work-support.js';

const reported = (actions: readonly (ProvideAction | OrderAction)[]) =>
  actions.flatMap((action) => (action.kind === 'report' ? [[action.body.step, action.body.key]] : []));
const seen = (view: TaskView, n?: number) =>
  ({ kind: 'seen', view, ...(n === undefined ? {} : { key: `${nonce}.${n}` }) }) as const;
const kinds = (actions: readonly { readonly kind: string }[]) => actions.map(({ kind }) => kind);

describe('the provider', () => {
  test('begins once: the work starts when the bank says that it runs, whatever is heard twice', () => {
    const { actions } = provide(waiting, [
      ...[begin, begin, seen(at('starting'), 1), seen(at('starting'), 1)],
      ...[{ kind: 'validated' } as const, { kind: 'validated' } as const, seen(at('running'), 2)],
      ...[seen(at('running'), 2), seen(at('starting'))],
    ]);
    expect(kinds(actions)).toEqual(['report', 'validate', 'report', 'run']);
    expect(reported(actions)).toEqual([
      ['take', 'nonce-01.1'],
      ['run', 'nonce-01.2'],
    ]);
  });

  test('a report without an answer is made again under its key, at growing distances', () => {
    let state = provideStates.reporting;
    const times: number[] = [];
    for (let n = 0; n < 5; n++) {
      state = provide(state, [{ kind: 'unanswered', key: 'nonce-01.3' }], NOW + (times.at(-1) ?? 0)).state;
      times.push(provideWakeAt(state) - NOW);
      const again = provide(state, [tick], provideWakeAt(state));
      expect(reported(again.actions)).toEqual([['done', 'nonce-01.3']]);
      state = again.state;
    }
    expect(times[0]).toBe(500);
    expect(
      times.map((at, index) => at - (times[index - 1] ?? 0)).every((gap, index, all) => gap >= (all[index - 1] ?? 0)),
    ).toBe(true);
    // Taken the first time, but under another key by another process: how it stands shows it.
    const done = provide(state, [
      { kind: 'refused', refusal: refusal('duplicate', '-'), key: 'nonce-01.3' },
      seen(at('done', { receipt })),
    ]);
    expect(kinds(done.actions)).toEqual(['inquire', 'tell-done', 'delivered']);
  });

  test('is never silent for longer than agreed', () => {
    let state = working;
    let heardAt = NOW;
    for (let n = 0; n < 20; n++) {
      const wakeAt = provideWakeAt(state);
      expect(wakeAt - heardAt).toBeLessThan(EVERY);
      const { state: next, actions } = provide(state, [tick], wakeAt);
      // Every other answer is lost: the next sign of life makes up for it.
      state = n % 2 === 0 ? provide(next, [{ kind: 'unanswered', key: `${nonce}.${n + 3}` }], wakeAt).state : next;
      expect(reported(actions)).toEqual([['progress', `${nonce}.${n + 3}`]]);
      heardAt = wakeAt;
    }
  });

  test('turns down what it cannot do, and the buyer hears that there is news', () => {
    const { state, actions } = provide(validating, [{ kind: 'unfit', message: 'no driver' }]);
    expect(actions).toMatchObject([{ kind: 'report', body: { step: 'turn-down', message: 'no driver' } }]);
    const handedOver = viewOf(offerOf('cid', 950), { attempt: 2 });
    expect(kinds(provide(state, [seen(handedOver, 2)]).actions)).toEqual(['tell', 'finish']);
    // Who may not see the contract any more has lost it to another.
    const hidden = provide(state, [{ kind: 'refused', refusal: refusal('not-permitted', '-') }]);
    expect(hidden.state.name).toBe('over');
  });

  test('a request for time is answered by the deadline, not by what was under way before it', () => {
    const deadline = offer.issues.deadline + 1;
    const before = seen(at('running'), 2);
    expect(provide(asking, [before, seen(at('running'))]).actions).toEqual([]);
    expect(provide(asking, [seen(granted)]).actions).toEqual([{ kind: 'time', granted: true, deadline }]);
    const heard = provide(asking, [seen(asked, 3)]).state;
    const beat = provide(heard, [tick], provideWakeAt(heard));
    expect(provide(beat.state, [seen(at('running'), 4)]).actions).toEqual([{ kind: 'time', granted: false, deadline }]);
    const barred = provide(asking, [{ kind: 'refused', refusal: refusal('malformed', '-'), key: 'nonce-01.3' }]);
    expect(barred.actions[0]).toEqual({ kind: 'time', granted: false, deadline });
    const earlier: ProvideEvent = { kind: 'ask-time', deadline: offer.issues.deadline };
    expect(provide(working, [earlier]).ignored).toEqual(['ask-time: malformed']);
  });

  test('a receipt that the bank cannot read is a failure', () => {
    const no: ProvideEvent = { kind: 'refused', refusal: refusal('malformed', 'too long'), key: 'nonce-01.3' };
    const { actions } = provide(provideStates.reporting, [no]);
    expect(actions).toMatchObject([
      { kind: 'report', body: { step: 'fail', receipt: { outcome: 'failed', outputs: {} } } },
    ]);
  });

  test('whatever ends the contract stops the work', () => {
    for (const view of [ended, at('done', { receipt }), viewOf(offerOf('cid', 950), { attempt: 2 })]) {
      expect(kinds(provide(working, [seen(view)]).actions)[0]).toBe('stop');
    }
    expect(kinds(provide(working, [{ kind: 'refused', refusal: refusal('unknown', '-') }]).actions)).toEqual([
      'stop',
      'finish',
    ]);
  });

  test.each([30_000, 0])('nobody says to begin: it does so in time, with what was agreed (grace %i ms)', (graceMs) => {
    const { dueAt } = at('awarded');
    const view = { ...at('awarded'), frame: { ...frame, conditions: { ...frame.conditions, graceMs } } };
    let state = providing(view, nonce, T).state;
    const steps: ReturnType<typeof reported> = [];
    while (state.name === 'waiting') {
      const wakeAt = provideWakeAt(state);
      expect(wakeAt).toBeLessThanOrEqual(dueAt - 1000);
      const next = provide(state, [tick], wakeAt);
      steps.push(...reported(next.actions));
      state = next.state;
    }
    expect(steps).toEqual([['take', 'nonce-01.1']]);
    expect(state).toMatchObject({ name: 'taking', inputs: frame.task.inputs });
  });

  test('another process takes it up where the bank says that it stands', () => {
    const taken = (view: TaskView) => {
      const { state, actions } = providing(view, nonce, T);
      return `${state.name}: ${kinds(actions).join(' ')}`;
    };
    expect([at('awarded'), at('done', { process: 'nonce-00' }), ended].map(taken)).toEqual([
      ...['waiting: ', 'delivered: delivered', 'over: finish'],
    ]);
    const resumed = (view: TaskView) => {
      const { state, actions } = providing({ ...view, process: 'nonce-00' }, nonce, T);
      expect(actions).toMatchObject([{ kind: 'report', body: { step: 'resume', process: nonce } }]);
      const { state: next, actions: then } = provide(state, [seen({ ...view, process: nonce }, 1)]);
      return `${next.name}: ${kinds(then).join(' ')}`;
    };
    expect([at('starting'), at('running'), asked].map(resumed)).toEqual([
      ...['validating: validate', 'working: run', 'asking-time: run'],
    ]);
  });

  test('a process in whose place another goes on stops, and says nothing more', () => {
    const gone = { process: 'nonce-02' };
    const stale: ProvideEvent = { kind: 'refused', refusal: refusal('stale', '-'), key: 'nonce-01.3' };
    const told = provide(working, [stale]);
    expect(kinds(told.actions)).toEqual(['inquire']);
    expect(kinds(provide(told.state, [seen(at('running', gone))]).actions)).toEqual(['stop', 'finish']);
    expect(kinds(provide(waiting, [seen(at('starting', gone))]).actions)).toEqual(['finish']);
    // Its receipt is nobody's.
    expect(kinds(provide(provideStates.reporting, [seen(at('running', gone))]).actions)).toEqual(['finish']);
    const { state: resuming } = providing(at('running'), nonce, T);
    expect(kinds(provide(resuming, [seen(at('running', gone), 1)]).actions)).toEqual(['finish']);
    // What was asked before the other went on says nothing about it.
    expect(provide(resuming, [seen(at('running', { process: 'nonce-00' }))]).actions).toEqual([]);
  });
});

describe('the buyer', () => {
  test('tells its provider to begin until it has, less and less often; and the one that takes over', () => {
    const first = placing(at('awarded'), nonce, T);
    expect(kinds(first.actions)).toEqual(['inform', 'task-start']);
    let state = first.state;
    const gaps: number[] = [];
    let nowMs = T;
    for (let n = 0; n < 4; n++) {
      gaps.push(orderWakeAt(state) - nowMs);
      nowMs = orderWakeAt(state);
      const looked = order(state, [tick, seen(at('awarded'))], nowMs);
      expect(kinds(looked.actions)).toEqual(['inquire', 'task-start']);
      state = looked.state;
    }
    expect(gaps[0]).toBe(500);
    expect(gaps.every((gap, index) => gap > (gaps[index - 1] ?? 0))).toBe(true);
    const next = viewOf(offerOf('cid', 950), { attempt: 2 });
    const handedOver = order(state, [seen(next)], nowMs);
    expect(handedOver.actions).toEqual([
      { kind: 'handed-over', view: next },
      { kind: 'inform', to: 'cid', view: next },
      { kind: 'task-start', to: 'cid', view: next },
    ]);
    expect(orderWakeAt(handedOver.state)).toBe(nowMs + 500);
  });

  test('looks when the bank will have ended a silent contract', () => {
    const running = at('running', { dueAt: NOW + 1000 });
    const state = orderOf(running);
    expect(orderWakeAt(state)).toBeGreaterThan(running.dueAt);
    expect(order(state, [tick, seen(ended)], orderWakeAt(state)).actions.at(-1)).toEqual({
      kind: 'finish',
      view: ended,
    });
  });

  test('is asked once whether it gives more time, and what it says is said until the bank has heard', () => {
    const first = order(orderStates.running, [seen(asked), seen(asked)]);
    expect(kinds(first.actions)).toEqual(['judge-time']);
    const said = order(first.state, [{ kind: 'grant' }, { kind: 'deny' }, seen(asked)]);
    expect(reported(said.actions)).toEqual([['grant-time', 'nonce-01.1']]);
    expect(said.ignored).toEqual(['deny: not-your-turn', 'seen: stale']);
    const again = order(said.state, [{ kind: 'unanswered', key: 'nonce-01.1' }]).state;
    expect(reported(order(again, [tick], orderWakeAt(again)).actions)).toEqual([['grant-time', 'nonce-01.1']]);
    expect(order(again, [seen(granted, 1)]).state.name).toBe('running');
    // Too late, because the work was done meanwhile.
    const refused = order(again, [{ kind: 'refused', refusal: refusal('late', '-'), key: 'nonce-01.1' }]);
    expect(kinds(refused.actions)).toEqual(['inquire']);
    expect(kinds(order(refused.state, [seen(at('done', { receipt }))]).actions)).toEqual(['judge']);
  });

  test('judges a receipt that the bank has, not what the provider says', () => {
    const heard = order(orderStates.running, [{ kind: 'done', receipt }]);
    expect(kinds(heard.actions)).toEqual(['inquire']);
    const judged = order(heard.state, [seen(at('done', { receipt })), seen(at('done', { receipt }))]);
    expect(judged.actions).toEqual([{ kind: 'judge', receipt, view: at('done', { receipt }) }]);
    expect(order(judged.state, [seen(at('running'))]).ignored).toEqual(['seen: stale']);
  });
});

test('any sequence of events: the work begins once and stops at most once, each side finishes once', () => {
  const views = [at('awarded'), at('starting'), at('running'), asked, granted, at('done', { receipt }), ended];
  const words = views.flatMap((view) => [1, 2, 3, undefined].map((n) => seen(view, n)));
  const refusals = [1, 2, 3].map(
    (n) => ({ kind: 'refused', refusal: refusal('late', '-'), key: `${nonce}.${n}` }) as const,
  );
  const times = fc.nat({ max: 100_000 });
  const sequence = <E>(own: readonly E[]) =>
    fc.array(fc.tuple(fc.constantFrom(...own, ...(words as unknown as E[]), ...(refusals as unknown as E[])), times), {
      maxLength: 40,
    });
  const providers = sequence<ProvideEvent>(Object.values(provideEvents));
  const buyers = sequence<OrderEvent>(Object.values(orderEvents));
  fc.assert(
    fc.property(providers, buyers, (told, decided) => {
      let nowMs = T;
      let mine: ProvideState = waiting;
      let theirs: OrderState = orderStates.waiting;
      const done: string[] = [];
      for (const [event, after] of told) {
        nowMs += after;
        const step = provide(mine, [event], nowMs);
        mine = step.state;
        done.push(...kinds(step.actions));
      }
      const count = (kind: string) => done.filter((one) => one === kind).length;
      for (const kind of ['run', 'stop', 'finish', 'validate']) expect(count(kind)).toBeLessThanOrEqual(1);
      expect(count('stop')).toBeLessThanOrEqual(count('run'));
      const ends = decided.flatMap(([event, after]) => {
        nowMs += after;
        const step = order(theirs, [event], nowMs);
        theirs = step.state;
        return kinds(step.actions).filter((kind) => kind === 'finish');
      });
      expect(ends.length).toBeLessThanOrEqual(1);
    }),
  );
});
