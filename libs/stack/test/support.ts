// What the tests of this part share: an environment that is bare on purpose, a look at /proc, and questions to servers.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { ask } from '../src/raw-socket.js';
import type { Resolution } from '../src/resolution.js';
import { waitUntil } from '../src/wait-until.js';

/** A server that shares its processors with others may take so long for an answer. */
const PATIENCE_MS = 20_000;

export const packageFolder = dirname(import.meta.dirname);

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tender-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An executable that says it is a server of that version. */
export function fakeServer(folder: string, program: string, version: string): string {
  const path = join(folder, program);
  writeFileSync(path, `#!/bin/sh\necho '${program} v=${version}'\n`);
  chmodSync(path, 0o755);
  return path;
}

/** This process's variables without those that would lead a test elsewhere than it means to go. */
export function bareVariables(overrides: Record<string, string | undefined>): Record<string, string | undefined> {
  const { NATS_URL, REDIS_URL, TENDER_NATS_SERVER, TENDER_REDIS_SERVER, TENDER_SERVERS_FROM, ...rest } = process.env;
  return { ...rest, ...overrides };
}

export function found(resolution: Resolution): Extract<Resolution, { ok: true }>['found'] {
  if (!resolution.ok) throw new Error(resolution.message);
  return resolution.found;
}

/** A zombie that an init process has yet to reap is as dead as one that was reaped. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return true;
  }
  try {
    return /^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return process.platform === 'linux';
  }
}

/** All processes with their parents and arguments, from /proc: a bare machine has no ps. */
export function processes(): { pid: number; parent: number; args: string }[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const parent = readFileSync(`/proc/${pid}/stat`, 'utf8').match(/\) \S (\d+)/)?.[1];
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return [{ pid: Number(pid), parent: Number(parent), args }];
    } catch {
      // It ended while we looked.
      return [];
    }
  });
}

/** The children of a process whose arguments contain the marker. */
export function childrenOf(parent: number, marker: string): number[] {
  return processes()
    .filter((process) => process.parent === parent && process.args.includes(marker))
    .map(({ pid }) => pid);
}

export async function expectGone(pids: readonly number[]): Promise<void> {
  const gone = await waitUntil(() => pids.every(isGone), 20_000);
  if (!gone) throw new Error(`Still there: ${pids.filter((pid) => !isGone(pid)).join(', ')}`);
}

/** Sends one inline command to a Redis and returns its reply, without the line break. */
export async function redis(url: string, command: string): Promise<string | undefined> {
  const reply = await ask(addressOf(url), `${command}\r\n`, (text) => text.endsWith('\r\n'), PATIENCE_MS);
  return reply?.trim();
}

/** Sends one NATS request on a connection of its own and returns everything received up to the answer. */
export async function natsRequest(url: string, subject: string, payload: string): Promise<string | undefined> {
  const lines = ['CONNECT {"verbose":false}', 'SUB answer 1', `PUB ${subject} answer ${payload.length}`, payload, ''];
  return ask(addressOf(url), lines.join('\r\n'), (text) => /MSG answer 1 +\d+\r\n.*\r\n/s.test(text), PATIENCE_MS);
}

export function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

export interface Held {
  readonly child: ChildProcess;
  readonly pids: number[];
  readonly dir: string;
  /** The next line that it says, parsed. */
  next(): Promise<Record<string, unknown>>;
}

/** A process that holds a stack, in a process group of its own as if a terminal had started it. */
export async function holdStack(variables: Record<string, string>): Promise<Held> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./hold-stack.mjs', import.meta.url))], {
    env: bareVariables(variables),
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const next = async (): Promise<Record<string, unknown>> => {
    if (!(await waitUntil(() => text.includes('\n'), 60_000))) throw new Error('It said nothing.');
    const [line = '', ...rest] = text.split('\n');
    text = rest.join('\n');
    return JSON.parse(line);
  };
  const { pids, dir } = (await next()) as { pids: number[]; dir: string };
  return { child, pids, dir, next };
}
