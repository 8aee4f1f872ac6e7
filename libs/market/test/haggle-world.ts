// Two sides that haggle over a network that loses, doubles, delays and reorders, with a bank that is down at times.
import {
  type DealSide,
  type Detail,
  type HaggleAction,
  type HaggleContext,
  type HaggleEvent,
  type HaggleState,
  type Haggling,
  haggleStep,
  haggleWakeAt,
  haggling,
  type Offer,
  otherSide,
  refusal,
  type TaskView,
} from '../src/index.js';
import { seeded } from '../src/testing/index.js';
import { heardOf } from './haggle-play.js';
import { contextOf, ENDS, SEALED_UNTIL, T, viewOf } from './haggle-support.js';

/** Chance of a world, from its seed. */
export class Chance {
  /** From 0 to 1. */
  readonly next: () => number;
  constructor(seed: number) {
    this.next = seeded(seed);
  }
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
  happens(share: number): boolean {
    return this.next() < share;
  }
}

/** What a side does when it may; undefined: nothing. Each strategy is asked again after each step. */
export type Agent = (state: HaggleState, nowMs: number, chance: Chance) => HaggleEvent | undefined;
/** Speaks without a machine: what it says to the other side of what it has heard so far. */
export type Rogue = (heard: readonly HaggleEvent[], nowMs: number, chance: Chance) => HaggleEvent;

export interface WorldOptions {
  readonly seed: number;
  readonly agents: Readonly<Record<DealSide, Agent>>;
  /** This side is a rogue instead. */
  readonly rogue?: { readonly side: DealSide; readonly says: Rogue } | undefined;
  readonly shared: Partial<HaggleContext>;
  readonly limits: Readonly<Record<DealSide, string>>;
  /** Shares of messages. */
  readonly lost: number;
  readonly doubled: number;
  readonly longestDelayMs: number;
  readonly crash?: { readonly side: DealSide; readonly atMs: number } | undefined;
  /** The bank answers nothing in this time; what it is asked it may still do. */
  readonly outage?: readonly [from: number, to: number] | undefined;
  /** Share of engagements that wait for approval. */
  readonly approval: number;
}

export class Bank {
  readonly contracts = new Map<string, TaskView>();
  readonly holds = new Map<string, 'locked' | 'released' | 'used'>();

  /** One script: checks, then writes. */
  engage(offer: Offer, nowMs: number): TaskView | Detail {
    const { intent, until } = offer.seal;
    const before = this.contracts.get(intent);
    if (before !== undefined) return before;
    if (until <= nowMs) return 'expired';
    if (this.holds.get(offer.hold!) !== 'locked') return 'lock-lost';
    this.holds.set(offer.hold!, 'used');
    const view = viewOf(offer, nowMs);
    this.contracts.set(intent, view);
    return view;
  }
}

interface SideOf {
  state: HaggleState;
  crashed: boolean;
  readonly outcomes: Haggling[];
  /** Proposals that it was told, its own refused moves, answers that it gave. */
  heard: number;
  answers: number;
  endedAt: number | undefined;
}

const LAST = SEALED_UNTIL + 200_000;
const OVER: ReadonlySet<string> = new Set(['agreed', 'ended']);

