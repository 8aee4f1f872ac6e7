// What the operator hears of a market that broke down.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerHandle } from '@tender/stack';
import { expect, onTestFinished, test } from 'vitest';
import { firstDeath } from '../src/first-death.js';

function server(facts: Partial<ServerHandle>): ServerHandle {
  return { pid: 7, alive: true, logFile: undefined, ...facts } as ServerHandle;
}

test('a Redis that ended for want of room is told of with what to do, another one by its name alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tender-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const logFile = join(folder, 'redis-server.log');
  const hear = (log: string) => {
    writeFileSync(logFile, log);
    return firstDeath({ nats: server({}), redis: server({ alive: false, logFile }) }, [], () => false);
  };
  const write = '# Short write while writing to the AOF file: (nwritten=898, expected=1565)\n';
  const end = "# Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...\n";
  expect(await hear(`${write}${end}`)).toBe(
    `redis-server (pid 7) died (it could not write its data: make room on the disk of ${folder})`,
  );
  expect(await hear('* Ready to accept connections\n')).toBe('redis-server (pid 7) died');
});
