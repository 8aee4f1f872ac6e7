// The two sides of a running contract, cell by cell, and what they come to: begun once, reported until heard, never silent.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type OrderAction,
  type OrderEvent,
  type OrderState,
  orderStep,
  orderTable,
  orderWakeAt,
  type ProvideAction,
  type ProvideEvent,
  type ProvideState,
  placing,
  provideStep,
  provideTable,
  provideWakeAt,
  providing,
  type Receipt,
  refusal,
  type TaskView,
} from '../src/index.js';
import { frame, HOUR, offerOf, T, viewOf, walkTable } from './task-support.js';

const NOW = T + 1;
const IN_THE_END = T + 24 * HOUR;
const EVERY = frame.conditions.reportEveryMs;
const offer = offerOf('ben', 900);
const at = (state: TaskView['state'], more: Partial<TaskView> = {}) => viewOf(offer, { state, ...more });
const receipt: Receipt = {
  ...{ outcome: 'done', startedAt: T, endedAt: T + 10, outputs: { rows: 4 }, used: {}, warnings: [] },
};
const asked = at('renewing', { askedDeadline: offer.issues.deadline + 1 });
const granted = at('running', { issues: { ...offer.issues, deadline: offer.issues.deadline + 1 } });
const ended = at('settled', { outcome: 'failed' });
const nonce = 'nonce-01';
const tick = { kind: 'tick' } as const;

function provide(state: ProvideState, events: readonly ProvideEvent[], nowMs = NOW) {
  const actions: ProvideAction[] = [];
  const ignored: string[] = [];
  let current = state;
  for (const event of events) {
    const step = provideStep(current, event, nowMs);
    current = step.state;
    for (const action of step.actions) {
      if (action.kind === 'ignored') ignored.push(`${action.event}: ${action.detail}`);
      else actions.push(action);
    }
  }
  return { state: current, actions, ignored };
}
const waiting = providing(at('awarded'), nonce, T).state;
const begin: ProvideEvent = { kind: 'task-start', inputs: { rows: 3 } };
const taking = provide(waiting, [begin]).state;
const validating = provide(taking, [{ kind: 'seen', view: at('starting'), key: 'nonce-01.1' }]).state;
const starting = provide(validating, [{ kind: 'validated' }]).state;
const working = provide(starting, [{ kind: 'seen', view: at('running'), key: 'nonce-01.2' }]).state;
const asking = provide(working, [{ kind: 'ask-time', deadline: offer.issues.deadline + 1 }]).state;
const provideStates: Record<ProvideState['name'], ProvideState> = {
  ...{ waiting, taking, validating, starting, working, 'asking-time': asking },
  reporting: provide(working, [{ kind: 'finished', receipt }]).state,
  delivered: providing(at('done'), nonce, T).state,
  over: providing(ended, nonce, T).state,
};
const word = {
  seen: { kind: 'seen', view: ended },
  refused: { kind: 'refused', refusal: refusal('late', 'too late') },
  unanswered: { kind: 'unanswered' },
} as const;
const provideEvents: Record<ProvideEvent['kind'], ProvideEvent> = {
  ...{ 'task-start': begin, validated: { kind: 'validated' }, unfit: { kind: 'unfit', message: 'no driver' } },
  ...{ progress: { kind: 'progress', progress: { percent: 40 } } },
  'ask-time': { kind: 'ask-time', deadline: offer.issues.deadline + 1 },
  ...{ finished: { kind: 'finished', receipt }, leave: { kind: 'leave' }, ...word, nudge: { kind: 'nudge' }, tick },
};
function order(state: OrderState, events: readonly OrderEvent[], nowMs = NOW) {
  const actions: OrderAction[] = [];
  const ignored: string[] = [];
  let current = state;
  for (const event of events) {
    const step = orderStep(current, event, nowMs);
    current = step.state;
    for (const action of step.actions) {
      if (action.kind === 'ignored') ignored.push(`${action.event}: ${action.detail}`);
      else actions.push(action);
    }
  }
  return { state: current, actions, ignored };
}
const orderOf = (view: TaskView) => placing(view, nonce, T).state;
const orderStates: Record<OrderState['name'], OrderState> = {
  waiting: orderOf(at('awarded')),
  running: orderOf(at('running')),
  granting: orderOf(asked),
  deciding: orderOf(at('done', { receipt })),
  disputed: orderOf(at('disputed', { receipt })),
  over: orderOf(ended),
};
const orderEvents: Record<OrderEvent['kind'], OrderEvent> = {
  ...{ progress: { kind: 'progress', progress: { percent: 40 } }, done: { kind: 'done', receipt } },
  ...{ grant: { kind: 'grant' }, deny: { kind: 'deny' }, accept: { kind: 'accept' } },
  ...{
    dispute: { kind: 'dispute', message: 'no rows' },
    leave: { kind: 'leave' },
    ...word,
    nudge: { kind: 'nudge' },
    tick,
  },
};
const early = 'not-your-turn';
const page = readFileSync(new URL('../NEGOTIATION.md', import.meta.url), 'utf8');
const unbegun = { progress: early, 'ask-time': early, finished: early, leave: 'reporting: report' } as const;
walkTable<ProvideState, ProvideEvent>('provide', page, {
  ...{ table: provideTable, states: provideStates, events: provideEvents, step: provideStep },
  times: [NOW, IN_THE_END],
  expected: {
    waiting: {
      ...{ 'task-start': 'taking: report', validated: early, unfit: 'reporting: report', ...unbegun },
      ...{ seen: 'over: finish', refused: 'waiting:', unanswered: 'waiting:', nudge: 'waiting: inquire' },
      tick: [early, 'taking: report'],
    },
    taking: {
      ...{ 'task-start': 'duplicate', validated: early, unfit: 'reporting: report', ...unbegun },
      ...{ seen: 'over: finish', refused: 'taking:', unanswered: 'taking:', nudge: 'taking: inquire' },
      tick: [early, 'taking: report'],
    },
    validating: {
      ...{ 'task-start': 'duplicate', validated: 'starting: report', unfit: 'reporting: report', ...unbegun },
      ...{ seen: 'over: finish', refused: 'validating:', unanswered: 'validating:', nudge: 'validating: inquire' },
      tick: [early, 'validating: inquire'],
    },
    starting: {
      ...{ 'task-start': 'duplicate', validated: 'duplicate', unfit: 'late', ...unbegun },
      ...{ seen: 'over: finish', refused: 'starting:', unanswered: 'starting:', nudge: 'starting: inquire' },
      tick: [early, 'starting: report'],
    },
    working: {
      ...{ 'task-start': 'duplicate', validated: 'duplicate', unfit: 'late', progress: 'working: tell-progress' },
      ...{ 'ask-time': 'asking-time: report', finished: 'reporting: report', leave: 'reporting: stop report' },
      ...{ seen: 'over: stop finish', refused: 'working:', unanswered: 'working:', nudge: 'working: report' },
      tick: [early, 'working: report'],
    },
    'asking-time': {
      ...{ 'task-start': 'duplicate', validated: 'duplicate', unfit: 'late', progress: 'asking-time: tell-progress' },
      ...{ 'ask-time': 'duplicate', finished: 'reporting: time report', leave: 'reporting: stop time report' },
      ...{ seen: 'over: stop time finish', refused: 'asking-time:', unanswered: 'asking-time:' },
      nudge: ['asking-time: report', 'asking-time: report report'],
      tick: [early, 'asking-time: report report'],
    },
    reporting: {
      ...{ 'task-start': 'duplicate', validated: 'late', unfit: 'late', progress: 'late', 'ask-time': 'late' },
      ...{ finished: 'late', leave: 'late', seen: 'over: tell-done finish', refused: 'reporting:' },
      ...{ unanswered: 'reporting:', nudge: 'reporting: inquire', tick: [early, 'reporting: report'] },
    },
    delivered: {
      ...{ 'task-start': 'late', validated: 'late', unfit: 'late', progress: 'late', 'ask-time': 'late' },
      ...{ finished: 'duplicate', leave: 'late', seen: 'over: finish', refused: 'delivered:' },
      ...{ unanswered: 'delivered:', nudge: 'delivered: inquire', tick: [early, 'delivered: inquire'] },
    },
    over: {
      ...{ 'task-start': 'expired', validated: 'stale', unfit: 'stale', progress: 'stale', 'ask-time': 'expired' },
      ...{ finished: 'stale', leave: 'expired', seen: 'stale', refused: 'stale', unanswered: 'stale' },
      ...{ nudge: 'stale', tick: 'stale' },
    },
  },
});

