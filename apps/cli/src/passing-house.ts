// A market that lasts as long as what is done in it: opened, used, and gone, however that ends.
import { type HouseOptions, openHouse } from './house.js';
import { INTERRUPTED, onInterrupt } from './interrupt.js';
import { runSimulator } from './sim-run.js';

export interface Passing extends Omit<HouseOptions, 'market' | 'httpPort' | 'dir'> {
  /** The simulator's command and options. */
  readonly args: readonly string[];
  /** Told to people beside the output. */
  readonly tell: (text: string) => void;
}

/** A market that lasts as long as its run has a name of its own, so that servers which others use stay clean. */
function passingMarket(): string {
  return `run-${Date.now().toString(36)}`;
}

/** Opens a market, runs the simulator in it, and closes it. Returns the exit code. */
export async function inPassingHouse(passing: Passing): Promise<number> {
  const interrupt = onInterrupt();
  passing.tell('Opening a market:\n');
  const opening = openHouse({ ...passing, market: passingMarket(), httpPort: 0 });
  const house = await Promise.race([opening, interrupt.signalled.then(() => undefined)]);
  if (house === undefined) {
    // Whatever has started by then goes down again before this process does.
    await opening.then(
      (late) => late.stop(),
      () => undefined,
    );
    return interrupted(passing);
  }
  let code: number;
  try {
    const env = { ...passing.config.inherited, ...house.env };
    code = await runSimulator({ args: passing.args, env, interrupt, broken: house.broken });
  } finally {
    await house.stop();
  }
  return code === INTERRUPTED ? interrupted(passing) : code;
}

export interface Visiting {
  readonly config: HouseOptions['config'];
  readonly args: readonly string[];
  readonly tell: (text: string) => void;
}

/** Runs the simulator in the market that the environment names; that market goes on. Returns the exit code. */
export async function inOthersHouse({ config, args, tell }: Visiting): Promise<number> {
  const interrupt = onInterrupt();
  const code = await runSimulator({ args, env: config.inherited, interrupt });
  if (code === INTERRUPTED) tell('\nInterrupted: no report was written; the market goes on.\n');
  return code;
}

function interrupted({ tell }: Passing): number {
  tell('\nInterrupted: no report was written; nothing is left running.\n');
  return INTERRUPTED;
}
