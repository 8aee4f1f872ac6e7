// The rules of haggling, one row per rule and side: what is said, what is heard, rejections, the impasse.
import { describe, expect, test } from 'vitest';
import {
  type DealSide,
  type HaggleContext,
  type HaggleEvent,
  type HaggleState,
  haggleStep,
  haggleWakeAt,
  type Issues,
  leastStep,
  otherSide,
  refusal,
  rejection,
} from '../src/index.js';
import {
  after,
  ask,
  at,
  base,
  begun,
  HOUR,
  heardFrom,
  offerOf,
  proposal,
  protocol,
  SEALED_UNTIL,
  T,
  talked,
  wordOf,
} from './haggle-support.js';

const no = (round: number, more: object = {}) => rejection(round, 'over-budget', 'cheaper', { final: false, ...more });
function ownNo(more: object = {}): HaggleEvent {
  const { round: _, ...move } = no(1, more);
  return { kind: 'reject', move };
}

/** By whom, what is proposed after 900 (the buyer) or 1900 (the provider), and how that is answered. */
const rows: [string, DealSide, Issues, string | undefined][] = [
  ['more for the provider', 'buyer', at(910, base), undefined],
  ['less for the buyer to pay', 'provider', at(1880, base), undefined],
  ['the same again', 'buyer', at(900, base), undefined],
  ['less than proposed before', 'buyer', at(890, base), 'no-improvement'],
  ['dearer than proposed before', 'provider', at(1950, base), 'no-improvement'],
  ['a step too small', 'buyer', at(908, base), 'no-improvement'],
  ['a step of one percent', 'buyer', at(909, base), undefined],
  ['a small step with another issue', 'buyer', at(901, { deadline: T + 61 * HOUR }), undefined],
  ['one issue given for another', 'buyer', at(850, { deadline: T + 70 * HOUR }), undefined],
  ['an earlier deadline for nothing', 'buyer', at(900, { deadline: T + 59 * HOUR }), 'no-improvement'],
  ['a later deadline for nothing', 'provider', at(1900, { deadline: T + 61 * HOUR }), 'no-improvement'],
  ['another region', 'buyer', at(900, { ...base, region: 'us' }), undefined],
  ['a region beyond the bounds', 'buyer', at(950, { ...base, region: 'asia' }), 'region'],
  ['a price above the bounds', 'buyer', at(3001, base), 'over-budget'],
  ['a price below the bounds', 'provider', at(499, base), 'below-reserve-price'],
  ['a deadline beyond the bounds', 'provider', at(1800, { deadline: T + 97 * HOUR }), 'deadline-infeasible'],
  ['an issue that is fixed', 'provider', at(1800, { ...base, units: 1 }), 'no-capacity'],
  ['another fixed one', 'buyer', at(950, { ...base, startBy: ask.startBy + 1 }), 'deadline-infeasible'],
];

describe.each(rows)('%s, by the %s', (_what, by, issues, detail) => {
  test('said and heard alike', () => {
    const own = talked(by, 'mine');
    const said = haggleStep(own, proposal(by, issues), T + 2);
    expect(said.actions.map(wordOf)[0]).toBe(detail ?? 'counter-propose');
    expect(said.state.name).toBe(detail === undefined ? 'theirs' : 'mine');
    const other = talked(otherSide(by), 'theirs');
    const heard = haggleStep(other, heardFrom(by, 'counter', 3, issues), T + 2);
    expect(heard.actions.map(wordOf)).toEqual(detail === undefined ? [] : [detail]);
    expect(heard.state.name).toBe(detail === undefined ? 'mine' : 'theirs');
    if (detail !== undefined) expect(heard.state).toBe(other);
  });
});

test('a step back from an earlier proposal is one too, though the last gave something else instead', () => {
  const traded = after(talked('buyer', 'mine'), [
    proposal('buyer', at(850, { deadline: T + 70 * HOUR })),
    heardFrom('provider', 'counter', 3, at(1880, base)),
  ]);
  expect(haggleStep(traded, proposal('buyer', at(880, base)), T + 2).actions).toMatchObject([
    { detail: 'no-improvement' },
  ]);
});

test.each([
  [1000, 10, 10],
  [1001, 10, 11],
  [99, 10, 1],
  [5, 0, 1],
  [99_999_999_999_999, 1000, 99_999_999_999_999],
])('a price of %i moves by %i thousandths: %i', (price, permille, least) => {
  expect(leastStep(price, permille)).toBe(least);
});