export class World {
  readonly bank = new Bank();
  readonly sides: Readonly<Record<DealSide, SideOf>>;
  readonly #chance: Chance;
  readonly #options: WorldOptions;
  readonly #saved = new Map<string, HaggleEvent>();
  readonly #heardByRogue: HaggleEvent[] = [];
  #queue: { readonly at: number; readonly order: number; readonly run: () => void }[] = [];
  #order = 0;
  nowMs = T;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#chance = new Chance(options.seed);
    const side = (name: DealSide): SideOf => ({
      state: haggling(contextOf(name, { ...options.shared, limitMicro: options.limits[name] }), T),
      ...{ crashed: false, outcomes: [], heard: 0, answers: 0, endedAt: undefined },
    });
    this.sides = { buyer: side('buyer'), provider: side('provider') };
  }

  run(): this {
    const { crash, rogue } = this.#options;
    if (crash) this.#at(T + crash.atMs, () => (this.sides[crash.side].crashed = true));
    if (rogue) this.#babble(rogue.side, rogue.says);
    for (const side of ['buyer', 'provider'] as const) this.#onward(side);
    while (this.#queue.length > 0) {
      this.#queue.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#queue.shift()!;
      if (next.at > LAST) break;
      this.nowMs = Math.max(this.nowMs, next.at);
      next.run();
    }
    return this;
  }

  /** Whether its end says anything about the rules. */
  judged(side: DealSide): boolean {
    return !this.sides[side].crashed && this.#options.rogue?.side !== side;
  }

  #at(at: number, run: () => void): void {
    this.#queue.push({ at, order: this.#order++, run });
  }

  #babble(side: DealSide, says: Rogue): void {
    if (this.nowMs > ENDS + 5_000) return;
    this.#send(side, says(this.#heardByRogue, this.nowMs, this.#chance));
    const pause = 20 + this.#chance.below(600);
    this.#at(this.nowMs + pause, () => this.#babble(side, says));
    // It closes on whatever offer it has heard, and tells nobody.
    const offers = this.#heardByRogue.flatMap((event) => ('offer' in event && event.offer ? [event.offer] : []));
    if (side === 'buyer' && offers.length > 0 && this.#chance.happens(0.05)) {
      this.bank.engage(this.#chance.of(offers), this.nowMs);
    }
  }

  /** Wakes a side when its time is due, and lets its agent act. */
  #onward(side: DealSide): void {
    const one = this.sides[side];
    if (one.crashed || this.#options.rogue?.side === side) return;
    const { state } = one;
    const due = haggleWakeAt(state);
    if (due < Number.POSITIVE_INFINITY) {
      this.#at(Math.max(due, this.nowMs), () => {
        if (one.state === state) this.step(side, { kind: 'tick' });
      });
    }
    if (OVER.has(state.name)) return;
    this.#at(this.nowMs + this.#chance.below(this.#chance.happens(0.05) ? 1500 : 200), () => {
      if (one.state !== state || one.crashed) return;
      const event = this.#options.agents[side](state, this.nowMs, this.#chance);
      if (event === undefined) return;
      this.step(side, event);
      // Refused by its own machine: it thinks again.
      if (one.state === state) this.#at(this.nowMs + 50, () => one.state === state && this.#onward(side));
    });
  }

  step(side: DealSide, event: HaggleEvent): void {
    const one = this.sides[side];
    if (one.crashed) return;
    const before = one.state;
    const step = haggleStep(before, event, this.nowMs);
    one.state = step.state;
    for (const action of step.actions) if (action.kind !== 'ignored') this.#act(side, action);
    if (OVER.has(one.state.name)) one.endedAt ??= this.nowMs;
    if (one.state !== before) this.#onward(side);
  }

  #act(side: DealSide, action: HaggleAction): void {
    const one = this.sides[side];
    const { holds } = this.bank;
    if (action.kind === 'send') this.#send(side, heardOf(action)!);
    else if (action.kind === 'answer') one.answers += 1;
    else if (action.kind === 'finish') one.outcomes.push(action.outcome);
    else if (action.kind === 'engage') this.#ask(side, () => this.#engaged(action.key, action.offer));
    else if (action.kind === 'inquire') this.#ask(side, () => this.#known(action.intent, action.askedAt));
    else if (action.kind === 'poll') this.#ask(side, () => this.#decided(action.proposal, action.askedAt));
    else if (action.kind === 'extend' && !holds.has(action.hold)) holds.set(action.hold, 'locked');
    else if (action.kind === 'release' && holds.get(action.hold) === 'locked') holds.set(action.hold, 'released');
    // Somebody has it, whose advice the agents play; or nobody is to be had.
    else if (action.kind === 'escalate' && this.#chance.happens(0.5)) {
      this.#ask(side, () => ({ kind: 'refused', refusal: refusal('unavailable', 'nobody decides') }));
    }
  }

  #known(intent: string, askedAt: number): HaggleEvent {
    const view = this.bank.contracts.get(intent);
    return view === undefined ? { kind: 'absent', askedAt } : { kind: 'held', view };
  }

  #decided(proposal: string, askedAt: number): HaggleEvent {
    return this.#saved.get(proposal) ?? { kind: 'absent', askedAt };
  }

  #engaged(key: string, offer: Offer): HaggleEvent {
    const saved = this.#saved.get(key);
    if (saved !== undefined) return saved;
    const answer = this.#chance.happens(this.#options.approval) ? this.#filed(key, offer) : this.#closed(offer);
    this.#saved.set(key, answer);
    return answer;
  }

  #closed(offer: Offer): HaggleEvent {
    const came = this.bank.engage(offer, this.nowMs);
    return typeof came === 'string'
      ? { kind: 'refused', refusal: refusal(came, 'the bank bars it') }
      : { kind: 'engaged', view: came };
  }

  /** An operator decides, or lets it lapse. */
  #filed(key: string, offer: Offer): HaggleEvent {
    const proposal = `proposal-${key}`;
    const expiresAt = this.nowMs + 100 + this.#chance.below(4_000);
    const no: HaggleEvent = { kind: 'refused', refusal: refusal('denied', 'no') };
    if (this.#chance.happens(0.8)) {
      const decide = () => this.#saved.set(proposal, this.#chance.happens(0.7) ? this.#closed(offer) : no);
      this.#at(this.nowMs + this.#chance.below(expiresAt - this.nowMs), decide);
    }
    return { kind: 'filed', proposal, expiresAt };
  }

  /** The bank does what it is asked at once or not at all; its answer may fail to come. */
  #ask(side: DealSide, answer: () => HaggleEvent): void {
    const { outage } = this.#options;
    const down = outage !== undefined && this.nowMs >= T + outage[0] && this.nowMs < T + outage[1];
    if (down && this.#chance.happens(0.5)) return;
    const said = answer();
    const unheard: HaggleEvent = { kind: 'refused', refusal: refusal('unavailable', 'no answer') };
    this.#at(this.nowMs + 1 + this.#chance.below(50), () => {
      if (!down) this.step(side, said);
      else if (this.#chance.happens(0.5)) this.step(side, unheard);
    });
  }

  #send(from: DealSide, event: HaggleEvent): void {
    const { lost, doubled, longestDelayMs, rogue } = this.#options;
    const to = otherSide(from);
    const deliver = () => {
      if (rogue?.side === to) this.#heardByRogue.push(event);
      else {
        this.sides[to].heard += 1;
        this.step(to, event);
      }
    };
    const delay = () => this.nowMs + 1 + this.#chance.below(longestDelayMs);
    if (!this.#chance.happens(lost)) this.#at(delay(), deliver);
    if (this.#chance.happens(doubled)) this.#at(delay(), deliver);
  }
}
