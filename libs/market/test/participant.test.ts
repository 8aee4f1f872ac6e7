// The participant's table, cell by cell: where each event leads from each state, and what is done about it.

import { readFileSync } from 'node:fs';
import {
  type BidContext,
  type Confirm,
  type Detail,
  evaluating,
  type ParticipantEvent,
  type ParticipantState,
  participantStep,
  participantTable,
} from '@tender/market';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AWARD_BY, CLOSES, markdownOf, T, winnerOf } from './negotiation-support.js';

const context = (confirm: Confirm): BidContext => ({ cfp: 'call-1', closesAt: CLOSES, awardBy: AWARD_BY, confirm });
const bid = { participant: 'ann', units: 1, priceMicro: '50', intent: 'ann-intent', until: AWARD_BY };
const winner = winnerOf('ann', 40);

const states: Record<ParticipantState['name'], ParticipantState> = {
  evaluating: evaluating(context('accepts')),
  declined: { name: 'declined', context: context('accepts') },
  bid: { name: 'bid', context: context('accepts'), bid },
  withdrawn: { name: 'withdrawn', context: context('accepts'), bid },
  confirming: { name: 'confirming', context: context('accepts'), bid },
  inquiring: { name: 'inquiring', context: context('accepts'), bid },
  won: { name: 'won', context: context('accepts'), bid, winner },
  lost: { name: 'lost', context: context('accepts'), bid },
};
const events: Record<ParticipantEvent['kind'], ParticipantEvent> = {
  bid: { kind: 'bid', bid },
  decline: { kind: 'decline', detail: 'no-capacity' },
  withdraw: { kind: 'withdraw' },
  accept: { kind: 'accept', winner },
  reject: { kind: 'reject', detail: 'outbid', clearingPriceMicro: '60' },
  cancel: { kind: 'cancel', detail: 'expired' },
  overdue: { kind: 'overdue' },
  held: { kind: 'held', winner },
  absent: { kind: 'absent' },
};

/** Before the close, then after `awardBy`: `next: action` or the detail of what is ignored. */
type Cell = string | readonly [before: string, after: string];
const same = (cell: string): Cell => cell;
const expected: Record<ParticipantState['name'], Record<ParticipantEvent['kind'], Cell>> = {
  evaluating: {
    bid: ['bid: propose', 'declined: lost'],
    decline: ['declined: refuse', 'declined:'],
    withdraw: 'declined:',
    accept: same('not-your-turn'),
    reject: same('not-your-turn'),
    cancel: 'declined:',
    overdue: 'declined:',
    held: same('not-your-turn'),
    absent: same('not-your-turn'),
  },
  declined: {
    bid: 'late',
    decline: 'duplicate',
    withdraw: 'stale',
    accept: 'stale',
    reject: 'stale',
    cancel: 'stale',
    overdue: 'stale',
    held: 'stale',
    absent: 'stale',
  },
  bid: {
    bid: 'duplicate',
    decline: 'not-your-turn',
    withdraw: ['withdrawn: withdraw', 'late'],
    accept: 'confirming: confirm',
    reject: 'lost: lost',
    cancel: 'lost: lost',
    overdue: ['not-your-turn', 'inquiring: inquire'],
    held: 'won: lease',
    absent: 'not-your-turn',
  },
  withdrawn: {
    bid: 'stale',
    decline: 'not-your-turn',
    withdraw: 'duplicate',
    accept: 'confirming: confirm',
    reject: 'lost: lost',
    cancel: 'lost: lost',
    overdue: ['not-your-turn', 'inquiring: inquire'],
    held: 'won: lease',
    absent: 'not-your-turn',
  },
  confirming: {
    bid: 'duplicate',
    decline: 'not-your-turn',
    withdraw: 'late',
    accept: 'duplicate',
    reject: 'stale',
    cancel: 'stale',
    overdue: 'not-your-turn',
    held: 'won: lease',
    absent: ['bid:', 'inquiring: inquire'],
  },
  inquiring: {
    bid: 'duplicate',
    decline: 'not-your-turn',
    withdraw: 'late',
    accept: 'confirming: confirm',
    reject: 'lost: lost',
    cancel: 'lost: lost',
    overdue: 'duplicate',
    held: 'won: lease',
    absent: ['bid:', 'lost: lost'],
  },
  won: {
    bid: 'duplicate',
    decline: 'not-your-turn',
    withdraw: 'late',
    accept: 'duplicate',
    reject: 'stale',
    cancel: 'stale',
    overdue: 'stale',
    held: 'duplicate',
    absent: 'stale',
  },
  lost: {
    bid: 'late',
    decline: 'not-your-turn',
    withdraw: 'late',
    accept: 'confirming: confirm',
    reject: 'duplicate',
    cancel: 'duplicate',
    overdue: 'stale',
    held: 'won: lease',
    absent: 'stale',
  },
};

function shown(state: ParticipantState, event: ParticipantEvent, nowMs: number): string {
  const step = participantStep(state, event, nowMs);
  const [action, ...more] = step.actions;
  expect(more).toEqual([]);
  if (action?.kind === 'ignored') {
    expect(step.state).toBe(state);
    expect(action.event).toBe(event.kind);
    return action.detail;
  }
  return `${step.state.name}:${action ? ` ${action.kind}` : ''}`;
}

test('the table has a row for every pair, and no more', () => {
  const names = Object.keys(states).sort();
  expect(Object.keys(participantTable).sort()).toEqual(names);
  for (const rows of Object.values(participantTable)) {
    expect(Object.keys(rows).sort()).toEqual(Object.keys(events).sort());
  }
});

const cells = Object.entries(expected).flatMap(([state, row]) =>
  Object.entries(row).map(([event, cell]) => {
    const [before, after] = typeof cell === 'string' ? [cell, cell] : cell;
    return { state, event, before, after };
  }),
);

