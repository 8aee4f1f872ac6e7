// How a task's contract can end and what that costs: the cases of SPEC.md, walked against the scripts.
import type { ReportAsked } from '../src/index.js';

/** So long after the engagement: whose step, and what it says; the clock's is the sweeper's. */
export type CaseStep = readonly [
  ms: number,
  who: 'ann' | 'ben' | 'cid' | 'operator' | 'clock',
  step: ReportAsked['step'] | 'overdue',
  more?: Partial<ReportAsked>,
];

export interface EndCase {
  readonly why: string;
  readonly steps: readonly CaseStep[];
  readonly outcome: string;
  readonly paid: number;
  readonly bondTo: 'buyer' | 'provider';
  /** So long a result may be disputed; not at all where absent. */
  readonly disputeMs?: number;
  /** Where cid stands by. */
  readonly standby?: true;
}

/** It runs, a second after the engagement. */
const begun: readonly CaseStep[] = [
  [0, 'ben', 'take'],
  [1_000, 'ben', 'run'],
];
/** It was heard of a second before the deadline. */
const working: readonly CaseStep[] = [
  ...begun,
  [10_000, 'ben', 'progress', { percent: 50 }],
  [19_000, 'ben', 'progress', { percent: 90 }],
];
const late: readonly CaseStep[] = [...working, [28_000, 'ben', 'progress', { percent: 95 }]];
const askedFor: readonly CaseStep[] = [...working, [19_500, 'ben', 'ask-time', { deadline: 30_000 }]];
const ruling = { operator: true, paidMicro: '300', bondTo: 'buyer' } as const;
const rejected = { operator: true, paidMicro: '0', bondTo: 'buyer' } as const;
const week = 7 * 24 * 3_600_000;

const done = { outcome: 'done', bondTo: 'provider' } as const;
const failed = { outcome: 'failed', paid: 0, bondTo: 'buyer' } as const;
const decommitted = { outcome: 'decommitted', bondTo: 'provider' } as const;
const left = { outcome: 'decommitted', paid: 0, bondTo: 'buyer' } as const;
const disputable = { disputeMs: 5_000 } as const;

/**
 * ann engages ben for 1,000, bond 100; the start is due after a second, with another of grace, a report every ten
 * seconds, the result after twenty; the work is expected to take ten. For a result ten seconds late half the price
 * goes back; who cancels pays a tenth. cid stands by for 1,200.
 */
