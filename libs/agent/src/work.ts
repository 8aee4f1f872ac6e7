// A contract as its provider works on it: taken, checked, run, reported, and handed over with a receipt, well or badly.
import type { BankRequest, Detail, JsonObject, Progress, Receipt, Refusal, Task, TaskView } from '@tender/market';
import { newUlid } from '@tender/market/nats';
import type { Link } from './link.js';
import { after } from './timer.js';
import type { Voice } from './voice.js';

/** What the work is given. */
export interface Workbench {
  readonly contract: string;
  readonly view: TaskView;
  readonly task: Task;
  readonly inputs: JsonObject;
  /** Slots that back the offer and their fencing tokens, to be shown to whatever guards them. */
  readonly slots: readonly number[];
  readonly fences: readonly number[];
  /** Aborted as soon as nobody pays for the work any more. */
  readonly signal: AbortSignal;
  /** Says how far it is; told to the buyer at once, to the bank with the next heartbeat. */
  progress(progress: Partial<Progress>): void;
  /** Asks the buyer for a later deadline (by the broker's clock); resolves with whether it was granted. */
  askTime(deadline: number): Promise<boolean>;
  /** Something that the buyer should know; part of the receipt. */
  warn(warning: string): void;
  /** What was used, `{gpuSeconds: 12}`; added up in the receipt. */
  use(used: Readonly<Record<string, number>>): void;
}

/** Does the work; what it returns are the outputs, what it throws is why it failed. */
export type Run = (task: Task, bench: Workbench) => Promise<JsonObject> | JsonObject;

export interface WorkOptions {
  readonly run: Run;
  /** Why the work must not begin, or undefined. */
  readonly unfit: (view: TaskView, inputs: JsonObject) => string | undefined;
  /** Why these are not the outputs that were agreed, or undefined. */
  readonly misfit: (view: TaskView, outputs: JsonObject) => string | undefined;
  readonly costMicro: (view: TaskView) => string | undefined;
  /** The contract is not this provider's to work on any more, for good or ill. */
  readonly onEnd: (view: TaskView) => void;
  /** As subjects name the buyer, or the host that speaks for it. */
  readonly buyer: string;
}

/** A heartbeat each so many parts of the time within which one must be heard. */
const BEATS = 3;
const REPORT_WITHIN_MS = 30_000;
/** Answers of the bank that end the work: the contract is over, or another's. */
const over: ReadonlySet<Detail> = new Set(['expired', 'late', 'not-permitted', 'unknown']);

type ProviderReport = Extract<
  BankRequest<'report'>,
  { readonly step: 'take' | 'run' | 'turn-down' | 'progress' | 'ask-time' | 'done' | 'fail' }
>;
type StepOf<R> = R extends unknown ? Omit<R, 'key' | 'contract'> : never;

export class Work implements Workbench {
  readonly contract: string;
  readonly inputs: JsonObject;
  readonly #link: Link;
  readonly #voice: Voice;
  readonly #options: WorkOptions;
  readonly #abort = new AbortController();
  readonly #warnings: string[] = [];
  readonly #used: Record<string, number> = {};
  #view: TaskView;
  #percent = 0;
  #startedAt = 0;
  #ended = false;
  #stopBeat = () => {};
  #asking: { readonly deadline: number; readonly answer: (granted: boolean) => void } | undefined;

  constructor(link: Link, voice: Voice, view: TaskView, inputs: JsonObject, options: WorkOptions) {
    this.#link = link;
    this.#voice = voice;
    this.#view = view;
    this.#options = options;
    this.contract = view.contract;
    this.inputs = inputs;
  }

  get view(): TaskView {
    return this.#view;
  }

  get task(): Task {
    return this.#view.frame.task;
  }

  get slots(): readonly number[] {
    return this.#view.slots;
  }

