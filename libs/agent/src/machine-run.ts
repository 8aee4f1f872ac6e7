// A pure machine brought to life: its steps are taken by the market's clock, its actions carried out, its time kept.
import type { Ignored, Step } from '@tender/market';
import type { Link } from './link.js';
import { after } from './timer.js';

export interface Machine<State, Event, Action> {
  readonly start: Step<State, Action | Ignored>;
  readonly step: (
    state: State,
    event: Event | { readonly kind: 'tick' },
    nowMs: number,
  ) => Step<State, Action | Ignored>;
  /** When time alone moves it on; undefined or Infinity: never. */
  readonly wakeAt: (state: State) => number | undefined;
  readonly act: (action: Action) => void;
  /** After each step and all that it led to. */
  readonly stepped?: (state: State) => void;
}

/** A machine that is woken and still wants to be woken for the same time does not get the whole processor. */
const STUCK_MS = 100;
/** The clock shows whole milliseconds, and a machine that is woken early would have nothing to do. */
const LATE_MS = 1;

export class MachineRun<State, Event extends { readonly kind: string }, Action extends { readonly kind: string }> {
  readonly #link: Link;
  readonly #machine: Machine<State, Event, Action>;
  #state: State;
  #stopTimer = () => {};
  #armedFor = Number.POSITIVE_INFINITY;
  /** By the market's clock. */
  #ringsAt = Number.POSITIVE_INFINITY;
  #firedFor = Number.NaN;
  #closed = false;

  constructor(link: Link, machine: Machine<State, Event, Action>) {
    this.#link = link;
    this.#machine = machine;
    this.#state = machine.start.state;
  }

  /** Carries out what the machine starts with. */
  begin(): this {
    this.#took(this.#machine.start);
    return this;
  }

  get state(): State {
    return this.#state;
  }

  /** Takes a step; gives back its actions, those too that were carried out already. */
  step(event: Event | { readonly kind: 'tick' }): readonly (Action | Ignored)[] {
    if (this.#closed) return [];
    return this.#took(this.#machine.step(this.#state, event, this.#link.clock.now()));
  }

  #took({ state, actions }: Step<State, Action | Ignored>): readonly (Action | Ignored)[] {
    this.#state = state;
    this.#arm();
    for (const action of actions) {
      if (action.kind === 'ignored') this.#link.ignore((action as Ignored).detail);
      else this.#machine.act(action as Action);
    }
    this.#machine.stepped?.(this.#state);
    return actions;
  }

  /**
   * Each move puts the end of waiting off: a timer that rings before it is set again when it rings, so that moves by the
   * thousand set none.
   */
  #arm(): void {
    if (this.#closed) return;
    const wakeAt = this.#wakeAt();
    const never = wakeAt === Number.POSITIVE_INFINITY;
    if (wakeAt === this.#armedFor || (!never && this.#ringsAt <= wakeAt + LATE_MS)) return;
    this.#stopTimer();
    this.#armedFor = wakeAt;
    this.#ringsAt = wakeAt;
    if (never) return;
    const wait = Math.max(0, this.#link.clock.until(wakeAt)) + (wakeAt === this.#firedFor ? STUCK_MS : LATE_MS);
    this.#ringsAt = this.#link.clock.now() + wait;
    this.#stopTimer = after(wait, () => this.#ring());
  }

  #ring(): void {
    const due = this.#armedFor;
    this.#armedFor = Number.POSITIVE_INFINITY;
    this.#ringsAt = Number.POSITIVE_INFINITY;
    if (this.#wakeAt() > due) {
      this.#arm();
    } else {
      this.#firedFor = due;
      this.step({ kind: 'tick' });
    }
  }

  #wakeAt(): number {
    return this.#machine.wakeAt(this.#state) ?? Number.POSITIVE_INFINITY;
  }

  /** Nothing moves any more. */
  close(): void {
    this.#closed = true;
    this.#stopTimer();
  }
}
