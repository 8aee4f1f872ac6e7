// How haggling ends: the way of a task from a refusal to its contract, the bank's word, silence, and slots given back.
import { describe, expect, test } from 'vitest';
import {
  type HaggleAction,
  type HaggleEvent,
  haggleStep,
  haggleWakeAt,
  haggling,
  refusal,
  rejection,
  taskMessage,
} from '../src/index.js';
import { heardOf } from './haggle-play.js';
import {
  after,
  ask,
  at,
  base,
  begun,
  bounds,
  contextOf,
  ENDS,
  frame,
  HOUR,
  heardFrom,
  offerOf,
  proposal,
  SEALED_UNTIL,
  T,
  talked,
  viewOf,
  wordOf,
} from './haggle-support.js';

describe('48 hours asked, 72 offered', () => {
  const wide = { ...bounds, deadline: { min: T + 24 * HOUR, max: T + 96 * HOUR } };
  const contexts = { bounds: wide, limitMicro: '1000' };
  const at72 = at(1000, { deadline: T + 72 * HOUR });
  /** What a side sends, on the wire and as the other hears it. */
  const sent = (actions: readonly { readonly kind: string }[]): HaggleEvent => {
    const action = actions.find((one): one is HaggleAction & { kind: 'send' } => one.kind === 'send')!;
    const id = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
    const around = { v: 1, id, conversation: frame.conversation, sender: 'ann', sentAt: T };
    taskMessage.parse({ ...around, performative: action.performative, body: action.body });
    return heardOf(action)!;
  };

  test.each([
    ['the counter is a sealed offer, and the same is proposed', true],
    ['the counter is a hint, and its accept proposes it', false],
  ])('%s: rejected (463), resubmitted, approved (263) on turn two', (_how, sealed) => {
    const opened = haggleStep(haggling(contextOf('buyer', contexts), T), proposal('buyer', ask), T + 1);
    const heard = haggleStep(begun('provider', { bounds: wide }), sent(opened.actions), T + 2);
    const move = rejection(1, 'deadline-infeasible', '72 hours would pass', {
      counter: at72,
      ...(sealed && { offer: offerOf(at72) }),
    });
    const rejected = haggleStep(heard.state, { kind: 'reject', move: { ...move, status: 463 } }, T + 3);
    const turned = haggleStep(opened.state, sent(rejected.actions), T + 4);
    expect(turned.state).toMatchObject({ name: 'mine', rejections: 1 });

    const again = haggleStep(turned.state, sealed ? proposal('buyer', at72) : { kind: 'accept' }, T + 5);
    const resubmitted = sent(again.actions);
    expect(resubmitted).toMatchObject({ kind: 'counter', round: 2, issues: at72 });
    const second = haggleStep(rejected.state, resubmitted, T + 6);
    const accepted = haggleStep(second.state, { kind: 'accept', offer: offerOf(at72) }, T + 7);
    const closing = haggleStep(again.state, sent(accepted.actions), T + 8);
    expect(closing.actions).toEqual([{ kind: 'engage', key: 'nonce-01.e', offer: offerOf(at72) }]);

    const view = viewOf(offerOf(at72), T + 9);
    const engaged = haggleStep(closing.state, { kind: 'engaged', view }, T + 9);
    expect(engaged.state).toMatchObject({ name: 'agreed', view: { issues: at72 } });
    // The provider asks the bank before it believes.
    const informed = haggleStep(accepted.state, sent(engaged.actions), T + 10);
    expect(informed.actions).toEqual([{ kind: 'inquire', intent: 'ben-intent', askedAt: T + 10 }]);
    expect(haggleStep(informed.state, { kind: 'held', view }, T + 11).state).toMatchObject({ name: 'agreed', view });
  });
});

