// A provider in an announced call of a random world: it offers, counters, refuses, forges, dies and comes back.
import {
  considering,
  type Issues,
  type Offer,
  rejection,
  type TaskCall,
  type TaskView,
  type TenderAction,
  type TenderEvent,
  type TenderState,
  tenderStep,
  tenderWakeAt,
} from '../../src/index.js';
import type { Bank } from './bank.js';
import { Working } from './contract-sides.js';
import { type Character, offerOf } from './draw.js';
import { Hold } from './hold.js';
import { Driver, type Letter, type World } from './world.js';

export class Seat {
  readonly driver: Driver<TenderState, TenderEvent, TenderAction>;
  readonly character: Character;
  working: Working | undefined;
  readonly #world: World;
  readonly #bank: Bank;
  readonly #by: string;
  readonly #buyer: string;
  readonly #conversation: string;
  readonly holds = new Map<string, Hold>();
  #early: Letter | undefined;
  #offers = 0;
  #price: number;
  #processes = 1;
  #dead = false;

  constructor(world: World, bank: Bank, by: string, call: TaskCall, buyer: string, character: Character) {
    this.#world = world;
    this.#bank = bank;
    this.#by = by;
    this.#buyer = buyer;
    this.#conversation = call.frame.conversation;
    this.character = character;
    this.#price = character.mood === 'greedy' ? 1500 : Math.round(character.costMicro * (1 + world.chance.next() / 2));
    this.driver = new Driver<TenderState, TenderEvent, TenderAction>(world, {
      name: `${this.#conversation} ${by}`,
      start: considering(call, buyer),
      ...{ step: tenderStep, wakeAt: tenderWakeAt, act: (action: TenderAction) => this.#act(action) },
      stepped: () => this.#mustKeepNothing(),
    });
    const { diesAfterMs, comesBackAfterMs } = character;
    if (diesAfterMs !== undefined) world.after(diesAfterMs, () => this.#die(comesBackAfterMs));
  }

  /** Slots that nothing comes of are free at once. */
  #mustKeepNothing(): void {
    const { name } = this.driver.state;
    if (name !== 'lost' && name !== 'over') return;
    if ([...this.holds.values()].some(({ kept }) => kept))
      throw new Error(`${this.#conversation}: slots are kept for nothing`);
  }

  get alive(): boolean {
    return !this.#dead;
  }

  hear(letter: Letter): void {
    if (this.#dead) return;
    if (this.working !== undefined) return void this.working.hear(letter);
    const { body } = letter;
    switch (letter.word) {
      case 'cfp':
        this.driver.step({ kind: 'cfp', call: letter.body });
        return;
      case 'inform':
        if (letter.body.kind === 'pending') this.driver.step({ kind: 'pending', expiresAt: letter.body.expiresAt });
        else this.driver.step({ kind: 'contract', contract: letter.body.view.contract });
        return;
      case 'task-start':
        this.#early = letter;
        this.driver.step({ kind: 'contract', contract: letter.body.contract });
        return;
      case 'reject-proposal':
        this.driver.step({ kind: 'reject', move: letter.body });
        return;
      case 'cancel':
        this.driver.step({ kind: 'cancel', detail: letter.body.detail });
        return;
      default:
        throw new Error(`a provider hears ${letter.word}: ${JSON.stringify(body)}`);
    }
  }

  #act(action: TenderAction): void {
    const { chance } = this.#world;
    const to = this.#buyer;
    switch (action.kind) {
      case 'consider':
        return void this.#world.after(chance.below(chance.happens(0.08) ? 500 : 60), () =>
          this.#consider(action.call, action.standing),
        );
      case 'tender': {
        const { round, offer } = action;
        return void this.#tell(to, { word: 'propose', body: { kind: 'tender', round, issues: offer.issues, offer } });
      }
      case 'refuse':
        return void this.#tell(to, { word: 'refuse', body: action.move });
      case 'withdraw':
        return void this.#tell(to, { word: 'withdraw', body: { kind: 'task', detail: action.detail } });
      case 'inquire':
        return void this.#inquire(action.intent);
      case 'release':
        return void this.holds.get(action.hold)?.release(() => !this.#dead);
      case 'work':
        return void this.#begin(action.view);
      case 'lost':
        return void this.#world.saw(`tender lost: ${action.detail}`);
    }
  }

  #tell(to: string, letter: Pick<Letter, 'word' | 'body'>): void {
    this.#world.send(to, { ...letter, from: this.#by, conversation: this.#conversation } as Letter);
  }