describe('what is heard', () => {
  const state = talked('buyer', 'theirs');
  const good = at(1800, base);
  const said = (more: object = {}): HaggleEvent => ({ ...heardFrom('provider', 'counter', 3, good), ...more });
  const sealedAs = (more: object) => {
    const offer = offerOf(good);
    return said({ offer: { ...offer, seal: { ...offer.seal, ...more } } });
  };
  test.each([
    ['the last move, again', said({ round: 2, issues: at(1900, base) }), 'duplicate'],
    ['an old round, otherwise', said({ round: 2 }), 'stale'],
    ['a round ahead', said({ round: 4 }), 'malformed'],
    ['an opening in the middle', { ...said(), kind: 'opening' } as HaggleEvent, 'duplicate'],
    ['no seal', said({ offer: undefined }), 'malformed'],
    ['a seal for other issues', said({ offer: offerOf(at(1700, base)) }), 'malformed'],
    ["another's seal", sealedAs({ participant: 'cid' }), 'bad-signature'],
    ['another intent', sealedAs({ intent: 'other' }), 'malformed'],
    ['a seal that is over', sealedAs({ until: T + 2 }), 'expired'],
    [
      'an accept of an older round',
      { kind: 'accepted', round: 1, issues: at(800, base), offer: offerOf(good) },
      'stale',
    ],
    ['an accept of other issues', { kind: 'accepted', round: 2, issues: good, offer: offerOf(good) }, 'malformed'],
    ['an accept without a seal', { kind: 'accepted', round: 2, issues: at(900, base) }, 'malformed'],
    ['a no to an older round', { kind: 'rejected', move: no(1) }, 'stale'],
    ['a no to a round ahead', { kind: 'rejected', move: no(3) }, 'malformed'],
    ['a no that steps back', { kind: 'rejected', move: no(2, { counter: at(1990, base) }) }, 'no-improvement'],
    ['a no with a seal for nothing', { kind: 'rejected', move: no(2, { offer: offerOf(good) }) }, 'malformed'],
  ] as [string, HaggleEvent, string][])('%s is answered, and not obeyed', (_what, event, detail) => {
    const step = haggleStep(state, event, T + 2);
    expect(step.state).toBe(state);
    expect(step.actions).toMatchObject([
      { kind: 'answer', event: event.kind, detail, status: refusal(detail as never, '').status },
    ]);
  });

  test('before the opening, a counter-proposal', () => {
    const step = haggleStep(begun('provider'), heardFrom('buyer', 'counter', 1, at(800)), T + 1);
    expect(step.actions).toMatchObject([{ kind: 'answer', detail: 'malformed' }]);
  });

  test('a seal of a buyer, and an accept of a proposal whose seal is over', () => {
    const mine = talked('provider', 'theirs');
    const sealed = { ...heardFrom('buyer', 'counter', 3, at(950, base)), offer: offerOf(at(950, base)) };
    expect(haggleStep(mine, sealed, T + 2).actions).toMatchObject([{ detail: 'malformed' }]);
    const long = talked('provider', 'theirs', { protocol: { ...protocol, roundMs: 50_000, endsAt: T + 50_000 } });
    const accepted: HaggleEvent = { kind: 'accepted', round: 2, issues: at(1900, base) };
    expect(haggleStep(long, accepted, SEALED_UNTIL).actions).toMatchObject([{ detail: 'expired' }]);
  });
});

describe('what a side may not do itself', () => {
  test.each([
    ['buyer', { limitMicro: '1000' }, proposal('buyer', at(1001, base)), 'over-budget'],
    ['buyer', { limitMicro: '1899' }, { kind: 'accept' }, 'over-budget'],
    ['buyer', { limitMicro: '1000' }, ownNo({ counter: at(1001, base) }), 'over-budget'],
    ['provider', { limitMicro: '1850' }, proposal('provider', at(1849, base)), 'below-reserve-price'],
    ['provider', { limitMicro: '901' }, { kind: 'accept', offer: offerOf(at(900, base)) }, 'below-reserve-price'],
    ['provider', {}, { kind: 'accept' }, 'malformed'],
    ['provider', {}, { kind: 'accept', offer: offerOf(at(901, base)) }, 'malformed'],
    ['provider', {}, { kind: 'propose', issues: at(1800, base) }, 'malformed'],
    ['buyer', { protocol: { ...protocol, maxRounds: 2 } }, proposal('buyer', at(950, base)), 'round-limit'],
    ['buyer', { protocol: { ...protocol, maxRounds: 2 } }, ownNo(), 'round-limit'],
  ] as [DealSide, Partial<HaggleContext>, HaggleEvent, string][])('%s %o: %o is %s', (side, more, event, detail) => {
    const state = talked(side, 'mine', more);
    const step = haggleStep(state, event, T + 2);
    expect(step).toEqual({ state, actions: [{ kind: 'ignored', event: event.kind, detail }] });
  });

  test('close on an offer that is over', () => {
    const state = talked('buyer', 'mine', { protocol: { ...protocol, roundMs: 50_000, endsAt: T + 50_000 } });
    expect(haggleStep(state, { kind: 'accept' }, SEALED_UNTIL).actions).toMatchObject([{ detail: 'expired' }]);
  });

  test('its own time over, nothing but the end', () => {
    const state = talked('buyer', 'mine');
    for (const event of [proposal('buyer', at(950, base)), { kind: 'accept' } as const, ownNo()]) {
      expect(haggleStep(state, event, haggleWakeAt(state)).actions).toMatchObject([
        { kind: 'ignored', detail: 'late' },
      ]);
    }
  });
});