describe('the bank', () => {
  const offer = offerOf(at(1900, base));
  const view = viewOf(offer, T);
  const settling = after(talked('buyer', 'mine'), [{ kind: 'accept' }]);
  const waiting = after(talked('provider', 'theirs'), [{ kind: 'accepted', round: 2, issues: offer.issues }]);

  test('gives no answer: it is asked again under the same key, at growing distances, and at last given up', () => {
    let state = after(settling, [{ kind: 'refused', refusal: refusal('unavailable', 'down') }]);
    expect(state).toBe(settling);
    const keys = new Set<string>();
    const times: number[] = [];
    for (let step: ReturnType<typeof haggleStep>; state.name === 'settling'; state = step.state) {
      const now = haggleWakeAt(state);
      times.push(now);
      step = haggleStep(state, { kind: 'tick' }, now);
      for (const action of step.actions) if (action.kind === 'engage') keys.add(action.key);
    }
    expect([...keys]).toEqual(['nonce-01.e']);
    expect(times[0]! - T).toBeLessThan(1000);
    expect(times).toContain(SEALED_UNTIL);
    expect(state).toMatchObject({ name: 'ended', detail: 'unavailable' });
    // Its word counts even now.
    expect(haggleStep(state, { kind: 'engaged', view }, T).state.name).toBe('agreed');
  });

  test('refuses: the provider is told, and gives its slots back', () => {
    const step = haggleStep(settling, { kind: 'refused', refusal: refusal('insufficient-credits', 'poor') }, T + 2);
    expect(step.actions).toMatchObject([
      { kind: 'send', body: { detail: 'insufficient-credits', message: 'poor' } },
      { kind: 'finish', outcome: { ok: false, detail: 'insufficient-credits' } },
    ]);
    const told = haggleStep(waiting, { kind: 'cancelled', detail: 'insufficient-credits' }, T + 3);
    expect(told.actions).toMatchObject([{ kind: 'release', hold: 'hold-1' }, { kind: 'finish' }]);
  });

  test('waits for approval (261): the buyer polls, the provider keeps its slots as long as its offer lives', () => {
    const filed = haggleStep(settling, { kind: 'filed', proposal: 'p1', expiresAt: ENDS + 60_000 }, T + 2);
    expect(filed.actions.map(wordOf)).toEqual(['inform']);
    const polled = haggleStep(filed.state, { kind: 'tick' }, haggleWakeAt(filed.state));
    expect(polled.actions).toMatchObject([{ kind: 'poll', proposal: 'p1' }]);
    const told = haggleStep(waiting, { kind: 'waits', proposal: 'p1', expiresAt: ENDS + 60_000 }, T + 3);
    expect(told.actions).toEqual([{ kind: 'extend', hold: 'hold-1', until: SEALED_UNTIL }]);
    expect(haggleStep(told.state, { kind: 'held', view }, T + 4).actions.map(wordOf)).toEqual(['finish']);
    const denied = haggleStep(polled.state, { kind: 'refused', refusal: refusal('denied', 'no') }, T + 4);
    expect(denied.actions.map(wordOf)).toEqual(['cancel', 'finish']);
  });

  test('knows of a contract on an earlier offer: what is kept behind the last one is given back', () => {
    const earlier = viewOf(offerOf(at(2000, base)), T);
    const step = haggleStep(talked('provider', 'theirs'), { kind: 'held', view: earlier }, T + 2);
    expect(step.actions.map(wordOf)).toEqual(['release', 'finish']);
    expect(haggleStep(waiting, { kind: 'held', view: { ...view, intent: 'other' } }, T + 2).state).toBe(waiting);
  });

  test('knows of a contract of the same intent elsewhere: nothing can come of these offers', () => {
    const elsewhere = { ...view, frame: { ...frame, conversation: 'talk-2' } };
    const step = haggleStep(waiting, { kind: 'held', view: elsewhere }, T + 2);
    expect(step.state).toMatchObject({ name: 'ended', detail: 'duplicate' });
    expect(step.actions.map(wordOf)).toEqual(['cancel', 'release', 'finish']);
  });

  test('is asked once the last offer is over where a bond is at stake, whatever the buyer said', () => {
    const conditions = { ...frame.conditions, bondMicro: '10' };
    const told = after(talked('provider', 'theirs', { frame: { ...frame, conditions } }), [
      { kind: 'cancelled', detail: 'outbid' },
    ]);
    expect(haggleWakeAt(told)).toBe(SEALED_UNTIL);
    const asking = haggleStep(told, { kind: 'tick' }, SEALED_UNTIL);
    expect(asking.actions).toEqual([{ kind: 'inquire', intent: 'ben-intent', askedAt: SEALED_UNTIL }]);
    expect(haggleStep(asking.state, { kind: 'held', view }, SEALED_UNTIL + 1).state.name).toBe('agreed');
    const absent = haggleStep(asking.state, { kind: 'absent', askedAt: SEALED_UNTIL }, SEALED_UNTIL + 1);
    expect(haggleWakeAt(absent.state)).toBe(Number.POSITIVE_INFINITY);
    expect(haggleWakeAt(after(talked('provider', 'theirs'), [{ kind: 'cancelled', detail: 'outbid' }]))).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  test('is asked when nothing was heard, or when a provider leaves while the buyer may be closing', () => {
    const state = talked('provider', 'theirs');
    const silent = haggleStep(state, { kind: 'tick' }, haggleWakeAt(state));
    const leaves = haggleStep(state, { kind: 'quit', detail: 'no-capacity' }, T + 2);
    for (const { actions } of [silent, leaves]) expect(actions.map(wordOf)).toEqual(['cancel', 'release', 'inquire']);
    // An answer to a question from before the offer's end says nothing about its last moment.
    const early = haggleStep(leaves.state, { kind: 'absent', askedAt: T + 2 }, SEALED_UNTIL + 1);
    expect(early.state).toBe(leaves.state);
    const over = haggleStep(leaves.state, { kind: 'absent', askedAt: SEALED_UNTIL }, SEALED_UNTIL + 1);
    expect(over.actions).toMatchObject([{ kind: 'finish', outcome: { ok: false, detail: 'no-capacity' } }]);
  });
});

test('another hold behind a better offer: the first is given back at once', () => {
  const state = talked('provider', 'mine');
  const issues = at(1800, base);
  const step = haggleStep(state, { kind: 'propose', issues, offer: offerOf(issues, { hold: 'hold-2' }) }, T + 2);
  expect(step.actions.slice(1)).toEqual([
    { kind: 'release', hold: 'hold-1' },
    { kind: 'extend', hold: 'hold-2', until: SEALED_UNTIL },
  ]);
});

test('a tender for an announced call opens from the provider’s side', () => {
  const state = begun('provider', { opener: 'provider' });
  const step = haggleStep(state, proposal('provider', at(1500)), T + 1);
  expect(step.actions[0]).toMatchObject({ performative: 'propose', body: { kind: 'tender', round: 1 } });
  const buyer = haggleStep(
    begun('buyer', { opener: 'provider' }),
    heardFrom('provider', 'opening', 1, at(1500)),
    T + 2,
  );
  expect(buyer.state.name).toBe('mine');
});
