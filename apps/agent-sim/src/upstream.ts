// An upstream model API on loopback: a real HTTP server that answers 429 beyond its own limits, and tells nobody why so.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { UpstreamGauge, type UpstreamLimits } from './upstream-limit.js';

export interface UpstreamOptions {
  readonly limits: UpstreamLimits;
  /** How many tokens the model makes of a prompt: the server's secret until it has made them. */
  readonly generate: (prompt: number) => number;
  /** Says nothing of what is left: only its 429s tell. */
  readonly quiet?: boolean | undefined;
  /** Until the answer, in ms. */
  readonly latencyMs: (contextTokens: number, generatedTokens: number) => number;
}

/** What the server itself counted: the truth that a report is held against. */
export interface UpstreamCounts {
  requests: number;
  throttled: number;
  /** Context and generated, of those that were let in. */
  tokens: number;
}

export interface Upstream {
  /** `http://127.0.0.1:port/v1/complete` */
  readonly url: string;
  readonly counts: Readonly<UpstreamCounts>;
  close(): Promise<void>;
}

/** `prompt` stands for the text, `contextTokens` for its length, which client and server count alike. */
const completeSpec = z.strictObject({ prompt: z.int().min(0), contextTokens: z.int().min(1) });
/** What an answer says of its use. */
export const usageSpec = z.object({
  usage: z.object({ promptTokens: z.int(), completionTokens: z.int(), totalTokens: z.int() }),
});
const MAX_BODY = 4096;

export async function startUpstream(options: UpstreamOptions): Promise<Upstream> {
  const gauge = new UpstreamGauge(options.limits, performance.now());
  const counts: UpstreamCounts = { requests: 0, throttled: 0, tokens: 0 };
  const server = createServer((request, response) => {
    answer(request, response, { ...options, gauge, counts }).catch(() => response.destroy());
  });
  // Clients keep their connections; whoever closes one in a lull would break the next request on it.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/complete`,
    counts,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Serving = UpstreamOptions & { readonly gauge: UpstreamGauge; readonly counts: UpstreamCounts };

async function answer(request: IncomingMessage, response: ServerResponse, serving: Serving): Promise<void> {
  const { gauge, counts, limits } = serving;
  const respond = (status: number, body: object, headers: Record<string, string> = {}) => {
    const told = serving.quiet === true ? {} : rateHeaders(gauge, limits);
    response.writeHead(status, { 'content-type': 'application/json', ...told, ...headers });
    response.end(JSON.stringify(body));
  };
  if (request.method !== 'POST' || request.url !== '/v1/complete') {
    return respond(404, { error: { type: 'not_found', message: 'POST /v1/complete is all there is' } });
  }
  const parsed = completeSpec.safeParse(await bodyOf(request));
  if (!parsed.success)
    return respond(400, { error: { type: 'invalid_request', message: z.prettifyError(parsed.error) } });
  const { prompt, contextTokens } = parsed.data;
  counts.requests++;
  const admission = gauge.admit(contextTokens, performance.now());
  if (!admission.ok) {
    counts.throttled++;
    const retryAfter = String(Math.max(1, Math.ceil(admission.retryAfterMs / 1000)));
    const message = `the limit of ${admission.limit} per minute is reached`;
    return respond(429, { error: { type: 'rate_limit_exceeded', message } }, { 'retry-after': retryAfter });
  }
  const completionTokens = serving.generate(prompt);
  await delay(serving.latencyMs(contextTokens, completionTokens));
  gauge.generated(completionTokens, performance.now());
  const totalTokens = contextTokens + completionTokens;
  counts.tokens += totalTokens;
  respond(200, { usage: { promptTokens: contextTokens, completionTokens, totalTokens } });
}

function rateHeaders(gauge: UpstreamGauge, limits: UpstreamLimits): Record<string, string> {
  const left = gauge.remaining(performance.now());
  return {
    'x-ratelimit-limit-requests': String(limits.requestsPerMinute),
    'x-ratelimit-limit-tokens': String(limits.tokensPerMinute),
    'x-ratelimit-remaining-requests': String(left.requests),
    'x-ratelimit-remaining-tokens': String(left.tokens),
  };
}

/** Undefined where it is no JSON, or more than anybody asks. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > MAX_BODY) return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