test.each(cells)('$state + $event: $before, in the end $after', ({ state, event, before, after }) => {
  const from = states[state as ParticipantState['name']];
  const with_ = events[event as ParticipantEvent['kind']];
  expect(shown(from, with_, T + 1)).toBe(before);
  expect(shown(from, with_, AWARD_BY + 1)).toBe(after);
});

describe('whom it believes', () => {
  const bidding = (confirm: Confirm): ParticipantState => ({ name: 'bid', context: context(confirm), bid });

  test('none: an accept is a lease', () => {
    expect(shown(bidding('none'), events.accept, T)).toBe('won: lease');
  });

  test.each([
    ['another participant', { participant: 'bob' }],
    ['another intent', { intent: 'other' }],
    ['more units', { units: 2 }],
    ['fewer slots', { slots: [] }],
    ['a higher price', { priceMicro: '51' }],
  ])('an accept with %s is stale', (_what, wrong) => {
    const accept = { kind: 'accept', winner: { ...winner, ...wrong } } as const;
    for (const confirm of ['none', 'accepts', 'all'] as const) expect(shown(bidding(confirm), accept, T)).toBe('stale');
  });

  test('all: a rejection stands only when the bank has nothing for the intent', () => {
    const told = participantStep(bidding('all'), events.reject, T);
    expect([told.state.name, told.actions]).toEqual(['bid', []]);
    expect(shown(told.state, events.reject, T)).toBe('duplicate');
    const asking = participantStep(told.state, events.overdue, AWARD_BY);
    expect(asking.actions).toEqual([{ kind: 'inquire', intent: 'ann-intent' }]);
    expect(participantStep(asking.state, events.absent, AWARD_BY).actions).toEqual([
      { kind: 'lost', detail: 'outbid', clearingPriceMicro: '60' },
    ]);
    expect(participantStep(asking.state, events.held, AWARD_BY).actions).toEqual([{ kind: 'lease', winner }]);
  });

  test('nothing heard: the bank is asked after the close already, again and again until awardBy', () => {
    const early = participantStep(bidding('accepts'), events.overdue, CLOSES);
    expect(early.actions).toEqual([{ kind: 'inquire', intent: 'ann-intent' }]);
    const back = participantStep(early.state, events.absent, CLOSES + 5);
    expect([back.state.name, back.actions]).toEqual(['bid', []]);
    expect(shown(back.state, events.overdue, CLOSES + 10)).toBe('inquiring: inquire');
    // An accept that comes meanwhile is confirmed; the answer to the earlier question says nothing about it.
    const confirming = participantStep(early.state, events.accept, CLOSES + 2);
    const after = participantStep(confirming.state, events.absent, CLOSES + 5);
    expect(shown(after.state, events.held, CLOSES + 6)).toBe('won: lease');
  });

  test('an accept after a rejection is a lease if the bank bears it out; if not, the loss is told once only', () => {
    const lost = participantStep(bidding('accepts'), events.reject, T).state;
    const confirming = participantStep(lost, events.accept, T + 1);
    expect(confirming.actions).toMatchObject([{ kind: 'confirm' }]);
    expect(shown(confirming.state, events.held, T + 2)).toBe('won: lease');
    expect(shown(confirming.state, events.absent, T + 2)).toBe('lost:');
    expect(shown(confirming.state, events.absent, AWARD_BY)).toBe('lost:');
  });

  test('lost as a duplicate: the intent has won somewhere, and the bank knows where', () => {
    const step = participantStep(bidding('accepts'), { kind: 'reject', detail: 'duplicate' }, T);
    expect(step.actions.map(({ kind }) => kind)).toEqual(['lost', 'inquire']);
    expect(shown(step.state, events.held, T)).toBe('won: lease');
    expect(shown(step.state, events.absent, T)).toBe('stale');
  });

  test('nothing heard and nothing held is expired', () => {
    expect(participantStep(states.inquiring, events.absent, AWARD_BY).actions).toEqual([
      { kind: 'lost', detail: 'expired' },
    ]);
  });
});

test('any sequence of events: never a throw, at most one lease, none after silence', () => {
  const anyEvent = fc.constantFrom(...Object.values(events));
  const anyTime = fc.integer({ min: T, max: AWARD_BY + 100 });
  fc.assert(
    fc.property(
      fc.constantFrom<Confirm>('none', 'accepts', 'all'),
      fc.array(fc.tuple(anyEvent, anyTime), { maxLength: 30 }),
      (confirm, sequence) => {
        let state = evaluating(context(confirm));
        let leases = 0;
        let proposed = false;
        for (const [event, at] of [...sequence].sort((a, b) => a[1] - b[1])) {
          const step = participantStep(state, event, at);
          state = step.state;
          for (const action of step.actions) {
            if (action.kind === 'propose') proposed = true;
            if (action.kind === 'lease') leases++;
            // With a policy that asks the bank, only the bank's word makes a lease.
            if (action.kind === 'lease' && confirm !== 'none') expect(event.kind).toBe('held');
          }
        }
        expect(leases).toBeLessThanOrEqual(1);
        if (!proposed) expect(leases).toBe(0);
      },
    ),
  );
});

test('every detail that the table answers with is of the closed list', () => {
  const details = new Set<Detail>();
  for (const rows of Object.values(participantTable)) {
    for (const row of Object.values(rows)) if (typeof row === 'string') details.add(row as Detail);
  }
  expect([...details].sort()).toEqual(['duplicate', 'late', 'not-your-turn', 'stale']);
});

test('NEGOTIATION.md shows this table', () => {
  const text = readFileSync(new URL('../NEGOTIATION.md', import.meta.url), 'utf8');
  expect(text).toContain(markdownOf(expected));
});
