// A task that somebody does for its buyer: what the buyer hears of it, what it may say to it, and how it ends.
import { EventEmitter } from 'node:events';
import type {
  BankRequest,
  Progress,
  Receipt,
  Refusal,
  TaskBody,
  TaskMessage,
  TaskOutcome,
  TaskView,
} from '@tender/market';
import { newUlid } from '@tender/market/nats';
import type { Link } from './link.js';
import { after } from './timer.js';
import type { Said, Voice, Word } from './voice.js';

/** What a task came to. `view` is the bank's, as is the receipt in it. */
export type TaskEnd =
  | { readonly ok: true; readonly outcome: 'done'; readonly receipt: Receipt; readonly view: TaskView }
  | {
      readonly ok: false;
      readonly outcome: Exclude<TaskOutcome, 'done'>;
      readonly receipt?: Receipt | undefined;
      readonly view: TaskView;
    };
export type Stepped = { readonly ok: true; readonly view: TaskView } | Refusal;

interface HiredEvents {
  /** From the provider; what it says of its work is its own word. */
  progress: [progress: Progress];
  /** The provider asks for more time: `grantTime` or `denyTime`. */
  'time-asked': [deadline: number];
  /** Turned down before it began, and taken over by the runner-up. */
  'handed-over': [view: TaskView];
}

/** What a buyer says of a contract that is its own; without the contract and the key. */
type BuyerStep =
  Extract<
    BankRequest<'report'>,
    { readonly step: 'grant-time' | 'deny-time' | 'accept' | 'dispute' | 'decommit' }
  > extends infer S
    ? S extends unknown
      ? Omit<S, 'key' | 'contract'>
      : never
    : never;

/** What a contract needs of its conversation. */
export interface AroundHired {
  /** As subjects name a provider: itself, or the host that speaks for it. */
  readonly addressOf: (provider: string) => string;
  readonly onSettled: () => void;
}

/** How long after a time by the bank's clock it is asked what came of it. */
const GRACE_MS = 250;
const FIRST_LOOK_MS = 400;

export class Hired extends EventEmitter<HiredEvents> {
  readonly contract: string;
  /** Resolves once: with the receipt when the provider is done, or with why there is none. Never rejects. */
  readonly receipt: Promise<TaskEnd>;
  /** Resolves once: when all is paid. Never rejects. */
  readonly settled: Promise<TaskView>;

  readonly #link: Link;
  readonly #voice: Voice;
  readonly #around: AroundHired;
  #view: TaskView;
  #resolveReceipt!: (end: TaskEnd) => void;
  #resolveSettled!: (view: TaskView) => void;
  #isOver = false;
  #startedWith = '';
  #stopTimer = () => {};
  #pauseMs = FIRST_LOOK_MS;
  #looking: Promise<void> | undefined;

  constructor(link: Link, voice: Voice, view: TaskView, around: AroundHired) {
    super();
    this.contract = view.contract;
    this.#link = link;
    this.#voice = voice;
    this.#around = around;
    this.#view = view;
    this.receipt = new Promise((resolve) => {
      this.#resolveReceipt = resolve;
    });
    this.settled = new Promise((resolve) => {
      this.#resolveSettled = resolve;
    });
    this.#saw(view);
  }

  /** As the bank showed it last. */
  get view(): TaskView {
    return this.#view;
  }

  get provider(): string {
    return this.#view.provider;
  }

  /** The result is good: it is paid at once. */
  accept(): Promise<Stepped> {
    return this.#report({ step: 'accept' });
  }

  /** The result is not what was agreed: an operator decides. */
  dispute(message: string): Promise<Stepped> {
    return this.#report({ step: 'dispute', message });
  }

  /** Ends the task before it is done, for the penalty or the work done so far, whichever is more. */
  decommit(): Promise<Stepped> {
    return this.#report({ step: 'decommit' });
  }

  /** Moves the deadline to what the provider asks for. */
  grantTime(): Promise<Stepped> {
    return this.#report({ step: 'grant-time' });
  }

  denyTime(): Promise<Stepped> {
    return this.#report({ step: 'deny-time' });
  }

