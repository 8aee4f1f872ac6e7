// The plan of the rate-token scenario: what the upstream grants, who asks for how much of it, and what it is worth to them.
import { compressTrace, dealRequests, type LlmArrival, requestsNeeded } from '../llm-demand.js';
import { type LlmTrace, syntheticLlmTrace } from '../llm-trace.js';
import type { Prng } from '../prng.js';
import type { UpstreamLimits } from '../upstream-limit.js';

export const KINDS = ['system', 'honest', 'greedy'] as const;
export type Kind = (typeof KINDS)[number];

/** What the upstream grants; three seconds of it at once, as APIs do that count minutes in pieces. */
export const LIMITS: UpstreamLimits = { requestsPerMinute: 4800, tokensPerMinute: 6_000_000, burstMs: 3000 };
/** Demand, as a share of the limit that binds. */
export const LOAD = 2;
export const DEFAULT_SECONDS = 20;
export const LEAST_SECONDS = 5;
/** Nobody waits longer for a request to be let in. */
export const PATIENCE_MS = 8000;

/** What the operator believes of the upstream: an eighth too much of everything. */
export const MIRROR = 1.125;
/** The priority reserve, as a share of the bucket. */
export const RESERVE = 0.3;
/** Micro-credits per token and per request: the reserve prices. */
export const PRICE = { requests: 1000, tokens: 20 } as const;
/** The price of who takes everything is so many times that of who takes nothing. */
export const NOISE_MAX_PERMILLE = 50_000;
/** What counts as recent: a part of a run that lasts seconds. */
export const NOISE_WINDOW_MS = 5000;

interface Part {
  readonly kind: Kind;
  readonly agents: number;
  /** What each asks for, in fair shares: the upstream's limit divided by all agents. */
  readonly shares: number;
  /** The most that each pays for a request, in reserve prices. */
  readonly worth: number;
}

/** 25 agents that together ask for 50 fair shares: twice the limit. */
export const PARTS: readonly Part[] = [
  { kind: 'system', agents: 4, shares: 1, worth: 18 },
  { kind: 'honest', agents: 20, shares: 1.3, worth: 10 },
  { kind: 'greedy', agents: 1, shares: 20, worth: 18 },
];

export interface Player {
  readonly name: string;
  readonly kind: Kind;
  readonly worth: number;
}

export interface RatePlan {
  readonly players: readonly Player[];
  readonly arrivals: readonly LlmArrival[];
  /** `synthetic`, or the file's name. */
  readonly source: string;
  readonly compression: number;
  readonly load: { readonly requests: number; readonly tokens: number };
  readonly runMs: number;
}

/** The same seed and trace make the same arrivals. Throws LlmTraceError where the trace is too short. */
export function planRates(seed: number, prng: Prng, runMs: number, trace: LlmTrace | undefined): RatePlan {
  const asked = { limits: LIMITS, load: LOAD, runMs };
  const { source, requests } = trace ?? {
    source: 'synthetic trace',
    requests: syntheticLlmTrace(seed, requestsNeeded(asked)),
  };
  const compressed = compressTrace(requests, { ...asked, leastMs: LEAST_SECONDS * 1000 });
  const players = PARTS.flatMap(({ kind, agents, worth }) =>
    Array.from({ length: agents }, (_, index) => ({ name: agents === 1 ? kind : `${kind}-${index + 1}`, kind, worth })),
  );
  const weights = PARTS.flatMap(({ agents, shares }) => Array.from({ length: agents }, () => shares));
  const arrivals = dealRequests(compressed.requests, weights, prng);
  const { compression, load } = compressed;
  return { players, arrivals, source, compression, load, runMs: compressed.runMs };
}
