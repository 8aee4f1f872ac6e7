// A provider's seat in an announced call, cell by cell, and when it asks the bank, whom it believes, what it lets go.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  considering,
  type Offer,
  rejection,
  SEAL_MARGIN_MS,
  type TenderAction,
  type TenderEvent,
  type TenderState,
  tenderStep,
  tenderTable,
  tenderWakeAt,
} from '../src/index.js';
import { CLOSES, callOf, ENDS, HOUR, offerOf, runOf, T, viewOf, walkTable } from './task-support.js';

const NOW = T + 1;
const IN_THE_END = ENDS + 24 * HOUR;
const call = callOf();
const offer = offerOf('ben', 900, {}, { hold: 'hold-1' });
const better = offerOf('ben', 800, {}, { hold: 'hold-2' });
const again = callOf({ round: 2, closesAt: T + 300 });
const start = considering(call, 'ann').state;
const outbid = (final: boolean): TenderEvent => ({ kind: 'reject', move: rejection(1, 'outbid', 'others', { final }) });
const contract: TenderEvent = { kind: 'contract', contract: 'call-1-t1' };
const held: TenderEvent = { kind: 'held', view: viewOf(offer) };
const pending: TenderEvent = { kind: 'pending', expiresAt: T + 5_000 };

const run = runOf<TenderState, TenderEvent, TenderAction>(tenderStep, NOW);
const tendered = run(start, [{ kind: 'offer', offer }]).state;
const states: Record<TenderState['name'], TenderState> = {
  considering: run(tendered, [{ kind: 'cfp', call: again }]).state,
  declined: run(start, [{ kind: 'refuse', move: rejection(1, 'no-capacity', 'busy') }]).state,
  tendered,
  pending: run(tendered, [pending]).state,
  standing: run(tendered, [outbid(false)]).state,
  lost: run(tendered, [outbid(true)]).state,
  inquiring: run(tendered, [contract]).state,
  won: run(tendered, [held]).state,
  over: run(start, [{ kind: 'withdraw' }]).state,
};
const events: Record<TenderEvent['kind'], TenderEvent> = {
  ...{ offer: { kind: 'offer', offer: better }, refuse: { kind: 'refuse', move: rejection(2, 'no-capacity', 'busy') } },
  ...{ withdraw: { kind: 'withdraw' }, cfp: { kind: 'cfp', call: callOf({ round: 3, closesAt: T + 500 }) }, contract },
  ...{ pending, reject: outbid(false), cancel: { kind: 'cancel', detail: 'expired' }, held },
  ...{ absent: { kind: 'absent' }, unanswered: { kind: 'unanswered' }, tick: { kind: 'tick' } },
};
const early = 'not-your-turn';
const gone = { offer: 'late', refuse: 'late' } as const;
const noBank = { absent: 'stale', unanswered: 'stale' } as const;
const told = ['standing: lost', 'lost: lost release'] as const;
const asks = [early, 'inquiring: inquire'] as const;
const page = readFileSync(new URL('../NEGOTIATION.md', import.meta.url), 'utf8');
walkTable<TenderState, TenderEvent>('tender', page, {
  ...{ table: tenderTable, states, events, step: tenderStep, times: [NOW, IN_THE_END] },
  expected: {
    considering: {
      ...{ offer: ['tendered: release tender', 'late'], refuse: ['tendered: refuse', 'late'] },
      ...{ withdraw: 'lost: withdraw release', cfp: 'considering: consider', contract: 'inquiring: inquire' },
      ...{ pending: early, reject: 'stale', cancel: 'lost: lost release', held: 'won: work', ...noBank },
      tick: [early, 'tendered:'],
    },
    declined: {
      ...{ offer: 'late', refuse: 'duplicate', withdraw: 'over:', cfp: 'considering: consider', contract: 'unknown' },
      ...{ pending: 'unknown', reject: 'stale', cancel: 'over:', held: 'stale', ...noBank, tick: [early, 'over:'] },
    },
    tendered: {
      ...{ offer: 'duplicate', refuse: early, withdraw: 'lost: withdraw release', cfp: 'considering: consider' },
      ...{ contract: 'inquiring: inquire', pending: 'pending:', reject: told, cancel: 'lost: lost release' },
      ...{ held: 'won: work', ...noBank, tick: asks },
    },
    pending: {
      ...{ offer: early, refuse: early, withdraw: 'late', cfp: 'considering: consider' },
      ...{ contract: 'inquiring: inquire', pending: 'duplicate', reject: told, cancel: 'lost: lost release' },
      ...{ held: 'won: work', ...noBank, tick: asks },
    },
    standing: {
      ...{ ...gone, withdraw: 'late', cfp: 'considering: consider', contract: 'inquiring: inquire' },
      ...{ pending: 'pending:', reject: told, cancel: 'lost: lost release', held: 'won: work', ...noBank, tick: asks },
    },
    lost: {
      ...{ ...gone, withdraw: 'duplicate', cfp: 'considering: consider', contract: 'inquiring: inquire' },
      ...{ pending: 'stale', reject: 'duplicate', cancel: 'duplicate', held: 'won: work', ...noBank, tick: asks },
    },
    inquiring: {
      ...{ offer: early, refuse: early, withdraw: 'late', cfp: 'considering: consider', contract: 'duplicate' },
      ...{ pending: 'inquiring:', reject: ['inquiring: lost', 'inquiring: lost release'] },
      ...{ cancel: 'inquiring: lost release', held: 'won: work', absent: 'tendered:' },
      ...{ unanswered: ['tendered:', 'over: lost release'], tick: early },
    },
    won: {
      ...{ offer: 'duplicate', refuse: 'late', withdraw: 'late', cfp: 'stale', contract: 'duplicate' },
      ...{ pending: 'stale', reject: 'stale', cancel: 'stale', held: 'duplicate', ...noBank, tick: 'stale' },
    },
    over: {
      ...{ ...gone, withdraw: 'duplicate', cfp: 'late', contract: 'unknown', pending: 'unknown', reject: 'stale' },
      ...{ cancel: 'stale', held: 'stale', ...noBank, tick: 'stale' },
    },
  },
});

