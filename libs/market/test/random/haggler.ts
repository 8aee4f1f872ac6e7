// One side of a negotiation between two agents of a random world: by the strategies, at times by whim; it may die.
import {
  type DealSide,
  decideMonotonic,
  decideRubinstein,
  type HaggleAction,
  type HaggleContext,
  type HaggleEvent,
  type HaggleState,
  type Haggling,
  haggleStep,
  haggleWakeAt,
  haggling,
  type Issues,
  type Offer,
  outOfBounds,
  refusal,
  rejection,
  type TaskView,
} from '../../src/index.js';
import { heardOf } from '../haggle-play.js';
import type { Bank, EngageBody } from './bank.js';
import { Ordering, Working } from './contract-sides.js';
import { type Character, offerOf, type Plan } from './draw.js';
import { Hold } from './hold.js';
import { Driver, type Letter, type World } from './world.js';

type Sent = Extract<HaggleAction, { readonly kind: 'send' }>;

export interface HagglerOptions {
  readonly world: World;
  readonly bank: Bank;
  readonly plan: Plan;
  readonly side: DealSide;
  readonly character: Character;
  readonly death: { readonly atMs: number; readonly backMs: number | undefined } | undefined;
}

export class Haggler {
  readonly driver: Driver<HaggleState, HaggleEvent, HaggleAction>;
  outcome: Haggling | undefined;
  contract: Working | Ordering | undefined;
  dead = false;
  readonly #options: HagglerOptions;
  readonly #by: string;
  readonly #other: string;
  readonly holds = new Map<string, Hold>();
  #thinkingOf: HaggleState | undefined;
  #offers = 0;
  #processes = 1;
  #early: Letter | undefined;

  constructor(options: HagglerOptions) {
    const { world, plan, side, character, death } = options;
    const { buyer, provider, call } = plan;
    this.#options = options;
    [this.#by, this.#other] = side === 'buyer' ? [buyer, provider] : [provider, buyer];
    const context: HaggleContext = {
      ...{ side, opener: 'buyer', frame: call.frame, provider, ask: call.ask, bounds: call.bounds },
      ...{ protocol: call.protocol, nonce: `nonce-${side}-${plan.conversation}` },
      limitMicro: side === 'buyer' ? plan.limits.priceMicro!.max : String(character.costMicro),
    };
    this.driver = new Driver<HaggleState, HaggleEvent, HaggleAction>(world, {
      name: `${plan.conversation} ${side}`,
      start: { state: haggling(context, world.nowMs), actions: [] },
      ...{ step: haggleStep, wakeAt: haggleWakeAt },
      act: (action) => this.#act(action),
      stepped: () => {
        this.#mustKeepNothing();
        this.#think();
      },
    });
    if (death !== undefined) world.after(death.atMs, () => this.#die(death.backMs));
  }

  begin(): void {
    this.driver.begin();
  }

  /** The other's message, as the machine or the contract hears it. */
  hear(letter: Letter & { readonly sent?: Sent | undefined }): void {
    if (this.dead) return;
    if (this.contract !== undefined) return void this.contract.hear(letter);
    if (letter.word === 'task-start') {
      this.#early = letter;
      this.driver.step({ kind: 'contract', contract: letter.body.contract });
      return;
    }
    const heard = letter.sent === undefined ? undefined : heardOf(letter.sent);
    if (heard !== undefined) this.driver.step(heard);
    else if (letter.word === 'inform' && letter.body.kind === 'contract') {
      this.driver.step({ kind: 'contract', contract: letter.body.view.contract });
    }
  }

  /** Slots that nothing comes of are free at once. */
  #mustKeepNothing(): void {
    if (this.driver.state.name !== 'ended') return;
    if ([...this.holds.values()].some(({ kept }) => kept)) {
      throw new Error(`${this.#options.plan.conversation}: slots are kept for nothing`);
    }
  }

  #think(): void {
    const { state } = this.driver;
    if ((state.name !== 'mine' && state.name !== 'stuck') || state === this.#thinkingOf) return;
    this.#thinkingOf = state;
    const { world } = this.#options;
    world.after(world.chance.below(world.chance.happens(0.04) ? 700 : 60), () => {
      if (this.driver.alive && this.driver.state === state) this.#move(state);
    });
  }

  #move(state: HaggleState): void {
    const { world, side, plan } = this.#options;
    const { chance } = world;
    const whim = chance.below(60);
    if (state.name === 'stuck') {
      if (plan.escalates && side === 'buyer') this.driver.step({ kind: 'escalate', message: 'decide', withinMs: 1000 });
      else if (whim < 10) this.driver.step({ kind: 'quit', detail: 'round-limit' });
      return;
    }
    if (whim === 0) return;
    if (whim === 1) return void this.driver.step({ kind: 'quit', detail: 'unavailable' });
    if (whim < 8 && state.theirs.length > 0) return void this.#reject(state);
    const move = plan.form === 'alternating-offers' ? this.#rubinstein(state) : this.#monotonic(state);
    if (move.kind === 'quit') return void this.driver.step(move);
    const issues = move.kind === 'propose' ? move.issues : state.theirs.at(-1)!.issues;
    if (side === 'buyer') return void this.driver.step(move);
    this.#sealed(state, issues, (offer) => this.driver.step({ ...move, offer }));
  }

