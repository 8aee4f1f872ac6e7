// What the rounds of a buyer's announced call come to: who is asked again, who is shown, who is told what.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type HireAction, type HireEvent, hireWakeAt, MAX_SHOWN_OFFERS, refusal } from '../src/index.js';
import {
  begun,
  close,
  declined,
  engaged,
  events,
  filed,
  IN_THE_END,
  late,
  NOW,
  pendingView,
  protocolOf,
  refused,
  revise,
  run,
  stuck,
  tender,
} from './hire-support.js';
import { limitsOf } from './negotiation-support.js';
import { ask, bounds, callOf, offerOf, T, viewOf } from './task-support.js';

/** What the bank is shown, as prices; and under which key. */
function engagement(actions: readonly HireAction[]) {
  const action = actions.find(({ kind }) => kind === 'engage');
  if (action?.kind !== 'engage') throw new Error(actions.map(({ kind }) => kind).join(' '));
  return { key: action.key, prices: action.offers.map(({ issues }) => Number(issues.priceMicro)) };
}
function rejections(actions: readonly HireAction[]) {
  return actions.flatMap((action) =>
    action.kind === 'reject' ? [[action.to, action.move.detail, action.move.final]] : [],
  );
}
const verdict = (name: string, outcome: 'won' | 'lost' | 'barred', detail?: 'lock-lost') => ({
  ...{ participant: name, intent: `${name}-intent`, outcome },
  ...(detail === undefined ? {} : { detail }),
});

describe('a round', () => {
  test('keeps one offer of each intent: a better one replaces it, a step back is refused, the same is no news', () => {
    const { state, actions, ignored } = run(begun(), [
      tender(offerOf('ben', 900)),
      tender(offerOf('ben', 900)),
      tender(offerOf('ben', 950)),
      tender(offerOf('ben', 800)),
      tender(offerOf('ben', 850, { deadline: ask.deadline, startBy: ask.startBy - 1 })),
    ]);
    expect(ignored).toEqual(['tender: duplicate']);
    // The start is fixed: what is better in one issue and worse in another must fit all the same.
    expect(rejections(actions)).toEqual([
      ['ben', 'no-improvement', false],
      ['ben', 'deadline-infeasible', false],
    ]);
    expect(engagement(run(state, [close]).actions).prices).toEqual([800]);
  });

  test('an offer that does not fit is told at once what would, the fourth one that there will be no other', () => {
    const dear = (price: number) => tender(offerOf('ben', price));
    const { actions, ignored, state } = run(begun(), [dear(1001), dear(1002), dear(1003), dear(900), dear(800)]);
    expect(actions[0]).toMatchObject({
      kind: 'reject',
      to: 'ben',
      move: { message: 'priceMicro: 1 to 1000', round: 1 },
    });
    expect(rejections(actions).map(([, detail]) => detail)).toEqual([
      ...['over-budget', 'over-budget', 'over-budget', 'round-limit'],
    ]);
    expect(ignored).toEqual(['tender: round-limit']);
    expect(run(state, [close]).state.name).toBe('revising');
    const others = [
      offerOf('cid', 1, { region: 'us' }),
      offerOf('dot', 1, { units: 1 }),
      offerOf('eve', 1, {}, { until: T }),
    ];
    const faults = run(
      begun(),
      others.map((offer) => tender(offer)),
    ).actions;
    expect(rejections(faults).map(([, detail]) => detail)).toEqual(['region', 'no-capacity', 'expired']);
  });

  test('a stranger takes no place of others, and is not answered for ever', () => {
    const start = begun(callOf(), { limits: limitsOf(2, { perSender: 1 }) });
    const { actions, ignored } = run(start, [
      tender(offerOf('a', 500), 'host'),
      tender(offerOf('b', 500), 'host'),
      tender(offerOf('c', 2000), 'host'),
      tender(offerOf('d', 2000), 'host'),
      tender(offerOf('ben', 900)),
    ]);
    expect(rejections(actions).map(([to, detail]) => [to, detail])).toEqual([
      ['host', 'no-capacity'],
      ['host', 'over-budget'],
    ]);
    expect(ignored).toEqual(['tender: no-capacity']);
  });

  test('closes when enough have answered, each counted once', () => {
    const start = begun(callOf(), { closeAfterAnswers: 2 });
    const waiting = run(start, [tender(offerOf('ben', 900)), tender(offerOf('ben', 800))]).state;
    expect(waiting.name).toBe('calling');
    expect(run(waiting, [refused('cid')]).state.name).toBe('settling');
    // A no that says what would pass is an answer too, whether that fits the call or not.
    expect(run(waiting, [refused('cid', false, offerOf('cid', 700))]).state.name).toBe('settling');
    expect(run(waiting, [refused('cid', false, late)]).state.name).toBe('settling');
  });

  test('fast settles with the first round that suffices, optimal asks the buyer while there are rounds', () => {
    const careful = begun(callOf(protocolOf({ mode: 'optimal', maxRounds: 2 })));
    const first = run(careful, [tender(offerOf('ben', 900)), close]);
    expect(first.actions).toMatchObject([
      { kind: 'choose', seen: { offers: [{ participant: 'ben' }], rejections: 0 } },
    ]);
    const again = run(first.state, [revise, tender(offerOf('cid', 700), 'cid', 2), close]);
    expect(engagement(again.actions).prices).toEqual([700, 900]);
    // Nobody chooses in time: what there is must do.
    expect(engagement(run(first.state, [{ kind: 'tick' }], T + 200).actions).prices).toEqual([900]);
  });

  test('all: offers that do not make up the whole are as good as none', () => {
    const start = begun(callOf({ fill: { kind: 'all', by: 'units' } }));
    const half = run(start, [tender(offerOf('ben', 400, { units: 1 })), close]);
    expect(half.state.name).toBe('revising');
    const both = run(start, [
      tender(offerOf('ben', 400, { units: 1 })),
      tender(offerOf('cid', 500, { units: 1 })),
      close,
    ]);
    expect(engagement(both.actions).prices).toEqual([400, 500]);
  });
});

