// The initiator's table, cell by cell, and what a call comes to: who is shown, who is told what.

import { readFileSync } from 'node:fs';
import {
  type Cheque,
  type InitiatorEvent,
  type InitiatorState,
  initiatorStep,
  initiatorTable,
  MAX_SHOWN_BIDS,
  opening,
  refusal,
  type Terms,
  termsDigest,
} from '@tender/market';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CLOSES,
  callOf,
  chequeOf,
  limitsOf,
  lockLost,
  markdownOf,
  options,
  propose,
  result,
  run,
  T,
  winnerOf,
} from './negotiation-support.js';

const call = callOf();
const opened: InitiatorEvent = { kind: 'opened', call };
const close: InitiatorEvent = { kind: 'close' };
const awarded: InitiatorEvent = { kind: 'awarded', result };

const collecting = run(opening(options), [opened, propose('ann', chequeOf('ann', 30))]).state;
const awarding = run(collecting, [close]).state;
const states: Record<InitiatorState['name'], InitiatorState> = {
  opening: opening(options),
  aborting: run(opening(options), [{ kind: 'abort' }]).state,
  collecting,
  awarding,
  sold: run(awarding, [awarded]).state,
  ended: run(collecting, [{ kind: 'abort' }]).state,
};
const events: Record<InitiatorEvent['kind'], InitiatorEvent> = {
  opened,
  'not-opened': { kind: 'not-opened', refusal: lockLost },
  awarded,
  'not-awarded': { kind: 'not-awarded', refusal: lockLost },
  propose: propose('bob', chequeOf('bob', 20)),
  decline: { kind: 'decline', sender: 'bob', participants: ['bob'] },
  withdraw: { kind: 'withdraw', sender: 'ann', participants: ['ann'] },
  close,
  abort: { kind: 'abort' },
};

const ending = 'ended: release reject cancel finish';
const expected: Record<InitiatorState['name'], Record<InitiatorEvent['kind'], string>> = {
  opening: {
    opened: 'collecting: announce',
    'not-opened': 'ended: finish',
    awarded: 'not-your-turn',
    'not-awarded': 'not-your-turn',
    propose: 'not-your-turn',
    decline: 'not-your-turn',
    withdraw: 'not-your-turn',
    close: 'not-your-turn',
    abort: 'aborting:',
  },
  aborting: {
    opened: 'ended: release finish',
    'not-opened': 'ended: finish',
    awarded: 'not-your-turn',
    'not-awarded': 'not-your-turn',
    propose: 'not-your-turn',
    decline: 'not-your-turn',
    withdraw: 'not-your-turn',
    close: 'not-your-turn',
    abort: 'duplicate',
  },
  collecting: {
    opened: 'duplicate',
    'not-opened': 'stale',
    awarded: 'not-your-turn',
    'not-awarded': 'not-your-turn',
    propose: 'collecting:',
    decline: 'collecting:',
    withdraw: 'collecting:',
    close: 'awarding: award',
    abort: ending,
  },
  awarding: {
    opened: 'duplicate',
    'not-opened': 'stale',
    awarded: 'sold: accept finish',
    'not-awarded': ending,
    propose: 'awarding: reject',
    decline: 'late',
    withdraw: 'late',
    close: 'duplicate',
    abort: 'late',
  },
  sold: {
    opened: 'stale',
    'not-opened': 'stale',
    awarded: 'duplicate',
    'not-awarded': 'stale',
    propose: 'sold: reject',
    decline: 'late',
    withdraw: 'late',
    close: 'stale',
    abort: 'late',
  },
  ended: {
    opened: 'stale',
    'not-opened': 'stale',
    awarded: 'stale',
    'not-awarded': 'stale',
    propose: 'ended: reject',
    decline: 'late',
    withdraw: 'late',
    close: 'stale',
    abort: 'late',
  },
};

test('the table has a row for every pair, and no more', () => {
  expect(Object.keys(initiatorTable).sort()).toEqual(Object.keys(states).sort());
  for (const rows of Object.values(initiatorTable))
    expect(Object.keys(rows).sort()).toEqual(Object.keys(events).sort());
});

const cells = Object.entries(expected).flatMap(([state, row]) =>
  Object.entries(row).map(([event, cell]) => ({ state, event, cell })),
);
test.each(cells)('$state + $event: $cell', ({ state, event, cell }) => {
  const from = states[state as InitiatorState['name']];
  expect(from.name).toBe(state);
  const step = initiatorStep(from, events[event as InitiatorEvent['kind']], T + 1);
  const [first] = step.actions;
  if (first?.kind === 'ignored') {
    expect(step.state).toBe(from);
    expect(first.detail).toBe(cell);
  } else {
    const kinds = step.actions.map(({ kind }) => kind).join(' ');
    expect(`${step.state.name}:${kinds ? ` ${kinds}` : ''}`).toBe(cell);
  }
});