  async #report(step: BuyerStep): Promise<Stepped> {
    const body = { ...step, key: newUlid(), contract: this.contract } as BankRequest<'report'>;
    const asked = await this.#link.bank.ask('report', body, { conversation: this.#voice.conversation });
    if (!asked.ok) return asked;
    const view = asked.value as TaskView;
    this.#saw(view);
    this.#tell('inform', { kind: 'contract', view });
    return { ok: true, view };
  }

  /** What the provider says; the bank is asked wherever it matters. */
  hear(message: TaskMessage): void {
    switch (message.performative) {
      case 'task-progress': {
        const { progress } = message.body;
        this.#link.guard('progress', () => this.emit('progress', progress));
        return;
      }
      case 'task-done':
      case 'inform':
      case 'failure':
        return void this.look();
      default:
        this.#link.ignore('not-your-turn');
    }
  }

  /** Asks the bank how the task stands, once at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const asked = await this.#link.bank.ask(
      'task',
      { contract: this.contract, ...this.#named() },
      { conversation: this.#voice.conversation },
    );
    if (this.#isOver) return;
    if (asked.ok) this.#saw(asked.value);
    else this.#lookLater();
  }

  #named(): { readonly agent?: string } {
    const { buyer } = this.#view.frame;
    return buyer === this.#link.sender ? {} : { agent: buyer };
  }

  #saw(view: TaskView): void {
    if (this.#isOver) return;
    const before = this.#view;
    this.#view = view;
    if (view.attempt > before.attempt) this.#link.guard('handed-over', () => this.emit('handed-over', view));
    const { askedDeadline } = view;
    if (askedDeadline !== undefined && askedDeadline !== before.askedDeadline) {
      this.#link.guard('time-asked', () => this.emit('time-asked', askedDeadline));
    }
    if (view.state === 'awarded') this.#start();
    const end = endOf(view);
    if (end !== undefined) this.#resolveReceipt(end);
    if (view.state === 'settled') this.#settle();
    else this.#lookLater();
  }

  /** Tells the provider that it may begin; again where nothing came of it, since messages may be lost. */
  #start(): void {
    const { provider, frame, attempt, dueAt } = this.#view;
    const name = `${provider}|${attempt}`;
    if (name !== this.#startedWith) {
      this.#startedWith = name;
      this.#pauseMs = FIRST_LOOK_MS;
      this.#tell('inform', { kind: 'contract', view: this.#view });
    }
    const body = { contract: this.contract, inputs: frame.task.inputs };
    this.#tell('task-start', body, { replyBy: dueAt });
  }

  /** When the bank will have ended the present state; sooner while the provider has not even begun. */
  #lookLater(): void {
    this.#stopTimer();
    const { state, dueAt } = this.#view;
    const due = Math.max(GRACE_MS, this.#link.clock.until(dueAt) + GRACE_MS);
    const soon = state === 'awarded' || state === 'starting' ? this.#pauseMs : Number.POSITIVE_INFINITY;
    this.#pauseMs *= 2;
    this.#stopTimer = after(Math.min(due, soon), () => void this.look());
  }

  #tell<W extends Word>(word: W, body: TaskBody<W>, said: Said = {}): void {
    this.#voice.tell(this.#around.addressOf(this.#view.provider), word, body, said);
  }

  #settle(): void {
    this.#isOver = true;
    this.#stopTimer();
    this.#resolveSettled(this.#view);
    this.#around.onSettled();
  }

  /** Nobody waits any more; the contract goes on by itself. */
  close(): void {
    this.#isOver = true;
    this.#stopTimer();
  }
}

function endOf(view: TaskView): TaskEnd | undefined {
  const { state, receipt, outcome } = view;
  if (state !== 'done' && state !== 'disputed' && state !== 'settled') return undefined;
  if ((outcome === undefined || outcome === 'done') && receipt !== undefined) {
    return { ok: true, outcome: 'done', receipt, view };
  }
  if (outcome === undefined || outcome === 'done') return undefined;
  return { ok: false, outcome, ...(receipt === undefined ? {} : { receipt }), view };
}