const undecided = { grant: early, deny: early, accept: early, dispute: early } as const;
const decidedTime = { grant: 'late', deny: 'late' } as const;
walkTable<OrderState, OrderEvent>('order', page, {
  ...{ table: orderTable, states: orderStates, events: orderEvents, step: orderStep, times: [NOW, IN_THE_END] },
  expected: {
    waiting: {
      ...{ progress: 'waiting: progress inquire', done: 'waiting: inquire', ...undecided, leave: 'waiting: report' },
      ...{ seen: 'over: finish', refused: 'waiting:', unanswered: 'waiting:', nudge: 'waiting: inquire' },
      tick: [early, 'waiting: inquire'],
    },
    running: {
      ...{ progress: 'running: progress', done: 'running: inquire', ...undecided, leave: 'running: report' },
      ...{ seen: 'over: finish', refused: 'running:', unanswered: 'running:', nudge: 'running: inquire' },
      tick: [early, 'running: inquire'],
    },
    granting: {
      ...{ progress: 'granting: progress', done: 'granting: inquire', grant: 'granting: report' },
      ...{ deny: 'granting: report', accept: early, dispute: early, leave: 'granting: report' },
      ...{ seen: 'over: finish', refused: 'granting:', unanswered: 'granting:', nudge: 'granting: inquire' },
      tick: [early, 'granting: inquire'],
    },
    deciding: {
      ...{ progress: 'late', done: 'duplicate', ...decidedTime, accept: 'deciding: report' },
      ...{ dispute: 'deciding: report', leave: 'late', seen: 'over: finish', refused: 'deciding:' },
      ...{ unanswered: 'deciding:', nudge: 'deciding: inquire', tick: [early, 'deciding: inquire'] },
    },
    disputed: {
      ...{ progress: 'late', done: 'duplicate', ...decidedTime, accept: 'disputed: report' },
      ...{ dispute: 'duplicate', leave: 'late', seen: 'over: finish', refused: 'disputed:' },
      ...{ unanswered: 'disputed:', nudge: 'disputed: inquire', tick: [early, 'disputed: inquire'] },
    },
    over: {
      ...{ progress: 'stale', done: 'stale', grant: 'expired', deny: 'expired', accept: 'expired' },
      ...{ dispute: 'expired', leave: 'expired', seen: 'stale', refused: 'stale', unanswered: 'stale' },
      ...{ nudge: 'stale', tick: 'stale' },
    },
  },
});

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
    expect([at('awarded'), at('starting'), at('running'), asked, at('done'), ended].map(taken)).toEqual([
      ...[
        'waiting: ',
        'validating: validate',
        'working: run',
        'asking-time: run',
        'delivered: delivered',
        'over: finish',
      ],
    ]);
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
