// What an agent does about tasks: has them done, does them for others, decides for those that got stuck.
import { type Refusal, refusal, type TaskListed } from '@tender/market';
import { type Desk, namedFor } from './desk.js';
import { decideFor, type Escalation, type Ruling } from './escalations.js';
import { callOf } from './first-call.js';
import type { HireOptions, HireOutcome } from './hire-options.js';
import { HireRun } from './hire-run.js';
import { Hired } from './hired.js';
import { type NegotiateOptions, NegotiateRun } from './negotiate.js';
import type { ProvideOptions, Providing } from './provide-options.js';
import { Provider } from './provider.js';
import { resumeFor } from './resume.js';
import type { Talk } from './talk.js';
import { Voice } from './voice.js';
import { type WorkflowOptions, WorkflowRun, type WorkflowTask } from './workflow-run.js';

export class Tasks {
  readonly #desk: Desk;
  readonly #providers = new Set<Provider>();
  readonly #buying = new Set<HireRun | NegotiateRun>();
  readonly #stops = new Set<() => void>();
  readonly #followed = new Set<Hired>();
  #resuming: (() => void) | undefined;

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
    this.#resuming ??= resumeFor(this.#desk, (view, got) => {
      const own = [...this.#providers].find((one) => one.resource === view.frame.task.resource);
      return own?.takeUp(view, got.from, got.message) ?? false;
    });
    return provider;
  }

  /** All that is under way: contracts that this agent pays for, and those that it works on. */
  async contracts(): Promise<{ readonly ok: true; readonly contracts: readonly TaskListed[] } | Refusal> {
    const { link } = this.#desk;
    const contracts: TaskListed[] = [];
    for (;;) {
      const after = contracts.at(-1)?.contract;
      const from = after === undefined ? {} : { after };
      const asked = await link.bank.ask('contracts', { ...from, ...namedFor(this.#desk.id, link) });
      if (!asked.ok) return asked;
      contracts.push(...asked.value.contracts);
      if (!asked.value.more || asked.value.contracts.length === 0) return { ok: true, contracts };
    }
  }

  /** A contract that this agent pays for, after a restart for instance. */
  async task(contract: string): Promise<{ readonly ok: true; readonly task: Hired } | Refusal> {
    const { link, switchboard, id } = this.#desk;
    const asked = await link.bank.ask('task', { contract, ...namedFor(this.#desk.id, link) });
    if (!asked.ok) return asked;
    const { frame, provider, hosts } = asked.value;
    const address = hosts?.provider ?? provider;
    if (frame.buyer !== id) return refusal('not-permitted', `the contract is ${frame.buyer}'s`);
    const { conversation, task } = frame;
    const voice = new Voice(this.#desk, conversation, task.resource);
    const talk: Talk = { others: new Set([address]), seat: id, buyer: id, hear: (got) => hired.hear(got) };
    const around = {
      // Whether a runner-up is behind a host is not known here.
      addressOf: (account: string) => (account === provider ? address : account),
      onSettled: () => {
        this.#followed.delete(hired);
        switchboard.talk.end(conversation, talk);
      },
    };
    const hired = new Hired(link, voice, asked.value, around);
    hired.on('handed-over', ({ provider: next }) => talk.others.add(next));
    this.#followed.add(hired);
    switchboard.talk.begin(conversation, talk);
    return { ok: true, task: hired.begin() };
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
    this.#resuming?.();
    for (const hired of this.#followed) hired.close();
    for (const provider of this.#providers) provider.close();
    this.#providers.clear();
  }
}

function closed(): Refusal {
  return refusal('unavailable', 'the agent is closed');
}
