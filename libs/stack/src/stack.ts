// Composes a stack: one NATS and one or more Redis, real servers in one folder, started together and stopped together.
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startDockerServer } from './docker-server.js';
import { type StackEnvironment, stackEnvironment } from './environment.js';
import { lockFolder } from './folder-lock.js';
import type { LocalServer } from './local-server.js';
import { type NatsOptions, natsAnswers, startNats } from './nats-server.js';
import { type RedisOptions, redisAnswers, startRedis } from './redis-server.js';
import type { FoundServer } from './resolution.js';
import { resolveServer } from './resolve.js';
import { foreignServer, type ServerHandle, withoutSecret } from './server-handle.js';
import { SERVER_FACTS, type ServerKind } from './server-kind.js';
import { tetherFolder } from './tether.js';

export interface StackOptions {
  /** Stands in the folder's name and in log lines; default 'stack'. */
  readonly name?: string;
  /** Keeps the servers' data there after `stop`, for one stack at a time; default: a temporary folder, removed on `stop`. */
  readonly dir?: string;
  /** `false` starts none. */
  readonly nats?: false | NatsOptions;
  /** `false` starts none. */
  readonly redis?: false | RedisOptions;
  /** How many Redis run side by side (Redlock wants an odd number); default 1. */
  readonly redisInstances?: number;
  readonly log?: (line: string) => void;
  /** The variables to go by; default: this process's. */
  readonly env?: Record<string, string | undefined>;
}

/** Asking for a server that the options left out throws. */
export interface Stack {
  readonly natsUrl: string;
  /** The first Redis. */
  readonly redisUrl: string;
  readonly redisUrls: readonly string[];
  readonly dir: string;
  readonly nats: ServerHandle;
  /** The first Redis. */
  readonly redis: ServerHandle;
  readonly redises: readonly ServerHandle[];
  /** Ends the servers and removes the folder, unless the caller named it. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Finds and starts the servers; resolves when all answer. Throws an Error that says what was tried where a server
 * cannot be found, or with the end of the server's log where it does not start; nothing is left running then.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const env = stackEnvironment(options.env);
  const folder = await stackFolder(options);
  const own: LocalServer[] = [];
  const start = (kind: ServerKind, count: number): Promise<ServerHandle[]> =>
    startServers({ kind, count, env, dir: folder.dir, holds: folder.lock, options, own });
  const starting = [
    start('nats', options.nats === false ? 0 : 1),
    start('redis', options.redis === false ? 0 : (options.redisInstances ?? 1)),
  ] as const;
  const endAll = async (): Promise<void> => {
    // Data that is thrown away needs no orderly end.
    await Promise.all(own.map((server) => server.end(folder.kept ? 'orderly' : 'at-once')));
    await folder.remove();
  };
  const settled = await Promise.allSettled(starting);
  const failures = settled.filter((result) => result.status === 'rejected').map((result) => result.reason as Error);
  if (failures.length > 0) {
    await endAll();
    throw failures.length === 1 ? failures[0] : new Error(failures.map((failure) => failure.message).join('\n\n'));
  }
  const [natses, redises] = await Promise.all(starting);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= endAll();
    return stopping;
  };
  return stackOf(folder.dir, natses, redises, stop);
}

function stackOf(dir: string, natses: ServerHandle[], redises: ServerHandle[], stop: () => Promise<void>): Stack {
  const first = (servers: ServerHandle[], kind: ServerKind): ServerHandle => {
    if (servers[0] === undefined) throw new Error(`This stack was started without ${kind}.`);
    return servers[0];
  };
  return {
    dir,
    redises,
    redisUrls: redises.map((server) => server.url),
    get nats() {
      return first(natses, 'nats');
    },
    get redis() {
      return first(redises, 'redis');
    },
    get natsUrl() {
      return first(natses, 'nats').url;
    },
    get redisUrl() {
      return first(redises, 'redis').url;
    },
    stop,
  };
}

interface StackFolder {
  readonly dir: string;
  readonly kept: boolean;
  readonly lock?: number;
  remove(): Promise<void>;
}

async function stackFolder(options: StackOptions): Promise<StackFolder> {
  if (options.dir !== undefined) {
    const dir = resolve(options.dir);
    mkdirSync(dir, { recursive: true });
    const lock = await lockFolder(dir, options.log);
    return { dir, kept: true, lock: lock.descriptor, remove: async () => lock.release() };
  }
  const name = (options.name ?? 'stack').replace(/[^A-Za-z0-9-]/g, '-');
  const dir = join(tmpdir(), `tender-${name}-${randomBytes(6).toString('hex')}`);
  const remove = tetherFolder(dir);
  mkdirSync(dir, { mode: 0o700 });
  return { dir, kept: false, remove };
}

interface Order {
  readonly kind: ServerKind;
  readonly count: number;
  readonly env: StackEnvironment;
  readonly dir: string;
  readonly holds: number | undefined;
  readonly options: StackOptions;
  /** Collects what was started, so that a failure elsewhere can end it. */
  readonly own: LocalServer[];
}

