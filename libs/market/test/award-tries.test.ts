// Awards that no shown bid could win: whose bids the initiator drops, whom it distrusts, and when it stops.
import { type InitiatorEvent, MAX_SHOWN_BIDS, opening, refusal } from '@tender/market';
import { expect, test } from 'vitest';
import {
  barring,
  callOf,
  chequeOf,
  limitsOf,
  options,
  propose,
  result,
  run,
  shownIn,
  verdict,
  winnerOf,
} from './negotiation-support.js';

const call = callOf();
const opened: InitiatorEvent = { kind: 'opened', call };
const close: InitiatorEvent = { kind: 'close' };
const awarded: InitiatorEvent = { kind: 'awarded', result };
const awarding = run(opening(options), [opened, propose('ann', chequeOf('ann', 30)), close]).state;
const bids = (n: number) => Array.from({ length: n }, (_, i) => chequeOf(`p${i}`, 1000 - i));

test('where none of the shown can win, the next are shown, until none is left', () => {
  const start = run(opening({ ...options, standbys: 0 }), [
    { kind: 'opened', call: callOf({ units: 1 }) },
    propose('forger', chequeOf('fake', 99), chequeOf('fake2', 98)),
    propose('ann', chequeOf('ann', 30)),
    close,
  ]);
  const again = run(start.state, [{ kind: 'not-awarded', refusal: refusal('bad-signature', 'forged') }]);
  expect(again.actions).toMatchObject([{ kind: 'distrust' }, { kind: 'award', cheques: [{ participant: 'ann' }] }]);
  const sold = run(again.state, [awarded]);
  expect(sold.actions.map((action) => action.kind)).toEqual(['accept', 'reject', 'finish']);
  expect(sold.actions[1]).toMatchObject({
    sender: 'forger',
    losers: [{ detail: 'bad-signature' }, { detail: 'bad-signature' }],
    clearingPriceMicro: '20',
  });
  const none = run(again.state, [barring(['ann', 'insufficient-credits'])]);
  const kinds = ['distrust', 'release', 'reject', 'reject', 'cancel', 'finish'];
  expect(none.actions.map((action) => action.kind)).toEqual(kinds);
  expect(none.actions.at(-1)).toMatchObject({ outcome: { ok: false, detail: 'insufficient-credits' } });
});

test('a refusal of the call itself ends it; one about its bids never does, whatever they are barred for', () => {
  for (const detail of ['lock-lost', 'late', 'stale', 'unknown', 'not-permitted', 'duplicate', 'expired'] as const) {
    const step = run(awarding, [{ kind: 'not-awarded', refusal: refusal(detail, 'the call') }]);
    expect(step.actions.map(({ kind }) => kind)).toEqual(['release', 'reject', 'cancel', 'finish']);
    const eve = [1, 2].map((n) => chequeOf('eve', 99, { intent: `e-${n}` }));
    const one = { kind: 'opened', call: callOf({ units: 1 }) } as const;
    const bids = [propose('eve', ...eve), propose('ann', chequeOf('ann', 30)), close];
    const { state } = run(opening({ ...options, standbys: 0 }), [one, ...bids]);
    const next = run(state, [barring(['eve', detail, 'e-1'], ['eve', detail, 'e-2'])]).actions.at(-1);
    expect(next).toMatchObject({ kind: 'award', cheques: [{ participant: 'ann' }] });
  }
});

test('an account without credits: all its bids are dropped at once, and it is not listened to for a while', () => {
  const poor = Array.from({ length: 40 }, (_, n) => chequeOf('poor', 999, { intent: `p-${n}` }));
  const { state } = run(opening({ ...options, limits: limitsOf(200) }), [
    opened,
    propose('poor', ...poor),
    propose('host', ...bids(70).map((cheque) => ({ ...cheque, priceMicro: '20' }))),
    close,
  ]);
  const told = shownIn(state).map(({ participant, intent }) => [participant, 'insufficient-credits', intent] as const);
  const next = run(state, [barring(...told)]);
  expect(next.actions).toMatchObject([
    { kind: 'distrust', whom: [{ participant: 'poor', detail: 'insufficient-credits' }] },
    { kind: 'award' },
  ]);
  // The second try shows as many as the bank takes, none of them poor's.
  const second = shownIn(next.state);
  expect([second.length, second.some(({ participant }) => participant === 'poor')]).toEqual([MAX_SHOWN_BIDS, false]);
});

