// What the two sides of a running contract know, hear and do: the vocabulary of provide.ts and order.ts.
import type { BankRequest } from '../operations.js';
import type { Refusal } from '../refusal.js';
import type { Progress, Receipt } from './receipt.js';
import type { JsonObject } from './task.js';
import type { TaskView } from './task-view.js';

/** What is reported to the bank, with its idempotency key: sent again under it until it is answered. */
export type ReportBody = BankRequest<'report'>;

/** What both sides hear of the bank: `key` names the report that it answers, none an inquiry. */
export type BankWord =
  | { readonly kind: 'seen'; readonly view: TaskView; readonly key?: string | undefined }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly key?: string | undefined }
  /** No answer: nobody knows whether it was taken. */
  | { readonly kind: 'unanswered'; readonly key?: string | undefined };

/** What both sides keep of their contract. */
export interface Kept {
  readonly view: TaskView;
  /** Begins the idempotency keys, 8 to 48 characters, another for each process. */
  readonly nonce: string;
  /** How many reports were made. */
  readonly reports: number;
  /** What the bank has not answered yet: asked again, under its key, until it has. */
  readonly asked?: ReportBody | undefined;
  /** When to ask again, or to look how the contract stands; and the pause after that. */
  readonly wakeAt: number;
  readonly pauseMs: number;
}

interface Worked extends Kept {
  readonly percent: number;
  /** When the bank hears the next sign of life. */
  readonly beatAt: number;
}

export type ProvideState =
  /** Awarded; `task-start` was not heard yet. */
  | ({ readonly name: 'waiting' } & Kept)
  /** Said to the bank: taken. */
  | ({ readonly name: 'taking'; readonly inputs: JsonObject } & Kept)
  | ({ readonly name: 'validating'; readonly inputs: JsonObject } & Kept)
  /** Said to the bank: it runs. The work begins with its answer. */
  | ({ readonly name: 'starting'; readonly inputs: JsonObject } & Kept)
  /** Said to the bank: this process goes on in another's place. The work begins with its answer. */
  | ({ readonly name: 'resuming'; readonly inputs: JsonObject } & Kept)
  | ({ readonly name: 'working' } & Worked)
  /** As working, while the buyer decides on a later deadline. */
  | ({
      readonly name: 'asking-time';
      readonly deadline: number;
      /** Answers to reports beyond this one show whether the buyer has decided. */
      readonly since: number;
    } & Worked)
  /** Done, failed, turned down or left: said to the bank until it has heard. */
  | ({ readonly name: 'reporting'; readonly receipt?: Receipt | undefined } & Kept)
  /** The bank has the receipt; the buyer may still dispute it. */
  | ({ readonly name: 'delivered' } & Kept)
  | { readonly name: 'over'; readonly view: TaskView };

export type ProvideEvent =
  /** What the buyer says: begin. */
  | { readonly kind: 'task-start'; readonly inputs: JsonObject }
  /** What came of validation. */
  | { readonly kind: 'validated' }
  | { readonly kind: 'unfit'; readonly message: string }
  /** What the work says. */
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'ask-time'; readonly deadline: number }
  | { readonly kind: 'finished'; readonly receipt: Receipt }
  /** The provider wants out, bond or no bond. */
  | { readonly kind: 'leave' }
  | BankWord
  /** The other side says that something has changed (inform, cancel, failure): the bank is asked. */
  | { readonly kind: 'nudge' }
  | { readonly kind: 'tick' };

export type ProvideAction =
  | { readonly kind: 'report'; readonly body: ReportBody }
  /** Bank op `task`, by the contract. */
  | { readonly kind: 'inquire'; readonly contract: string }
  /** Answered by `validated` or `unfit`. */
  | { readonly kind: 'validate'; readonly view: TaskView; readonly inputs: JsonObject }
  /** Begin; ends with `finished`. Once only. */
  | { readonly kind: 'run'; readonly view: TaskView; readonly inputs: JsonObject }
  /** Nobody pays for the work any more: stop it. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'tell-progress'; readonly to: string; readonly progress: Progress }
  | { readonly kind: 'tell-done'; readonly to: string; readonly receipt: Receipt }
  /** The buyer should look: more time is asked for, turned down, left. */
  | { readonly kind: 'tell'; readonly to: string; readonly view: TaskView }
  /** What became of the request for time; the work goes on either way. */
  | { readonly kind: 'time'; readonly granted: boolean; readonly deadline: number }
  /** The receipt is with the bank: capacity is free. */
  | { readonly kind: 'delivered'; readonly view: TaskView }
  | { readonly kind: 'finish'; readonly view: TaskView };

export type OrderState =
  /** Awarded or starting: the provider is told to begin, again and again. */
  | ({ readonly name: 'waiting' } & Kept)
  | ({ readonly name: 'running' } & Kept)
  /** The provider asks for a later deadline: `grant` or `deny`. */
  | ({ readonly name: 'granting'; readonly deadline: number } & Kept)
  /** The receipt is there: `accept` or `dispute`, until the bank settles it by itself. */
  | ({ readonly name: 'deciding' } & Kept)
  | ({ readonly name: 'disputed' } & Kept)
  | { readonly name: 'over'; readonly view: TaskView };

export type OrderEvent =
  /** What the provider says: its own word, the bank's counts. */
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'done'; readonly receipt: Receipt }
  /** The buyer's own decisions. */
  | { readonly kind: 'grant' }
  | { readonly kind: 'deny' }
  | { readonly kind: 'accept' }
  | { readonly kind: 'dispute'; readonly message: string }
  | { readonly kind: 'leave' }
  | BankWord
  | { readonly kind: 'nudge' }
  | { readonly kind: 'tick' };

export type OrderAction =
  | { readonly kind: 'report'; readonly body: ReportBody }
  | { readonly kind: 'inquire'; readonly contract: string }
  /** 263 to a provider: the contract is its own (the runner-up's too, after a hand-over). */
  | { readonly kind: 'inform'; readonly to: string; readonly view: TaskView }
  | { readonly kind: 'task-start'; readonly to: string; readonly view: TaskView }
  /** For the caller: how far it is, who took over, what to decide. */
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'handed-over'; readonly view: TaskView }
  /** Answered by `grant` or `deny`. */
  | { readonly kind: 'judge-time'; readonly deadline: number; readonly view: TaskView }
  /** Answered by `accept` or `dispute`. */
  | { readonly kind: 'judge'; readonly receipt: Receipt; readonly view: TaskView }
  | { readonly kind: 'finish'; readonly view: TaskView };
