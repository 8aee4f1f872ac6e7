// Keeps the promise that nothing outlives this process, even a kill -9: one small shell holds a pipe to it, and when
// the pipe closes, kills what was entered there and removes the folders.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/**
 * What the shell does. A line `+entry` enters, `-entry` strikes out; an entry is `p<pid>` (a process that leads its
 * group), `c<id>` (a container) or `d<folder>`. At the end of input it acts on what is left: processes first, so that
 * none writes into a folder that goes away.
 */
const WATCHDOG_SCRIPT = `
trap '' HUP INT TERM QUIT
while IFS= read -r line; do
  entry=\${line#?}
  case $line in
    +*) set -- "$@" "$entry" ;;
    -*)
      left=$#
      while [ "$left" -gt 0 ]; do
        [ "$1" = "$entry" ] || set -- "$@" "$1"
        shift
        left=$((left - 1))
      done ;;
  esac
done
for entry do
  case $entry in p*) kill -s KILL -- "-\${entry#p}"; kill -s KILL "\${entry#p}" ;; esac
done 2>/dev/null
for entry do
  case $entry in c*) docker rm -f -v "\${entry#c}" ;; esac
done >/dev/null 2>&1
for entry do
  case $entry in
    d*)
      tries=0
      until rm -rf -- "\${entry#d}" || [ "$tries" -ge 100 ]; do tries=$((tries + 1)); sleep 0.1; done ;;
  esac
done 2>/dev/null
`;

/** `p<pid>`, `c<container id>` or `d<absolute folder>`. */
export type WatchdogEntry = `p${number}` | `c${string}` | `d${string}`;

const entries = new Set<WatchdogEntry>();
let watchdog: (ChildProcess & { stdin: Writable }) | undefined;

/** The pipe to the watchdog, which is started on first use; a child writes its own entry there before it begins. */
export function watchdogPipe(): Writable {
  if (watchdog !== undefined) return watchdog.stdin;
  const started = spawn('/bin/sh', ['-c', WATCHDOG_SCRIPT, 'tender-watchdog'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A process group of its own: a Ctrl-C in the terminal is the parent's business.
    detached: true,
    cwd: '/',
  });
  // Neither the process nor its pipe may keep the parent's event loop alive.
  started.unref();
  (started.stdin as unknown as { unref(): void }).unref();
  // A watchdog that somebody killed shows as an error here and as an exit below.
  started.stdin.on('error', () => undefined);
  started.on('error', () => undefined);
  started.once('exit', () => {
    if (watchdog !== started) return;
    watchdog = undefined;
    if (entries.size > 0) for (const entry of entries) write(`+${entry}`);
  });
  watchdog = started;
  return started.stdin;
}

export function enter(entry: WatchdogEntry): void {
  entries.add(entry);
  write(`+${entry}`);
}

/** For an entry that the child has written by itself: remembered, should the watchdog have to be started anew. */
export function remember(entry: WatchdogEntry): void {
  entries.add(entry);
}

export function strikeOut(entry: WatchdogEntry): void {
  if (entries.delete(entry)) write(`-${entry}`);
}

function write(line: string): void {
  if (line.includes('\n')) throw new Error(`A name with a line break cannot be watched: ${JSON.stringify(line)}`);
  watchdogPipe().write(`${line}\n`);
}
