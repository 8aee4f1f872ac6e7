// Runs a server in a container, held in the same hand as a local one: killed, restarted, and gone with its parent.
import { mkdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.js';
import type { LocalServer } from './local-server.js';
import { type NatsOptions, natsAnswers, natsConfig, newServerName } from './nats-server.js';
import { type RedisOptions, redisAnswers, redisArguments } from './redis-server.js';
import type { ServerKind } from './server-kind.js';
import { endsNothing } from './tether.js';
import { waitUntil } from './wait-until.js';
import { enter, strikeOut } from './watchdog.js';

export interface DockerPlan {
  readonly kind: ServerKind;
  readonly name: string;
  readonly image: string;
  readonly network: 'bridge' | 'host';
  /** Mounted for the data where it is to be kept; elsewhere the data stays in the container and goes with it. */
  readonly keepIn?: string | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

/** What the server in the container is told, by kind: arguments, files, and how it is known to answer. */
interface Inside {
  /** Instead of the image's own. */
  readonly entryPoint?: readonly string[];
  readonly args: readonly string[];
  readonly files: readonly { content: string; target: string }[];
  readonly readyLine: RegExp;
  answers(address: Address): Promise<boolean>;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

type Runtime = Awaited<ReturnType<typeof import('testcontainers')['getContainerRuntimeClient']>>;

const OWN_PORT: Readonly<Record<ServerKind, number>> = { nats: 4222, redis: 6379 };
const READY_WITHIN_MS = 60_000;
const PORT_ATTEMPTS = 20;
const REDIS_START = {
  source: fileURLToPath(new URL('../redis-start.sh', import.meta.url)),
  target: '/tender/redis-start.sh',
};
const PORT_TAKEN = /address already in use|port is already allocated/i;

/** Starts a NATS or a Redis in a container on a loopback port that stays the same over restarts. */
export async function startDockerServer(
  plan: DockerPlan,
  options: { nats: NatsOptions; redis: RedisOptions },
): Promise<LocalServer> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  const runtime = await getContainerRuntimeClient();
  // Within a container of its own, testcontainers reaches the engine's containers by the bridge's gateway.
  const { host } = runtime.info.containerRuntime;
  const address = plan.network === 'host' || host === 'localhost' ? '127.0.0.1' : host;
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const inside = plan.kind === 'nats' ? natsInside(plan, port, options.nats) : redisInside(plan, port, options.redis);
    const outcome = await runContainer(plan, inside, { host: address, port }, runtime);
    if (outcome.ok) {
      const pid = await pidOf(runtime, outcome.id);
      plan.log?.(`${plan.name} (docker ${plan.image}, pid ${pid}) answers on ${plan.kind}://${address}:${port}`);
      return handleOf(plan, inside, { host: address, port }, runtime, outcome.id, pid);
    }
    if (!PORT_TAKEN.test(outcome.detail) || attempt >= PORT_ATTEMPTS) {
      throw new Error(`${plan.name} (docker ${plan.image}) did not start: ${outcome.detail}`);
    }
  }
}

function natsInside(plan: DockerPlan, port: number, options: NatsOptions): Inside {
  const serverName = newServerName();
  const listen = plan.network === 'host' ? ['127.0.0.1', `${port}`] : ['0.0.0.0', `${OWN_PORT.nats}`];
  return {
    args: ['--config', '/tender/nats.conf', '--addr', listen[0]!, '--port', listen[1]!],
    files: [{ content: natsConfig(serverName, '/data', options), target: '/tender/nats.conf' }],
    readyLine: /Server is ready/,
    answers: (address) => natsAnswers(address, serverName),
  };
}

function redisInside(plan: DockerPlan, port: number, options: RedisOptions): Inside {
  // Inside a bridge, every address but the container's own is foreign; the port is mapped to loopback alone.
  const listen =
    plan.network === 'host'
      ? ['--bind', '127.0.0.1', '--port', `${port}`]
      : ['--bind', '0.0.0.0', '--port', `${OWN_PORT.redis}`, '--protected-mode', 'no'];
  return {
    entryPoint: ['sh', REDIS_START.target],
    args: [...listen, '--dir', '/data', ...redisArguments(options)],
    files: [{ content: readFileSync(REDIS_START.source, 'utf8'), target: REDIS_START.target }],
    readyLine: /Ready to accept connections/,
    answers: (address) => redisAnswers(address),
  };
}

type Run = { readonly ok: true; readonly id: string } | { readonly ok: false; readonly detail: string };

async function runContainer(plan: DockerPlan, inside: Inside, address: Address, runtime: Runtime): Promise<Run> {
  const { GenericContainer, Wait } = await import('testcontainers');
  let id: string | undefined;
  let said = '';
  class WatchedContainer extends GenericContainer {
    /** Before the container starts, so that there is no moment at which it could be left behind. */
    protected override async containerCreated(containerId: string): Promise<void> {
      id = containerId;
      enter(`c${containerId}`);
    }
    /** Docker would map the port on every interface: a Redis without a password, open to the network. */
    protected override async beforeContainerCreated(): Promise<void> {
      if (isIP(address.host) === 0) return;
      const bindings = (this.hostConfig.PortBindings ?? {}) as Record<string, { HostIp?: string }[]>;
      for (const binding of Object.values(bindings).flat()) binding.HostIp = address.host;
    }
  }
  const container = new WatchedContainer(plan.image)
    .withCommand([...inside.args])
    .withCopyContentToContainer(inside.files.map((file) => ({ ...file, mode: 0o644 })))
    .withLogConsumer((stream) => {
      stream.on('data', (chunk: Buffer | string) => {
        said = (said + chunk).slice(-4_000);
      });
    })
    .withWaitStrategy(Wait.forLogMessage(inside.readyLine))
    .withStartupTimeout(READY_WITHIN_MS);
  if (inside.entryPoint !== undefined) container.withEntrypoint([...inside.entryPoint]);
  if (plan.network === 'host') container.withNetworkMode('host');
  else container.withExposedPorts({ container: OWN_PORT[plan.kind], host: address.port });
  if (plan.keepIn !== undefined) {
    mkdirSync(plan.keepIn, { recursive: true });
    container.withBindMounts([{ source: plan.keepIn, target: '/data', mode: 'rw' }]);
    // The files are the caller's: they must not belong to root, or to whatever user the image runs as.
    if (process.getuid && process.getgid) container.withUser(`${process.getuid()}:${process.getgid()}`);
  }
  try {
    await container.start();
    return { ok: true, id: id! };
  } catch (error) {
    if (id !== undefined) await remove(runtime, id);
    return { ok: false, detail: `${error instanceof Error ? error.message : String(error)}\n${said.trim()}` };
  }
}

function handleOf(
  plan: DockerPlan,
  inside: Inside,
  address: Address,
  runtime: Runtime,
  id: string,
  firstPid: number,
): LocalServer {
  const container = runtime.container.getById(id);
  const url = `${plan.kind}://${address.host}:${address.port}`;
  let pid = firstPid;
  let alive = true;
  return {
    url,
    how: 'docker',
    logFile: undefined,
    get pid() {
      return pid;
    },
    get alive() {
      return alive;
    },
    async kill(signal = 'SIGKILL') {
      if (!alive) return;
      await container.kill({ signal });
      if (endsNothing(signal)) return;
      await container.wait();
      alive = false;
      plan.log?.(`${plan.name} (docker) ended by ${signal}`);
    },
    async restart() {
      await container.restart({ t: 5 });
      const answering = await waitUntil(() => inside.answers(address), READY_WITHIN_MS);
      if (!answering) throw new Error(`${plan.name} (docker) did not restart on ${url}.`);
      pid = await pidOf(runtime, id);
      alive = true;
      plan.log?.(`${plan.name} (docker, pid ${pid}) answers again on ${url}`);
    },
    async end(manner) {
      if (manner === 'orderly' && alive) await container.stop({ t: 5 }).catch(() => undefined);
      alive = false;
      await remove(runtime, id);
    },
  };
}

async function pidOf(runtime: Runtime, id: string): Promise<number> {
  const { State } = await runtime.container.getById(id).inspect();
  return State.Pid;
}

/** A container that is gone already is what was wanted. */
async function remove(runtime: Runtime, id: string): Promise<void> {
  await runtime.container
    .getById(id)
    .remove({ force: true, v: true })
    .catch((error: { statusCode?: number }) => {
      if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
    });
  strikeOut(`c${id}`);
}