export const endCases: readonly EndCase[] = [
  { why: 'done in time', ...done, paid: 1_000, steps: [...begun, [9_000, 'ben', 'done']] },
  { why: 'done at the deadline', ...done, paid: 1_000, steps: [...working, [20_000, 'ben', 'done']] },
  { why: 'done 1 ms late', ...done, paid: 999, steps: [...working, [20_001, 'ben', 'done']] },
  { why: 'done 5 s late', ...done, paid: 750, steps: [...working, [25_000, 'ben', 'done']] },
  { why: 'done 10 s late, at the last moment', ...done, paid: 500, steps: [...late, [30_000, 'ben', 'done']] },
  { why: 'done later still', ...failed, outcome: 'expired', steps: [...late, [30_001, 'ben', 'done']] },
  {
    ...{ why: 'granted ten seconds more, done within them', ...done, paid: 1_000 },
    steps: [...askedFor, [19_600, 'ann', 'grant-time'], [29_000, 'ben', 'done']],
  },
  {
    ...{ why: 'denied more time, done 5 s late', ...done, paid: 750 },
    steps: [...askedFor, [19_600, 'ann', 'deny-time'], [25_000, 'ben', 'done']],
  },
  { why: 'failed, by its own word', ...failed, steps: [...begun, [5_000, 'ben', 'fail']] },
  { why: 'silent', ...failed, steps: [...begun, [11_001, 'clock', 'overdue']] },
  { why: 'silent, and so was the bank for an hour', ...failed, steps: [...begun, [3_600_000, 'clock', 'overdue']] },
  { why: 'never taken', ...failed, outcome: 'violated', steps: [[2_001, 'clock', 'overdue']] },
  {
    ...{ why: 'taken, but not begun within the grace', ...failed, outcome: 'violated' },
    steps: [
      [0, 'ben', 'take'],
      [2_001, 'ben', 'run'],
    ],
  },
  { why: 'turned down, nobody stands by', ...failed, bondTo: 'provider', steps: [[500, 'ben', 'turn-down']] },
  {
    ...{ why: 'turned down, done in time by the standby', ...done, paid: 1_200, standby: true },
    steps: [
      [500, 'ben', 'turn-down'],
      [600, 'cid', 'take'],
      [700, 'cid', 'run'],
      [9_000, 'cid', 'done'],
    ],
  },
  { why: 'cancelled by the buyer before it began', ...decommitted, paid: 100, steps: [[900, 'ann', 'decommit']] },
  { why: 'cancelled after 0.5 s', ...decommitted, paid: 100, steps: [...begun, [1_500, 'ann', 'decommit']] },
  { why: 'cancelled after 4 s', ...decommitted, paid: 400, steps: [...begun, [5_000, 'ann', 'decommit']] },
  {
    why: 'cancelled after 12 s',
    ...decommitted,
    paid: 1_000,
    steps: [...working.slice(0, 3), [13_000, 'ann', 'decommit']],
  },
  { why: 'left by the provider before it began', ...left, steps: [[900, 'ben', 'decommit']] },
  { why: 'left by the provider after 4 s', ...left, steps: [...begun, [5_000, 'ben', 'decommit']] },
  {
    ...{ why: 'preempted before it began', outcome: 'preempted', paid: 0, bondTo: 'provider' },
    steps: [[900, 'operator', 'preempt', { operator: true }]],
  },
  {
    ...{ why: 'preempted after 4 s', outcome: 'preempted', paid: 400, bondTo: 'provider' },
    steps: [...begun, [5_000, 'operator', 'preempt', { operator: true }]],
  },
  {
    ...{ why: 'accepted', ...done, paid: 1_000, ...disputable },
    steps: [...begun, [9_000, 'ben', 'done'], [9_500, 'ann', 'accept']],
  },
  {
    ...{ why: 'the buyer says nothing, or is dead', ...done, paid: 1_000, ...disputable },
    steps: [...begun, [9_000, 'ben', 'done'], [14_001, 'clock', 'overdue']],
  },
  {
    ...{ why: 'disputed too late', ...done, paid: 1_000, ...disputable },
    steps: [...begun, [9_000, 'ben', 'done'], [14_001, 'ann', 'dispute']],
  },
  {
    ...{ why: 'done 5 s late, accepted after a dispute', ...done, paid: 750, ...disputable },
    steps: [...working, [25_000, 'ben', 'done'], [26_000, 'ann', 'dispute'], [99_000, 'ann', 'accept']],
  },
  {
    ...{ why: 'disputed, an operator gives 300 and the bond to the buyer', ...done, bondTo: 'buyer', paid: 300 },
    ...{ ...disputable },
    steps: [...begun, [9_000, 'ben', 'done'], [9_500, 'ann', 'dispute'], [99_000, 'operator', 'resolve', ruling]],
  },
  {
    ...{ why: 'disputed, an operator gives nothing', ...failed, ...disputable },
    steps: [...begun, [9_000, 'ben', 'done'], [9_500, 'ann', 'dispute'], [99_000, 'operator', 'resolve', rejected]],
  },
  {
    ...{ why: 'disputed, and for seven days nobody decides', ...done, paid: 1_000, ...disputable },
    steps: [...begun, [9_000, 'ben', 'done'], [9_500, 'ann', 'dispute'], [9_501 + week, 'clock', 'overdue']],
  },
];
