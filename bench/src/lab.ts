// The laboratory: real servers, brokers of two markets, and a worker process for each part that a client plays.
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createSeed } from '@tender/agent';
import { connectRedis, redisReady } from '@tender/credits/redis';
import { connectNats } from '@tender/market/nats';
import { type Stack, spawnTethered, startStack, type Tethered } from '@tender/stack';
import type { Redis } from 'ioredis';
import type { CpuGroup } from './cpu.js';
import { MarketSetup } from './market-setup.js';
import type { BenchOptions } from './options.js';
import {
  BIDDERS,
  BUCKET,
  CALLER,
  HAGGLERS,
  LOCK_POOL,
  rawPools,
  SELLER,
  type SeededAgent,
  SLOTS_PER_POOL,
  type Swarm,
  swarmName,
  swarmPool,
  TAKERS,
  TAKERS_HOST,
  wirePools,
} from './place.js';
import type { Role } from './protocol.js';
import type { checkerRole } from './roles/checker.js';
import type { echoRole } from './roles/echo.js';
import type { hagglersRole, providersRole } from './roles/hagglers.js';
import type { initiatorRole } from './roles/initiator.js';
import type { listenersRole } from './roles/listeners.js';
import type { publisherRole } from './roles/publisher.js';
import type { rawRole } from './roles/raw.js';
import type { swarmRole } from './roles/swarm.js';
import type { takersRole } from './roles/takers.js';
import type { wireRole } from './roles/wire.js';
import { type Market, markets, swarmsOf, type Variant } from './variants.js';
import { Worker } from './worker.js';

const brokerMain = fileURLToPath(new URL('../../apps/broker/dist/main.js', import.meta.url));
const SECRET = 'be'.repeat(32);
/** Slots of a pool in which whole negotiations are held: more than one burst sells. */
const NEGOTIATION_SLOTS = 4096;

const tokenKinds: ReadonlySet<Variant['kind']> = new Set(['take', 'raw-take', 'plain']);

type RoleOf<F extends (...arguments_: never[]) => Promise<unknown>> = Awaited<ReturnType<F>> & Role;

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly nats: string;
  readonly redis: string;
}

export interface Workers {
  readonly wire: Readonly<Record<Market, Worker<RoleOf<typeof wireRole>>>>;
  readonly raw: Worker<RoleOf<typeof rawRole>>;
  readonly echo: Worker<RoleOf<typeof echoRole>>;
  readonly listeners: Worker<RoleOf<typeof listenersRole>> | undefined;
  readonly publisher: Worker<RoleOf<typeof publisherRole>>;
  readonly initiator: Worker<RoleOf<typeof initiatorRole>>;
  readonly hagglers: Worker<RoleOf<typeof hagglersRole>> | undefined;
  readonly takers: Worker<RoleOf<typeof takersRole>> | undefined;
  /** By the swarm's name. */
  readonly swarms: ReadonlyMap<string, Worker<RoleOf<typeof swarmRole>>>;
}

export class Lab {
  readonly options: BenchOptions;
  readonly #stack: Stack;
  readonly #brokers: Record<Market, Tethered[]> = { one: [], two: [] };
  readonly #workers: Worker<Role>[] = [];
  readonly #say: (line: string) => void;
  #parts: Workers | undefined;

  private constructor(options: BenchOptions, stack: Stack, say: (line: string) => void) {
    this.options = options;
    this.#stack = stack;
    this.#say = say;
  }

