// An agent of the market: what it can do, whether it has a connection of its own or shares its host's.
import type { Confirm, Refusal, SealKind, TaskListed } from '@tender/market';
import { refusal } from '@tender/market';
import { newUlid } from '@tender/market/nats';
import { type Bundle, type BundleOptions, winBundle } from './bundle.js';
import type { CallOptions, CallOutcome } from './call.js';
import { Caller } from './caller.js';
import { namedFor } from './desk.js';
import type { Escalation, Ruling } from './escalations.js';
import type { ListenHandlers, Listening } from './handlers.js';
import type { HireOptions, HireOutcome } from './hire-options.js';
import type { Hired } from './hired.js';
import { Lease } from './lease.js';
import { type Counts, type Link, type LinkOptions, openLink } from './link.js';
import { Listener } from './listener.js';
import type { NegotiateOptions } from './negotiate.js';
import { type Bidder, winnerOf } from './participation.js';
import type { ProvideOptions, Providing } from './provide-options.js';
import { RefusedError } from './refused-error.js';
import { Sealer } from './sealer.js';
import { Switchboard } from './switchboard.js';
import { type HireBundleOptions, type HiredBundle, hireBundle } from './task-bundle.js';
import { Tasks } from './tasks.js';
import type { TokenHold } from './token-hold.js';
import type { TokenOrder } from './token-order.js';
import { type Taken, type TakeOptions, Tokens, type WithTokensOptions } from './tokens.js';
import { type Told, told } from './told.js';
import { hopeless, type WinOptions, win } from './win.js';
import type { WorkflowOptions, WorkflowRun, WorkflowTask } from './workflow-run.js';

export interface AgentKeys {
  /** The agent's account. */
  readonly id: string;
  /** Its user seed (`SU…`), see `createSeed`. */
  readonly seed: string;
  /** Default 'mac'; 'ed25519' where the agent must be able to prove, and unable to deny, what it bid. */
  readonly seal?: SealKind;
  /**
   * Whether a lease is taken only when the bank bears it out: true (default); 'all' to doubt rejections too, which
   * costs one question per lost bid; false to believe every initiator.
   */
  readonly confirm?: boolean | 'all';
}

/** A bid that is only thought about; prices in micro-credits per unit. */
export interface QuoteOptions {
  readonly priceMicro?: number | string;
  /** Default 1. */
  readonly units?: number;
  readonly durationMs?: number;
  /** So many of the last clearing prices, the latest first; at most 256. */
  readonly history?: number;
}