describe('collecting', () => {
  test('a repeated bid stands and is not answered; one beyond the limit is told', () => {
    const few = run(opening({ ...options, limits: limitsOf(1) }), [opened]).state;
    const { actions, ignored } = run(few, [
      propose('ann', chequeOf('ann', 30)),
      propose('ann', chequeOf('ann', 40)),
      propose('bob', chequeOf('bob', 40)),
    ]);
    expect(ignored).toEqual(['propose: duplicate']);
    expect(actions).toEqual([
      { kind: 'reject', sender: 'bob', losers: [{ participant: 'bob', intent: 'bob-intent', detail: 'no-capacity' }] },
    ]);
  });

  test('one sender, and one participant behind it, has a share of the book only', () => {
    const limits = limitsOf(100, { perSender: 3, perParticipant: 2 });
    const start = run(opening({ ...options, limits }), [opened]).state;
    const of = (participant: string, n: number) => chequeOf(participant, 30, { intent: `i-${n}` });
    const { state, actions } = run(start, [
      propose('mallory', of('ann', 1), of('ann', 2), of('ann', 3), of('bob', 1)),
      propose('mallory', of('cyd', 1)),
      // A stranger that bids in others' names takes no place of theirs.
      propose('ann', of('ann', 1), of('ann', 2)),
    ]);
    const told = actions.flatMap((action) => (action.kind === 'reject' ? action.losers : []));
    expect(told).toEqual([
      { participant: 'ann', intent: 'i-3', detail: 'no-capacity' },
      { participant: 'cyd', intent: 'i-1', detail: 'no-capacity' },
    ]);
    // What is withdrawn makes room again.
    const again = run(state, [
      { kind: 'withdraw', sender: 'mallory', participants: ['ann'] },
      propose('mallory', of('cyd', 1), of('cyd', 2)),
    ]);
    expect(again.actions).toEqual([]);
    if (again.state.name !== 'collecting') throw new Error(again.state.name);
    expect(again.state.bids.size).toBe(5);
  });

  test('a bid at the close is late, a copy of one in the book is no news', () => {
    const { actions, ignored } = run(
      collecting,
      [propose('bob', chequeOf('bob', 40)), propose('ann', chequeOf('ann', 30))],
      CLOSES,
    );
    expect(actions).toMatchObject([{ kind: 'reject', sender: 'bob', losers: [{ detail: 'late' }] }]);
    expect(ignored).toEqual(['propose: duplicate']);
  });

  test('closes early when enough bids and refusals are in, each counted once', () => {
    const start = run(opening({ ...options, closeAfterBids: 3 }), [opened]).state;
    const decline = events.decline;
    const waiting = run(start, [
      propose('ann', chequeOf('ann', 30)),
      propose('ann', chequeOf('ann', 30)),
      decline,
      decline,
    ]);
    expect(waiting.state.name).toBe('collecting');
    expect(run(waiting.state, [propose('cyd', chequeOf('cyd', 30))]).state.name).toBe('awarding');
  });

  test('a withdrawal counts for its own sender only', () => {
    const theirs = run(collecting, [{ kind: 'withdraw', sender: 'bob', participants: ['ann'] }, close]);
    expect(theirs.state.name).toBe('awarding');
    const own = run(collecting, [{ kind: 'withdraw', sender: 'ann', participants: ['ann'] }, close]);
    expect(own.state.name).toBe('ended');
    expect(own.actions.at(-1)).toMatchObject({ kind: 'finish', outcome: { ok: true, winners: [], ranked: [] } });
  });

  test('what cannot win is not shown, and told why in the end', () => {
    const faulty = run(opening(options), [
      opened,
      propose(
        'host',
        chequeOf('below', 9),
        chequeOf('big', 50, { units: 3 }),
        chequeOf('old', 50, { until: CLOSES - 1 }),
        chequeOf('sealed', 50, { seal: 'ed25519' } as Partial<Cheque>),
        chequeOf('fine', 10),
      ),
      close,
    ]);
    expect(faulty.actions.at(-1)).toMatchObject({ kind: 'award', cheques: [{ participant: 'fine' }] });
    const end = run(faulty.state, [{ kind: 'awarded', result: { ...result, winners: [], verdicts: [] } }]);
    const [reject, cancel, finish] = end.actions;
    if (reject?.kind !== 'reject') throw new Error(reject?.kind);
    expect(Object.fromEntries(reject.losers.map(({ participant, detail }) => [participant, detail]))).toEqual({
      fine: 'outbid',
      below: 'below-reserve-price',
      big: 'no-capacity',
      old: 'expired',
      sealed: 'not-permitted',
    });
    expect(cancel).toMatchObject({ kind: 'cancel' });
    expect(finish).toMatchObject({ kind: 'finish' });
  });
});