describe('a revised call', () => {
  test('takes counter-offers in, and goes to those who are still in', () => {
    const { state, actions } = run(begun(), [
      refused('ben', false, late),
      refused('cid', true),
      refused('dot', false),
      { kind: 'withdrawn', from: 'eve' },
      close,
      revise,
    ]);
    expect(actions.at(-1)).toMatchObject({ kind: 'recall', to: ['ben', 'dot'], call: { round: 2, closesAt: T + 101 } });
    // The issue's own case: 48 hours refused, 72 countered, taken up, closed on in turn two.
    expect(engagement(run(state, [close]).actions)).toEqual({ key: 'nonce-01.e1', prices: [900] });
  });

  test('is announced again where nobody has answered', () => {
    const { actions } = run(begun(), [close, revise]);
    expect(actions.map(({ kind }) => kind)).toEqual(['choose', 'announce']);
  });

  test('leaves an earlier offer standing as long as it fits', () => {
    const careful = run(begun(callOf(protocolOf({ mode: 'optimal' }))), [
      tender(offerOf('ben', 900)),
      tender(offerOf('cid', 600)),
      close,
    ]).state;
    const cheaper: HireEvent = { kind: 'revise', ask, bounds: { ...bounds, priceMicro: { min: '1', max: '700' } } };
    const { state, actions } = run(careful, [
      cheaper,
      tender(offerOf('ben', 900), 'ben', 2),
      close,
      { kind: 'settle' },
    ]);
    expect(rejections(actions)).toEqual([['ben', 'over-budget', false]]);
    if (state.name !== 'settling') throw new Error(state.name);
    expect(state.shown.map(({ participant }) => participant)).toEqual(['cid']);
  });

  test('after three rounds for nothing there is none: others decide', () => {
    const twice = [
      refused('ben', false, late),
      close,
      { ...revise, bounds },
      refused('ben'),
      close,
      { ...revise, bounds },
    ];
    const { state, actions } = run(begun(), [...(twice as HireEvent[]), refused('ben'), close]);
    expect(state.name).toBe('escalated');
    expect(actions.at(-1)).toMatchObject({ kind: 'escalate', to: 'operators', rejections: 3, offers: [late] });
    const alone = run(begun(callOf(), { escalateTo: undefined }), [...(twice as HireEvent[]), refused('ben'), close]);
    expect(alone.actions.at(-1)).toMatchObject({ kind: 'finish', outcome: { detail: 'round-limit' } });
  });

  test('after three rounds in which nobody moved the best offer is taken', () => {
    const same: HireEvent = { kind: 'revise', ask, bounds };
    const careful = begun(callOf(protocolOf({ mode: 'optimal', maxRounds: 64 })));
    const rounds = run(careful, [tender(offerOf('ben', 900)), close, same, close, same, close, same]);
    expect(rounds.state).toMatchObject({ name: 'calling', unchanged: 2 });
    expect(engagement(run(rounds.state, [close]).actions).prices).toEqual([900]);
  });
});

