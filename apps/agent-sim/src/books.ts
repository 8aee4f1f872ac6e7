// Draws up the books: a run's tally, balances and demand become its result.
import { type Demand, demandDigest, type Job } from './job.js';
import { priorities } from './priority.js';
import type { Check, Result } from './result.js';
import type { RunOutcome } from './run.js';
import { type StrategyName, strategyNames } from './strategy-name.js';
import { gini, quantile, type Tally } from './tally.js';
import { valueBound } from './upper-bound.js';

export interface BookOptions {
  readonly run: Result['run'];
  readonly demand: Demand;
  readonly outcome: RunOutcome;
  readonly grantMicro: number;
  readonly agentIds: readonly string[];
  readonly strategyOf: readonly StrategyName[];
  readonly check: Check;
}

export function drawUp(options: BookOptions): Result {
  const { run, demand, outcome, check } = options;
  const { tally } = outcome;
  const { jobs, source, clampedShort, clampedLong, trace } = demand;
  return {
    v: 1,
    run,
    demand: { source, digest: demandDigest(jobs), jobs: jobs.length, clampedShort, clampedLong, trace },
    totals: totalsOf(options),
    waits: priorities.map((priority, index) => waitsOf(priority.name, index, tally)).reverse(),
    strategies: strategyNames.map((name) => strategyRow(name, options)).filter((row) => row.agents > 0),
    credits: options.agentIds.map((agent, index) => ({
      agent,
      beforeMicro: options.grantMicro,
      afterMicro: outcome.balances[index],
    })),
    refusals: { ...tally.refusals },
    disturbances: { ...outcome.disturbances },
    samples: tally.samples.map((sample) => ({ ...sample, price: sample.price })),
    check,
  };
}

function totalsOf({ run, demand, outcome, grantMicro }: BookOptions): Result['totals'] {
  const { tally, balances } = outcome;
  const trading = tally.samples.filter((sample) => sample.atMs <= run.seconds * 1000);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    awards: tally.awards,
    renewals: tally.renewals,
    awardsPerSecond: tally.awards / run.seconds,
    creditsTradedMicro: tally.paidMicro,
    meanPriceMicro: tally.meanPrice,
    meanUtilisation: sum(trading.map((sample) => sample.utilisation)) / Math.max(1, trading.length),
    met: tally.metJobs.size,
    unmet: { ...tally.unmet },
    cutShort: tally.cutShort,
    valueMicro: tally.valueMicro,
    valueDemandedMicro: sum(demand.jobs.map((job) => job.valueMicro)),
    valueBoundMicro: valueBound(demand.jobs, run.slots, run.seconds * 1000),
    giniBefore: gini(balances.map(() => grantMicro)),
    giniAfter: gini(balances.flatMap((balance) => balance ?? [])),
  };
}

function waitsOf(priority: string, index: number, tally: Tally): Result['waits'][number] {
  const sorted = tally.waits
    .filter((wait) => wait.priority === index)
    .map((wait) => wait.waitMs)
    .sort((a, b) => a - b);
  const shares = Array.from({ length: 21 }, (_, step) => step / 20);
  return {
    priority,
    started: sorted.length,
    p50Ms: quantile(sorted, 0.5),
    p90Ms: quantile(sorted, 0.9),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1),
    curveMs: sorted.length === 0 ? [] : shares.map((share) => quantile(sorted, share) ?? 0),
  };
}

function strategyRow(strategy: StrategyName, options: BookOptions): Result['strategies'][number] {
  const { tally } = options.outcome;
  const isTheirs = (job: Job) => options.strategyOf[job.agent] === strategy;
  const jobs = options.demand.jobs.filter(isTheirs);
  const met = jobs.filter((job) => tally.metJobs.has(job.id));
  const members = options.agentIds.filter((_, index) => options.strategyOf[index] === strategy);
  return {
    strategy,
    agents: members.length,
    jobs: jobs.length,
    met: met.length,
    valueMicro: met.reduce((sum, job) => sum + job.valueMicro, 0),
    paidMicro: members.reduce((sum, agent) => sum + (tally.paidBy.get(agent) ?? 0), 0),
  };
}