describe('rejections', () => {
  const said = (state: HaggleState, ...events: HaggleEvent[]) => after(state, events);

  test('the third leaves both stuck: a proposal is refused, an escalation goes out with both standpoints', () => {
    const buyer = said(
      ...[talked('buyer', 'mine'), ownNo(), heardFrom('provider', 'counter', 3, at(1800, base)), ownNo()],
      ...[heardFrom('provider', 'counter', 4, at(1700, base)), ownNo()],
    );
    const provider = said(
      ...[
        talked('provider', 'theirs'),
        { kind: 'rejected', move: no(2) } as const,
        proposal('provider', at(1800, base)),
      ],
      ...[{ kind: 'rejected', move: no(3) } as const, proposal('provider', at(1700, base))],
      { kind: 'rejected', move: no(4) },
    );
    expect([buyer.name, provider.name]).toEqual(['stuck', 'stuck']);
    expect(haggleStep(provider, proposal('provider', at(1600, base)), T + 2).actions).toMatchObject([
      { detail: 'round-limit' },
    ]);
    const heard = haggleStep(buyer, heardFrom('provider', 'counter', 5, at(1600, base)), T + 2);
    expect(heard.actions).toMatchObject([{ kind: 'answer', detail: 'round-limit' }]);
    const escalation = haggleStep(buyer, { kind: 'escalate', message: 'decide', withinMs: 100 }, T + 2);
    expect(escalation.state).toMatchObject({ name: 'escalated', until: T + 102 });
    expect(escalation.actions).toMatchObject([
      {
        kind: 'escalate',
        body: { rejections: 3, ours: at(900, base), theirs: at(1700, base) },
        offer: { issues: at(1700, base) },
      },
    ]);
  });

  test('one with a counter is a proposal too; without one, the other proposes again', () => {
    const buyer = said(talked('buyer', 'theirs'), {
      kind: 'rejected',
      move: no(2, { counter: at(1800, base), offer: offerOf(at(1800, base)) }),
    });
    expect(buyer).toMatchObject({ name: 'mine', rejections: 1, theirMoves: 3 });
    expect(haggleStep(buyer, { kind: 'accept' }, T + 2).state).toMatchObject({
      name: 'settling',
      offer: { issues: at(1800, base) },
    });
    const plain = said(talked('buyer', 'theirs'), { kind: 'rejected', move: no(2) });
    expect(plain).toMatchObject({ name: 'mine', theirMoves: 3 });
    // What was said before the rejection stands.
    expect(haggleStep(plain, { kind: 'accept' }, T + 2).state).toMatchObject({
      name: 'settling',
      offer: { issues: at(1900, base) },
    });
    expect(haggleStep(plain, ownNo(), T + 2).actions).toMatchObject([{ detail: 'not-your-turn' }]);
  });

  test('a final one without a counter is the end of both', () => {
    const buyer = haggleStep(talked('buyer', 'mine'), ownNo({ final: true }), T + 2);
    expect(buyer.actions.map(wordOf)).toEqual(['reject-proposal', 'finish']);
    const provider = haggleStep(
      talked('provider', 'theirs'),
      { kind: 'rejected', move: no(2, { final: true }) },
      T + 2,
    );
    expect(provider.state).toMatchObject({ name: 'ended', detail: 'over-budget' });
    expect(provider.actions).toContainEqual({ kind: 'release', hold: 'hold-1' });
  });
});

test('three rounds in which neither side moves are an impasse for both, without a word', () => {
  const standing: Record<DealSide, Issues> = { buyer: at(900, base), provider: at(1900, base) };
  let [buyer, provider] = [talked('buyer', 'mine'), talked('provider', 'theirs')];
  const words: string[] = [];
  for (let n = 0; n < 6; n += 1) {
    const by = n % 2 === 0 ? 'buyer' : 'provider';
    const round = 3 + Math.floor(n / 2);
    const says = haggleStep(by === 'buyer' ? buyer : provider, proposal(by, standing[by]), T + 2);
    const hears = haggleStep(by === 'buyer' ? provider : buyer, heardFrom(by, 'counter', round, standing[by]), T + 2);
    [buyer, provider] = by === 'buyer' ? [says.state, hears.state] : [hears.state, says.state];
    words.push(...[...says.actions, ...hears.actions].map(wordOf));
    if (n < 5) expect([buyer.name, provider.name]).not.toContain('ended');
  }
  expect([buyer, provider]).toMatchObject([
    { name: 'ended', detail: 'no-improvement' },
    { name: 'ended', detail: 'no-improvement' },
  ]);
  expect(words).not.toContain('cancel');
});
