// The world of a scenario: a running market, an operator's hands in it, and everybody who takes part, gone afterwards.
import { type Agent, connectAgent, createSeed, type Operator } from '@tender/agent';
import { type AccountSpec, CREDIT } from '@tender/credits';
import {
  type AdminRequest,
  type Conditions,
  DEFAULT_CONDITIONS,
  type Frame,
  type Issues,
  type Protocol,
  publicNkeyOf,
  type Refusal,
  type Rule,
  type Task,
} from '@tender/market';
import { newId } from '@tender/market/nats';
import { CannotRun } from '../cannot-run.js';
import { createPrng, type Prng } from '../prng.js';
import { MINUTE, PATIENCE_MS } from './cast.js';
import type { Move } from './move.js';
import { Rogue } from './rogue.js';
import { tapWire, type Wiretap } from './wiretap.js';

export interface WorldOptions {
  readonly natsUrl: string;
  readonly market: string;
  /** Begins every name, so that runs in one market do not meet. */
  readonly run: string;
  readonly seed: number;
  readonly operator: Operator;
  /** Tells people how far a long scenario is; silent where absent. */
  readonly say?: ((line: string) => void) | undefined;
}

/** What an operator says of an agent's account beside its name and key. */
export type Labels = Partial<Pick<AccountSpec, 'class' | 'owner' | 'project' | 'team' | 'budget'>>;

/** What a market refuses before a scenario has begun; for people. */
export class WorldError extends CannotRun {}

const DEFAULT_CREDITS = 1000;

export class World {
  readonly market: string;
  readonly run: string;
  readonly seed: number;
  readonly operator: Operator;
  readonly say: (line: string) => void;
  readonly #natsUrl: string;
  readonly #closing: (() => Promise<void>)[] = [];
  #tap!: Wiretap;
  /** Takes no part; it knows the broker's clock. */
  #clerk!: Agent;

  private constructor(options: WorldOptions) {
    this.#natsUrl = options.natsUrl;
    this.market = options.market;
    this.run = options.run;
    this.seed = options.seed;
    this.operator = options.operator;
    this.say = options.say ?? (() => undefined);
  }