  get fences(): readonly number[] {
    return this.#view.fences;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** From taking it to the receipt; resolves when the bank knows how it ended. Never rejects. */
  async go(): Promise<void> {
    if (!(await this.#report({ step: 'take' }))) return;
    const unfit = this.#options.unfit(this.#view, this.inputs);
    if (unfit !== undefined) return this.#turnDown(unfit);
    if (!(await this.#report({ step: 'run' }))) return;
    this.#startedAt = this.#view.startedAt ?? this.#link.clock.now();
    this.#tell();
    this.#beatLater();
    try {
      const outputs = await this.#options.run(this.task, this);
      if (this.#ended) return;
      const misfit = this.#options.misfit(this.#view, outputs);
      if (misfit === undefined) await this.#handOver('done', outputs);
      else await this.#handOver('failed', {}, `the outputs are not what was agreed: ${misfit}`);
    } catch (error) {
      if (!this.#ended) await this.#handOver('failed', {}, error instanceof Error ? error.message : String(error));
    }
  }

  progress(progress: Partial<Progress>): void {
    if (this.#ended) return;
    this.#percent = Math.max(0, Math.min(100, Math.floor(progress.percent ?? this.#percent)));
    const said = { ...progress, percent: this.#percent };
    this.#voice.tell(this.#buyer, 'task-progress', { contract: this.contract, progress: said });
  }

  async askTime(deadline: number): Promise<boolean> {
    if (this.#ended || this.#asking !== undefined) return false;
    const answered = new Promise<boolean>((answer) => {
      this.#asking = { deadline, answer };
    });
    if (await this.#report({ step: 'ask-time', deadline })) this.#tell();
    else this.#answered(false);
    return answered;
  }

  warn(warning: string): void {
    if (this.#warnings.length < 32) this.#warnings.push(warning.slice(0, 256));
  }

  use(used: Readonly<Record<string, number>>): void {
    for (const [unit, amount] of Object.entries(used)) this.#used[unit] = (this.#used[unit] ?? 0) + amount;
  }

  /** The provider breaks the contract: its bond goes to the buyer. */
  async decommit(): Promise<void> {
    const body = { key: newUlid(), contract: this.contract, step: 'decommit' } as const;
    const asked = await this.#link.bank.ask('report', body, { conversation: this.#voice.conversation });
    if (asked.ok) this.#saw(asked.value as TaskView);
    if (asked.ok) this.#tell();
  }

  /** The contract as the buyer says the bank sees it: a reason to ask, no more. */
  async look(): Promise<void> {
    if (this.#startedAt > 0) await this.#beat();
  }

  /** Stops at once, unheard: the bank ends what falls silent. */
  close(): void {
    this.#end();
  }

  get #buyer(): string {
    return this.#options.buyer;
  }

  async #turnDown(message: string): Promise<void> {
    if (!(await this.#report({ step: 'turn-down', message: message.slice(0, 512) }))) return;
    this.#tell();
    this.#end();
  }

  async #handOver(outcome: Receipt['outcome'], outputs: JsonObject, message?: string): Promise<void> {
    this.#stopBeat();
    const costMicro = this.#options.costMicro(this.#view);
    const receipt: Receipt = {
      ...{ outcome, startedAt: this.#startedAt, endedAt: this.#link.clock.now(), outputs },
      ...{ used: this.#used, warnings: this.#warnings },
      ...(message === undefined ? {} : { message: message.slice(0, 1024) }),
      ...(costMicro === undefined ? {} : { costMicro }),
    };
    const step = outcome === 'done' ? 'done' : 'fail';
    if (!(await this.#report({ step, receipt }))) return;
    this.#voice.tell(this.#buyer, 'task-done', { contract: this.contract, receipt });
    this.#end();
  }

  /** Reports under one key until the bank answers; false where that was the end. */
  async #report(step: StepOf<ProviderReport>): Promise<boolean> {
    const body = { ...step, key: newUlid(), contract: this.contract } as ProviderReport;
    const asked = await this.#link.bank.ask('report', body, {
      conversation: this.#voice.conversation,
      withinMs: REPORT_WITHIN_MS,
    });
    if (this.#ended) return false;
    if (asked.ok) {
      this.#saw(asked.value as TaskView);
      return true;
    }
    if (over.has(asked.detail) || step.step !== 'progress') this.#lose(asked);
    return false;
  }

  #saw(view: TaskView): void {
    const mine = view.provider === this.#view.provider && view.attempt === this.#view.attempt;
    // Handed to the runner-up: what is known of it here stays as it was.
    if (mine) this.#view = view;
    const { askedDeadline, issues } = view;
    const asking = this.#asking;
    if (asking !== undefined && askedDeadline === undefined) this.#answered(issues.deadline >= asking.deadline);
    if (mine && view.state === 'settled') this.#end();
  }

  #answered(granted: boolean): void {
    const asking = this.#asking;
    this.#asking = undefined;
    asking?.answer(granted);
  }

  #lose({ message }: Refusal): void {
    this.#link.log.warn({ contract: this.contract }, `the work ends: ${message}`);
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopBeat();
    this.#answered(false);
    this.#abort.abort(new Error(`the contract ${this.contract} is over`));
    this.#options.onEnd(this.#view);
  }

  /** The buyer hears how the contract stands; it asks the bank where that matters. */
  #tell(): void {
    this.#voice.tell(this.#buyer, 'inform', { kind: 'contract', view: this.#view });
  }

  #beatLater(): void {
    this.#stopBeat();
    const everyMs = this.#view.frame.conditions.reportEveryMs / BEATS;
    this.#stopBeat = after(everyMs, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    this.#stopBeat();
    await this.#report({ step: 'progress', percent: this.#percent });
    if (!this.#ended) this.#beatLater();
  }
}