async function startServers(order: Order): Promise<ServerHandle[]> {
  if (order.count === 0) return [];
  const resolution = await resolveServer(order.kind, order.env);
  if (!resolution.ok) throw new Error(resolution.message);
  const { found } = resolution;
  if (found.how === 'url') return foreignServers(order, found.urls);
  const numbers = Array.from({ length: order.count }, (_, index) => index);
  const settled = await Promise.allSettled(
    numbers.map(async (number) => {
      const server = await startServer(order, found, number);
      order.own.push(server);
      return server;
    }),
  );
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

async function startServer(
  order: Order,
  found: Exclude<FoundServer, { how: 'url' }>,
  number: number,
): Promise<LocalServer> {
  const { kind, options } = order;
  const dir = join(order.dir, order.count === 1 ? kind : `${kind}-${number}`);
  const name = `${options.name === undefined ? '' : `${options.name}: `}${SERVER_FACTS[kind].program}`;
  if (found.how === 'docker') {
    const keepIn = options.dir === undefined ? undefined : dir;
    const containerPlan = {
      kind,
      name,
      image: found.image,
      network: order.env.dockerNetwork,
      keepIn,
      log: options.log,
    };
    return startDockerServer(containerPlan, { nats: options.nats || {}, redis: options.redis || {} });
  }
  const plan = { ...found, name, holds: order.holds, log: options.log };
  if (kind === 'nats') return startNats(plan, dir, options.nats || {});
  return startRedis(plan, dir, options.redis || {});
}

/** Servers that the environment named: as many as are asked for, and each must answer. */
async function foreignServers(order: Order, urls: readonly string[]): Promise<ServerHandle[]> {
  const variable = SERVER_FACTS[order.kind].urlVariable;
  if (urls.length < order.count) {
    throw new Error(`${variable} names ${urls.length} of the ${order.count} servers that are needed (use commas).`);
  }
  const used = urls.slice(0, order.count);
  for (const url of used) {
    if (!(await foreignAnswers(order.kind, url))) {
      throw new Error(`${variable} is set, but no ${order.kind} answers at ${withoutSecret(url)}.`);
    }
    order.options.log?.(`${order.kind} (url) at ${withoutSecret(url)}`);
  }
  return used.map(foreignServer);
}

async function foreignAnswers(kind: ServerKind, url: string): Promise<boolean> {
  const { protocol, hostname, port } = new URL(url.includes('://') ? url : `${kind}://${url}`);
  // Over TLS a bare socket learns nothing: then the clients find out.
  if (protocol !== `${kind}:`) return true;
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (kind === 'nats' ? 4222 : 6379)) };
  return kind === 'nats' ? natsAnswers(address) : redisAnswers(address);
}
