// Watches the house's servers and brokers: a market of which one has died is over, and somebody must say so.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerHandle } from '@tender/stack';
import { type BrokerProcess, showExit } from './app-process.js';

/** Redis ends rather than acknowledge what did not reach the disk. */
const NO_ROOM = "Can't recover from AOF write error";
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
  stack: WatchedServers,
  brokers: readonly BrokerProcess[],
  stopping: () => boolean,
): Promise<string> {
  const deadBrokers = () => brokers.filter((broker) => !broker.process.alive);
  while (!stopping()) {
    if (deadServers(stack).length + deadBrokers().length === 0) {
      await delay(LOOK_EVERY_MS, undefined, { ref: false });
      continue;
    }
    await delay(AFTERSHOCK_MS, undefined, { ref: false });
    if (stopping()) break;
    const dead = deadServers(stack);
    return dead.length > 0 ? dead.join(' and ') : (await Promise.all(deadBrokers().map(deathOf))).join('\n');
  }
  // Whoever stops the house asks no more.
  return new Promise(() => undefined);
}

/** Which servers have ended, in one line, as the cause of what failed just now; empty where none has. */
export async function deathBehind(stack: WatchedServers): Promise<string> {
  // What dies with a server may be heard of before its own end is.
  await delay(AFTERSHOCK_MS);
  return deadServers(stack).join(' and ');
}

function deadServers({ nats, redis }: WatchedServers): string[] {
  return [
    { server: nats, program: 'nats-server' },
    { server: redis, program: 'redis-server' },
  ]
    .filter(({ server }) => !server.alive)
    .map(({ server, program }) => `${program} (pid ${server.pid}) died${wantOf(server)}`);
}

/** What the operator must do before a server that ended by itself can run again; empty where nothing is known. */
function wantOf({ logFile }: ServerHandle): string {
  if (logFile === undefined || !readFileSync(logFile, 'utf8').slice(-1_000).includes(NO_ROOM)) return '';
  return ` (it could not write its data: make room on the disk of ${dirname(logFile)})`;
}

async function deathOf({ process: { exited, name, pid }, tail }: BrokerProcess): Promise<string> {
  return `${name} (pid ${pid}) died (${showExit(await exited)}). The end of its log:\n${tail()}`;
}