test('uncovered bids beside a sale are a nuisance only where they kept slots from being sold', () => {
  const sale = (standbys: number) => {
    const { state } = run(opening({ ...options, standbys }), [
      opened,
      propose('poor', chequeOf('poor', 999, { intent: 'p-1' }), chequeOf('poor', 999, { intent: 'p-2' })),
      propose('host', ...bids(5)),
      close,
    ]);
    const verdicts = [verdict('poor', 'insufficient-credits', 'p-1'), verdict('poor', 'insufficient-credits', 'p-2')];
    const winners = standbys > 0 ? [winnerOf('p0', 20), winnerOf('p1', 20, 2)] : [winnerOf('p0', 20)];
    const won = winners.map(({ participant, intent }) => ({ participant, intent, outcome: 'won' as const }));
    return run(state, [{ kind: 'awarded', result: { ...result, winners, verdicts: [...verdicts, ...won] } }]).actions;
  };
  expect(sale(0).filter(({ kind }) => kind === 'distrust')).toHaveLength(1);
  expect(sale(1).filter(({ kind }) => kind === 'distrust')).toHaveLength(0);
});

test('who makes up four cheques is a forger; fewer cost only those in whose names they are', () => {
  const forged = (sender: string, n: number) =>
    propose(sender, ...Array.from({ length: n }, (_, i) => chequeOf(`${sender}-${i}`, 900)));
  const { state } = run(opening({ ...options, standbys: 20 }), [
    opened,
    forged('eve', 30),
    forged('careless', 1),
    propose('careless', chequeOf('ann', 30)),
    close,
  ]);
  const next = run(state, [{ kind: 'not-awarded', refusal: refusal('bad-signature', 'all of them') }]);
  const [distrust, award] = next.actions;
  if (distrust?.kind !== 'distrust' || award?.kind !== 'award') throw new Error('neither');
  expect(distrust.whom).toContainEqual({ sender: 'eve', detail: 'bad-signature' });
  expect(distrust.whom).not.toContainEqual({ sender: 'careless', detail: 'bad-signature' });
  expect(award.cheques.filter(({ participant }) => participant.startsWith('eve'))).toEqual([]);
  expect(award.cheques.map(({ participant }) => participant)).toContain('ann');
});

test('a forged copy of an honest bid harms neither its place nor its name', () => {
  const { state } = run(opening(options), [
    opened,
    propose('eve', chequeOf('ann', 99)),
    propose('ann', chequeOf('ann', 30)),
    close,
  ]);
  const { actions } = run(state, [
    {
      kind: 'awarded',
      result: { ...result, verdicts: [...result.verdicts, verdict('ann', 'bad-signature')] },
    },
  ]);
  expect(actions.filter(({ kind }) => kind === 'distrust')).toEqual([]);
  expect(actions).toContainEqual({ kind: 'accept', sender: 'ann', winners: result.winners });
});

test('reserved for system: of an account as much goes as was refused, and after four awards the call is over', () => {
  const standard = Array.from({ length: 200 }, (_, n) => chequeOf('rich', 50, { intent: `r-${n}` }));
  const { state } = run(opening({ ...options, limits: limitsOf(1000) }), [
    opened,
    propose('rich', ...standard, chequeOf('rich', 40, { intent: 'large', units: 2 })),
    close,
  ]);
  const told = shownIn(state).map(({ intent }) => ['rich', 'reserved-for-system', intent] as const);
  const end = run(state, [barring(...told)]);
  expect(end.state.name).toBe('ended');
  expect(end.actions.map(({ kind }) => kind)).toEqual(['release', 'reject', 'cancel', 'finish']);

  let current = run(opening({ ...options, limits: limitsOf(1000) }), [opened, propose('host', ...bids(900)), close]);
  let awards = 0;
  for (; current.state.name === 'awarding'; awards++) {
    const all = shownIn(current.state).map(({ participant }) => [participant, 'reserved-for-system'] as const);
    current = run(current.state, [barring(...all)]);
  }
  expect(awards).toBe(4);
  const rejects = current.actions.flatMap((action) => (action.kind === 'reject' ? action.losers : []));
  expect(rejects).toHaveLength(900);
  // Those that were never shown learn nothing wrong about themselves.
  expect(rejects.filter(({ detail }) => detail === 'no-capacity').length).toBeGreaterThan(600);
});
