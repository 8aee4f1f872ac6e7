// A task that somebody does for its buyer: what the buyer hears of it, what it may say to it, and how it ends.
import { EventEmitter } from 'node:events';
import {
  type BankWord,
  type Ignored,
  type OrderAction,
  type OrderEvent,
  type OrderState,
  orderStep,
  orderWakeAt,
  type Progress,
  placing,
  type Receipt,
  type Refusal,
  type ReportBody,
  receiptFault,
  refusal,
  type TaskMessage,
  type TaskOutcome,
  type TaskView,
} from '@tender/market';
import { newUlid } from '@tender/market/nats';
import { ContractBank } from './contract-bank.js';
import type { Link, Received } from './link.js';
import { MachineRun } from './machine-run.js';
import type { Voice } from './voice.js';

/** What a task came to. `view` is the bank's, as is the receipt in it. */
export type TaskEnd =
  | {
      readonly ok: true;
      readonly outcome: 'done';
      readonly receipt: Receipt;
      /** Why the receipt is not worth its name: outputs that do not fit the task's schema. A reason to dispute it. */
      readonly fault?: string | undefined;
      readonly view: TaskView;
    }
  | {
      readonly ok: false;
      readonly outcome: Exclude<TaskOutcome, 'done'>;
      readonly receipt?: Receipt | undefined;
      readonly view: TaskView;
    };
/** What the bank says of a buyer's step: the contract after it, or why not. */
export type Stepped = { readonly ok: true; readonly view: TaskView } | Refusal;

interface HiredEvents {
  /** From the provider; what it says of its work is its own word. */
  progress: [progress: Progress];
  /** The provider asks for a later deadline: `grantTime` or `denyTime`. */
  'time-asked': [deadline: number, view: TaskView];
  /** Turned down before it began, and taken over by the runner-up. */
  'handed-over': [view: TaskView];
}

/** What a contract needs of its conversation. */
export interface AroundHired {
  /** As subjects name a provider: itself, or the host that speaks for it. */
  readonly addressOf: (provider: string) => string;
  readonly onSettled: () => void;
}

export class Hired extends EventEmitter<HiredEvents> {
  readonly contract: string;
  /** Resolves once: with the receipt when the provider is done, or with why there is none. Never rejects. */
  readonly receipt: Promise<TaskEnd>;
  /** Resolves once: when all is paid. Never rejects. */
  readonly settled: Promise<TaskView>;

  readonly #link: Link;
  readonly #voice: Voice;
  readonly #around: AroundHired;
  readonly #bank: ContractBank;
  readonly #run: MachineRun<OrderState, OrderEvent, OrderAction>;
  /** Those who have, or had, the contract, as subjects name them. */
  readonly #providers = new Set<string>();
  /** Whoever waits for the answer to a report, by its key. */
  readonly #waiting = new Map<string, (stepped: Stepped) => void>();
  #resolveReceipt!: (end: TaskEnd) => void;
  #resolveSettled!: (view: TaskView) => void;

