// A contract as its provider works on it: taken, checked, run, reported, and handed over with a receipt, well or badly.
import {
  type BankWord,
  type JsonObject,
  type Progress,
  type ProvideAction,
  type ProvideEvent,
  type ProvideState,
  provideStep,
  provideWakeAt,
  providing,
  type Receipt,
  type Task,
  type TaskMessage,
  type TaskView,
} from '@tender/market';
import { newUlid } from '@tender/market/nats';
import { ContractBank } from './contract-bank.js';
import type { Link } from './link.js';
import { MachineRun } from './machine-run.js';
import type { Voice } from './voice.js';

/** What the work is given. */
export interface Workbench {
  readonly contract: string;
  readonly view: TaskView;
  readonly inputs: JsonObject;
  /** Slots that back the offer and their fencing tokens, to be shown to whatever guards them. */
  readonly slots: readonly number[];
  readonly fences: readonly number[];
  /** Aborted as soon as nobody pays for the work any more. */
  readonly signal: AbortSignal;
  /** Says how far it is. The bank hears that the work goes on without it, too. */
  progress(progress: Progress): void;
  /** Asks the buyer for a later deadline (by the broker's clock); resolves with whether it was granted. */
  askTime(deadline: number): Promise<boolean>;
  /** Something that the buyer should know; part of the receipt. */
  warn(warning: string): void;
  /** What was used, `{gpuSeconds: 12}`; added up in the receipt. */
  use(used: Readonly<Record<string, number>>): void;
  /** Breaks the contract: the bond goes to the buyer. */
  decommit(): void;
}

/** Does the work; what it returns are the outputs, what it throws is why it failed. */
export type Run = (task: Task, bench: Workbench) => Promise<JsonObject> | JsonObject;

export interface WorkOptions {
  readonly run: Run;
  /** Why the work must not begin, or undefined. */
  readonly unfit: (view: TaskView, inputs: JsonObject) => string | undefined | Promise<string | undefined>;
  /** Why these are not the outputs that were agreed, or undefined. */
  readonly misfit: (outputs: JsonObject) => string | undefined;
  readonly costMicro: () => string | undefined;
  /** The work is handed over, or was never begun: what it took is free. */
  readonly onDelivered: (view: TaskView) => void;
  /** All is paid. */
  readonly onSettled: (view: TaskView) => void;
  /** As subjects name the buyer: itself, or the host that speaks for it. */
  readonly buyer: string;
}

const MAX_WARNINGS = 32;

export class Work implements Workbench {
  readonly contract: string;
  readonly #link: Link;
  readonly #voice: Voice;
  readonly #options: WorkOptions;
  readonly #bank: ContractBank;
  readonly #run: MachineRun<ProvideState, ProvideEvent, ProvideAction>;
  readonly #abort = new AbortController();
  readonly #warnings: string[] = [];
  readonly #used: Record<string, number> = {};
  #inputs: JsonObject = {};
  #delivered = false;
  #answerTime: ((granted: boolean) => void) | undefined;

