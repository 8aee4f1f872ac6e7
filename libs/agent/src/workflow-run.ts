// A workflow of tasks as its buyer has it done: the plan decides what is next, this hires, follows and stops.
import {
  addTasks,
  type Detail,
  type JsonObject,
  type PlannedTask,
  type Policy,
  type Receipt,
  type Refusal,
  type Remedy,
  refusal,
  type ShownVerdict,
  sumOf,
  type TaskOutcome,
  type Workflow,
  type WorkflowAction,
  type WorkflowEvent,
  type WorkflowOutcome,
  workflow,
  workflowStep,
} from '@tender/market';
import { newId } from '@tender/market/nats';
import type { HireOptions, HireOutcome } from './hire-options.js';
import type { Hired } from './hired.js';
import type { Link } from './link.js';

/** A task of a workflow: its place in the plan, and how somebody is hired for it; inputs come from the plan. */
export interface WorkflowTask extends PlannedTask {
  readonly hire: Omit<HireOptions, 'signal'>;
}

export interface WorkflowOptions {
  /** More tasks may be added until `close`; default: the workflow ends with the tasks that there are. */
  readonly open?: boolean;
  /** Ends it: calls are aborted, contracts are left. */
  readonly signal?: AbortSignal;
  /** A task was hired for, or ended. */
  readonly onTask?: (id: string, state: 'hired' | 'done' | 'failed' | 'skipped' | 'cancelled') => void;
}

type Hire = (options: HireOptions) => Promise<HireOutcome>;
type HireAction = Extract<WorkflowAction, { readonly kind: 'hire' }>;

/** What the work on one task is at. */
interface Attempt {
  readonly abort: AbortController;
  hired: readonly Hired[];
}

const details: Readonly<Record<Exclude<TaskOutcome, 'done'>, Detail>> = {
  failed: 'unavailable',
  violated: 'late',
  expired: 'expired',
  preempted: 'unavailable',
  decommitted: 'unavailable',
};

export class WorkflowRun {
  /** Resolves when every task has ended; never rejects. A plan that makes no sense ends at once: `aborted` says why. */
  readonly done: Promise<WorkflowOutcome>;
  readonly #link: Link;
  readonly #hire: Hire;
  readonly #options: WorkflowOptions;
  readonly #specs = new Map<string, WorkflowTask>();
  /** One name for all attempts at a task: the bank sees to it that it is done once. */
  readonly #names = new Map<string, string>();
  readonly #attempts = new Map<string, Attempt>();
  /** Who offered for a task besides those that were taken. */
  readonly #runnersUp = new Map<string, string[]>();
  #state: Workflow;
  #finish!: (outcome: WorkflowOutcome) => void;

  constructor(link: Link, hire: Hire, tasks: readonly WorkflowTask[], options: WorkflowOptions) {
    this.#link = link;
    this.#hire = hire;
    this.#options = options;
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    const { open = false, signal } = options;
    const planned = workflow(tasks.map(plannedOf), open);
    if (!planned.ok) {
      this.#state = { tasks: new Map(), open: false, finished: true };
      this.#finish(refused(planned));
      return;
    }
    for (const task of tasks) this.#specs.set(task.id, task);
    this.#state = planned.state;
    this.#act(planned.actions);
    const abort = () => this.abort();
    signal?.addEventListener('abort', abort, { once: true });
    void this.done.then(() => signal?.removeEventListener('abort', abort));
    if (signal?.aborted) abort();
  }

  /** How each task stands. */
  get states(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#state.tasks].map(([id, { name }]) => [id, name]));
  }

