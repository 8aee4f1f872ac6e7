// Runs a simulator until it ends, somebody interrupts, or the house breaks: whichever comes first.
import { setTimeout as delay } from 'node:timers/promises';
import { startSimulator } from './app-process.js';
import { INTERRUPTED, type Interrupt } from './interrupt.js';

/** A simulator fails at once where the market breaks down under it; the news of why takes a moment longer. */
const NEWS_WITHIN_MS = 1_500;

export interface SimRun {
  /** Its command, `run` or `scenario`, and what goes with that. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly interrupt: Interrupt;
  /** Settles with what died where the market breaks down under the simulator. */
  readonly broken?: Promise<string> | undefined;
}

/** The exit code: the simulator's own, 130 where interrupted, 1 where the market broke down. */
export async function runSimulator({ args, env, interrupt, broken }: SimRun): Promise<number> {
  const simulator = startSimulator(args, env);
  // The simulator has no terminal of its own to tell it that the window was resized.
  const resized = () => void simulator.kill('SIGWINCH');
  process.on('SIGWINCH', resized);
  const ended = simulator.exited.then(async ({ code, signal }) => {
    if (broken !== undefined && code !== 0) await delay(NEWS_WITHIN_MS);
    return { code: code ?? (signal === null ? 1 : INTERRUPTED), why: '' };
  });
  const interrupted = interrupt.signalled.then(() => ({ code: INTERRUPTED, why: '' }));
  const failed = broken?.then((why) => ({ code: 1, why }));
  const { code, why } = await Promise.race([ended, interrupted, ...(failed === undefined ? [] : [failed])]);
  process.off('SIGWINCH', resized);
  await simulator.stop(2_000);
  // The simulator may have left the cursor at the end of a line of its own.
  if (why !== '') process.stderr.write(`\nThe run is over: ${why}. No report was written.\n`);
  return code;
}
