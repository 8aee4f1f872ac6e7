// Runs the command line as people do, and finds every process that came of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface CliRun {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Pids of all processes that came of it and run: its descendants ever seen, and who carries its mark. */
  readonly alive: () => number[];
}

/** Starts `tender …args`; own servers unless `env` names some. */
export function tender(args: readonly string[], env: Record<string, string | undefined> = {}): CliRun {
  const mark = `${process.pid}-${Math.trunc(performance.now() * 1000)}`;
  const { NATS_URL, REDIS_URL, TENDER_OPERATOR_SEED, ...inherited } = process.env;
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...inherited, ...env, TENDER_TEST_MARK: mark },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += chunk));
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  const family = new Set<number>(child.pid === undefined ? [] : [child.pid]);
  const alive = () => {
    const parents = parentsOfAll();
    // Children that changed hands when their parent died were seen before; redis-server overwrites its environment.
    for (let grown = -1; grown !== family.size; ) {
      grown = family.size;
      for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid);
    }
    const found = [...family].filter((pid) => parents.has(pid));
    return [...new Set([...found, ...marked(`TENDER_TEST_MARK=${mark}`)])];
  };
  return { child, output: () => text, exited, alive };
}

/** The parent of every process that is no zombie. */
function parentsOfAll(): Map<number, number> {
  const parents = new Map<number, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state !== 'Z') parents.set(Number(pid), Number(parent));
    } catch {
      // It ended while it was looked at.
    }
  }
  return parents;
}

function marked(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        // A zombie's environment is empty: what waits to be reaped runs no more.
        return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Waits for a condition; throws with `what` when it does not come true. */
export async function until(what: () => string, holds: () => boolean, withinMs = 60_000): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (!holds()) {
    if (Date.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what()}`);
    await delay(50);
  }
}
