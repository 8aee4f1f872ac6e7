// Runs a server's binary: on a port that is free, until it answers, and again on the same port after a kill.
import { closeSync, openSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.js';
import type { ServerHandle } from './server-handle.js';
import { spawnTethered, type Tethered } from './tether.js';

export interface LocalServerPlan {
  readonly name: string;
  readonly how: string;
  readonly command: string;
  readonly libraryPath: string;
  readonly logFile: string;
  readonly scheme: 'nats' | 'redis';
  readonly args: (port: number) => readonly string[];
  /** Whether this very process serves the port: a neighbour that was faster must not be taken for it. */
  readonly answers: (port: number, pid: number) => Promise<boolean>;
  /** Hears what a server said that ended; whether it mended its data and another try is worthwhile. */
  readonly mend?: ((said: string) => Promise<boolean>) | undefined;
  readonly choosePort?: (() => Promise<number>) | undefined;
  /** The lock on its folder, which it holds as long as it lives. */
  readonly holds?: number | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

export interface LocalServer extends ServerHandle {
  /** Ends the server: in good order, or at once where its data is thrown away anyhow. */
  end(manner: 'orderly' | 'at-once'): Promise<void>;
}

type Launch =
  | { readonly ok: true; readonly process: Tethered }
  | { readonly ok: false; readonly reason: 'port-taken' | 'failed'; readonly detail: string };

const READY_WITHIN_MS = 60_000;
const PORT_ATTEMPTS = 20;
/** With less room than that a server cannot so much as start. */
const FULL_BYTES = 64 * 1024;

/** Starts the server; resolves when it answers, and throws with the end of its log where it does not. */
export async function startLocalServer(plan: LocalServerPlan): Promise<LocalServer> {
  const choosePort = plan.choosePort ?? freePort;
  let detail = '';
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const port = await choosePort();
    const launch = await launchServer(plan, port);
    if (launch.ok) return handleOf(plan, port, launch.process);
    detail = launch.detail;
    if (launch.reason === 'failed') break;
    plan.log?.(`${plan.name}: port ${port} was taken by another process, trying the next`);
  }
  throw new Error(`${plan.name} (${plan.command}) did not start: ${detail}`);
}

function handleOf(plan: LocalServerPlan, port: number, first: Tethered): LocalServer {
  let current = first;
  return {
    url: `${plan.scheme}://127.0.0.1:${port}`,
    how: plan.how,
    logFile: plan.logFile,
    get pid() {
      return current.pid;
    },
    get alive() {
      return current.alive;
    },
    kill: (signal) => current.kill(signal),
    async restart() {
      await current.stop();
      const launch = await launchServer(plan, port);
      if (!launch.ok) throw new Error(`${plan.name} did not restart on port ${port}: ${launch.detail}`);
      current = launch.process;
    },
    async end(manner) {
      if (manner === 'orderly') await current.stop();
      else await current.kill('SIGKILL');
    },
  };
}

async function launchServer(plan: LocalServerPlan, port: number): Promise<Launch> {
  const launch = await launchOnce(plan, port);
  if (launch.ok || launch.reason === 'port-taken') return launch;
  return (await plan.mend?.(launch.detail)) ? launchOnce(plan, port) : launch;
}

async function launchOnce(plan: LocalServerPlan, port: number): Promise<Launch> {
  const log = openSync(plan.logFile, 'a');
  const logStart = statSync(plan.logFile).size;
  let child: Tethered;
  try {
    child = spawnTethered(plan.command, plan.args(port), {
      name: plan.name,
      stdio: ['ignore', log, log],
      env: plan.libraryPath === '' ? {} : { LD_LIBRARY_PATH: plan.libraryPath },
      holds: plan.holds,
      log: plan.log,
    });
  } finally {
    closeSync(log);
  }
  const deadline = performance.now() + READY_WITHIN_MS;
  let pauseMs = 5;
  while (child.alive) {
    if (await plan.answers(port, child.pid)) {
      plan.log?.(`${plan.name} (${plan.how}, pid ${child.pid}) answers on ${plan.scheme}://127.0.0.1:${port}`);
      return { ok: true, process: child };
    }
    if (performance.now() > deadline) {
      await child.kill('SIGKILL');
      return { ok: false, reason: 'failed', detail: `no answer in ${READY_WITHIN_MS} ms\n${said(plan, logStart)}` };
    }
    await Promise.race([delay(pauseMs), child.exited]);
    pauseMs = Math.min(pauseMs * 1.5, 100);
  }
  const detail = said(plan, logStart);
  const reason = /address already in use/i.test(detail) ? 'port-taken' : 'failed';
  const { code, signal } = await child.exited;
  return { ok: false, reason, detail: `it ended with ${signal ?? `code ${code}`}\n${detail}` };
}

/** The end of what the server wrote since `start` (bytes). */
function said(plan: LocalServerPlan, start: number): string {
  const text = readFileSync(plan.logFile).subarray(start).toString('utf8');
  return text.trim().split('\n').slice(-15).join('\n') + wantOfRoom(dirname(plan.logFile));
}

/** A full disk takes what a server would have said of it, too. */
function wantOfRoom(folder: string): string {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize < FULL_BYTES ? `\nThe disk of ${folder} is full: make room.` : '';
}