export interface Agent {
  readonly id: string;
  /** The public nkey that the account is registered with. */
  readonly nkey: string;
  readonly counts: Readonly<Counts>;
  /** The broker's time in ms since the epoch, as well as it is known. */
  now(): number;
  listen(pool: string, handlers: ListenHandlers): Listening;
  /**
   * Bids for `units` slots in every call of the pool until it wins. Rejects with RefusedError when `deadlineMs` (from
   * now, default 60,000) is over, and with the signal's reason when aborted.
   */
  win(pool: string, options: WinOptions): Promise<Lease>;
  /** Slots and rate tokens together or not at all; rejects as `win` does, and where there are no tokens. */
  winBundle(pool: string, options: BundleOptions): Promise<Bundle>;
  /** Sells slots of a pool whose seller this agent is. Never rejects. */
  call(options: CallOptions): Promise<CallOutcome>;
  /** More time for the award of an open call, `ttlMs` from now on; `awardBy` by the broker's clock. */
  extend(cfp: string, ttlMs: number): Promise<{ readonly ok: true; readonly awardBy: number } | Refusal>;
  /** Takes back the slots of a lease in a pool whose seller this agent is; its holder is compensated. */
  preempt(contract: string): Promise<Told<'preempt'>>;
  account(): Promise<Told<'account'>>;
  /** The budgets that this agent spends from, its own first: what is left in each one's window, and when it turns. */
  budget(): Promise<Told<'budget'>>;
  /**
   * What a pool has and asks, before any bid is made; with `priceMicro` (per unit, for `durationMs` or as long as the last
   * call) also how likely such a bid is to win, and when.
   */
  quote(pool: string, bid?: QuoteOptions): Promise<Told<'quote'>>;
  /** The lease of a running contract, after a restart for instance. */
  lease(contract: string): Promise<{ readonly ok: true; readonly lease: Lease } | Refusal>;
  /** Leases that are held now. */
  readonly leases: readonly Lease[];
  /**
   * Announces a task and engages who offers best. Resolves when contracts are made, or none will be. Never rejects;
   * throws RangeError where the options make no sense.
   */
  hire(options: HireOptions): Promise<HireOutcome>;
  /** A task and the rate tokens that its provider may use, together or not at all: `task.tokenHold` names them. */
  hireBundle(options: HireBundleOptions): Promise<HiredBundle>;
  /** Negotiates a task with one provider, by the protocol that the options name. Resolves and throws as `hire` does. */
  negotiate(provider: string, options: NegotiateOptions): Promise<HireOutcome>;
  /** A contract that this agent pays for, after a restart for instance. */
  task(contract: string): Promise<{ readonly ok: true; readonly task: Hired } | Refusal>;
  /** Tasks' contracts under way, those that it pays for and those that it works on: what a restart has to take up. */
  contracts(): Promise<{ readonly ok: true; readonly contracts: readonly TaskListed[] } | Refusal>;
  /** Does tasks on a resource for others: answers their calls and openings, and works on what it wins. */
  provide(resource: string, options: ProvideOptions): Providing;
  /** Has a plan of tasks done: who waits for whom, what feeds what, what is tried when one fails. Never throws. */
  workflow(tasks: readonly WorkflowTask[], options?: WorkflowOptions): WorkflowRun;
  /**
   * Takes rate tokens of a bucket (waiting for them up to `waitMs`), runs the work under them and gives back what it did
   * not use; where the upstream answered 429 it waits and tries again. What the work returns or throws, if that carries
   * an upstream's status and headers (a `Response` does), is heard by itself. Resolves with the work's result, and with
   * the last one where the retries are used up; rejects with what the work throws, with RefusedError where the bank gives
   * no tokens, with the signal's reason when aborted, and with RangeError where the options make no sense.
   */
  withTokens<T>(
    bucket: string,
    order: TokenOrder,
    work: (held: TokenHold) => T | Promise<T>,
    options?: WithTokensOptions,
  ): Promise<T>;
  /** Takes rate tokens; who has them gives them back. Rejects only by the signal and for options that make no sense. */
  takeTokens(bucket: string, order: TokenOrder, options?: TakeOptions): Promise<Taken>;
  /** Takes up what the holder of `hold` has offered to this agent (`held.offer`). */
  buyTokens(hold: string, order: TokenOrder): Promise<Taken>;
  /** A bucket as it stands, and for the amounts that are named what they cost now and how soon they can be had. */
  bucket(bucket: string, order?: Partial<TokenOrder>): Promise<Told<'bucket'>>;
  /** Decides for agents whose negotiations got stuck and that named this one; gives back how to stop. */
  onEscalation(decide: (asked: Escalation) => Ruling | Promise<Ruling>): () => void;
  /** Stops listening and closes the connection that is its own. Leases run on, unless `release` is set. */
  close(options?: { readonly release?: boolean }): Promise<void>;
}

const REMEMBERED = 4096;
const policies = { true: 'accepts', all: 'all', false: 'none' } as const;

/** One agent on a link; its host's siblings share link, listener and caller. */
export class MarketAgent implements Agent {
  readonly id: string;
  readonly sealer: Sealer;
  readonly #confirm: Confirm;
  readonly #link: Link;
  readonly #listener: Listener;
  readonly #caller: Caller | undefined;
  readonly #onClose: () => Promise<void>;
  readonly #tasks: Tasks;
  readonly #tokens: Tokens;
  readonly #leases = new Set<Lease>();
  /** Contracts whose leases were handed out here, so that none is twice. */
  readonly #known = new Set<string>();
  readonly #stops = new Set<(withdraw: boolean) => void>();

