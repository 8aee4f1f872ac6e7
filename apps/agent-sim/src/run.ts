// One run: demand arrives, the swarm trades until time is up, the last leases end, and the books are drawn up.
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent } from '@tender/agent';
import type { MarketEvent } from '@tender/market';
import type { BoardView } from './board-view.js';
import type { Job } from './job.js';
import { observe } from './observer.js';
import { inParallel } from './parallel.js';
import { SimAgent } from './sim-agent.js';
import { strategies } from './strategies.js';
import type { StrategyName } from './strategy-name.js';
import { Tally } from './tally.js';

export interface RunOptions {
  readonly natsUrl: string;
  readonly market: string;
  readonly run: string;
  readonly pool: string;
  readonly slots: number;
  readonly reserve: number;
  readonly seconds: number;
  /** The longest job: how long the last leases may take to end. */
  readonly longestMs: number;
  readonly title: string;
  readonly grantMicro: number;
  /** In order of the agents. */
  readonly strategyOf: readonly StrategyName[];
  readonly show: (view: BoardView) => void;
}

export interface RunOutcome {
  readonly tally: Tally;
  readonly disturbances: Readonly<Record<string, number>>;
  /** Available and pending by agent at the end; undefined where the bank did not answer. */
  readonly balances: readonly (number | undefined)[];
}

const ARRIVALS_EVERY_MS = 20;
const GIVE_UP_EVERY_MS = 100;
/** Four frames a second: quick enough to be alive, slow enough to be read. */
const SAMPLE_EVERY_MS = 250;
const SETTLE_WAIT_MS = 5_000;

/** Trades the jobs through the agents; resolves when the last lease has ended. */
export async function trade(options: RunOptions, agents: readonly Agent[], jobs: readonly Job[]): Promise<RunOutcome> {
  const startedMs = performance.now();
  const nowMs = () => performance.now() - startedMs;
  const tally = new Tally(options.slots);
  const disturbances: Record<string, number> = {};
  const disturbed = (what: string) => {
    disturbances[what] = (disturbances[what] ?? 0) + 1;
  };
  const around = { tally, run: options.run, nowMs, price: () => tally.price };
  const sims = agents.map(
    (agent, index) => new SimAgent(agent.id, strategies[options.strategyOf[index]!], around, options.grantMicro),
  );
  const byId = new Map(sims.map((sim) => [sim.id, sim]));
  const onEvent = (event: MarketEvent) => record(event, { pool: options.pool, tally, byId, nowMs: nowMs() });
  const observer = await observe({ ...options, onEvent, onDisturbance: disturbed });
  const listening = agents.map((agent, index) =>
    agent.listen(options.pool, {
      evaluate: (call) => sims[index]!.evaluate(call),
      onLease: (lease) => sims[index]!.won(lease),
      onLost: (outcome) => sims[index]!.lost(outcome),
    }),
  );
  const endMs = options.seconds * 1000;
  let phase: string | undefined;
  const clockwork = startClockwork({ jobs, sims, tally, nowMs, endMs }, () => {
    const note = observer.connected ? phase : 'NATS is away, reconnecting';
    const { title, reserve } = options;
    options.show({ title, reserve, tally, jobs: jobs.length, nowMs: nowMs(), endMs, note });
  });
  await delay(Math.max(0, endMs - nowMs()));
  // Between the last tick and the end, jobs may have arrived: they count as unmet like all that wait.
  clockwork.arrive();
  phase = 'finishing the last leases';
  for (const one of listening) one.stop({ withdraw: true });
  const finished = Promise.all(sims.map((sim) => sim.finish()));
  await Promise.race([finished, delay(options.longestMs + SETTLE_WAIT_MS, undefined, { ref: false })]);
  await settled(tally, nowMs);
  clockwork.stop();
  tally.sample(nowMs());
  const balances = await inParallel(agents, 48, balanceOf);
  for (const agent of agents) {
    if (agent.counts.callbackErrors > 0) disturbed('an exception in an agent');
  }
  await observer.close();
  return { tally, disturbances, balances };
}

interface Clockwork {
  readonly jobs: readonly Job[];
  readonly sims: readonly SimAgent[];
  readonly tally: Tally;
  readonly nowMs: () => number;
  readonly endMs: number;
}

function startClockwork({ jobs, sims, tally, nowMs, endMs }: Clockwork, show: () => void) {
  let next = 0;
  const arrive = () => {
    const now = Math.min(nowMs(), endMs);
    while (next < jobs.length && jobs[next]!.arrivesAtMs <= now) {
      const job = jobs[next++]!;
      sims[job.agent]!.arrive(job);
    }
  };
  const giveUp = () => {
    for (const sim of sims) sim.giveUpLate(nowMs());
  };
  const sample = () => {
    tally.sample(nowMs());
    show();
  };
  const timers = [
    setInterval(arrive, ARRIVALS_EVERY_MS),
    setInterval(giveUp, GIVE_UP_EVERY_MS),
    setInterval(sample, SAMPLE_EVERY_MS),
  ];
  const stop = () => {
    for (const timer of timers) clearInterval(timer);
  };
  return { arrive, stop };
}

interface Recorder {
  readonly pool: string;
  readonly tally: Tally;
  readonly byId: ReadonlyMap<string, SimAgent>;
  readonly nowMs: number;
}

function record(event: MarketEvent, { pool, tally, byId, nowMs }: Recorder): void {
  // Tasks are no slots: the swarm of this run sells and buys slots only.
  if ((event.kind !== 'awarded' && event.kind !== 'settled') || event.pool !== pool) return;
  if (event.kind === 'awarded') {
    for (const fact of event.facts) tally.awarded(fact, nowMs);
    return;
  }
  for (const fact of event.facts) {
    tally.settled(fact);
    byId.get(fact.participant)?.refunded(Number(fact.refundedMicro));
  }
}

/** The facts of the last settlements are still on their way when the last agent is done. */
async function settled(tally: Tally, nowMs: () => number): Promise<void> {
  const untilMs = nowMs() + SETTLE_WAIT_MS;
  while (tally.leased > 0 && nowMs() < untilMs) await delay(50);
}

async function balanceOf(agent: Agent): Promise<number | undefined> {
  const account = await agent.account();
  return account.ok ? Number(account.availableMicro) + Number(account.pendingMicro) : undefined;
}