describe('the engagement', () => {
  const three = run(begun(), [
    tender(offerOf('ben', 900)),
    tender(offerOf('cid', 800)),
    tender(offerOf('dot', 700)),
    close,
  ]).state;
  const barring = (...names: string[]): HireEvent => ({
    kind: 'declined',
    refusal: { ...refusal('lock-lost', 'none'), verdicts: names.map((name) => verdict(name, 'barred', 'lock-lost')) },
  });

  test('shows the best, in the order in which the bank ranks them', () => {
    const many = Array.from({ length: 40 }, (_, n) => tender(offerOf(`p${n}`, 1000 - n)));
    const { prices } = engagement(run(begun(), [...many, close]).actions);
    expect(prices).toEqual(Array.from({ length: MAX_SHOWN_OFFERS }, (_, n) => 961 + n));
  });

  test('drops what is barred and tries the rest, under another key and not for ever', () => {
    const second = run(three, [barring('dot')]);
    expect(engagement(second.actions)).toEqual({ key: 'nonce-01.e2', prices: [800, 900] });
    const third = run(second.state, [barring('cid')]);
    expect(engagement(third.actions)).toEqual({ key: 'nonce-01.e3', prices: [900] });
    const last = run(third.state, [barring('ben')]);
    expect(last.state).toMatchObject({ name: 'revising', rejections: 1 });
  });

  test('tells whom the bank bars when it may pass, at once or with the end of the call', () => {
    const retryAt = NOW + 60_000;
    const poor = (name: string) => ({ ...verdict(name, 'barred'), detail: 'over-budget' as const, retryAt });
    const why = { ...refusal('over-budget', 'none'), verdicts: [poor('dot')] };
    const second = run(three, [{ kind: 'declined', refusal: why }]);
    const whens = (actions: readonly HireAction[]) =>
      actions.flatMap((one) => (one.kind === 'reject' ? [[one.to, one.move.detail, one.retryAt]] : [])).sort();
    const engagedNow = { kind: 'engaged', contracts: [viewOf(offerOf('ben', 900))] } as const;
    const both = [poor('cid'), verdict('ben', 'won')];
    expect(whens(run(second.state, [{ ...engagedNow, verdicts: both }]).actions)).toEqual([
      ['cid', 'over-budget', retryAt],
      ['dot', 'over-budget', retryAt],
    ]);
    const none = refusal('denied', 'no');
    expect(whens(run(second.state, [{ kind: 'declined', refusal: none }]).actions)).toEqual([
      ['ben', 'denied', undefined],
      ['cid', 'denied', undefined],
      ['dot', 'over-budget', retryAt],
    ]);
  });

  test('puts nothing in the place of what is barred that the buyer did not name', () => {
    const careful = begun(callOf(protocolOf({ mode: 'optimal', maxRounds: 8 })));
    const offers = [tender(offerOf('ben', 900)), tender(offerOf('cid', 800)), tender(offerOf('dot', 700))];
    const named = run(careful, [...offers, close, { kind: 'settle', intents: ['cid-intent', 'dot-intent'] }]);
    expect(engagement(named.actions).prices).toEqual([700, 800]);
    const second = run(named.state, [barring('dot')]);
    expect(engagement(second.actions).prices).toEqual([800]);
    expect(run(second.state, [barring('cid')]).state).toMatchObject({ name: 'revising', rejections: 1 });
  });

  test('without an answer it is asked again under its key; nobody is told that it lost', () => {
    const unsure = run(three, [{ kind: 'declined', refusal: refusal('unavailable', 'no answer') }]);
    expect(unsure.actions).toEqual([]);
    const wakeAt = hireWakeAt(unsure.state);
    const again = run(unsure.state, [{ kind: 'tick' }], wakeAt);
    expect(engagement(again.actions).key).toBe('nonce-01.e1');
    const still = run(again.state, [{ kind: 'declined', refusal: refusal('unavailable', 'no answer') }], wakeAt);
    const end = run(still.state, [{ kind: 'tick' }], IN_THE_END);
    expect(end.actions).toMatchObject([{ kind: 'finish', outcome: { ok: false, detail: 'unavailable' } }]);
  });

  test('of a task that is given out already the bank is asked whether it was by this call', () => {
    const asked = run(three, [{ kind: 'declined', refusal: refusal('duplicate', 'given out') }]);
    expect(asked.actions).toEqual([{ kind: 'inquire', conversation: 'call-1' }]);
    expect(run(asked.state, [engaged]).state.name).toBe('hired');
    const others = run(asked.state, [{ kind: 'declined', refusal: refusal('unknown', 'none') }]);
    expect(others.actions.at(-1)).toMatchObject({ kind: 'finish', outcome: { detail: 'duplicate' } });
  });

  test('tells the winner, who stands by, and who is out; a forged copy wins nothing', () => {
    const forged = run(begun(), [
      tender(offerOf('ben', 600), 'mallory'),
      tender(offerOf('ben', 600)),
      tender(offerOf('cid', 800)),
      tender(offerOf('dot', 700)),
      refused('eve'),
      close,
    ]).state;
    const { actions } = run(forged, [
      {
        ...{ kind: 'engaged', contracts: [viewOf(offerOf('ben', 600))] },
        verdicts: [
          verdict('ben', 'barred', 'lock-lost'),
          verdict('ben', 'won'),
          verdict('dot', 'barred'),
          verdict('cid', 'lost'),
        ],
      },
    ]);
    expect(actions.filter(({ kind }) => kind === 'inform')).toMatchObject([{ to: 'ben' }]);
    expect(rejections(actions)).toEqual([
      ['mallory', 'lock-lost', true],
      ['dot', 'outbid', true],
      ['cid', 'outbid', false],
    ]);
    expect(actions.at(-2)).toEqual({ kind: 'cancel', to: ['eve'], detail: 'outbid' });
  });

  test('while an operator decides, the proposal is looked at less and less often', () => {
    const { state, actions } = run(three, [filed]);
    expect(actions).toEqual([
      { kind: 'inform-pending', to: ['dot', 'cid', 'ben'], proposal: 'p1', expiresAt: T + 5_000 },
    ]);
    let current = state;
    const polls: number[] = [];
    while (polls.length < 4) {
      const at = hireWakeAt(current);
      const polled = run(current, [{ kind: 'tick' }, { kind: 'decided', view: pendingView }], at);
      expect(polled.actions).toEqual([{ kind: 'poll', proposal: 'p1' }]);
      polls.push(at - NOW);
      current = polled.state;
    }
    expect(polls).toEqual([500, 1500, 3500, 7500]);
    const yes = run(current, [
      { kind: 'decided', view: { ...pendingView, state: 'engaged', contracts: [viewOf(late)] } },
    ]);
    expect(yes.state.name).toBe('hired');
    const no = run(current, [{ kind: 'decided', view: { ...pendingView, state: 'failed', detail: 'lock-lost' } }]);
    expect(no.state).toMatchObject({ name: 'revising', rejections: 1 });
    expect(run(current, [{ kind: 'decided', view: { ...pendingView, proposal: 'p2' } }]).ignored).toHaveLength(1);
  });

  test('an escalation without an answer is filed again, under its key', () => {
    const silent: HireEvent = { kind: 'declined', refusal: refusal('unavailable', 'no answer') };
    const unsure = run(stuck, [silent]);
    expect(unsure.actions).toEqual([]);
    const again = run(unsure.state, [{ kind: 'tick' }], hireWakeAt(unsure.state));
    expect(again.actions).toMatchObject([{ kind: 'escalate', key: 'nonce-01.s' }]);
    const no = run(again.state, [{ kind: 'declined', refusal: refusal('no-capacity', 'too many wait') }]);
    expect(no.actions.at(-1)).toMatchObject({ kind: 'finish', outcome: { detail: 'no-capacity' } });
  });

  test('the agent that was asked to decide may take a counter-offer', () => {
    const named = run(begun(callOf(protocolOf({ maxRounds: 1 })), { escalateTo: 'boss' }), [
      refused('ben', false, late),
      close,
    ]).state;
    expect(hireWakeAt(named)).toBe(NOW + 5_000);
    expect(run(named, [{ kind: 'abort' }]).state.name).toBe('ended');
    expect(engagement(run(named, [{ kind: 'settle', intents: ['ben-intent'] }]).actions).prices).toEqual([900]);
    expect(run(named, [{ kind: 'settle' }]).ignored).toEqual(['settle: unknown']);
  });
});

test('any sequence of events: no throw, one finish at most, none hired that the bank did not engage', () => {
  const bank: HireEvent[] = [
    ...[engaged, filed, declined, { kind: 'declined', refusal: refusal('unavailable', '-') } as const],
  ];
  const all = [...Object.values(events), ...bank, tender(offerOf('ben', 900)), refused('ben', false, late)];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...all), { maxLength: 40 }), (sequence) => {
      const { state, actions } = run(begun(), sequence);
      const count = (kind: string) => actions.filter((action) => action.kind === kind).length;
      expect(count('finish')).toBeLessThanOrEqual(1);
      if (count('engage') === 0 && count('escalate') === 0) expect(count('inform')).toBe(0);
      // Left to itself with a bank that never answers, it ends.
      let current = state;
      for (let n = 0; hireWakeAt(current) < Number.POSITIVE_INFINITY; n++) {
        const at = hireWakeAt(current);
        expect(n).toBeLessThan(300);
        current = run(
          current,
          [{ kind: 'tick' }, { kind: 'declined', refusal: refusal('unavailable', '-') }],
          at,
        ).state;
      }
    }),
  );
});
