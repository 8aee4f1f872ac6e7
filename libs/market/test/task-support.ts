// Calls for a task, offers with made-up seals, contracts, and a walk over a machine's table; T is when all begins.
import { expect, test } from 'vitest';
import {
  type Bounds,
  DEFAULT_CONDITIONS,
  type Frame,
  type Ignored,
  type Issues,
  type Offer,
  type Step,
  type TaskCall,
  type TaskView,
} from '../src/index.js';
import { markdownOf } from './negotiation-support.js';

export const T = 1_000_000;
export const CLOSES = T + 100;
export const ENDS = T + 60_000;
export const HOUR = 3_600_000;

export const frame: Frame = {
  ...{ market: 'm', conversation: 'call-1', buyer: 'ann', conditions: { ...DEFAULT_CONDITIONS, bondMicro: '7' } },
  task: {
    ...{ task: 'train-7', summary: 'train it', resource: 'gpu.h100', dataClass: 'internal' },
    inputs: { rows: 3 },
  },
};
export const ask: Issues = {
  ...{ priceMicro: '1000', startBy: T + HOUR, deadline: T + 48 * HOUR, durationMs: HOUR, units: 2, batch: 1 },
  ...{ scope: 1000, region: 'eu' },
};
export const bounds: Bounds = {
  priceMicro: { min: '1', max: '1000' },
  units: { min: 1, max: 2 },
};

export function callOf(more: Partial<TaskCall> = {}, moreFrame: Partial<Frame> = {}): TaskCall {
  return {
    ...{ direction: 'buy', frame: { ...frame, ...moreFrame }, ask, bounds, rule: 'lowest-price' },
    ...{ fill: { kind: 'one', by: 'units' }, round: 1, closesAt: CLOSES },
    protocol: {
      ...{ kind: 'contract-net', mode: 'fast', maxRounds: 8, roundMs: 100, endsAt: ENDS },
      minImprovementPermille: 0,
    },
    ...more,
  };
}

export function offerOf(
  participant: string,
  price: number,
  more: Partial<Issues> = {},
  sealed: Partial<Offer['seal']> & { readonly hold?: string } = {},
): Offer {
  const issues = { ...ask, priceMicro: String(price), ...more };
  const { hold, ...seal } = sealed;
  const { units, priceMicro } = issues;
  return {
    issues,
    seal: {
      ...{ participant, units, priceMicro, intent: `${participant}-intent`, until: ENDS, seal: 'mac', session: 's' },
      ...{ sessionUntil: ENDS, signature: 'A'.repeat(43) },
      ...seal,
    } as Offer['seal'],
    ...(hold === undefined ? {} : { hold }),
    ...{ completesAt: issues.deadline, assumptions: [], dependencies: [], quality: 900, risk: 100 },
  };
}

export function viewOf({ issues, seal }: Offer, more: Partial<TaskView> = {}): TaskView {
  return {
    ...{ contract: 'call-1-t1', state: 'awarded', frame, issues, provider: seal.participant, intent: seal.intent },
    ...{ attempt: 1, standbys: 0, awardedAt: T, dueAt: T + HOUR, percent: 0, slots: [], fences: [] },
    ...more,
  };
}

type Act = { readonly kind: string };

/** As many steps of a machine at one time, what they did, and what was ignored. */
export function runOf<State, Event, Action extends Act>(
  step: (state: State, event: Event, nowMs: number) => Step<State, Action | Ignored>,
  atMs: number,
) {
  return (state: State, events: readonly Event[], nowMs = atMs) => {
    const actions: Action[] = [];
    const ignored: string[] = [];
    let current = state;
    for (const event of events) {
      const taken = step(current, event, nowMs);
      current = taken.state;
      for (const action of taken.actions) {
        if (action.kind === 'ignored') ignored.push(`${(action as Ignored).event}: ${(action as Ignored).detail}`);
        else actions.push(action as Action);
      }
    }
    return { state: current, actions, ignored };
  };
}
type Cells = string | readonly [before: string, inTheEnd: string];

export interface Walked<State extends { readonly name: string }, Event extends { readonly kind: string }> {
  readonly table: object;
  readonly states: Readonly<Record<State['name'], State>>;
  readonly events: Readonly<Record<Event['kind'], Event>>;
  readonly step: (state: State, event: Event, nowMs: number) => Step<State, Act | Ignored>;
  /** Two times: while there is time, and when none is left. */
  readonly times: readonly [number, number];
  readonly expected: Readonly<Record<State['name'], Readonly<Record<Event['kind'], Cells>>>>;
}

/** A test for each pair, and one that the page shows the table. */
export function walkTable<State extends { readonly name: string }, Event extends { readonly kind: string }>(
  title: string,
  page: string,
  walked: Walked<State, Event>,
): void {
  const { table, states, events, expected } = walked;
  test(`${title}: a row for every pair, and no more`, () => {
    expect(Object.keys(table).sort()).toEqual(Object.keys(expected).sort());
    for (const rows of Object.values(table)) expect(Object.keys(rows).sort()).toEqual(Object.keys(events).sort());
    for (const [name, state] of Object.entries<State>(states)) expect(state.name).toBe(name);
  });
  const pairs = Object.keys(expected).flatMap((state) => Object.keys(events).map((event) => ({ state, event })));
  test.each(pairs)(`${title}: $state + $event`, ({ state, event }) => {
    const [from, with_] = [states[state as State['name']], events[event as Event['kind']]];
    const [before, after] = walked.times.map((nowMs) => cellOf(walked.step(from, with_, nowMs), from));
    const cell = expected[state as State['name']][event as Event['kind']];
    expect(before === after ? before : [before, after]).toEqual(cell);
  });
  test(`${title}: NEGOTIATION.md shows this table`, () => {
    const table = markdownOf(expected as never);
    expect(page.includes(table), `the page shows another table than this one:\n${table}`).toBe(true);
  });
}

function cellOf<State extends { readonly name: string }>(step: Step<State, Act | Ignored>, from: State): string {
  const [first] = step.actions;
  if (first?.kind === 'ignored') {
    expect(step.state).toBe(from);
    return (first as Ignored).detail;
  }
  const kinds = step.actions.map(({ kind }) => kind).join(' ');
  return `${step.state.name}:${kinds === '' ? '' : ` ${kinds}`}`;
}
