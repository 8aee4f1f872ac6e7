// Both sides of a running contract in each of their states, and each event, for the tests of providing and ordering.
import {
  type OrderAction,
  type OrderEvent,
  type OrderState,
  orderStep,
  type ProvideAction,
  type ProvideEvent,
  type ProvideState,
  placing,
  provideStep,
  providing,
  type Receipt,
  refusal,
  type TaskView,
} from '../src/index.js';
import { frame, HOUR, offerOf, runOf, T, viewOf } from './task-support.js';

export const NOW = T + 1;
export const IN_THE_END = T + 24 * HOUR;
export const EVERY = frame.conditions.reportEveryMs;
export const offer = offerOf('ben', 900);
export const at = (state: TaskView['state'], more: Partial<TaskView> = {}) => viewOf(offer, { state, ...more });
export const receipt: Receipt = {
  ...{ outcome: 'done', startedAt: T, endedAt: T + 10, outputs: { rows: 4 }, used: {}, warnings: [] },
};
export const asked = at('renewing', { askedDeadline: offer.issues.deadline + 1 });
export const granted = at('running', { issues: { ...offer.issues, deadline: offer.issues.deadline + 1 } });
export const ended = at('settled', { outcome: 'failed' });
export const nonce = 'nonce-01';
export const tick = { kind: 'tick' } as const;

export const provide = runOf<ProvideState, ProvideEvent, ProvideAction>(provideStep, NOW);
export const waiting = providing(at('awarded'), nonce, T).state;
export const begin: ProvideEvent = { kind: 'task-start', inputs: { rows: 3 } };
export const taking = provide(waiting, [begin]).state;
export const validating = provide(taking, [{ kind: 'seen', view: at('starting'), key: 'nonce-01.1' }]).state;
export const starting = provide(validating, [{ kind: 'validated' }]).state;
export const working = provide(starting, [{ kind: 'seen', view: at('running'), key: 'nonce-01.2' }]).state;
export const asking = provide(working, [{ kind: 'ask-time', deadline: offer.issues.deadline + 1 }]).state;
export const provideStates: Record<ProvideState['name'], ProvideState> = {
  ...{ waiting, taking, validating, starting, working, 'asking-time': asking },
  resuming: providing(at('running', { process: 'nonce-00' }), nonce, T).state,
  reporting: provide(working, [{ kind: 'finished', receipt }]).state,
  delivered: providing(at('done'), nonce, T).state,
  over: providing(ended, nonce, T).state,
};
export const word = {
  seen: { kind: 'seen', view: ended },
  refused: { kind: 'refused', refusal: refusal('late', 'too late') },
  unanswered: { kind: 'unanswered' },
} as const;
export const provideEvents: Record<ProvideEvent['kind'], ProvideEvent> = {
  ...{ 'task-start': begin, validated: { kind: 'validated' }, unfit: { kind: 'unfit', message: 'no driver' } },
  ...{ progress: { kind: 'progress', progress: { percent: 40 } } },
  'ask-time': { kind: 'ask-time', deadline: offer.issues.deadline + 1 },
  ...{ finished: { kind: 'finished', receipt }, leave: { kind: 'leave' }, ...word, nudge: { kind: 'nudge' }, tick },
};
export const order = runOf<OrderState, OrderEvent, OrderAction>(orderStep, NOW);
export const orderOf = (view: TaskView) => placing(view, nonce, T).state;
export const orderStates: Record<OrderState['name'], OrderState> = {
  waiting: orderOf(at('awarded')),
  running: orderOf(at('running')),
  granting: orderOf(asked),
  deciding: orderOf(at('done', { receipt })),
  disputed: orderOf(at('disputed', { receipt })),
  over: orderOf(ended),
};
export const orderEvents: Record<OrderEvent['kind'], OrderEvent> = {
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
