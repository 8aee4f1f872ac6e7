// Plays scenarios one after the other in a running market, and has the books checked after each.
import { connectOperator, type Operator } from '@tender/agent';
import { checkMarket } from '../check.js';
import type { SimConfig } from '../config.js';
import { heldBy, type Played, type Scenario, type Settings } from './scenario.js';
import { World, WorldError } from './world.js';

export interface PlayOptions {
  readonly config: SimConfig;
  readonly scenarios: readonly Scenario[];
  readonly seed: number;
  readonly settings?: Settings | undefined;
  /** Tells people how far a long scenario is. */
  readonly say?: ((line: string) => void) | undefined;
  /** Four or so characters that begin all names of this run. */
  readonly run: string;
  readonly onEnd?: (played: Played) => void;
  /** Whoever interrupts it finds the market as it was. */
  readonly signal?: AbortSignal | undefined;
}

export async function playAll(options: PlayOptions): Promise<Played[]> {
  const { natsUrl, market, operator: keys } = options.config;
  const operator = await connectOperator({ servers: natsUrl, market, ...keys }).catch((error: unknown) => {
    throw new WorldError(`No NATS server answers at ${natsUrl} (${String(error)}). Start a market with \`tender up\`.`);
  });
  try {
    const played: Played[] = [];
    for (const [number, scenario] of options.scenarios.entries()) {
      const one = await play(scenario, { ...options, operator, run: `${options.run}${number}` });
      played.push(one);
      options.onEnd?.(one);
    }
    return played;
  } finally {
    await operator.close();
  }
}

type Playing = PlayOptions & { readonly operator: Operator };

async function play(scenario: Scenario, playing: Playing): Promise<Played> {
  const { config, seed, run, operator, signal, say, settings = {} } = playing;
  const { natsUrl, market, redisUrl } = config;
  const world = await World.open({ natsUrl, market, run, seed, operator, say });
  try {
    const startedMs = performance.now();
    const outcome = await orAbort(scenario.run(world, settings), signal);
    const tookMs = Math.round(performance.now() - startedMs);
    const moves = await world.log();
    await world.close();
    const check = await checkMarket(redisUrl, market);
    const { name, title, guardrail, metric } = scenario;
    const guard = { ...outcome.guard, held: heldBy(outcome.guard) };
    const ok = guard.held && (check.ok ?? redisUrl === undefined);
    return { name, title, guardrail, metric, seed, tookMs, ...outcome, guard, moves, check, ok };
  } finally {
    await world.close();
  }
}

/** Rejects with the signal's reason as soon as it is aborted. */
function orAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  // What is left behind fails on closed connections, and nobody asks it.
  work.catch(() => undefined);
  return Promise.race([work, aborted]);
}
