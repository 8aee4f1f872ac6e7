// Starts the house's other processes: each tethered, so that none outlives this one, however this one ends.
import { createInterface } from 'node:readline';
import { type Exit, spawnTethered, type Tethered } from '@tender/stack';
import { UsageError } from './config.js';
import { programs } from './programs.js';

type Env = Readonly<Record<string, string | undefined>>;

const READY_MS = 20_000;
/** Lines of a broker's log that are kept to explain its end. */
const KEPT_LINES = 20;

export interface BrokerProcess {
  readonly process: Tethered;
  readonly httpPort: number;
  /** The last lines that it logged. */
  readonly tail: () => string;
}

/** Starts a broker and resolves when it listens; throws with the end of its log where it does not. */
export async function startBroker(env: Env, name: string): Promise<BrokerProcess> {
  const broker = spawnTethered(process.execPath, [programs.broker], { env, name, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const tail = () => lines.join('\n');
  let timer: NodeJS.Timeout | undefined;
  const ready = new Promise<number>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`The ${name} does not listen after ${READY_MS / 1000} s.`)), READY_MS);
    void broker.exited.then((exit) => reject(new Error(`The ${name} ended at its start (${showExit(exit)}).`)));
    for (const stream of [broker.process.stdout, broker.process.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        if (lines.length > KEPT_LINES) lines.shift();
        const port = listeningPort(line);
        if (port !== undefined) resolve(port);
      });
    }
  });
  try {
    return { process: broker, httpPort: await ready, tail };
  } catch (error) {
    await broker.stop();
    throw new Error(`${error instanceof Error ? error.message : String(error)} The end of its log:\n${tail()}`);
  } finally {
    clearTimeout(timer);
  }
}

function listeningPort(line: string): number | undefined {
  if (!line.includes('"listening"')) return undefined;
  try {
    const entry = JSON.parse(line) as { msg?: unknown; http?: unknown };
    return entry.msg === 'listening' && typeof entry.http === 'number' ? entry.http : undefined;
  } catch {
    return undefined;
  }
}

/** Starts a simulator on this process's terminal; `args` begin with its command, `run` or `scenario`. */
export function startSimulator(args: readonly string[], env: Env): Tethered {
  return spawnTethered(process.execPath, [programs.simulator, ...args], {
    env,
    name: 'simulator',
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

/** Has the simulator judge its options before anything is started for it; throws UsageError where it would not run. */
export async function validateSimulator(args: readonly string[], env: Env): Promise<void> {
  const judge = spawnTethered(process.execPath, [programs.simulator, ...args], {
    env,
    name: 'simulator',
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const { code } = await judge.exited;
  if (code !== 0) throw new UsageError('');
}

export function showExit({ code, signal }: Exit): string {
  return signal ?? `code ${code}`;
}
