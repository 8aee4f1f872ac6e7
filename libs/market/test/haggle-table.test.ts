// The table of haggling, cell by cell and for both sides: where each event leads from each state, and what is done.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type DealSide,
  details,
  type HaggleEvent,
  type HaggleState,
  haggleStep,
  haggleTable,
  otherSide,
  refusal,
  rejection,
} from '../src/index.js';
import { after, at, begun, ENDS, heardFrom, offerOf, proposal, T, viewOf, wordOf } from './haggle-support.js';
import { markdownOf } from './negotiation-support.js';

type Name = HaggleState['name'];
type Kind = HaggleEvent['kind'];
/** Long after everything. */
const IN_THE_END = ENDS + 24 * 3_600_000;

const no = rejection(1, 'over-budget', 'cheaper', { final: false });
const { round: _, ...ownNo } = no;
const mine = offerOf(at(900));
const view = viewOf(mine, T);

/** The buyer has opened at 800, the provider countered at 900; a state of each name from there. */
function statesOf(side: DealSide): Record<Name, HaggleState> {
  const start = begun(side);
  const opened: HaggleEvent[] = [
    side === 'buyer' ? proposal('buyer', at(800)) : heardFrom('buyer', 'opening', 1, at(800)),
  ];
  const countered: HaggleEvent[] = [
    side === 'buyer' ? heardFrom('provider', 'counter', 1, at(900)) : proposal('provider', at(900)),
  ];
  const [buyersTurn, providersTurn] = [after(start, [...opened, ...countered]), after(start, opened)];
  const [onMove, waiting] = side === 'buyer' ? [buyersTurn, providersTurn] : [providersTurn, buyersTurn];
  const agrees: HaggleEvent =
    side === 'buyer' ? { kind: 'accept' } : { kind: 'accepted', round: 1, issues: mine.issues };
  const settling = after(buyersTurn, [agrees]);
  const waits: HaggleEvent = { kind: side === 'buyer' ? 'filed' : 'waits', proposal: 'p1', expiresAt: ENDS };
  const heardNo = (round: number): HaggleEvent => ({ kind: 'rejected', move: { ...no, round } });
  const sayNo: HaggleEvent = { kind: 'reject', move: ownNo };
  // Buyer: 800, counter, no, 910 … until three rejections are there.
  const provider900: HaggleEvent = side === 'buyer' ? sayNo : heardNo(1);
  const next: HaggleEvent =
    side === 'buyer' ? heardFrom('provider', 'counter', 2, at(880)) : proposal('provider', at(880));
  const second: HaggleEvent = side === 'buyer' ? sayNo : heardNo(2);
  const third: HaggleEvent =
    side === 'buyer' ? heardFrom('provider', 'counter', 3, at(870)) : proposal('provider', at(870));
  const last: HaggleEvent = side === 'buyer' ? sayNo : heardNo(3);
  const stuck = after(buyersTurn, [provider900, next, second, third, last]);
  return {
    ...{ mine: onMove, theirs: waiting, settling, pending: after(settling, [waits]), stuck },
    escalated: after(stuck, [{ kind: 'escalate', message: 'decide', withinMs: 5_000 }]),
    agreed: after(settling, [side === 'buyer' ? { kind: 'engaged', view } : { kind: 'held', view }]),
    ended: after(waiting, [{ kind: 'cancelled', detail: 'expired' }]),
  };
}

