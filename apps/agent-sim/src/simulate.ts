// A simulation from the market's door to the verdict: demand, swarm, trade, check, books.
import { writeFile } from 'node:fs/promises';
import { CREDIT } from '@tender/credits';
import { MAX_UNITS } from '@tender/market';
import { drawUp } from './books.js';
import { CannotRun } from './cannot-run.js';
import { checkMarket } from './check.js';
import type { SimConfig } from './config.js';
import { showCount } from './figures.js';
import type { Demand } from './job.js';
import { commandLine, type SimOptions } from './options.js';
import { createPrng } from './prng.js';
import { openingProgress } from './progress.js';
import { replayDemand } from './replay.js';
import { reportHtml } from './report.js';
import { type Result, resultSpec } from './result.js';
import { trade } from './run.js';
import { Screen } from './screen.js';
import { type StrategyName, strategyNames } from './strategy-name.js';
import { openSwarm, type Swarm, SwarmError } from './swarm.js';
import { syntheticDemand } from './synthetic.js';
import { parseTrace } from './trace.js';
import { readTrace } from './trace-file.js';

export interface SimulateOptions {
  readonly options: SimOptions;
  readonly config: SimConfig;
  /** Stands in the ids of this run's agents and intents. */
  readonly run: string;
  readonly output: NodeJS.WriteStream;
}

/** Runs it and writes report and JSON where asked. */
export async function simulate({ options, config, run, output }: SimulateOptions): Promise<Result> {
  const startedAt = new Date();
  // A trace that cannot be read should not cost the time to connect five hundred agents.
  const trace = options.trace === undefined ? undefined : await readTrace(options.trace);
  const live = output.isTTY === true && options.board;
  const screen = new Screen({ output, live, coloured: config.coloured && output.isTTY === true });
  const connections = options.connections ?? options.agents;
  const say = (text: string) => output.write(`${text}\n`);
  const grantMicro = Math.round(options.credits * CREDIT);
  const swarm = await openShown({ options, config, run, output }, { connections, grantMicro });
  try {
    const pool = await poolOf(swarm, options.pool);
    const demand = makeDemand(options, pool, trace);
    say(`${demand.jobs.length} jobs to come (${demand.source}); trading for ${options.seconds} seconds.`);
    const strategyOf = dealStrategies(options);
    const title = `${options.pool} · ${pool.slots} slots · ${options.agents} agents · seed ${options.seed}`;
    const outcome = await trade(
      {
        ...config,
        run,
        pool: options.pool,
        ...pool,
        seconds: options.seconds,
        longestMs: bounds(options).maxMs,
        title,
        grantMicro,
        strategyOf,
        show: (view) => screen.show(view),
      },
      swarm.agents,
      demand.jobs,
    );
    screen.close();
    const check = await checkMarket(config.redisUrl, config.market);
    const result = drawUp({
      run: {
        market: config.market,
        pool: options.pool,
        ...pool,
        agents: options.agents,
        connections,
        seconds: options.seconds,
        seed: options.seed,
        strategy: options.strategy,
        startedAt: startedAt.toISOString(),
        wallMs: Date.now() - startedAt.getTime(),
        command: commandLine(options, pool.slots, pool.reserve),
      },
      demand,
      outcome,
      grantMicro,
      agentIds: swarm.agents.map((agent) => agent.id),
      strategyOf,
      check,
    });
    await writeResult(result, options);
    return result;
  } finally {
    screen.close();
    await swarm.close();
  }
}

/** Opens the swarm before people's eyes: thousands of accounts take their time. */
async function openShown(
  { options, config, run, output }: SimulateOptions,
  more: { readonly connections: number; readonly grantMicro: number },
): Promise<Swarm> {
  const { agents, systemAgents } = options;
  output.write(`Opening ${showCount(agents)} accounts and ${showCount(more.connections)} connections …\n`);
  const progress = openingProgress(output, agents);
  const onProgress = progress.step;
  return openSwarm({ ...config, ...more, run, agents, systemAgents, onProgress }).finally(progress.end);
}

/** The result as JSON and as a page, where asked. */
export async function writeResult(result: Result, to: Pick<SimOptions, 'json' | 'report'>): Promise<void> {
  if (to.json !== undefined) await writeFile(to.json, `${JSON.stringify(resultSpec.parse(result))}\n`);
  if (to.report !== undefined) await writeFile(to.report, reportHtml(result));
}

async function poolOf(swarm: Swarm, pool: string): Promise<{ slots: number; reserve: number }> {
  const quote = await swarm.agents[0]!.quote(pool);
  if (quote.ok) return { slots: quote.slots, reserve: quote.reserve };
  throw new SwarmError(
    `The pool ${pool} cannot be traded: ${quote.message}. \`tender up --pool ${pool}\` runs a market that sells one; ` +
      `\`tender pool create ${pool}\` opens it in this market, where somebody must sell it, too.`,
  );
}

function bounds(options: SimOptions) {
  const maxMs = options.maxDuration ?? Math.max(options.minDuration, Math.round((options.seconds * 1000) / 6));
  return { minMs: options.minDuration, maxMs };
}

function makeDemand(options: SimOptions, pool: { slots: number; reserve: number }, trace: string | undefined): Demand {
  const { seed, agents, seconds } = options;
  // The reserve is for system agents: a job of the others' must fit beside it.
  const maxUnits = Math.max(1, Math.min(MAX_UNITS, pool.slots - pool.reserve));
  const common = { seed, agents, seconds, bounds: bounds(options) };
  if (trace === undefined) {
    const { load, speed = 2500 } = options;
    return syntheticDemand({ ...common, slots: pool.slots, maxUnits, speed, load });
  }
  const parsed = parseTrace(trace, maxUnits);
  const { speed, limit, sample } = options;
  const demand = replayDemand(parsed, { ...common, fromS: options.from, speed, limit, sample });
  if (demand.jobs.length > 0) return demand;
  const counts = Object.entries({ ...parsed.unusable, ...demand.trace?.outside });
  const named = counts.map(([reason, count]) => `${reason} ${count}`).join(', ') || 'the file is empty';
  const missing =
    parsed.missingColumns.length > 0 ? ` Columns that it lacks: ${parsed.missingColumns.join(', ')}.` : '';
  throw new CannotRun(`No row of the trace became a job (${named}).${missing}`);
}

/** `mix`: three in five truthful, one in five aggressive, one in five patient. */
function dealStrategies({ strategy, agents, seed }: SimOptions): StrategyName[] {
  const prng = createPrng(seed, 'strategies');
  const weights = { truthful: 3, aggressive: 1, patient: 1 } satisfies Record<StrategyName, number>;
  const shares = strategyNames.map((name) => weights[name]);
  return Array.from({ length: agents }, () => (strategy === 'mix' ? strategyNames[prng.weighted(shares)]! : strategy));
}
