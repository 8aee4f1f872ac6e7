// Starts processes that die with this one: servers, brokers, stewards, simulators. Nothing stays after a kill -9.
import { type ChildProcess, type IOType, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Stream } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { enter, remember, strikeOut, watchdogPipe } from './watchdog.js';

/** Whether a process lives on after this signal. */
export function endsNothing(signal: NodeJS.Signals): boolean {
  return SIGNALS_THAT_END_NOTHING.has(signal);
}

type TetheredStdio = IOType | Stream | number | null | undefined;

export interface TetherOptions {
  /** All of the child's variables; inherited where absent. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly cwd?: string | undefined;
  /** As in node:child_process, for stdin, stdout and stderr. Default: 'ignore', 'inherit', 'inherit'. */
  readonly stdio?: 'ignore' | 'inherit' | 'pipe' | readonly [TetheredStdio, TetheredStdio, TetheredStdio] | undefined;
  /** A descriptor that the child inherits, such as a lock's. */
  readonly holds?: number | undefined;
  /** How log lines call it; default: the command. */
  readonly name?: string | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

/** `code` is 127 where the command does not exist and 126 where it cannot be run, as in a shell. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Tethered {
  /** The command's own pid (no wrapper stays in between), so that any signal reaches it. */
  readonly pid: number;
  readonly name: string;
  readonly process: ChildProcess;
  /** Settles once, when the process is gone; never rejects. */
  readonly exited: Promise<Exit>;
  readonly alive: boolean;
  /** Sends the signal to this process alone; waits for its end, save for signals that end nothing (SIGSTOP …). */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** SIGTERM, and SIGKILL to its whole process group after `patienceMs` (default 5,000). */
  stop(patienceMs?: number): Promise<Exit>;
}

/** The shell enters its own pid, then becomes the command: a parent killed at any moment between leaves no child. */
const LAUNCH_SCRIPT = `printf '+p%s\\n' "$$" >&3 && exec 3>&- && exec "$0" "$@"`;

const SIGNALS_THAT_END_NOTHING: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGSTOP',
  'SIGTSTP',
  'SIGCONT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
  'SIGCHLD',
  'SIGURG',
]);

/**
 * Starts `command` in a process group of its own, which is killed when this process ends in any way, a kill -9
 * included. A Ctrl-C in the terminal does not reach it: stopping it in good order is the caller's part.
 * Throws where no process can be started at all; a command that does not exist shows as exit code 127.
 */
export function spawnTethered(command: string, args: readonly string[], options: TetherOptions = {}): Tethered {
  const name = options.name ?? command;
  const { stdio = ['ignore', 'inherit', 'inherit'] } = options;
  const three = typeof stdio === 'string' ? [stdio, stdio, stdio] : [...stdio];
  const child = spawn('/bin/sh', ['-c', LAUNCH_SCRIPT, command, ...args], {
    stdio: [...three, watchdogPipe(), ...(options.holds === undefined ? [] : [options.holds])],
    detached: true,
    ...(options.env === undefined ? {} : { env: { ...options.env } }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const { pid } = child;
  if (pid === undefined) {
    child.on('error', () => undefined);
    throw new Error(`${name} cannot be started${options.cwd === undefined ? '' : ` in ${options.cwd}`}`);
  }
  remember(`p${pid}`);
  const exited = new Promise<Exit>((settle) => {
    child.once('exit', (code, signal) => {
      strikeOut(`p${pid}`);
      options.log?.(`${name} (pid ${pid}) ended: ${signal ?? `code ${code}`}`);
      settle({ code, signal });
    });
  });
  return handleOf(child, pid, name, exited);
}

function handleOf(child: ChildProcess, pid: number, name: string, exited: Promise<Exit>): Tethered {
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid,
    name,
    process: child,
    exited,
    get alive() {
      return isAlive();
    },
    async kill(signal = 'SIGKILL') {
      if (!isAlive()) return;
      child.kill(signal);
      if (!endsNothing(signal)) await exited;
    },
    async stop(patienceMs = 5_000) {
      if (!isAlive()) return exited;
      child.kill('SIGTERM');
      // A process that a test has stopped would never see the SIGTERM.
      child.kill('SIGCONT');
      const patience = new AbortController();
      const outOfPatience = delay(patienceMs, 'late', { signal: patience.signal }).catch(() => 'in time');
      if ((await Promise.race([exited, outOfPatience])) === 'late') killGroup(pid);
      patience.abort();
      return exited;
    },
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended in the meantime.
  }
}

/**
 * A folder that goes away with this process, or when the returned function is called. Enter it before it is made, so
 * that there is no moment at which it could be left behind.
 */
export function tetherFolder(path: string): () => Promise<void> {
  const folder = resolve(path);
  enter(`d${folder}`);
  return async () => {
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    strikeOut(`d${folder}`);
  };
}
