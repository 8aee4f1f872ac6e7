// A worker's process: takes its role from the command line and does what the conductor says.
import { createInterface } from 'node:readline';
import type { Command, Role, WorkerConfig } from './protocol.js';
import { checkerRole } from './roles/checker.js';
import { echoRole } from './roles/echo.js';
import { hagglersRole, providersRole } from './roles/hagglers.js';
import { initiatorRole } from './roles/initiator.js';
import { listenersRole } from './roles/listeners.js';
import { publisherRole } from './roles/publisher.js';
import { rawRole } from './roles/raw.js';
import { swarmRole } from './roles/swarm.js';
import { takersRole } from './roles/takers.js';
import { wireRole } from './roles/wire.js';

const roles: Readonly<Record<string, (config: WorkerConfig) => Promise<Role>>> = {
  checker: checkerRole,
  echo: echoRole,
  hagglers: hagglersRole,
  initiator: initiatorRole,
  providers: providersRole,
  listeners: listenersRole,
  publisher: publisherRole,
  raw: rawRole,
  swarm: swarmRole,
  takers: takersRole,
  wire: wireRole,
};

const config = JSON.parse(process.argv[2] ?? '{}') as WorkerConfig;
const start = roles[config.role];
if (start === undefined) throw new Error(`no role ${config.role}: this process is started by the bench`);
const role = start(config);
// The commands' errors are answers; a role that cannot start says so to each.
role.catch(() => undefined);

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, command, argument } = JSON.parse(line) as Command;
  perform(command, argument).then(
    (value) => answer({ id, ok: true, value: value ?? null }),
    (error: unknown) => answer({ id, ok: false, error: error instanceof Error ? (error.stack ?? '') : String(error) }),
  );
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));

async function perform(command: string, argument: unknown): Promise<unknown> {
  const run = (await role)[command];
  if (run === undefined) throw new Error(`${config.role} knows no command ${command}`);
  return run(argument as never);
}

function answer(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
