// The two sides of a contract in a random world: who begins, works, hangs, asks for time, disputes; the machines decide the rest.
import {
  type BankWord,
  type OrderAction,
  type OrderEvent,
  type OrderState,
  orderStep,
  orderWakeAt,
  type ProvideAction,
  type ProvideEvent,
  type ProvideState,
  placing,
  provideStep,
  provideWakeAt,
  providing,
  type Receipt,
  type Refusal,
  type ReportBody,
  type TaskView,
} from '../../src/index.js';
import type { Bank } from './bank.js';
import type { Character } from './draw.js';
import { Driver, type Letter, type World } from './world.js';

export interface Around {
  readonly world: World;
  readonly bank: Bank;
  /** How many processes this side has had: each begins its keys anew. */
  readonly process: number;
}

function report(
  around: Around,
  by: string,
  alive: () => boolean,
  body: ReportBody,
  heard: (word: BankWord) => void,
): void {
  const { key } = body;
  const { bank } = around;
  bank.ask(
    alive,
    () => bank.report(by, body),
    (answer) => void heard(wordOf(answer, key)),
  );
}

function inquire(
  around: Around,
  by: string,
  alive: () => boolean,
  contract: string,
  heard: (word: BankWord) => void,
): void {
  const { bank } = around;
  bank.ask(
    alive,
    () => bank.task(by, { contract }),
    (answer) => void heard(wordOf(answer)),
  );
}

function wordOf(answer: TaskView | Refusal | undefined, key?: string): BankWord {
  const of = key === undefined ? {} : { key };
  if (answer === undefined) return { kind: 'unanswered', ...of };
  return 'ok' in answer ? { kind: 'refused', refusal: answer, ...of } : { kind: 'seen', view: answer, ...of };
}

export class Working {
  readonly driver: Driver<ProvideState, ProvideEvent, ProvideAction>;
  readonly #around: Around;
  readonly #by: string;
  readonly #character: Character;
  #runs = 0;