describe('a seat', () => {
  test('nothing is stepped back from, and one intent serves all offers of a call', () => {
    const considering2 = states.considering;
    const worse: TenderEvent = { kind: 'offer', offer: offerOf('ben', 950) };
    const other: TenderEvent = { kind: 'offer', offer: offerOf('ben', 800, {}, { intent: 'another' }) };
    const counter: TenderEvent = {
      kind: 'refuse',
      move: rejection(2, 'over-budget', '-', { offer: offerOf('ben', 950) }),
    };
    expect(run(considering2, [worse, other, counter]).ignored).toEqual([
      ...['offer: no-improvement', 'offer: not-permitted', 'refuse: no-improvement'],
    ]);
  });

  test('a counter-offer binds as an offer does; a plain no waits for another round or is final', () => {
    const counter = rejection(1, 'deadline-infeasible', '72 hours', { final: false, offer, counter: offer.issues });
    const { state, actions } = run(start, [{ kind: 'refuse', move: counter }]);
    expect(state).toMatchObject({ name: 'tendered', offer });
    expect(actions).toEqual([{ kind: 'refuse', to: 'ann', move: counter }]);
    const final: TenderEvent = { kind: 'refuse', move: rejection(1, 'region', 'never', { final: true }) };
    expect(run(start, [final]).state.name).toBe('over');
    expect(tenderWakeAt(states.declined)).toBe(ENDS);
  });

  test('a no within the round may be answered by another offer; after its close it counts', () => {
    const no: TenderEvent = { kind: 'reject', move: rejection(1, 'over-budget', '700', { final: false }) };
    const within = run(tendered, [no]);
    expect(within.state.name).toBe('considering');
    expect(within.actions).toEqual([{ kind: 'consider', call, standing: offer }]);
    expect(run(tendered, [no], CLOSES).state.name).toBe('lost');
    const others: TenderEvent = { kind: 'reject', move: { ...rejection(1, 'outbid', '-'), intent: 'of-cid' } };
    expect(run(tendered, [others]).ignored).toEqual(['reject: unknown']);
  });

  test('who only thinks while a round closes goes on with what was offered before', () => {
    expect(run(states.considering, [{ kind: 'tick' }], T + 300).state).toMatchObject({ name: 'tendered', offer });
    expect(run(start, [{ kind: 'tick' }], CLOSES).state.name).toBe('declined');
  });

  test('an older call is no news', () => {
    expect(run(tendered, [{ kind: 'cfp', call }]).ignored).toEqual(['cfp: stale']);
    const stranger = callOf({ round: 2 }, { conversation: 'call-2' });
    expect(run(tendered, [{ kind: 'cfp', call: stranger }]).ignored).toEqual(['cfp: stale']);
  });

  test('an offer that the bank bars is told when it may pass', () => {
    const move = rejection(1, 'over-budget', 'the bank bars it', { final: true, retryAfterMs: 7_000 });
    const { actions } = run(tendered, [{ kind: 'reject', move }]);
    expect(actions[0]).toEqual({
      kind: 'lost',
      detail: 'over-budget',
      message: 'the bank bars it',
      retryAfterMs: 7_000,
    });
  });
});

