// Demand for a model API: a trace's requests, compressed until they ask for so many times the limit, and dealt to agents.
import { showMs } from './figures.js';
import { type LlmRequest, LlmTraceError } from './llm-trace.js';
import type { Prng } from './prng.js';
import type { UpstreamLimits } from './upstream-limit.js';

export interface LlmArrival {
  /** Its number, from 0: what the upstream knows it by. */
  readonly id: number;
  /** Since the run began. */
  readonly atMs: number;
  /** Of the agents that weights were named for, by number. */
  readonly agent: number;
  readonly contextTokens: number;
  readonly generatedTokens: number;
}

export interface Compressed {
  /** The trace's first requests, as many as it takes; `atMs` of the run. */
  readonly requests: readonly LlmRequest[];
  /** Recorded time per run time. */
  readonly compression: number;
  /** How long the run is: as asked, or as long as the trace lasts. */
  readonly runMs: number;
  /** What they ask for of each limit, as a share of what the upstream grants in that time: the larger one is the load. */
  readonly load: { readonly requests: number; readonly tokens: number };
}

export interface CompressOptions {
  readonly limits: UpstreamLimits;
  /** Demand as a share of the limit that binds: 2 is twice the limit. */
  readonly load: number;
  readonly runMs: number;
  /** A shorter run says nothing. */
  readonly leastMs: number;
}

/** So many requests are enough for any trace: they ask for that load by their number alone. */
export function requestsNeeded({ limits, load, runMs }: Omit<CompressOptions, 'leastMs'>): number {
  return Math.ceil((load * limits.requestsPerMinute * runMs) / 60_000);
}

/**
 * Takes requests from the trace's beginning until they ask for `load` times what the upstream grants in the run, and
 * squeezes their arrivals into it. A trace that is too short for that makes the run shorter; throws LlmTraceError where
 * it would be shorter than `leastMs`, or where all came at one instant.
 */
export function compressTrace(trace: readonly LlmRequest[], options: CompressOptions): Compressed {
  const { limits, load, runMs, leastMs } = options;
  const perMs = { requests: limits.requestsPerMinute / 60_000, tokens: limits.tokensPerMinute / 60_000 };
  const msOf = (requests: number, tokens: number) => Math.max(requests / perMs.requests, tokens / perMs.tokens) / load;
  let tokens = 0;
  let count = 0;
  while (count < trace.length && msOf(count, tokens) < runMs) tokens += tokensOf(trace[count++]!);
  const madeMs = Math.min(runMs, msOf(count, tokens));
  if (madeMs < leastMs) {
    const needed = Math.ceil((count * leastMs) / madeMs);
    throw new LlmTraceError(
      `The trace has ${count} requests: at ${load} times the upstream’s limit they last ${showMs(madeMs)}, less than ${leastMs / 1000} s. What would pass: some ${needed} requests like these.`,
    );
  }
  const taken = trace.slice(0, count);
  const spanMs = taken.at(-1)!.atMs;
  if (spanMs === 0) {
    throw new LlmTraceError('All requests of the trace come at one instant. What would pass: arrivals over time.');
  }
  const compression = spanMs / madeMs;
  return {
    requests: taken.map((request) => ({ ...request, atMs: request.atMs / compression })),
    compression,
    runMs: madeMs,
    load: { requests: count / (perMs.requests * madeMs), tokens: tokens / (perMs.tokens * madeMs) },
  };
}

export function tokensOf({ contextTokens, generatedTokens }: Omit<LlmRequest, 'atMs'>): number {
  return contextTokens + generatedTokens;
}

/** Each request goes to one of the agents, drawn in proportion to its weight. */
export function dealRequests(requests: readonly LlmRequest[], weights: readonly number[], prng: Prng): LlmArrival[] {
  return requests.map((request, id) => ({ ...request, id, agent: prng.weighted(weights) }));
}
