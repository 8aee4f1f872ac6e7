// What an agent does about tasks: has them done, does them for others, decides for those that got stuck.
import { type Refusal, refusal } from '@tender/market';
import type { Desk } from './desk.js';
import { decideFor, type Escalation, type Ruling } from './escalations.js';
import type { HireOptions, HireOutcome } from './hire-options.js';
import { callOf, HireRun } from './hire-run.js';
import { type NegotiateOptions, NegotiateRun } from './negotiate.js';
import type { ProvideOptions, Providing } from './provide-options.js';
import { Provider } from './provider.js';
import { type WorkflowOptions, WorkflowRun, type WorkflowTask } from './workflow-run.js';

export class Tasks {
  readonly #desk: Desk;
  readonly #providers = new Set<Provider>();
  readonly #buying = new Set<HireRun | NegotiateRun>();
  readonly #stops = new Set<() => void>();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  hire(options: HireOptions): Promise<HireOutcome> {
    const { id, link } = this.#desk;
    const call = callOf(options, id, link.market, link.clock.now());
    return this.#follow(new HireRun(this.#desk, call, options), call.frame.conversation);
  }

  negotiate(provider: string, options: NegotiateOptions): Promise<HireOutcome> {
    const run = new NegotiateRun(this.#desk, provider, options);
    return this.#follow(run, run.conversation);
  }

  #follow(run: HireRun | NegotiateRun, conversation: string): Promise<HireOutcome> {
    if (this.#desk.link.closed) return Promise.resolve({ ...closed(), conversation, trail: [] });
    this.#buying.add(run);
    const outcome = run.begin();
    void this.#forgetLater(run, outcome);
    return outcome;
  }

  async #forgetLater(run: HireRun | NegotiateRun, outcome: Promise<HireOutcome>): Promise<void> {
    const done = await outcome;
    if (done.ok) await Promise.all(done.tasks.map((task) => task.settled));
    this.#buying.delete(run);
  }

  provide(resource: string, options: ProvideOptions): Providing {
    const provider = new Provider(this.#desk, resource, options);
    this.#providers.add(provider);
    return provider;
  }

  workflow(tasks: readonly WorkflowTask[], options: WorkflowOptions): WorkflowRun {
    return new WorkflowRun(this.#desk.link, (hire) => this.hire(hire), tasks, options);
  }

  onEscalation(decide: (asked: Escalation) => Ruling | Promise<Ruling>): () => void {
    const stop = decideFor(this.#desk, decide);
    this.#stops.add(stop);
    return () => {
      this.#stops.delete(stop);
      stop();
    };
  }

  /** Negotiations end, work stops; contracts are the bank's to end. */
  close(): void {
    for (const stop of this.#stops) stop();
    for (const run of this.#buying) run.close(closed());
    for (const provider of this.#providers) provider.close();
    this.#providers.clear();
  }
}

function closed(): Refusal {
  return refusal('unavailable', 'the agent is closed');
}