describe('the slots behind an offer', () => {
  const released = (actions: readonly TenderAction[]) =>
    actions.flatMap((action) => (action.kind === 'release' ? [action.hold] : []));

  test('are given back when another offer replaces it, when it is lost, and when its time is over', () => {
    expect(released(run(states.considering, [{ kind: 'offer', offer: better }]).actions)).toEqual(['hold-1']);
    expect(released(run(tendered, [outbid(true)]).actions)).toEqual(['hold-1']);
    const end = run(tendered, [{ kind: 'tick' }, { kind: 'absent' }], ENDS + SEAL_MARGIN_MS);
    expect(released(end.actions)).toEqual(['hold-1']);
    expect(released(run(states.lost, [{ kind: 'tick' }, { kind: 'absent' }], ENDS + SEAL_MARGIN_MS).actions)).toEqual(
      [],
    );
  });

  test('are kept while it stands by or an operator decides, and go over with a contract', () => {
    expect(released(run(tendered, [outbid(false)]).actions)).toEqual([]);
    expect(released(run(tendered, [pending]).actions)).toEqual([]);
    expect(released(run(states.standing, [contract, held]).actions)).toEqual([]);
    // No longer than a winner can turn the task down: its start and the grace, or the seal.
    expect(states.standing).toMatchObject({ until: ENDS });
    const soon = offerOf('ben', 900, { startBy: T + 50 });
    const stands = run(run(start, [{ kind: 'offer', offer: soon }]).state, [outbid(false)]).state;
    expect(stands).toMatchObject({ until: T + 50 + call.frame.conditions.graceMs });
  });
});

describe('the bank', () => {
  test('is asked after silence, at growing distances and a last time when the seal has run out', () => {
    let state = tendered;
    const asked: number[] = [];
    while (tenderWakeAt(state) < Number.POSITIVE_INFINITY) {
      const at = tenderWakeAt(state);
      asked.push(at);
      state = run(state, [{ kind: 'tick' }, { kind: 'absent' }], at).state;
    }
    const gaps = asked.map((at, index) => at - (asked[index - 1] ?? CLOSES));
    expect(gaps.slice(0, 5)).toEqual([100, 500, 1000, 2000, 4000]);
    expect(asked.at(-1)).toBe(ENDS + SEAL_MARGIN_MS);
    expect(state.name).toBe('over');
  });

  test('alone makes a contract: of this call, this provider and this intent', () => {
    const told = run(tendered, [contract]);
    expect(told.actions).toEqual([{ kind: 'inquire', intent: 'ben-intent' }]);
    expect(run(told.state, [{ kind: 'absent' }]).state).toEqual({ ...tendered, pauseMs: 1000 });
    const wrong: TenderEvent = { kind: 'held', view: viewOf(offerOf('cid', 900)) };
    expect(run(told.state, [wrong]).ignored).toEqual(['held: stale']);
  });

  test('is asked after a rejection too, once, where a bond is at stake', () => {
    expect(tenderWakeAt(states.lost)).toBe(ENDS + SEAL_MARGIN_MS);
    const asked = run(states.lost, [{ kind: 'tick' }], ENDS + SEAL_MARGIN_MS);
    expect(asked.actions).toEqual([{ kind: 'inquire', intent: 'ben-intent' }]);
    expect(run(asked.state, [held]).state.name).toBe('won');
    const { conditions } = call.frame;
    const free = considering(callOf({}, { conditions: { ...conditions, bondMicro: '0' } }), 'ann').state;
    const lost = run(free, [{ kind: 'offer', offer }, outbid(true)]).state;
    expect(run(lost, [{ kind: 'tick' }], ENDS + SEAL_MARGIN_MS)).toMatchObject({
      state: { name: 'over' },
      actions: [],
    });
  });

  test('while it is asked the buyer may speak: that counts where there is no contract', () => {
    const rejectedMeanwhile = run(states.inquiring, [outbid(true)]);
    expect(rejectedMeanwhile.actions.map(({ kind }) => kind)).toEqual(['lost', 'release']);
    expect(run(rejectedMeanwhile.state, [{ kind: 'absent' }]).state.name).toBe('lost');
    expect(run(rejectedMeanwhile.state, [held]).state.name).toBe('won');
  });
});

test('any sequence of events: one contract at most, and it ends by itself', () => {
  const offers: Offer[] = [offer, better, offerOf('ben', 850, {}, { hold: 'hold-1' })];
  const all = [
    ...Object.values(events),
    outbid(true),
    ...offers.map((one): TenderEvent => ({ kind: 'offer', offer: one })),
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...all), { maxLength: 40 }), (sequence) => {
      const { state, actions } = run(start, sequence);
      const kinds = actions.map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'work').length).toBeLessThanOrEqual(1);
      let current = state;
      for (let n = 0; tenderWakeAt(current) < Number.POSITIVE_INFINITY; n++) {
        expect(n).toBeLessThan(100);
        current = run(current, [{ kind: 'tick' }, { kind: 'unanswered' }], tenderWakeAt(current)).state;
      }
      expect(['over', 'won', 'inquiring']).toContain(current.name);
    }),
  );
});