  constructor(link: Link, voice: Voice, view: TaskView, options: WorkOptions) {
    this.contract = view.contract;
    this.#link = link;
    this.#voice = voice;
    this.#options = options;
    this.#bank = new ContractBank(link, voice.conversation, view.provider);
    this.#run = new MachineRun<ProvideState, ProvideEvent, ProvideAction>(link, {
      start: providing(view, newUlid(), link.clock.now()),
      step: provideStep,
      wakeAt: provideWakeAt,
      act: (action) => this.#act(action),
    });
    this.#run.begin();
  }

  get view(): TaskView {
    return this.#run.state.view;
  }

  get inputs(): JsonObject {
    return this.#inputs;
  }

  get slots(): readonly number[] {
    return this.view.slots;
  }

  get fences(): readonly number[] {
    return this.view.fences;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  progress(progress: Progress): void {
    this.#run.step({ kind: 'progress', progress });
  }

  askTime(deadline: number): Promise<boolean> {
    if (this.#answerTime !== undefined) return Promise.resolve(false);
    const answer = new Promise<boolean>((resolve) => {
      this.#answerTime = resolve;
    });
    const actions = this.#run.step({ kind: 'ask-time', deadline });
    if (!actions.some(({ kind }) => kind === 'report')) this.#timeAnswered(false);
    return answer;
  }

  warn(warning: string): void {
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(warning.slice(0, 256));
  }

  use(used: Readonly<Record<string, number>>): void {
    for (const [unit, amount] of Object.entries(used)) this.#used[unit] = (this.#used[unit] ?? 0) + amount;
  }

  decommit(): void {
    this.#run.step({ kind: 'leave' });
  }

  /** What the buyer says; where it matters the bank is asked. */
  hear(message: TaskMessage): void {
    if (message.performative === 'task-start') this.#run.step({ kind: 'task-start', inputs: message.body.inputs });
    else this.#run.step({ kind: 'nudge' });
  }

  /** Nothing is reported any more: the bank ends what falls silent. */
  close(): void {
    this.#run.close();
    this.#stop('the agent is closed');
  }

  #act(action: ProvideAction): void {
    const { buyer } = this.#options;
    switch (action.kind) {
      case 'report':
        return void this.#bank.report(action.body).then((word) => this.#heard(word));
      case 'inquire':
        return void this.#bank.inquire({ contract: action.contract }).then((word) => this.#heard(word));
      case 'validate':
        return void this.#validate(action.view, action.inputs);
      case 'run':
        return void this.#work(action.view, action.inputs);
      case 'stop':
        return void this.#stop(`the contract ${this.contract} is over`);
      case 'tell-progress': {
        const { contract } = this;
        return void this.#voice.tell(buyer, 'task-progress', { contract, progress: action.progress });
      }
      case 'tell-done': {
        const { contract } = this;
        return void this.#voice.tell(buyer, 'task-done', { contract, receipt: action.receipt });
      }
      case 'tell':
        return void this.#voice.tell(buyer, 'inform', { kind: 'contract', view: action.view });
      case 'time':
        return void this.#timeAnswered(action.granted);
      case 'delivered':
        return void this.#deliver(action.view);
      case 'finish':
        this.#run.close();
        this.#deliver(action.view);
        this.#stop(`the contract ${this.contract} is over`);
        return void this.#options.onSettled(action.view);
    }
  }

  #heard(word: BankWord): void {
    if (word.kind === 'refused') {
      const { contract } = this;
      this.#link.log.warn({ contract, detail: word.refusal.detail }, `the bank: ${word.refusal.message}`);
    }
    this.#run.step(word);
  }

  async #validate(view: TaskView, inputs: JsonObject): Promise<void> {
    let unfit: string | undefined;
    try {
      unfit = await this.#options.unfit(view, inputs);
    } catch (error) {
      this.#link.callbackFailed('validate', error);
      unfit = wordsOf(error);
    }
    if (unfit === undefined) this.#run.step({ kind: 'validated' });
    else this.#run.step({ kind: 'unfit', message: unfit.slice(0, 512) });
  }

  async #work(view: TaskView, inputs: JsonObject): Promise<void> {
    this.#inputs = inputs;
    const startedAt = view.startedAt ?? this.#link.clock.now();
    let outputs: JsonObject = {};
    let message: string | undefined;
    try {
      outputs = await this.#options.run(view.frame.task, this);
      const misfit = this.#options.misfit(outputs);
      if (misfit !== undefined) message = `the outputs are not what was agreed: ${misfit}`;
    } catch (error) {
      message = wordsOf(error);
    }
    const costMicro = this.#options.costMicro();
    const receipt: Receipt = {
      outcome: message === undefined ? 'done' : 'failed',
      startedAt,
      endedAt: Math.max(startedAt, this.#link.clock.now()),
      outputs: message === undefined ? outputs : {},
      used: this.#used,
      warnings: this.#warnings,
      ...(message === undefined ? {} : { message: message.slice(0, 1024) }),
      ...(costMicro === undefined ? {} : { costMicro }),
    };
    this.#run.step({ kind: 'finished', receipt });
  }

  #timeAnswered(granted: boolean): void {
    const answer = this.#answerTime;
    this.#answerTime = undefined;
    answer?.(granted);
  }

  #deliver(view: TaskView): void {
    if (this.#delivered) return;
    this.#delivered = true;
    this.#options.onDelivered(view);
  }

  #stop(why: string): void {
    this.#timeAnswered(false);
    this.#abort.abort(new Error(why));
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