  /** Starts everything that these variants need; nothing is left running where that fails. */
  static async open(options: BenchOptions, variants: readonly Variant[], say: (line: string) => void): Promise<Lab> {
    const stack = await startStack({
      name: 'bench',
      // A rewrite of the append-only file in the middle of a burst would be charged to whoever is measured then.
      redis: { appendfsync: 'always', extraArgs: ['--auto-aof-rewrite-percentage', '0'] },
    });
    const lab = new Lab(options, stack, say);
    try {
      await lab.#fill(variants);
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  get workers(): Workers {
    return this.#parts!;
  }

  async #fill(variants: readonly Variant[]): Promise<void> {
    const bidders = Array.from({ length: BIDDERS }, (_, index) => newAgent(`bidder-${index}`));
    const caller = newAgent(CALLER);
    const swarms = swarmsOf(variants).map((swarm) => ({
      swarm,
      host: `host-${swarm.agents}`,
      agents: agentsOf(swarm),
    }));
    const redis = connectRedis(this.#stack.redisUrl);
    await redisReady(redis, 10_000);
    for (const market of markets) await this.#openMarket(redis, market, bidders);
    const one = new MarketSetup(redis, marketName('one'));
    await one.agents([caller]);
    for (const pool of rawPools) await one.pool(pool, SELLER, SLOTS_PER_POOL);
    await one.pool(LOCK_POOL, SELLER, SLOTS_PER_POOL);
    for (const { swarm, host, agents } of swarms) {
      await one.agents(agents, swarm.mode === 'hosted' ? host : undefined);
      await one.pool(swarmPool(swarm), CALLER, NEGOTIATION_SLOTS);
    }
    const sides = { buyers: crew('buyer'), providers: crew('provider') };
    await one.agents([...sides.buyers, ...sides.providers]);
    const takers = Array.from({ length: TAKERS }, (_, index) => newAgent(`taker-${index}`));
    await one.agents(takers, TAKERS_HOST);
    await one.bucket(BUCKET);
    redis.disconnect();
    await Promise.all([this.#broker('one'), this.#broker('two'), this.#broker('two')]);
    await this.#startWorkers(variants, bidders, caller, swarms);
    if (variants.some(({ kind }) => kind === 'haggle')) await this.#startHagglers(sides);
    if (variants.some(({ kind }) => tokenKinds.has(kind))) await this.#startTakers(takers);
  }

  async #openMarket(redis: Redis, market: Market, bidders: readonly SeededAgent[]): Promise<void> {
    const setup = new MarketSetup(redis, marketName(market));
    await setup.till();
    await setup.agents([newAgent(SELLER), ...bidders]);
    for (const pool of wirePools) await setup.pool(pool, SELLER, SLOTS_PER_POOL);
  }

  async #broker(market: Market): Promise<void> {
    const child = spawnTethered(process.execPath, [...this.#nodeFlags(), brokerMain], {
      name: `broker of market ${market}`,
      env: {
        PATH: process.execPath,
        NATS_URL: this.#stack.natsUrl,
        REDIS_URL: this.#stack.redisUrl,
        TENDER_MARKET: marketName(market),
        TENDER_SECRET: SECRET,
        HTTP_PORT: '0',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#brokers[market].push(child);
    await listening(child);
  }

  async #startWorkers(
    variants: readonly Variant[],
    bidders: readonly SeededAgent[],
    caller: SeededAgent,
    swarms: readonly { readonly swarm: Swarm; readonly host: string; readonly agents: readonly SeededAgent[] }[],
  ): Promise<void> {
    const fans = variants.some(({ kind }) => kind === 'flow');
    const members = new Map<string, Worker<RoleOf<typeof swarmRole>>>();
    for (const { swarm } of swarms) members.set(swarmName(swarm), this.#worker('swarm', 'one'));
    const parts: Workers = {
      wire: { one: this.#worker('wire', 'one'), two: this.#worker('wire', 'two') },
      raw: this.#worker('raw', 'one'),
      echo: this.#worker('echo', 'one'),
      listeners: fans ? this.#worker('listeners', 'one') : undefined,
      publisher: this.#worker('publisher', 'one'),
      initiator: this.#worker('initiator', 'one'),
      hagglers: undefined,
      takers: undefined,
      swarms: members,
    };
    await Promise.all(markets.map((market) => parts.wire[market].ask('start', { bidders })));
    await parts.raw.ask('start', { bidders });
    await parts.initiator.ask('start', { seed: caller.seed });
    await parts.listeners?.ask('ready', null);
    for (const order of swarms) {
      this.#say(`connecting ${order.agents.length} agents (${order.swarm.mode})`);
      await members.get(swarmName(order.swarm))!.ask('start', order);
    }
    this.#parts = parts;
  }

  async #startHagglers(sides: { readonly buyers: SeededAgent[]; readonly providers: SeededAgent[] }): Promise<void> {
    const providing = this.#worker<RoleOf<typeof providersRole>>('providers', 'one');
    await providing.ask('start', { providers: sides.providers });
    const hagglers = this.#worker<RoleOf<typeof hagglersRole>>('hagglers', 'one');
    await hagglers.ask('start', { buyers: sides.buyers, providers: sides.providers.map(({ id }) => id) });
    this.#parts = { ...this.workers, hagglers };
  }

  async #startTakers(takers: readonly SeededAgent[]): Promise<void> {
    const worker = this.#worker<RoleOf<typeof takersRole>>('takers', 'one');
    await worker.ask('start', { agents: takers.map(({ id }) => id) });
    this.#parts = { ...this.workers, takers: worker };
  }

  #worker<R extends Role>(role: string, market: Market): Worker<R> {
    const { natsUrl, redisUrl } = this.#stack;
    const { seed } = this.options;
    const config = { role, natsUrl, redisUrl, market: marketName(market), secret: SECRET, seed };
    const worker = new Worker<R>(`${role} of market ${market}`, config, this.#nodeFlags());
    this.#workers.push(worker as unknown as Worker<Role>);
    return worker;
  }

  #nodeFlags(): string[] {
    const { profile } = this.options;
    return profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  }

  /** The processes whose CPU a burst is charged with. */
  pids(market: Market): Readonly<Record<CpuGroup, readonly number[]>> {
    const server = (pid: number | undefined) => (pid === undefined ? [] : [pid]);
    return {
      broker: this.#brokers[market].map(({ pid }) => pid),
      nats: server(this.#stack.nats.pid),
      redis: server(this.#stack.redis.pid),
      client: this.#workers.map(({ pid }) => pid),
    };
  }

  /** Ours too, but idle: the other market's brokers, and this process. */
  idlePids(market: Market): readonly number[] {
    const other = market === 'one' ? 'two' : 'one';
    return [...this.#brokers[other].map(({ pid }) => pid), process.pid];
  }

  /** Checks every invariant of both markets. */
  async check() {
    const reports = [];
    for (const market of markets) {
      const worker = this.#worker<RoleOf<typeof checkerRole>>('checker', market);
      reports.push({ market, report: await worker.ask('check', null) });
    }
    return reports;
  }

  async machine(): Promise<Machine> {
    const redis = connectRedis(this.#stack.redisUrl);
    await redisReady(redis, 10_000);
    const info = await redis.info('server');
    redis.disconnect();
    const nats = await connectNats({ servers: this.#stack.natsUrl, sender: 'conductor' });
    const natsVersion = nats.info?.version ?? '?';
    await nats.close();
    return {
      cpu: /model name\s*: (.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '?',
      cores: cpus().length,
      memoryGb: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      node: process.version,
      nats: natsVersion,
      redis: /redis_version:(\S+)/.exec(info)?.[1] ?? '?',
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    await Promise.all(markets.flatMap((market) => this.#brokers[market].map((broker) => broker.stop())));
    await this.#stack.stop();
  }
}

function marketName(market: Market): string {
  return `bench-${market}`;
}

function newAgent(id: string): SeededAgent {
  return { id, seed: createSeed() };
}

function crew(side: string): SeededAgent[] {
  return Array.from({ length: HAGGLERS }, (_, index) => newAgent(`${side}-${index}`));
}

function agentsOf({ mode, agents }: Swarm): SeededAgent[] {
  return Array.from({ length: agents }, (_, index) => newAgent(`${mode}-${agents}-${index}`));
}

/** Resolves at the broker's log line `listening`; rejects where it ends before. */
async function listening(child: Tethered): Promise<void> {
  let text = '';
  await new Promise<void>((resolve, reject) => {
    child.process.stdout!.on('data', (chunk: Buffer) => {
      if (text.length < 10_000) text += chunk;
      if (text.includes('"listening"')) resolve();
    });
    void child.exited.then(({ code }) => reject(new Error(`the broker ended with ${code}: ${text}`)));
  });
}
