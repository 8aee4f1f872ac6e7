// What a workflow of tasks knows, hears and does: the vocabulary of workflow.ts.
import type { Detail } from '../refusal.js';
import type { Receipt } from './receipt.js';
import type { JsonObject } from './task.js';

/** What is tried when a task was not hired for, or failed; each once, in this order. */
export type Remedy =
  /** The next best offer of the same call. */
  | { readonly kind: 'alternative-offer' }
  /** A new call, without the providers that had it. */
  | { readonly kind: 'other-provider' }
  /** A new call with other inputs, or whatever else the caller changes by `change`. */
  | {
      readonly kind: 'changed-parameters';
      readonly inputs?: JsonObject | undefined;
      readonly change?: JsonObject | undefined;
    };

export interface PlannedTask {
  readonly id: string;
  /**
   * May hold references, `{"$from": "task-a", "path": "outputs.rows"}`: what that task's receipt has there. The name of
   * an intent gives a list, one entry for each of its tasks.
   */
  readonly inputs: JsonObject;
  /** Those that must be done before, beside those that the inputs refer to; an intent names all of its tasks. */
  readonly after?: readonly string[] | undefined;
  /** Tasks for one purpose, which may run at once: their receipts are also given together. */
  readonly intent?: string | undefined;
  readonly remedies?: readonly Remedy[] | undefined;
  /** When nothing is left to try: end the whole workflow, or only what waits for this task. */
  readonly otherwise: 'abort' | 'go-on';
}

interface Planned {
  readonly task: PlannedTask;
  /** Ids, intents written out. */
  readonly after: readonly string[];
  /** Remedies that were tried. */
  readonly tried: number;
  /** Providers that had the task and did not do it. */
  readonly avoid: readonly string[];
  /** What it was given when it was ready. */
  readonly given?: { readonly inputs: JsonObject; readonly receipts: Receipts } | undefined;
}

export type WorkflowTaskState =
  | ({ readonly name: 'waiting' } & Planned)
  | ({ readonly name: 'hiring' } & Planned)
  | ({ readonly name: 'running'; readonly provider: string } & Planned)
  /** To be stopped; it may be done all the same. */
  | ({ readonly name: 'cancelling' } & Planned)
  | ({ readonly name: 'done'; readonly receipt: Receipt } & Planned)
  | ({ readonly name: 'failed'; readonly detail: Detail; readonly message: string } & Planned)
  /** Not begun, because one that it waits for was not done. */
  | ({ readonly name: 'skipped' } & Planned)
  | ({ readonly name: 'cancelled' } & Planned);

/** What happens to one task. */
export type WorkflowTaskEvent =
  /** All that it waits for is done; its inputs are what they refer to. */
  | { readonly kind: 'ready'; readonly inputs: JsonObject; readonly receipts: Receipts }
  /** One that it waits for will not be done. */
  | { readonly kind: 'drop' }
  /** Hired, or handed over to a runner-up. */
  | { readonly kind: 'hired'; readonly provider: string }
  | { readonly kind: 'not-hired'; readonly detail: Detail; readonly message: string }
  | { readonly kind: 'done'; readonly receipt: Receipt }
  | { readonly kind: 'failed'; readonly detail: Detail; readonly message: string }
  /** The workflow wants it no more; then that it has stopped. */
  | { readonly kind: 'cancel' }
  | { readonly kind: 'cancelled' };

export type Receipts = Readonly<Record<string, Receipt>>;

export interface Workflow {
  readonly tasks: ReadonlyMap<string, WorkflowTaskState>;
  /** More tasks may come, though all that there are have ended. */
  readonly open: boolean;
  readonly aborted?: { readonly detail: Detail; readonly message: string } | undefined;
  readonly finished: boolean;
}

export type WorkflowEvent =
  | ({ readonly task: string } & Exclude<WorkflowTaskEvent, { readonly kind: 'ready' | 'drop' | 'cancel' }>)
  /** No more tasks will be added. */
  | { readonly kind: 'close' }
  | { readonly kind: 'abort' };

export type WorkflowAction =
  /** `receipts`: of those that it waits for. `remedy`: what is tried after a failure. */
  | {
      readonly kind: 'hire';
      readonly task: string;
      readonly inputs: JsonObject;
      readonly receipts: Receipts;
      readonly remedy?: Remedy | undefined;
      readonly avoid: readonly string[];
    }
  /** Abort the call or leave the contract, and say `cancelled`, `done` or `failed`. */
  | { readonly kind: 'cancel'; readonly task: string }
  | { readonly kind: 'ended'; readonly task: string; readonly state: 'done' | 'failed' | 'skipped' | 'cancelled' }
  | { readonly kind: 'finish'; readonly outcome: WorkflowOutcome };

/** Receipts of one intent together: sums, and what there is of each. */
export interface ReceiptSum {
  readonly tasks: readonly string[];
  readonly done: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outputs: readonly JsonObject[];
  readonly used: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  readonly costMicro: string;
}

export interface WorkflowOutcome {
  /** Whether every task was done. */
  readonly ok: boolean;
  readonly states: Readonly<Record<string, WorkflowTaskState['name']>>;
  readonly receipts: Receipts;
  /** Of the tasks that were done, by intent. */
  readonly intents: Readonly<Record<string, ReceiptSum>>;
  readonly failures: Readonly<Record<string, { readonly detail: Detail; readonly message: string }>>;
  readonly aborted?: { readonly detail: Detail; readonly message: string } | undefined;
}
