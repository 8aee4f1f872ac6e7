// The life of a task's contract, as the bank keeps it: a total table of states and steps.
import type { Detail } from '../refusal.js';

/** `failed` to `decommitted` are passed through: the bank settles them in the same step. */
export const taskStates = [
  'awarded',
  'starting',
  'running',
  'renewing',
  'done',
  'disputed',
  'failed',
  'violated',
  'expired',
  'preempted',
  'decommitted',
  'settled',
] as const;
export type TaskState = (typeof taskStates)[number];
/** What a contract can be found in: the others last no time. */
export const keptStates = ['awarded', 'starting', 'running', 'renewing', 'done', 'disputed', 'settled'] as const;
export type KeptState = (typeof keptStates)[number];
export const taskOutcomes = ['done', 'failed', 'violated', 'expired', 'preempted', 'decommitted'] as const;
export type TaskOutcome = (typeof taskOutcomes)[number];

/** Who takes each step. */
export const taskSteps = {
  take: 'provider',
  run: 'provider',
  /** Another process of the provider's takes over from one that died or sleeps. */
  resume: 'provider',
  'turn-down': 'provider',
  progress: 'provider',
  'ask-time': 'provider',
  done: 'provider',
  fail: 'provider',
  'grant-time': 'buyer',
  'deny-time': 'buyer',
  accept: 'buyer',
  dispute: 'buyer',
  decommit: 'either',
  preempt: 'operator',
  resolve: 'operator',
  overdue: 'clock',
} as const;
export type TaskStep = keyof typeof taskSteps;

/** A state to go to, or why not. `turn-down` leads to `awarded` where a runner-up takes over, else to `failed`. */
export type Cell = { readonly to: TaskState } | { readonly detail: Detail };

const to = (state: TaskState): Cell => ({ to: state });
const no = (detail: Detail): Cell => ({ detail });
const early = no('not-your-turn');
const over = no('expired');

/** States × steps; whoever may not take a step is refused `not-permitted` before the table is asked. */
export const lifeCycle: Readonly<Record<KeptState, Readonly<Record<TaskStep, Cell>>>> = {
  awarded: {
    ...{
      take: to('starting'),
      run: early,
      resume: early,
      'turn-down': to('awarded'),
      progress: early,
      'ask-time': early,
    },
    ...{ done: early, fail: early, 'grant-time': early, 'deny-time': early, accept: early, dispute: early },
    ...{ decommit: to('decommitted'), preempt: to('preempted'), resolve: early, overdue: to('violated') },
  },
  starting: {
    ...{
      take: no('duplicate'),
      run: to('running'),
      resume: to('starting'),
      'turn-down': to('awarded'),
      progress: early,
      'ask-time': early,
    },
    ...{ done: early, fail: to('failed'), 'grant-time': early, 'deny-time': early, accept: early, dispute: early },
    ...{ decommit: to('decommitted'), preempt: to('preempted'), resolve: early, overdue: to('violated') },
  },
  running: {
    ...{
      take: no('duplicate'),
      run: no('duplicate'),
      resume: to('running'),
      'turn-down': no('late'),
      progress: to('running'),
    },
    ...{ 'ask-time': to('renewing'), done: to('done'), fail: to('failed'), 'grant-time': early, 'deny-time': early },
    ...{ accept: early, dispute: early, decommit: to('decommitted'), preempt: to('preempted'), resolve: early },
    /** Silence is failure; past the last time for a result it is expiry. */
    overdue: to('failed'),
  },
  renewing: {
    ...{
      take: no('duplicate'),
      run: no('duplicate'),
      resume: to('renewing'),
      'turn-down': no('late'),
      progress: to('renewing'),
    },
    ...{ 'ask-time': no('duplicate'), done: to('done'), fail: to('failed'), 'grant-time': to('running') },
    ...{ 'deny-time': to('running'), accept: early, dispute: early, decommit: to('decommitted') },
    ...{ preempt: to('preempted'), resolve: early, overdue: to('failed') },
  },
  done: {
    ...{
      take: no('late'),
      run: no('late'),
      resume: no('late'),
      'turn-down': no('late'),
      progress: no('late'),
      'ask-time': no('late'),
    },
    ...{ done: no('duplicate'), fail: no('late'), 'grant-time': no('late'), 'deny-time': no('late') },
    ...{ accept: to('settled'), dispute: to('disputed'), decommit: no('late'), preempt: no('late') },
    ...{ resolve: early, overdue: to('settled') },
  },
  disputed: {
    ...{
      take: no('late'),
      run: no('late'),
      resume: no('late'),
      'turn-down': no('late'),
      progress: no('late'),
      'ask-time': no('late'),
    },
    ...{ done: no('late'), fail: no('late'), 'grant-time': no('late'), 'deny-time': no('late') },
    ...{ accept: to('settled'), dispute: no('duplicate'), decommit: no('late'), preempt: no('late') },
    ...{ resolve: to('settled'), overdue: to('settled') },
  },
  settled: {
    ...{
      take: over,
      run: over,
      resume: over,
      'turn-down': over,
      progress: over,
      'ask-time': over,
      done: over,
      fail: over,
    },
    ...{ 'grant-time': over, 'deny-time': over, accept: over, dispute: over, decommit: over, preempt: over },
    ...{ resolve: over, overdue: over },
  },
};

/** A dispute that no operator resolves ends so long after it was raised, as the receipt says. */
export const DISPUTE_LIMIT_MS = 7 * 24 * 3_600_000;