  /** More tasks, all or none: a name twice, a name of nobody, a cycle are refused. */
  add(tasks: readonly WorkflowTask[]): { readonly ok: true } | Refusal {
    const added = addTasks(this.#state, tasks.map(plannedOf));
    if (!added.ok) return added;
    for (const task of tasks) this.#specs.set(task.id, task);
    this.#state = added.state;
    this.#act(added.actions);
    return { ok: true };
  }

  /** No more tasks will be added. */
  close(): void {
    this.#step({ kind: 'close' });
  }

  abort(): void {
    this.#step({ kind: 'abort' });
  }

  #step(event: WorkflowEvent): void {
    const { state, actions } = workflowStep(this.#state, event);
    this.#state = state;
    this.#act(actions);
  }

  #act(actions: readonly (WorkflowAction | { readonly kind: 'ignored' })[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case 'hire':
          void this.#attempt(action);
          break;
        case 'cancel':
          this.#cancel(action.task);
          break;
        case 'ended':
          this.#told(action.task, action.state);
          break;
        case 'finish':
          this.#finish(action.outcome);
          break;
        case 'ignored':
          break;
      }
    }
  }

  #told(id: string, state: Parameters<NonNullable<WorkflowOptions['onTask']>>[1]): void {
    const { onTask } = this.#options;
    if (onTask !== undefined) this.#link.guard('onTask', () => onTask(id, state));
  }

  async #attempt(action: HireAction): Promise<void> {
    const { task } = action;
    const attempt: Attempt = { abort: new AbortController(), hired: [] };
    this.#attempts.set(task, attempt);
    let outcome: HireOutcome | Refusal;
    try {
      outcome = await this.#hire(this.#optionsFor(action, attempt.abort.signal));
    } catch (error) {
      outcome = refusal('malformed', error instanceof Error ? error.message : String(error));
    }
    if (!outcome.ok) {
      this.#step({ kind: 'not-hired', task, detail: outcome.detail, message: outcome.message });
      return;
    }
    const { tasks, verdicts } = outcome;
    attempt.hired = tasks;
    this.#runnersUp.set(task, losersIn(verdicts));
    this.#told(task, 'hired');
    for (const hired of tasks) {
      hired.on('handed-over', ({ provider }) => this.#step({ kind: 'hired', task, provider }));
    }
    this.#step({ kind: 'hired', task, provider: tasks[0]!.provider });
    await this.#follow(task, tasks);
  }

  /** Done when all parts are; whatever fails, fails it. */
  async #follow(task: string, hired: readonly Hired[]): Promise<void> {
    const ends = await Promise.all(hired.map((one) => one.receipt));
    const failed = ends.find((end) => !end.ok || end.fault !== undefined);
    if (failed === undefined) {
      for (const one of hired) if (one.view.state === 'done') void one.accept();
      this.#step({ kind: 'done', task, receipt: together(ends.map(({ receipt }) => receipt!)) });
    } else if (failed.ok) {
      for (const one of hired) if (one.view.state === 'done') void one.dispute(failed.fault!.slice(0, 512));
      this.#step({ kind: 'failed', task, detail: 'malformed', message: failed.fault! });
    } else {
      const message = failed.receipt?.message ?? `${hired[0]!.provider}: ${failed.outcome}`;
      this.#step({ kind: 'failed', task, detail: details[failed.outcome], message });
    }
  }

  /** The call is aborted, contracts are left; what came of it is told by those who wait for them. */
  #cancel(task: string): void {
    const attempt = this.#attempts.get(task);
    attempt?.abort.abort();
    for (const hired of attempt?.hired ?? []) void hired.decommit();
  }

  #optionsFor({ task, inputs, remedy, avoid }: HireAction, signal: AbortSignal): HireOptions {
    const { hire } = this.#specs.get(task)!;
    const name = this.#names.get(task) ?? hire.task.task ?? newId();
    this.#names.set(task, name);
    const changed = remedy?.kind === 'changed-parameters' ? withChange(hire, remedy.change) : hire;
    const policy = this.#policyFor(task, hire.policy, remedy, avoid);
    return {
      ...changed,
      task: { ...changed.task, task: name, inputs },
      ...(policy === undefined ? {} : { policy }),
      signal,
    };
  }

  /** Who may be hired now, as rules of the agent's own. */
  #policyFor(
    task: string,
    own: Policy | undefined,
    remedy: Remedy | undefined,
    avoid: readonly string[],
  ): Policy | undefined {
    const rules = [...(own?.rules ?? [])];
    if (avoid.length > 0) rules.push({ id: 'tried-before', scope: {}, kind: 'deny', agents: [...avoid] });
    const others = this.#runnersUp.get(task) ?? [];
    if (remedy?.kind === 'alternative-offer' && others.length > 0) {
      rules.push({ id: 'offered-before', scope: {}, kind: 'allow', agents: others });
    }
    return rules.length === 0 ? undefined : { rules };
  }
}

function plannedOf({ hire: _, ...planned }: WorkflowTask): PlannedTask {
  return planned;
}

function refused({ detail, message }: Refusal): WorkflowOutcome {
  return { ok: false, states: {}, receipts: {}, intents: {}, failures: {}, aborted: { detail, message } };
}

function losersIn(verdicts: readonly ShownVerdict[]): string[] {
  return verdicts.flatMap(({ outcome, participant }) => (outcome === 'lost' ? [participant] : []));
}

/** What the plan changes for another try: issues and conditions one by one, all else as a whole. */
function withChange(hire: WorkflowTask['hire'], change: JsonObject = {}): WorkflowTask['hire'] {
  const { ask, conditions, task, ...others } = change as Partial<HireOptions>;
  return {
    ...hire,
    ...others,
    task: { ...hire.task, ...task },
    ask: { ...hire.ask, ...ask },
    ...(conditions === undefined ? {} : { conditions: { ...hire.conditions, ...conditions } }),
  };
}

/** One receipt as it is; those of several parts together, their outputs as a list. */
function together(receipts: readonly Receipt[]): Receipt {
  const [first] = receipts;
  if (receipts.length === 1) return first!;
  const { startedAt, endedAt, outputs, used, warnings, costMicro } = sumOf(receipts.map((one) => ['', one]));
  return {
    outcome: 'done',
    startedAt,
    endedAt,
    outputs: { parts: [...outputs] },
    used,
    costMicro,
    warnings: warnings.slice(0, 32),
  };
}
