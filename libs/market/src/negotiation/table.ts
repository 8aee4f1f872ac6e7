// The shape of every state machine here: a row for each state and each event, so that the compiler finds a gap.
import type { Detail } from '../refusal.js';

interface Named {
  readonly name: string;
}
interface Kinded {
  readonly kind: string;
}

/** What an event leads to; `state` is the same object where nothing changed. */
export interface Step<State, Action> {
  readonly state: State;
  readonly actions: readonly Action[];
}

/** A pair that is not allowed: nothing changes, and `detail` says why to whoever asks. */
export interface Ignored {
  readonly kind: 'ignored';
  readonly event: string;
  readonly detail: Detail;
}

/** A legal pair is a function, an illegal one the detail by which it is answered. */
export type Row<S, E, State, Action> = Detail | ((state: S, event: E, nowMs: number) => Step<State, Action>);

/** Total: leaving out one pair does not compile. */
export type Table<State extends Named, Event extends Kinded, Action> = {
  readonly [S in State['name']]: {
    readonly [E in Event['kind']]: Row<
      Extract<State, { readonly name: S }>,
      Extract<Event, { readonly kind: E }>,
      State,
      Action
    >;
  };
};

/** Looks the pair up and takes the step; pure, and it never throws. */
export function stepOf<State extends Named, Event extends Kinded, Action extends Kinded>(
  table: Table<State, Event, Action>,
  state: State,
  event: Event,
  nowMs: number,
): Step<State, Action | Ignored> {
  const rows = table[state.name as State['name']];
  const row = rows[event.kind as Event['kind']] as Row<State, Event, State, Action>;
  if (typeof row === 'string') return ignored(state, event.kind, row);
  return row(state, event, nowMs);
}

/** The step that changes nothing. */
export function ignored<State, Action>(state: State, event: string, detail: Detail): Step<State, Action | Ignored> {
  return { state, actions: [{ kind: 'ignored', event, detail }] };
}
