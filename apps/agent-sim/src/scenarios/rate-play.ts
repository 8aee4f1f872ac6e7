// Plays a plan's arrivals against the upstream, one way or the other, and keeps what became of each request.
import { setTimeout as delay } from 'node:timers/promises';
import type { LlmArrival } from '../llm-demand.js';
import { startUpstream, type Upstream, type UpstreamCounts, usageSpec } from '../upstream.js';
import { LIMITS, PATIENCE_MS, type RatePlan } from './rate-plan.js';

/** What a request came to, as its agent saw it. */
export interface Told {
  readonly arrival: LlmArrival;
  /** Until the upstream let it in; the whole patience of one that gave up. */
  readonly waitMs: number;
  /** Since the run began; absent where it was never let in. */
  readonly admittedAtMs?: number | undefined;
  /** Context and generated; 0 where it was never let in. */
  readonly tokens: number;
  readonly paidMicro: number;
  /** The part of it that is due to the agent's own noise. */
  readonly noiseMicro: number;
  /** Why it gave up: `429`, or the market's word. */
  readonly refused?: string | undefined;
}

/** What one way of asking made of one request. */
export type Way = (ask: Asking) => Promise<Omit<Told, 'arrival' | 'waitMs' | 'admittedAtMs'>>;

export interface Asking {
  readonly arrival: LlmArrival;
  /** How long it may yet wait. */
  leftMs(): number;
  /** Sends it to the upstream. */
  send(): Promise<Response>;
}

export interface RunTold {
  readonly told: readonly Told[];
  readonly upstream: Readonly<UpstreamCounts>;
}

/** 25 ms to begin with, a hundredth for each token read, two for each made. */
function latencyMs(contextTokens: number, generatedTokens: number): number {
  return 25 + contextTokens / 100 + 2 * generatedTokens;
}

/** Plays all arrivals, from a fresh upstream's first moment to the last one's end. A quiet one says nothing of what is left. */
export async function playRates(plan: RatePlan, way: Way, quiet = false): Promise<RunTold> {
  const { arrivals } = plan;
  const generate = (prompt: number) => arrivals[prompt]?.generatedTokens ?? 0;
  const upstream = await startUpstream({ limits: LIMITS, generate, latencyMs, quiet });
  const startMs = performance.now();
  try {
    const asked: Promise<Told>[] = [];
    for (const arrival of arrivals) {
      const early = arrival.atMs - (performance.now() - startMs);
      if (early > 1) await delay(early);
      asked.push(ask(arrival, startMs, upstream, way));
    }
    const told = await Promise.all(asked);
    return { told, upstream: { ...upstream.counts } };
  } finally {
    await upstream.close();
  }
}

async function ask(arrival: LlmArrival, startMs: number, upstream: Upstream, way: Way): Promise<Told> {
  const since = () => performance.now() - startMs;
  let sentAtMs = 0;
  const told = await way({
    arrival,
    leftMs: () => arrival.atMs + PATIENCE_MS - since(),
    send: () => {
      sentAtMs = since();
      return complete(upstream.url, arrival);
    },
  });
  const letIn = told.refused === undefined;
  const waitMs = letIn ? Math.max(0, sentAtMs - arrival.atMs) : PATIENCE_MS;
  return { ...told, arrival, waitMs, admittedAtMs: letIn ? sentAtMs : undefined };
}

function complete(url: string, { id, contextTokens }: LlmArrival): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: id, contextTokens }),
  });
}

/** Of an answer that let the request in. Throws where it is no such answer: then the scenario itself is wrong. */
export async function tokensUsed(response: Response): Promise<number> {
  if (!response.ok) throw new Error(`the upstream answered ${response.status}: ${await response.text()}`);
  return usageSpec.parse(await response.json()).usage.totalTokens;
}