  #inquire(intent: string): void {
    this.#bank.ask(
      () => !this.#dead && this.driver.alive,
      () => this.#bank.task(this.#by, { intent }),
      (answer) => {
        if (answer === undefined) this.driver.step({ kind: 'unanswered' });
        else if ('ok' in answer) this.driver.step({ kind: 'absent' });
        else this.driver.step({ kind: 'held', view: answer });
      },
    );
  }

  #consider(call: TaskCall, standing: Offer | undefined): void {
    if (this.#dead || this.driver.state.name !== 'considering') return;
    const { chance } = this.#world;
    const { mood, readyAt } = this.character;
    const { round } = call;
    if (mood === 'silent' || chance.happens(0.03)) return;
    if (chance.happens(0.02)) return void this.driver.step({ kind: 'withdraw' });
    if (mood === 'refuses') {
      const move = rejection(round, chance.of(['region', 'no-capacity'] as const), 'not here');
      return void this.driver.step({ kind: 'refuse', move });
    }
    if (mood === 'busy' && round === 1) {
      return void this.driver.step({
        kind: 'refuse',
        move: rejection(round, 'no-capacity', 'later', { final: false }),
      });
    }
    // From round to round it asks for less, as far as its cost; now and then it forgets itself.
    const factor = chance.happens(0.05) ? 1.2 : 0.85 + chance.next() * 0.15;
    if (standing !== undefined) this.#price = Math.max(this.character.costMicro, Math.round(this.#price * factor));
    const deadline = Math.max(call.ask.deadline, standing?.issues.deadline ?? 0, readyAt);
    const units = call.fill.kind === 'one' ? call.ask.units : this.character.units;
    const issues: Issues = { ...call.ask, priceMicro: String(Math.max(1, this.#price)), deadline, units };
    const counters = deadline > (call.bounds.deadline?.max ?? call.ask.deadline);
    this.#sealed(call, issues, units, (offer) => {
      if (this.driver.state.name !== 'considering') return;
      const more = { final: false, counter: issues, offer };
      const message = `deadline: ${deadline}`;
      const [first] = this.driver.step(
        counters
          ? { kind: 'refuse', move: rejection(call.round, 'deadline-infeasible', message, more) }
          : { kind: 'offer', offer },
      );
      // Not said after all: too late, or a step back.
      if (first?.kind === 'ignored') this.holds.get(offer.hold ?? '')?.release(() => !this.#dead);
    });
  }

  #sealed(call: TaskCall, issues: Issues, units: number, made: (offer: Offer) => void): void {
    const { intent, mood, holds, validMs } = this.character;
    const until = call.closesAt + validMs;
    const forged = mood === 'forges';
    if (!holds) return void made(offerOf(call, this.#by, intent, issues, until, { forged }));
    const cfp = `${intent}-h${++this.#offers}`;
    Hold.open(
      this.#world,
      this.#bank,
      this.#by,
      cfp,
      units,
      () => !this.#dead,
      (hold) => {
        if (hold === undefined) return;
        this.holds.set(cfp, hold);
        if (this.driver.state.name !== 'considering') return void hold.release(() => !this.#dead);
        made(offerOf(call, this.#by, intent, issues, until, { hold: cfp, forged }));
      },
    );
  }

  #begin(view: TaskView): void {
    this.driver.kill();
    // What another offer of the same intent keeps locked is of no use any more.
    for (const [cfp, hold] of this.holds) {
      if (this.#bank.book.tasks.get(view.contract)?.hold === cfp) hold.used();
      else hold.release(() => !this.#dead);
    }
    const around = { world: this.#world, bank: this.#bank, process: this.#processes };
    this.working = new Working(around, this.#by, this.character, view);
    if (this.#early !== undefined) this.working.hear(this.#early);
  }

  #die(comesBackAfterMs: number | undefined): void {
    this.#dead = true;
    this.driver.kill();
    // A process that was only slow, or cut off, works on beside the one that takes over, until the bank tells it.
    const lingers = comesBackAfterMs !== undefined && this.#world.chance.happens(0.5);
    if (!lingers) this.working?.driver.kill();
    // Nobody extends what it kept locked.
    for (const hold of this.holds.values()) hold.used();
    this.#bank.sawDeath('provider', this.#conversation);
    if (comesBackAfterMs !== undefined) this.#world.after(comesBackAfterMs, () => this.#comeBack(0));
  }

  /** Of all that it knew, the process that takes over has the intent alone. */
  #comeBack(tries: number): void {
    if (tries === 0) this.#processes += 1;
    this.#bank.ask(
      () => true,
      () => this.#bank.task(this.#by, { intent: this.character.intent }),
      (answer) => {
        if (answer === undefined || ('ok' in answer && tries < 4)) {
          return void this.#world.after(400, () => this.#comeBack(tries + 1));
        }
        if ('ok' in answer) return;
        this.#world.saw('provider came back to a contract');
        this.#dead = false;
        const around = { world: this.#world, bank: this.#bank, process: this.#processes };
        this.working = new Working(around, this.#by, this.character, answer);
      },
    );
  }
}
