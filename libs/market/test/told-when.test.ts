// A bid that a spent budget keeps out: its bidder is told until when, whichever way the award went.
import { type InitiatorAction, type InitiatorEvent, type Loser, opening, toldLoser } from '@tender/market';
import { expect, test } from 'vitest';
import {
  barring,
  callOf,
  chequeOf,
  options,
  propose,
  result,
  run,
  T,
  verdict,
  winnerOf,
} from './negotiation-support.js';

const NEXT = T + 60_000;
const spent = { ...verdict('bob', 'over-budget'), retryAt: NEXT };
const opened: InitiatorEvent = { kind: 'opened', call: callOf() };
const close: InitiatorEvent = { kind: 'close' };

function told(actions: readonly InitiatorAction[]): readonly Loser[] {
  return actions.flatMap((action) => (action.kind === 'reject' ? action.losers : []));
}

test('beside a sale', () => {
  const { actions } = run(opening(options), [
    opened,
    propose('host', chequeOf('ann', 50), chequeOf('bob', 40)),
    close,
    { kind: 'awarded', result: { ...result, winners: [winnerOf('ann', 25)], verdicts: [spent] } },
  ]);
  expect(told(actions)).toEqual([{ participant: 'bob', intent: 'bob-intent', detail: 'over-budget', retryAt: NEXT }]);
});

test('where nobody could win, in the first award or a later one', () => {
  const refused = barring(['bob', 'over-budget']);
  const { actions } = run(opening({ ...options, standbys: 0 }), [
    opened,
    propose('host', chequeOf('bob', 50, { units: 2 }), chequeOf('cid', 30), chequeOf('dan', 20)),
    close,
    { ...refused, refusal: { ...refused.refusal, verdicts: [spent, verdict('cid', 'insufficient-credits')] } },
    barring(['dan', 'unknown']),
  ]);
  expect(actions.filter(({ kind }) => kind === 'award')).toHaveLength(2);
  const byName = [...told(actions)].sort((a, b) => (a.participant < b.participant ? -1 : 1));
  expect(byName).toEqual([
    { participant: 'bob', intent: 'bob-intent', detail: 'over-budget', retryAt: NEXT },
    { participant: 'cid', intent: 'cid-intent', detail: 'insufficient-credits' },
    { participant: 'dan', intent: 'dan-intent', detail: 'unknown' },
  ]);
});

test.each<[Loser['detail'], number | undefined, number | undefined]>([
  ['over-budget', T + 40, 40],
  ['over-budget', T - 40, 0],
  ['over-budget', undefined, undefined],
  ['no-capacity', undefined, 100],
  ['reserved-for-system', undefined, 1000],
  ['outbid', undefined, undefined],
])('%s, known to pass at %s: again in %s ms', (detail, retryAt, retryAfterMs) => {
  const loser: Loser = { participant: 'bob', intent: 'one', detail, ...(retryAt === undefined ? {} : { retryAt }) };
  expect(toldLoser(loser, T)).toEqual({ ...loser, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
});