  constructor(around: Around, by: string, character: Character, view: TaskView) {
    this.#around = around;
    this.#by = by;
    this.#character = character;
    const nonce = `${by}-${view.contract}-${around.process}`.slice(0, 48);
    this.driver = new Driver<ProvideState, ProvideEvent, ProvideAction>(around.world, {
      name: `${view.contract} ${by}`,
      start: providing(view, nonce, around.world.nowMs),
      ...{ step: provideStep, wakeAt: provideWakeAt, act: (action: ProvideAction) => this.#act(action) },
    });
    this.driver.begin();
  }

  hear(letter: Letter): void {
    if (letter.word === 'task-start') this.driver.step({ kind: 'task-start', inputs: letter.body.inputs });
    else this.driver.step({ kind: 'nudge' });
  }

  #act(action: ProvideAction): void {
    const { world } = this.#around;
    const alive = () => this.driver.alive;
    const heard = (word: BankWord) => void this.driver.step(word);
    const tell = (to: string, letter: Pick<Letter, 'word' | 'body'>) =>
      world.send(to, { ...letter, from: this.#by, conversation: this.driver.state.view.frame.conversation } as Letter);
    switch (action.kind) {
      case 'report':
        return void report(this.#around, this.#by, alive, action.body, heard);
      case 'inquire':
        return void inquire(this.#around, this.#by, alive, action.contract, heard);
      case 'validate':
        return void world.after(1 + world.chance.below(40), () => {
          const turnsDown = this.#character.work === 'turns down';
          this.driver.step(turnsDown ? { kind: 'unfit', message: 'no driver' } : { kind: 'validated' });
        });
      case 'run':
        if (++this.#runs > 1) throw new Error('the work begins twice');
        return void this.#work(action.view);
      case 'tell-progress':
        return void tell(action.to, {
          word: 'task-progress',
          body: { contract: this.driver.state.view.contract, progress: action.progress },
        });
      case 'tell-done':
        return void tell(action.to, {
          word: 'task-done',
          body: { contract: this.driver.state.view.contract, receipt: action.receipt },
        });
      case 'tell':
        return void tell(action.to, { word: 'inform', body: { kind: 'contract', view: action.view } });
      case 'time':
        return void world.saw(action.granted ? 'time granted' : 'time denied');
      case 'stop':
        return void world.saw('work stopped');
      case 'delivered':
      case 'finish':
        return;
    }
  }

  #work({ issues }: TaskView): void {
    const { world } = this.#around;
    const { chance } = world;
    const { work } = this.#character;
    const tookMs = chance.below(issues.durationMs * 2);
    world.after(Math.floor(tookMs / 2), () => this.driver.step({ kind: 'progress', progress: { percent: 50 } }));
    if (work === 'asks time') {
      world.after(Math.floor(tookMs / 3), () =>
        this.driver.step({ kind: 'ask-time', deadline: issues.deadline + 1 + chance.below(2000) }),
      );
    }
    if (work === 'hangs') return;
    if (work === 'leaves') return void world.after(tookMs, () => void this.driver.step({ kind: 'leave' }));
    world.after(tookMs, () => {
      const outcome = work === 'fails' ? 'failed' : 'done';
      const times = { startedAt: world.nowMs - Math.floor(tookMs), endedAt: world.nowMs };
      const receipt: Receipt = { outcome, ...times, outputs: {}, used: { ms: tookMs }, warnings: [] };
      this.driver.step({ kind: 'finished', receipt });
    });
  }
}

export class Ordering {
  readonly driver: Driver<OrderState, OrderEvent, OrderAction>;
  readonly #around: Around;
  readonly #by: string;

  constructor(around: Around, by: string, view: TaskView) {
    this.#around = around;
    this.#by = by;
    const { world } = around;
    const nonce = `${by}-${view.contract}-${around.process}`.slice(0, 48);
    this.driver = new Driver<OrderState, OrderEvent, OrderAction>(world, {
      name: `${view.contract} ${by}`,
      start: placing(view, nonce, world.nowMs),
      ...{ step: orderStep, wakeAt: orderWakeAt, act: (action: OrderAction) => this.#act(action) },
    });
    this.driver.begin();
    if (world.chance.happens(0.04)) {
      world.after(world.chance.below(6000), () => void this.driver.step({ kind: 'leave' }));
    }
  }

  hear(letter: Letter): void {
    if (letter.word === 'task-progress') this.driver.step({ kind: 'progress', progress: letter.body.progress });
    else if (letter.word === 'task-done') this.driver.step({ kind: 'done', receipt: letter.body.receipt });
    else this.driver.step({ kind: 'nudge' });
  }

  #act(action: OrderAction): void {
    const { world } = this.#around;
    const { chance } = world;
    const alive = () => this.driver.alive;
    const heard = (word: BankWord) => void this.driver.step(word);
    const tell = (to: string, view: TaskView, letter: Pick<Letter, 'word' | 'body'>) =>
      world.send(to, { ...letter, from: this.#by, conversation: view.frame.conversation } as Letter);
    const later = (event: OrderEvent) => world.after(chance.below(200), () => void this.driver.step(event));
    switch (action.kind) {
      case 'report':
        return void report(this.#around, this.#by, alive, action.body, heard);
      case 'inquire':
        return void inquire(this.#around, this.#by, alive, action.contract, heard);
      case 'inform':
        return void tell(action.to, action.view, { word: 'inform', body: { kind: 'contract', view: action.view } });
      case 'task-start': {
        const { contract, frame } = action.view;
        return void tell(action.to, action.view, { word: 'task-start', body: { contract, inputs: frame.task.inputs } });
      }
      case 'handed-over':
        return void world.saw('handed over');
      case 'judge-time':
        if (!chance.happens(0.3)) later({ kind: chance.happens(0.5) ? 'grant' : 'deny' });
        return;
      case 'judge':
        if (!chance.happens(0.3))
          later(chance.happens(0.5) ? { kind: 'accept' } : { kind: 'dispute', message: 'no good' });
        return;
      case 'progress':
      case 'finish':
        return;
    }
  }
}
