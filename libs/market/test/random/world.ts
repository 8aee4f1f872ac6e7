// A world in virtual time: a queue of what happens, a network that loses, doubles and reorders, machines that are woken.
import type { Ignored, Step, TaskBody, TaskMessage } from '../../src/index.js';
import { Chance } from '../haggle-world.js';

export type Word = TaskMessage['performative'];
/** A message without its envelope. */
export type Letter = {
  [W in Word]: { readonly word: W; readonly from: string; readonly conversation: string; readonly body: TaskBody<W> };
}[Word];

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Whatever goes on for longer goes on for ever. */
const MOST_EVENTS = 2_000_000;

export class World {
  readonly chance: Chance;
  nowMs: number;
  /** How often what happened, by name: the whole run is judged by it. */
  readonly seen: Map<string, number>;
  /** Told each step of each machine, by its name; for whoever looks into a failing world. */
  trace: ((line: string) => void) | undefined;
  readonly #heap: Happening[] = [];
  readonly #hearers = new Map<string, (letter: Letter) => void>();
  #order = 0;

  constructor(seed: number, startMs: number, seen: Map<string, number>) {
    this.chance = new Chance(seed);
    this.nowMs = startMs;
    this.seen = seen;
  }

  saw(name: string): void {
    this.seen.set(name, (this.seen.get(name) ?? 0) + 1);
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run);
  }

  at(at: number, run: () => void): void {
    const heap = this.#heap;
    const item = { at: Math.max(at, this.nowMs), order: this.#order++, run };
    let index = heap.length;
    heap.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(heap[parent]!, item)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = item;
  }

  /** Until nothing is left to happen. */
  run(): void {
    for (let count = 0; ; count++) {
      const next = this.#pop();
      if (next === undefined) return;
      if (count > MOST_EVENTS) throw new Error('the world does not come to rest');
      this.nowMs = next.at;
      next.run();
    }
  }

  #pop(): Happening | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (isBefore(last, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }

  hear(name: string, hearer: (letter: Letter) => void): void {
    this.#hearers.set(name, hearer);
  }

  /** Mostly soon, at times late, lost or twice: so that nothing comes in order. */
  send(to: string, letter: Letter): void {
    if (this.chance.happens(0.03)) return;
    this.#deliver(to, letter);
    if (this.chance.happens(0.03)) this.#deliver(to, letter);
  }

  #deliver(to: string, letter: Letter): void {
    const slow = this.chance.happens(0.02) ? 600 : 25;
    this.after(1 + this.chance.below(slow), () => this.#hearers.get(to)?.(letter));
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

type Kinded = { readonly kind: string };

/** One machine in a process that can be killed. */
export class Driver<State extends { readonly name: string }, Event extends Kinded, Action extends Kinded> {
  state: State;
  alive = true;
  #armedFor = Number.POSITIVE_INFINITY;
  #wakes = 0;
  readonly #world: World;
  readonly #machine: Machine<State, Event, Action>;

  constructor(world: World, machine: Machine<State, Event, Action>) {
    this.#world = world;
    this.#machine = machine;
    this.state = machine.start.state;
  }

  begin(): this {
    this.#took(this.#machine.start);
    return this;
  }

  step(event: Event | { readonly kind: 'tick' }): readonly (Action | Ignored)[] {
    if (!this.alive) return [];
    const step = this.#machine.step(this.state, event, this.#world.nowMs);
    this.#world.trace?.(
      `${this.#world.nowMs % 10_000_000} ${this.#machine.name}: ${this.state.name} + ${JSON.stringify(event).slice(0, 240)} → ` +
        `${step.state.name}: ${step.actions.map((action) => ('detail' in action ? action.detail : action.kind)).join(' ')}`,
    );
    this.#took(step);
    return step.actions;
  }

  kill(): void {
    this.alive = false;
  }

  #took({ state, actions }: Step<State, Action | Ignored>): void {
    this.state = state;
    this.#arm();
    for (const action of actions) if (action.kind !== 'ignored') this.#machine.act(action as Action);
    this.#machine.stepped?.();
  }

  #arm(): void {
    const wakeAt = this.#machine.wakeAt(this.state);
    if (wakeAt === this.#armedFor || wakeAt === Number.POSITIVE_INFINITY) return;
    this.#armedFor = wakeAt;
    this.#world.at(wakeAt, () => {
      if (!this.alive || this.#armedFor !== wakeAt || this.#machine.wakeAt(this.state) !== wakeAt) return;
      this.#armedFor = Number.POSITIVE_INFINITY;
      if (++this.#wakes > 10_000) throw new Error(`${this.state.name} is woken again and again`);
      const [first] = this.step({ kind: 'tick' });
      if (first?.kind === 'ignored') throw new Error(`${this.state.name} is woken and has nothing to do`);
      this.#arm();
    });
  }
}

export interface Machine<State, Event, Action> {
  readonly name: string;
  readonly start: Step<State, Action | Ignored>;
  readonly step: (
    state: State,
    event: Event | { readonly kind: 'tick' },
    nowMs: number,
  ) => Step<State, Action | Ignored>;
  readonly wakeAt: (state: State) => number;
  readonly act: (action: Action) => void;
  readonly stepped?: () => void;
}
