// What a run of the rate-token scenario came to: by kind of agent, and beside what would have been fair; pure.
import { fluidShares, jainIndex, maxMinShares } from '../fair-share.js';
import { tokensOf } from '../llm-demand.js';
import { quantile } from '../tally.js';
import { KINDS, type Kind, LIMITS, PATIENCE_MS, type RatePlan, RESERVE } from './rate-plan.js';
import type { RunTold, Told } from './rate-play.js';

/** What a kind of agent, or one agent, got. */
export interface Got {
  readonly requests: number;
  readonly letIn: number;
  /** Of requests that were let in while the run lasted: what is compared with the fair share. */
  readonly tokens: number;
  readonly fairTokens: number;
  readonly evenTokens: number;
  /** Until let in; who gave up waited its whole patience. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly paidMicro: number;
  readonly noiseMicro: number;
  /** Micro-credits per 1000 tokens; 0 where none were had. */
  readonly perThousandMicro: number;
}

export interface RunFigures {
  readonly kinds: Readonly<Record<Kind, Got>>;
  /** All that are not of class System, waiting together. */
  readonly othersP99Ms: number;
  /** 429s of the upstream as a share of the requests that it saw. */
  readonly throttled: number;
  /** The least that an honest agent got, as a share of what is fair. */
  readonly lowestHonest: number;
  /** Jain's index of what agents got as shares of what is fair, System agents left out. */
  readonly jain: number;
  /** Tokens let in while the run lasted, as a share of what all were due together. */
  readonly served: number;
  /** Why requests were given up, and how often. */
  readonly gaveUp: Readonly<Record<string, number>>;
}

/** What the upstream grants in the run: its first burst, and what flows in. */
export function grantedTokens(runMs: number): number {
  return (LIMITS.tokensPerMinute / 60_000) * (LIMITS.burstMs + runMs);
}

/** Each agent's fair share in tokens: at every moment of those who have requests then, System agents and their reserve first. */
export function fairTokens({ players, arrivals, runMs }: RatePlan): number[] {
  const perMs = LIMITS.tokensPerMinute / 60_000;
  const first = new Set(players.flatMap(({ kind }, agent) => (kind === 'system' ? [agent] : [])));
  const work = arrivals.map((arrival) => ({ agent: arrival.agent, atMs: arrival.atMs, amount: tokensOf(arrival) }));
  const burst = perMs * LIMITS.burstMs;
  const flow = { perMs, burst, runMs, patienceMs: PATIENCE_MS, first, kept: RESERVE * burst };
  return fluidShares(work, players.length, flow);
}

/** The same by one division of all that the upstream grants in the run, as if all had been asked for at its beginning. */
export function evenTokens({ players, arrivals, runMs }: RatePlan): number[] {
  const demands = players.map(() => 0);
  for (const arrival of arrivals) demands[arrival.agent]! += tokensOf(arrival);
  return maxMinShares(demands, grantedTokens(runMs));
}

export function runFigures(plan: RatePlan, { told, upstream }: RunTold): RunFigures {
  const fair = fairTokens(plan);
  const even = evenTokens(plan);
  const byAgent = plan.players.map((_, agent) => told.filter((one) => one.arrival.agent === agent));
  const got = byAgent.map((ofAgent, agent) => gotOf(ofAgent, plan.runMs, fair[agent]!, even[agent]!));
  const kindOf = (agent: number) => plan.players[agent]!.kind;
  const kinds = KINDS.map((kind) => {
    const ofKind = told.filter((one) => kindOf(one.arrival.agent) === kind);
    const theirs = (tokens: readonly number[]) => sumOf(tokens.filter((_, agent) => kindOf(agent) === kind));
    return [kind, gotOf(ofKind, plan.runMs, theirs(fair), theirs(even))] as const;
  });
  const others = told.filter((one) => kindOf(one.arrival.agent) !== 'system');
  const shares = got.flatMap(({ tokens, fairTokens }, agent) =>
    kindOf(agent) === 'system' || fairTokens === 0 ? [] : [{ kind: kindOf(agent), share: tokens / fairTokens }],
  );
  const gaveUp: Record<string, number> = {};
  for (const { refused } of told) if (refused !== undefined) gaveUp[refused] = (gaveUp[refused] ?? 0) + 1;
  return {
    kinds: Object.fromEntries(kinds) as Record<Kind, Got>,
    othersP99Ms: waitAt(others, 0.99),
    throttled: upstream.throttled / Math.max(1, upstream.requests),
    lowestHonest: Math.min(...shares.flatMap(({ kind, share }) => (kind === 'honest' ? [share] : []))),
    jain: jainIndex(shares.map(({ share }) => share)),
    served: sumOf(got.map(({ tokens }) => tokens)) / sumOf(fair),
    gaveUp,
  };
}

function gotOf(told: readonly Told[], runMs: number, fairTokens: number, evenTokens: number): Got {
  const sum = (of: (one: Told) => number) => sumOf(told.map(of));
  const inRun = (one: Told) => (one.admittedAtMs !== undefined && one.admittedAtMs <= runMs ? one.tokens : 0);
  const tokens = sum((one) => one.tokens);
  const paidMicro = sum((one) => one.paidMicro);
  return {
    requests: told.length,
    letIn: told.filter((one) => one.admittedAtMs !== undefined).length,
    tokens: sum(inRun),
    fairTokens,
    evenTokens,
    p50Ms: waitAt(told, 0.5),
    p99Ms: waitAt(told, 0.99),
    paidMicro,
    noiseMicro: sum((one) => one.noiseMicro),
    perThousandMicro: tokens === 0 ? 0 : (paidMicro * 1000) / tokens,
  };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function waitAt(told: readonly Told[], share: number): number {
  return (
    quantile(
      told.map(({ waitMs }) => waitMs).sort((a, b) => a - b),
      share,
    ) ?? 0
  );
}