function eventsOf(side: DealSide, nowMs: number): Record<Kind, (state: HaggleState) => HaggleEvent> {
  const is =
    (event: HaggleEvent): (() => HaggleEvent) =>
    () =>
      event;
  const other = otherSide(side);
  const step = side === 'buyer' ? 880 : 860;
  return {
    propose: is(proposal(side, at(step))),
    accept: ({ theirs }) => ({
      kind: 'accept',
      ...(side === 'provider' && { offer: offerOf(theirs.at(-1)!.issues) }),
    }),
    reject: is({ kind: 'reject', move: ownNo }),
    escalate: is({ kind: 'escalate', message: 'decide', withinMs: 5_000 }),
    quit: is({ kind: 'quit', detail: 'expired' }),
    opening: is(heardFrom(other, 'opening', 1, at(800))),
    counter: ({ theirMoves }) => heardFrom(other, 'counter', theirMoves + 1, at(side === 'buyer' ? 860 : 850)),
    accepted: ({ ours }) => {
      const { round, issues } = ours.at(-1) ?? { round: 1, issues: at(900) };
      return { kind: 'accepted', round, issues, ...(side === 'buyer' && { offer: offerOf(issues) }) };
    },
    rejected: ({ ourMoves }) => ({ kind: 'rejected', move: { ...no, round: ourMoves } }),
    cancelled: is({ kind: 'cancelled', detail: 'expired' }),
    contract: is({ kind: 'contract', contract: 'talk-1-t1' }),
    waits: is({ kind: 'waits', proposal: 'p1', expiresAt: ENDS }),
    engaged: is({ kind: 'engaged', view }),
    filed: is({ kind: 'filed', proposal: 'p1', expiresAt: ENDS }),
    refused: is({ kind: 'refused', refusal: refusal('over-budget', 'too dear') }),
    held: is({ kind: 'held', view }),
    absent: is({ kind: 'absent', askedAt: nowMs }),
    tick: is({ kind: 'tick' }),
  };
}

const kinds = Object.keys(eventsOf('buyer', T)) as Kind[];

function cellOf(state: HaggleState, event: HaggleEvent, nowMs: number): string {
  const step = haggleStep(state, event, nowMs);
  const words = step.actions.map(wordOf);
  const [first] = step.actions;
  if (first?.kind === 'ignored' || first?.kind === 'answer') {
    expect(step.state).toBe(state);
    expect(words).toHaveLength(1);
    return words[0]!;
  }
  return `${step.state.name}:${words.map((word) => ` ${word}`).join('')}`;
}

/** Each cell a moment later, and long after. */
function walked(side: DealSide): Record<string, Record<string, readonly [string, string]>> {
  const [now, then] = [eventsOf(side, T + 2), eventsOf(side, IN_THE_END)];
  const pair = (state: HaggleState, kind: Kind) =>
    [cellOf(state, now[kind](state), T + 2), cellOf(state, then[kind](state), IN_THE_END)] as const;
  const row = (state: HaggleState) => Object.fromEntries(kinds.map((kind) => [kind, pair(state, kind)]));
  return Object.fromEntries(Object.entries(statesOf(side)).map(([name, state]) => [name, row(state)]));
}

const sides: DealSide[] = ['buyer', 'provider'];

describe.each(sides)('the %s', (side) => {
  test('comes into each state', () => {
    for (const [name, state] of Object.entries(statesOf(side))) expect(state.name).toBe(name);
  });

  test('has a row for every pair, and NEGOTIATION.md shows each', () => {
    expect(Object.keys(haggleTable).sort()).toEqual(Object.keys(statesOf(side)).sort());
    for (const rows of Object.values(haggleTable)) expect(Object.keys(rows).sort()).toEqual([...kinds].sort());
    expect(readFileSync(new URL('../NEGOTIATION.md', import.meta.url), 'utf8')).toContain(markdownOf(walked(side)));
  });

  test('moves that are not obeyed are answered, nothing else is', () => {
    const events = eventsOf(side, T + 2);
    for (const state of Object.values(statesOf(side))) {
      for (const [kind, event] of Object.entries(events)) {
        const [first] = haggleStep(state, event(state), T + 2).actions;
        if (first?.kind !== 'ignored' && first?.kind !== 'answer') continue;
        expect(details).toContain(first.detail);
        const over = state.name === 'agreed' || state.name === 'ended';
        const move = ['opening', 'counter', 'accepted', ...(over ? [] : ['rejected'])].includes(kind);
        expect([state.name, kind, first.kind]).toEqual([state.name, kind, move ? 'answer' : 'ignored']);
      }
    }
  });
});