  #monotonic(state: HaggleState) {
    const { side, plan, character, world } = this.#options;
    const limit = Number(side === 'buyer' ? plan.limits.priceMicro!.max : character.costMicro);
    const best = side === 'buyer' ? 1 : 1200;
    const preferences = { side, issues: { priceMicro: { weight: 1000, worst: limit, best } }, reservePermille: 0 };
    return decideMonotonic({ preferences, believes: true }, state, world.nowMs);
  }

  #rubinstein(state: HaggleState) {
    const { plan, character } = this.#options;
    const buyerLimitMicro = plan.limits.priceMicro!.max;
    const providerLimitMicro = String(Math.min(character.costMicro, 1200));
    return decideRubinstein({ buyerLimitMicro, providerLimitMicro, horizon: 'rounds' }, state);
  }

  /** A no, sometimes with what would pass. */
  #reject(state: HaggleState): void {
    const { side, world } = this.#options;
    const last = state.ours.at(-1)?.issues;
    const { round: _, ...no } = rejection(1, side === 'buyer' ? 'over-budget' : 'below-reserve-price', 'no', {
      final: false,
    });
    if (side === 'buyer' || last === undefined || world.chance.happens(0.5)) {
      return void this.driver.step({ kind: 'reject', move: no });
    }
    this.#sealed(state, last, (offer) => this.driver.step({ kind: 'reject', move: { ...no, counter: last, offer } }));
  }

  #sealed(state: HaggleState, issues: Issues, said: (offer: Offer) => readonly { readonly kind: string }[]): void {
    const { world, bank, plan, character } = this.#options;
    const { call } = plan;
    const until = Math.max(call.protocol.endsAt, world.nowMs) + character.validMs;
    const { intent, holds } = character;
    if (!holds) return void said(offerOf(call, this.#by, intent, issues, until, {}));
    const cfp = `${intent}-h${++this.#offers}`;
    const alive = () => !this.dead;
    Hold.open(world, bank, this.#by, cfp, issues.units, alive, (hold) => {
      if (hold === undefined) return void said(offerOf(call, this.#by, intent, issues, until, {}));
      this.holds.set(cfp, hold);
      if (this.driver.state !== state) return void hold.release(alive);
      const [first] = said(offerOf(call, this.#by, intent, issues, until, { hold: cfp }));
      // Not said after all: too late, or a step back.
      if (first?.kind === 'ignored') hold.release(alive);
    });
  }

  #act(action: HaggleAction): void {
    const { world } = this.#options;
    switch (action.kind) {
      case 'send':
        if (
          outOfBounds(
            issuesOf(action) ?? this.#options.plan.call.ask,
            this.#options.plan.call.ask,
            this.#options.plan.call.bounds,
          ).length > 0
        ) {
          throw new Error('a proposal beyond the bounds');
        }
        return void this.#send(action);
      case 'answer':
        return void world.saw(`haggle answered: ${action.detail}`);
      case 'engage':
        return void this.#engage(action);
      case 'inquire':
        return void this.#inquire(action);
      case 'poll':
        return void this.#poll(action);
      case 'extend':
        return;
      case 'release':
        return void this.holds.get(action.hold)?.release(() => !this.dead);
      case 'escalate':
        return void this.#escalate(action);
      case 'finish':
        return void this.#finished(action.outcome);
    }
  }

  #send(action: Sent): void {
    const { world, plan } = this.#options;
    const letter = { word: action.performative, body: action.body, from: this.#by, conversation: plan.conversation };
    world.send(this.#other, { ...letter, sent: action } as unknown as Letter);
  }

  #engage({ key, offer }: Extract<HaggleAction, { kind: 'engage' }>): void {
    const { bank, plan } = this.#options;
    const body: EngageBody = this.#engageBody(key, offer, plan);
    bank.ask(
      () => this.driver.alive,
      () => bank.engage(this.#by, body),
      (answer) => {
        if (answer === undefined) this.driver.step({ kind: 'refused', refusal: refusal('unavailable', 'no answer') });
        else if ('ok' in answer) this.driver.step({ kind: 'refused', refusal: answer });
        else if (answer.kind === 'pending')
          this.driver.step({ kind: 'filed', proposal: answer.proposal, expiresAt: answer.expiresAt });
        else this.driver.step({ kind: 'engaged', view: answer.contracts[0]! });
      },
    );
  }

  #engageBody(key: string, offer: EngageBody['offers'][number], { call }: Plan): EngageBody {
    const fill = { kind: 'one', by: 'units' } as const;
    return { key, frame: call.frame, ask: offer.issues, rule: 'lowest-price', fill, offers: [offer] };
  }

  #inquire({ intent, askedAt }: Extract<HaggleAction, { kind: 'inquire' }>): void {
    const { bank } = this.#options;
    bank.ask(
      () => !this.dead,
      () => bank.task(this.#by, { intent }),
      (answer) => {
        if (answer === undefined) return;
        this.driver.step('ok' in answer ? { kind: 'absent', askedAt } : { kind: 'held', view: answer });
      },
    );
  }

  #poll({ proposal, askedAt }: Extract<HaggleAction, { kind: 'poll' }>): void {
    const { bank } = this.#options;
    bank.ask(
      () => this.driver.alive,
      () => bank.proposal(proposal),
      (answer) => {
        if (answer === undefined || 'ok' in answer) return;
        const view = answer.contracts?.[0];
        const no = { denied: 'denied', expired: 'expired', failed: 'stale' } as const;
        if (view !== undefined) this.driver.step({ kind: 'engaged', view });
        else if (answer.state in no) {
          this.driver.step({ kind: 'refused', refusal: refusal(no[answer.state as keyof typeof no], answer.message) });
        } else if (answer.state === 'pending') this.driver.step({ kind: 'absent', askedAt });
      },
    );
  }

  #escalate({ key, body, withinMs, offer }: Extract<HaggleAction, { kind: 'escalate' }>): void {
    const { world, bank, plan } = this.#options;
    world.saw('escalated');
    const { frame, message } = body;
    const engage = offer === undefined ? {} : { engage: this.#engageBody(`${key}.e`, offer, plan) };
    bank.ask(
      () => this.driver.alive,
      () => bank.escalate(this.#by, { key, frame, message, withinMs, ...engage }),
      (answer) => {
        if (answer === undefined) this.driver.step({ kind: 'refused', refusal: refusal('unavailable', 'no answer') });
        else if ('ok' in answer) this.driver.step({ kind: 'refused', refusal: answer });
        else this.driver.step({ kind: 'filed', proposal: answer.proposal, expiresAt: answer.expiresAt });
      },
    );
  }

  #finished(outcome: Haggling): void {
    const { world, plan, side } = this.#options;
    if (this.outcome?.ok) throw new Error('a negotiation finishes twice');
    this.outcome = outcome;
    if (side === 'buyer') world.saw(`${plan.form}: ${outcome.ok ? 'hired' : outcome.detail}`);
    if (outcome.ok) this.#begin(outcome.view);
  }

  #begin(view: TaskView): void {
    const { world, bank, side, character } = this.#options;
    const around = { world, bank, process: this.#processes };
    if (side === 'buyer') {
      this.contract = new Ordering(around, this.#by, view);
      return;
    }
    for (const [cfp, hold] of this.holds) {
      if (bank.book.tasks.get(view.contract)?.hold === cfp) hold.used();
      else hold.release(() => !this.dead);
    }
    this.contract = new Working(around, this.#by, character, view);
    if (this.#early !== undefined) this.contract.hear(this.#early);
  }

  #die(backMs: number | undefined): void {
    const { world, bank, side, plan } = this.#options;
    this.dead = true;
    this.driver.kill();
    this.contract?.driver.kill();
    // Nobody extends what it kept locked.
    for (const hold of this.holds.values()) hold.used();
    bank.sawDeath(side, plan.conversation);
    if (backMs !== undefined) world.after(backMs, () => this.#comeBack(0));
  }

  /** The process that takes over knows the conversation, or the intent, and asks the bank for a while. */
  #comeBack(tries: number): void {
    const { world, bank, side, plan, character } = this.#options;
    if (tries === 0) this.#processes += 1;
    const about = side === 'buyer' ? { contract: `${plan.conversation}-t1` } : { intent: character.intent };
    bank.ask(
      () => true,
      () => bank.task(this.#by, about),
      (answer) => {
        if (answer === undefined || ('ok' in answer && tries < 5)) {
          return void world.after(500, () => this.#comeBack(tries + 1));
        }
        if ('ok' in answer) return;
        world.saw(side === 'buyer' ? 'buyer came back to contracts' : 'provider came back to a contract');
        this.dead = false;
        this.#begin(answer);
      },
    );
  }
}

function issuesOf({ body }: Sent): Issues | undefined {
  return 'issues' in body ? body.issues : undefined;
}
