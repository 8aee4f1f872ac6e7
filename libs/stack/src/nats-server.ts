// The swarm's NATS: on loopback, with JetStream in a folder of its own.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LocalServer, type LocalServerPlan, startLocalServer } from './local-server.js';
import { ask } from './raw-socket.js';

export interface NatsOptions {
  /** Further lines of the configuration, such as accounts and permissions. */
  readonly configLines?: readonly string[];
}

/**
 * What every NATS of the house is told; the server makes a folder `jetstream` below `storeDir`. The port is an
 * argument, since it is chosen by trying.
 */
export function natsConfig(serverName: string, storeDir: string, options: NatsOptions): string {
  return [
    `server_name: ${JSON.stringify(serverName)}`,
    // A leaked stream of a test must fill neither the memory nor the disk of the machine that runs it.
    `jetstream { store_dir: ${JSON.stringify(storeDir)}, max_memory_store: 256MB, max_file_store: 4GB }`,
    ...(options.configLines ?? []),
    '',
  ].join('\n');
}

type NatsPlan = Pick<LocalServerPlan, 'name' | 'how' | 'command' | 'libraryPath' | 'choosePort' | 'holds' | 'log'>;

/** Starts one nats-server with its configuration, JetStream store and log below `dir`. */
export function startNats(plan: NatsPlan, dir: string, options: NatsOptions): Promise<LocalServer> {
  mkdirSync(dir, { recursive: true });
  const serverName = newServerName();
  const config = join(dir, 'nats.conf');
  writeFileSync(config, natsConfig(serverName, dir, options));
  return startLocalServer({
    ...plan,
    scheme: 'nats',
    logFile: join(dir, 'nats-server.log'),
    args: (port) => ['--config', config, '--addr', '127.0.0.1', '--port', `${port}`],
    answers: (port) => natsAnswers({ host: '127.0.0.1', port }, serverName),
  });
}

/** Unique, because the server says it in its greeting: so a neighbour on the same port is told apart. */
export function newServerName(): string {
  return `tender-${randomBytes(6).toString('hex')}`;
}

/** Whether a NATS greets there and, where a name is given, is that very server. */
export async function natsAnswers(address: { host: string; port: number }, serverName?: string): Promise<boolean> {
  const greeting = await ask(address, '', (text) => text.includes('\r\n'));
  if (greeting === undefined || !greeting.startsWith('INFO {')) return false;
  return serverName === undefined || greeting.includes(`"server_name":${JSON.stringify(serverName)}`);
}