  constructor(link: Link, voice: Voice, view: TaskView, around: AroundHired) {
    super();
    this.contract = view.contract;
    this.#link = link;
    this.#voice = voice;
    this.#around = around;
    this.#bank = new ContractBank(link, voice.conversation, view.frame.buyer);
    this.#knows(view.provider);
    this.receipt = new Promise((resolve) => {
      this.#resolveReceipt = resolve;
    });
    this.settled = new Promise((resolve) => {
      this.#resolveSettled = resolve;
    });
    this.#run = new MachineRun<OrderState, OrderEvent, OrderAction>(link, {
      start: placing(view, newUlid(), link.clock.now()),
      step: orderStep,
      wakeAt: orderWakeAt,
      act: (action) => this.#act(action),
    });
  }

  /** From now on the provider is told to begin. */
  begin(): this {
    this.#run.begin();
    return this;
  }

  /** As the bank showed it last. */
  get view(): TaskView {
    return this.#run.state.view;
  }

  get provider(): string {
    return this.view.provider;
  }

  /** The result is good: it is paid at once. */
  accept(): Promise<Stepped> {
    return this.#decide({ kind: 'accept' });
  }

  /** The result is not what was agreed: an operator decides. */
  dispute(message: string): Promise<Stepped> {
    return this.#decide({ kind: 'dispute', message });
  }

  /** Ends the task before it is done, for the penalty or the work done so far, whichever is more. */
  decommit(): Promise<Stepped> {
    return this.#decide({ kind: 'leave' });
  }

  /** Moves the deadline to what the provider asks for. */
  grantTime(): Promise<Stepped> {
    return this.#decide({ kind: 'grant' });
  }

  denyTime(): Promise<Stepped> {
    return this.#decide({ kind: 'deny' });
  }

  /** Resolves with the bank's answer, or at once with why the bank need not be asked. */
  #decide(event: OrderEvent): Promise<Stepped> {
    return new Promise((resolve) => {
      this.#deciding = resolve;
      const ignored = this.#run.step(event).find(({ kind }) => kind === 'ignored') as Ignored | undefined;
      if (this.#deciding !== undefined) {
        this.#deciding = undefined;
        resolve(
          refusal(ignored?.detail ?? 'not-your-turn', `no ${event.kind} now: ${this.contract} is ${this.view.state}`),
        );
      }
    });
  }
  #deciding: ((stepped: Stepped) => void) | undefined;

  /** By its name and its address. */
  #knows(provider: string): void {
    this.#providers.add(provider).add(this.#around.addressOf(provider));
  }

  /** What the provider says; where it matters the bank is asked. Others of the conversation have no say in it. */
  hear({ from, by = from, message }: Received<TaskMessage>): void {
    if (!this.#providers.has(from) || !this.#providers.has(by)) {
      this.#link.ignore('not-permitted');
      return;
    }
    switch (message.performative) {
      case 'task-progress':
        this.#run.step({ kind: 'progress', progress: message.body.progress });
        return;
      case 'task-done':
        this.#run.step({ kind: 'done', receipt: message.body.receipt });
        return;
      default:
        this.#run.step({ kind: 'nudge' });
    }
  }

  #act(action: OrderAction): void {
    switch (action.kind) {
      case 'report':
        return void this.#report(action.body);
      case 'inquire':
        return void this.#bank.inquire({ contract: action.contract }).then((word) => this.#heard(word));
      case 'inform':
        return void this.#inform(action.to, action.view);
      case 'task-start': {
        const { contract, frame, dueAt } = action.view;
        const body = { contract, inputs: frame.task.inputs };
        return void this.#voice.tell(this.#around.addressOf(action.to), 'task-start', body, { replyBy: dueAt });
      }
      case 'progress':
        return void this.#emit('progress', action.progress);
      case 'handed-over':
        this.#knows(action.view.provider);
        return void this.#emit('handed-over', action.view);
      case 'judge-time':
        return void this.#emit('time-asked', action.deadline, action.view);
      case 'judge':
        return void this.#resolveReceipt(doneWith(action.view, action.receipt));
      case 'finish':
        return void this.#finish(action.view);
    }
  }

  #inform(to: string, view: TaskView): void {
    this.#voice.tell(this.#around.addressOf(to), 'inform', { kind: 'contract', view });
  }

  async #report(body: ReportBody): Promise<void> {
    const settle = this.#deciding;
    this.#deciding = undefined;
    if (settle !== undefined) this.#waiting.set(body.key, settle);
    this.#heard(await this.#bank.report(body));
  }

  #heard(word: BankWord): void {
    if (word.key !== undefined) this.#answered(word.key, word);
    this.#run.step(word);
  }

  /** No answer: the machine asks again under the same key as long as it runs, and whoever waits goes on waiting. */
  #answered(key: string, word: BankWord): void {
    const settle = this.#waiting.get(key);
    if (settle === undefined || (word.kind === 'unanswered' && this.#run.state.name !== 'over')) return;
    this.#waiting.delete(key);
    if (word.kind === 'seen') {
      settle({ ok: true, view: word.view });
      // The provider need not wait for its next report to learn what the buyer decided.
      this.#inform(word.view.provider, word.view);
    } else {
      settle(word.kind === 'refused' ? word.refusal : refusal('unavailable', 'the bank gave no answer'));
    }
  }

  #emit<K extends keyof HiredEvents>(event: K, ...values: HiredEvents[K]): void {
    this.#link.guard(event, () => this.emit(event as never, ...(values as never)));
  }

  #finish(view: TaskView): void {
    this.#run.close();
    const { outcome = 'failed', receipt } = view;
    if (outcome !== 'done') this.#resolveReceipt({ ok: false, outcome, receipt, view });
    else this.#resolveReceipt(doneWith(view, receipt!));
    this.#resolveSettled(view);
    this.#around.onSettled();
  }

  /** Nobody waits any more; the contract goes on by itself. */
  close(): void {
    this.#run.close();
    for (const settle of this.#waiting.values()) settle(refusal('unavailable', 'the agent is closed'));
    this.#waiting.clear();
  }
}

function doneWith(view: TaskView, receipt: Receipt): TaskEnd {
  const fault = receiptFault(view, receipt);
  return { ok: true, outcome: 'done', receipt, view, ...(fault === undefined ? {} : { fault: fault.message }) };
}
