// Watches the house's servers and brokers: a market of which one has died is over, and somebody must say so.
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerHandle } from '@tender/stack';
import { type BrokerProcess, showExit } from './app-process.js';

const LOOK_EVERY_MS = 200;
/** What dies of another's death does so at once or is not told of: the first cause is the news. */
const AFTERSHOCK_MS = 300;

/** The stack's servers by the name of their program. Those that the environment named are others' to watch. */
export interface WatchedServers {
  readonly nats: ServerHandle;
  readonly redis: ServerHandle;
}

/** Settles with what has died that nobody stopped (`redis-server (pid 4711) died`); never rejects. */
export async function firstDeath(
  { nats, redis }: WatchedServers,
  brokers: readonly BrokerProcess[],
  stopping: () => boolean,
): Promise<string> {
  const servers = [
    { server: nats, called: `nats-server (pid ${nats.pid})` },
    { server: redis, called: `redis-server (pid ${redis.pid})` },
  ];
  const deadServers = () => servers.filter(({ server }) => !server.alive).map(({ called }) => `${called} died`);
  const deadBrokers = () => brokers.filter((broker) => !broker.process.alive);
  while (!stopping()) {
    if (deadServers().length + deadBrokers().length === 0) {
      await delay(LOOK_EVERY_MS, undefined, { ref: false });
      continue;
    }
    await delay(AFTERSHOCK_MS, undefined, { ref: false });
    if (stopping()) break;
    const dead = deadServers();
    return dead.length > 0 ? dead.join(' and ') : (await Promise.all(deadBrokers().map(deathOf))).join('\n');
  }
  // Whoever stops the house asks no more.
  return new Promise(() => undefined);
}

async function deathOf({ process: { exited, name, pid }, tail }: BrokerProcess): Promise<string> {
  return `${name} (pid ${pid}) died (${showExit(await exited)}). The end of its log:\n${tail()}`;
}