  constructor(
    keys: AgentKeys,
    on: {
      readonly switchboard: Switchboard;
      readonly listener: Listener;
      readonly caller?: Caller | undefined;
      readonly onClose: () => Promise<void>;
    },
  ) {
    this.id = keys.id;
    const { link } = on.switchboard;
    this.sealer = new Sealer(link, keys.id, keys.seed, keys.seal ?? 'mac');
    this.#confirm = policies[`${keys.confirm ?? true}`];
    this.#link = link;
    this.#tasks = new Tasks({ id: keys.id, link, switchboard: on.switchboard, sealer: this.sealer });
    this.#tokens = new Tokens(link, keys.id);
    this.#listener = on.listener;
    this.#caller = on.caller;
    this.#onClose = on.onClose;
  }

  get nkey(): string {
    return this.sealer.nkey;
  }

  get counts(): Readonly<Counts> {
    return this.#link.counts;
  }

  get leases(): readonly Lease[] {
    return [...this.#leases];
  }

  now(): number {
    return this.#link.clock.now();
  }

  listen(pool: string, handlers: ListenHandlers): Listening {
    const bidder: Bidder = {
      id: this.id,
      sealer: this.sealer,
      confirm: this.#confirm,
      evaluate: handlers.evaluate,
      onLease: (lease) => handlers.onLease(this.#keep(lease)),
      onLost: (outcome) => handlers.onLost?.(outcome),
      knows: (contract) => this.#known.has(contract),
    };
    const stop = this.#listener.listen(pool, bidder);
    this.#stops.add(stop);
    const listener = this.#listener;
    return {
      get ready() {
        return listener.ready(pool);
      },
      stop: (options) => {
        if (this.#stops.delete(stop)) stop(options?.withdraw ?? false);
      },
    };
  }

  #keep(lease: Lease): Lease {
    this.#leases.add(lease);
    if (this.#known.size >= REMEMBERED) this.#known.delete(this.#known.values().next().value!);
    this.#known.add(lease.contract);
    void lease.lost.then(() => this.#leases.delete(lease));
    return lease;
  }

  win(pool: string, options: WinOptions): Promise<Lease> {
    return win(this, pool, options);
  }

  winBundle(pool: string, options: BundleOptions): Promise<Bundle> {
    return winBundle(
      (bucket, order, more) => this.takeTokens(bucket, order, more),
      (wanted) => this.win(pool, wanted),
      options,
    );
  }

  call(options: CallOptions): Promise<CallOutcome> {
    return this.#caller?.call(options) ?? Promise.resolve(hostedCannotCall());
  }

  extend(cfp: string, ttlMs: number): Promise<{ readonly ok: true; readonly awardBy: number } | Refusal> {
    return this.#caller?.extend(cfp, ttlMs) ?? Promise.resolve(hostedCannotCall());
  }

  async preempt(contract: string): Promise<Told<'preempt'>> {
    return told(await this.#link.bank.ask('preempt', { key: newUlid(), contract }));
  }

  hireBundle(options: HireBundleOptions): Promise<HiredBundle> {
    return hireBundle(
      (bucket, order, more) => this.takeTokens(bucket, order, more),
      (wanted) => this.hire(wanted),
      options,
      this.now(),
    );
  }

  hire(options: HireOptions): Promise<HireOutcome> {
    return this.#tasks.hire(options);
  }

  negotiate(provider: string, options: NegotiateOptions): Promise<HireOutcome> {
    return this.#tasks.negotiate(provider, options);
  }

  task(contract: string): Promise<{ readonly ok: true; readonly task: Hired } | Refusal> {
    return this.#tasks.task(contract);
  }

  contracts(): Promise<{ readonly ok: true; readonly contracts: readonly TaskListed[] } | Refusal> {
    return this.#tasks.contracts();
  }

  provide(resource: string, options: ProvideOptions): Providing {
    return this.#tasks.provide(resource, options);
  }

  workflow(tasks: readonly WorkflowTask[], options: WorkflowOptions = {}): WorkflowRun {
    return this.#tasks.workflow(tasks, options);
  }

  withTokens<T>(
    bucket: string,
    order: TokenOrder,
    work: (held: TokenHold) => T | Promise<T>,
    options: WithTokensOptions = {},
  ): Promise<T> {
    return this.#tokens.with(bucket, order, work, options);
  }

  takeTokens(bucket: string, order: TokenOrder, options: TakeOptions = {}): Promise<Taken> {
    return this.#tokens.take(bucket, order, options);
  }

  buyTokens(hold: string, order: TokenOrder): Promise<Taken> {
    return this.#tokens.buy(hold, order);
  }

  bucket(bucket: string, order: Partial<TokenOrder> = {}): Promise<Told<'bucket'>> {
    return this.#tokens.bucket(bucket, order);
  }

  onEscalation(decide: (asked: Escalation) => Ruling | Promise<Ruling>): () => void {
    return this.#tasks.onEscalation(decide);
  }

  async account(): Promise<Told<'account'>> {
    return told(await this.#link.bank.ask('account', namedFor(this.id, this.#link)));
  }

  async budget(): Promise<Told<'budget'>> {
    return told(await this.#link.bank.ask('budget', namedFor(this.id, this.#link)));
  }

  async quote(pool: string, { priceMicro, ...bid }: QuoteOptions = {}): Promise<Told<'quote'>> {
    const price = priceMicro === undefined ? {} : { priceMicro: String(priceMicro) };
    return told(await this.#link.bank.ask('quote', { pool, ...bid, ...price, ...namedFor(this.id, this.#link) }));
  }

  async lease(contract: string): Promise<{ readonly ok: true; readonly lease: Lease } | Refusal> {
    const asked = await this.#link.bank.ask('contract', { contract, ...namedFor(this.id, this.#link) });
    if (!asked.ok) return asked;
    const view = asked.value;
    if (view.participant !== this.id) return refusal('not-permitted', `the lease is ${view.participant}'s`);
    if (view.state === 'settled') return refusal('expired', `the lease is settled: ${view.outcome}`);
    const lease = new Lease(this.#link, view.pool, view.cfp, winnerOf(view, ''), view.terms);
    return { ok: true, lease: this.#keep(lease) };
  }

  /** Why the bank bars this agent, asked now; undefined where it does not, or gives no answer. */
  async barred(): Promise<Refusal | undefined> {
    const account = await this.account();
    const refused = account.ok ? await this.sealer.login() : account;
    return refused !== undefined && hopeless.has(refused.detail) ? refused : undefined;
  }

  async close(options: { readonly release?: boolean } = {}): Promise<void> {
    for (const stop of this.#stops) stop(false);
    this.#stops.clear();
    this.#tasks.close();
    if (options.release === true) await Promise.all(this.leases.map((lease) => lease.release()));
    await this.#tokens.close();
    await this.#onClose();
  }
}

function hostedCannotCall(): Refusal {
  return refusal('not-permitted', 'a hosted agent does not call: the seller of a pool has a connection of its own');
}

/**
 * Connects one agent and logs it in. Rejects with a NatsError where NATS does not answer, and with RefusedError where
 * the bank refuses the login (`unknown`, `bad-signature`, `not-permitted`) or no broker answers within 10 s.
 */
export async function connectAgent(options: LinkOptions & AgentKeys): Promise<Agent> {
  const link = await openLink(options);
  const switchboard = new Switchboard(link);
  const listener = new Listener(switchboard);
  const caller = new Caller(switchboard);
  const onClose = async () => {
    await caller.close();
    listener.close();
    switchboard.close();
    await link.close();
  };
  try {
    const agent = new MarketAgent(options, { switchboard, listener, caller, onClose });
    const refused = await agent.sealer.login();
    if (refused !== undefined) throw new RefusedError(refused);
    return agent;
  } catch (error) {
    await onClose();
    throw error;
  }
}