  static async open(options: WorldOptions): Promise<World> {
    const world = new World(options);
    try {
      world.#clerk = await world.#connect('clerk', 0);
      const { natsUrl, market, run } = options;
      world.#tap = await tapWire({ natsUrl, market, run, now: () => world.now() });
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  /** Draws of a scenario, apart from those of the others. */
  prng(stream: string): Prng {
    return createPrng(this.seed, stream);
  }

  /** `buyer-1` as the market knows it. */
  id(name: string): string {
    return `${this.run}-${name}`;
  }

  /** A resource of this run's own. */
  resource(name: string): string {
    return `${this.run}.${name}`;
  }

  /** Whom a rule means that is to bind this run only. */
  get everybody(): string {
    return `${this.run}-*`;
  }

  /** By the broker's clock. */
  now(): number {
    return this.#clerk.now();
  }

  /** What was said so far, heard by the wiretap. */
  async log(): Promise<readonly Move[]> {
    await this.#tap.flush();
    return [...this.#tap.moves];
  }

  /** An agent with an account and credits, connected. */
  agent(name: string, credits: number = DEFAULT_CREDITS, labels: Labels = {}): Promise<Agent> {
    this.#tap.hear(this.id(name));
    return this.#connect(name, credits, labels);
  }

  async #connect(name: string, credits: number, labels: Labels = {}): Promise<Agent> {
    const seed = createSeed();
    const id = await this.#open(name, seed, credits, labels);
    const agent = await connectAgent({ servers: this.#natsUrl, market: this.market, id, seed });
    this.onClose(() => agent.close());
    return agent;
  }

  /** One that keeps to no rule; it hears the calls for these resources. */
  async rogue(
    name: string,
    credits: number = DEFAULT_CREDITS,
    resources: readonly string[] = [],
    labels: Labels = {},
  ): Promise<Rogue> {
    this.#tap.hear(this.id(name));
    const seed = createSeed();
    const id = await this.#open(name, seed, credits, labels);
    const now = () => this.now();
    const keys = { natsUrl: this.#natsUrl, market: this.market, id, seed, now };
    const rogue = await Rogue.connect(keys, resources);
    this.onClose(() => rogue.close());
    return rogue;
  }

  async #open(name: string, seed: string, credits: number, labels: Labels): Promise<string> {
    const id = this.id(name);
    await this.must(this.operator.openAccount({ id, kind: 'agent', nkey: publicNkeyOf(seed), ...labels }));
    const amountMicro = String(Math.round(credits * CREDIT));
    if (credits > 0) await this.must(this.operator.grant({ to: id, amountMicro }));
    return id;
  }

  /** A conversation about a task, as a rogue would open it. */
  frame(buyer: string, task: Partial<Task> & Pick<Task, 'resource' | 'summary'>, conditions: Partial<Conditions> = {}) {
    const frame: Frame = {
      market: this.market,
      conversation: newId(),
      buyer,
      task: { task: newId(), dataClass: 'public', inputs: {}, ...task },
      conditions: { ...DEFAULT_CONDITIONS, ...conditions },
    };
    return frame;
  }

  /** Terms of a small task, to be done soon; what is said overrides them. */
  issues(micro: number, more: Partial<Issues> = {}): Issues {
    const now = this.now();
    return {
      priceMicro: String(micro),
      startBy: now + MINUTE,
      deadline: now + 2 * MINUTE,
      durationMs: MINUTE,
      units: 1,
      batch: 1,
      scope: 1000,
      region: 'any',
      ...more,
    };
  }

  /** How a rogue says that it will negotiate. */
  protocol(more: Partial<Protocol> = {}): Protocol {
    return {
      kind: 'monotonic-concession',
      mode: 'optimal',
      maxRounds: 16,
      roundMs: PATIENCE_MS,
      endsAt: this.now() + 4 * PATIENCE_MS,
      minImprovementPermille: 0,
      ...more,
    };
  }

  /** A pool that this agent sells, its income on an account of its own. */
  async pool(name: string, seller: Agent, more: Omit<AdminRequest<'pool'>['pool'], 'pool' | 'account' | 'seller'>) {
    const account = await this.till(name);
    await this.must(this.operator.openPool({ pool: this.resource(name), account, seller: seller.id, ...more }));
    return this.resource(name);
  }

  /** An account for what a pool or a bucket earns. */
  async till(name: string): Promise<string> {
    const account = this.id(`${name}-till`);
    await this.must(this.operator.openAccount({ id: account, kind: 'pool' }));
    return account;
  }

  /** Rules that hold beside those of the market until the world ends; their ids get the run's name. */
  async rules(rules: readonly Rule[]): Promise<void> {
    const { policy } = await this.must(this.operator.policy());
    const ours = rules.map((rule) => ({ ...rule, id: this.id(rule.id) }));
    await this.must(this.operator.setPolicy({ rules: [...policy.rules, ...ours] }));
    this.onClose(async () => {
      const now = await this.must(this.operator.policy());
      const ids = new Set(ours.map(({ id }) => id));
      await this.operator.setPolicy({ rules: now.policy.rules.filter(({ id }) => !ids.has(id)) });
    });
  }

  /** What the operator cannot do without: throws WorldError where the market refuses. */
  async must<T extends { readonly ok: true }>(asked: Promise<T | Refusal>): Promise<T> {
    const answer = await asked;
    if (answer.ok) return answer;
    throw new WorldError(`The market cannot be set up: ${answer.detail}, ${answer.message}`);
  }

  /** Something that must end with the scenario. */
  onClose(close: () => Promise<void>): void {
    this.#closing.push(close);
  }

  async close(): Promise<void> {
    // Newest first: what was set up last may rest on what was set up before.
    for (const close of this.#closing.splice(0).reverse()) await close().catch(() => undefined);
    await this.#tap?.close();
  }
}