describe('awarding', () => {
  const bids = (n: number) => Array.from({ length: n }, (_, i) => chequeOf(`p${i}`, 1000 - i));
  const shownOf = (terms: Partial<Terms>, cheques: Cheque[], standbys = 1) => {
    const custom = callOf(terms);
    const { actions } = run(opening({ ...options, standbys, limits: limitsOf(1000) }), [
      { kind: 'opened', call: custom },
      propose('host', ...cheques),
      close,
    ]);
    const award = actions.at(-1)!;
    if (award.kind !== 'award') throw new Error(award.kind);
    expect(award.digest).toBe(termsDigest(custom.terms));
    return award.cheques.map(({ participant }) => participant);
  };

  test('shows the winners, the bid that sets the price, and the standbys', () => {
    expect(shownOf({}, bids(10))).toEqual(['p0', 'p1', 'p2', 'p3']);
    expect(shownOf({}, bids(10), 0)).toEqual(['p0', 'p1', 'p2']);
    expect(shownOf({}, bids(1))).toEqual(['p0']);
  });

  test('never more than the bank takes; bids too large to fit go first', () => {
    expect(shownOf({ units: 64 }, bids(200), 3)).toHaveLength(MAX_SHOWN_BIDS);
    const large = Array.from({ length: 80 }, (_, i) => chequeOf(`big${i}`, 900 - i, { units: 2 }));
    const shown = shownOf({ units: 2 }, [chequeOf('top', 1000), ...large, chequeOf('small', 20), chequeOf('next', 15)]);
    expect(shown).toEqual(['top', 'small', 'next']);
  });

  test('an unknown outcome: nobody is told that it lost, and nothing is released', () => {
    const { actions, state } = run(awarding, [{ kind: 'not-awarded', refusal: refusal('unavailable', 'no answer') }]);
    expect(state.name).toBe('ended');
    expect(actions).toMatchObject([{ kind: 'finish', outcome: { ok: false, detail: 'unavailable' } }]);
  });

  test('one message per sender: winners by one accept, losers by one reject', () => {
    const start = run(opening(options), [
      opened,
      propose('host', chequeOf('ann', 50), chequeOf('bob', 40), chequeOf('cyd', 30), chequeOf('dan', 20)),
      propose('eve', chequeOf('eve', 25)),
      close,
    ]).state;
    const { actions } = run(start, [
      {
        kind: 'awarded',
        result: {
          ...result,
          winners: [winnerOf('ann', 25), winnerOf('cyd', 25, 2)],
          verdicts: [
            { participant: 'ann', intent: 'ann-intent', outcome: 'won' },
            { participant: 'bob', intent: 'bob-intent', outcome: 'barred', detail: 'insufficient-credits' },
            { participant: 'cyd', intent: 'cyd-intent', outcome: 'won' },
            { participant: 'eve', intent: 'eve-intent', outcome: 'lost' },
          ],
        },
      },
    ]);
    expect(actions).toMatchObject([
      { kind: 'accept', sender: 'host', winners: [{ participant: 'ann' }, { participant: 'cyd' }] },
      {
        kind: 'reject',
        sender: 'host',
        losers: [
          { participant: 'bob', detail: 'insufficient-credits' },
          { participant: 'dan', detail: 'outbid' },
        ],
      },
      { kind: 'reject', sender: 'eve', losers: [{ participant: 'eve', detail: 'outbid' }] },
      { kind: 'finish' },
    ]);
  });
});

test('any sequence of events: never a throw, one finish at most, no accept without an award', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...Object.values(events)), { maxLength: 30 }), (sequence) => {
      const { actions } = run(opening(options), sequence);
      const count = (kind: string) => actions.filter((action) => action.kind === kind).length;
      expect(count('finish')).toBeLessThanOrEqual(1);
      expect(count('announce')).toBeLessThanOrEqual(1);
      if (count('award') === 0) expect(count('accept')).toBe(0);
    }),
  );
});

test('NEGOTIATION.md shows this table', () => {
  const text = readFileSync(new URL('../NEGOTIATION.md', import.meta.url), 'utf8');
  expect(text).toContain(markdownOf(expected));
});
