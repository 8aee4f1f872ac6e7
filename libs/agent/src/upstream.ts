// What an upstream's answer says about its limits, from status and headers: the one word that a hold passes on to the bank.
import { MAX_TOKENS } from '@tender/credits';
import type { UpstreamWord } from '@tender/market';

/** `Headers`, or names and values as other clients have them. */
export type UpstreamHeaders =
  | { get(name: string): string | null | undefined }
  | Readonly<Record<string, string | readonly string[] | number | undefined>>;

/** An answer of an upstream, as far as it tells about limits: a `Response` is one. */
export interface UpstreamAnswer {
  readonly status: number;
  readonly headers?: UpstreamHeaders | undefined;
}

/** The bank hears of no longer pause. */
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * Reads `retry-after-ms` and `Retry-After` (seconds, or an HTTP date) of a 429 or 503, and what is left of the named
 * limits: `x-ratelimit-remaining-<limit>`, `anthropic-ratelimit-<limit>-remaining`, or, where there is one limit only,
 * `x-ratelimit-remaining` and `ratelimit-remaining`. What cannot be read is left out.
 */
export function upstreamWordOf(answer: UpstreamAnswer, limits: readonly string[], nowMs: number): UpstreamWord {
  const header = readerOf(answer.headers);
  const pausing = answer.status === 429 || answer.status === 503;
  const retryAfterMs = pausing ? retryAfterOf(header, nowMs) : undefined;
  const remaining = remainingOf(header, limits);
  return {
    status: answer.status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(Object.keys(remaining).length === 0 ? {} : { remaining }),
  };
}

type Header = (name: string) => string | undefined;

function readerOf(headers: UpstreamHeaders | undefined): Header {
  if (headers === undefined || headers === null) return () => undefined;
  if (typeof headers.get === 'function') {
    const get = headers.get as (name: string) => unknown;
    return (name) => textOf(get.call(headers, name));
  }
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => textOf(byName.get(name));
}

function textOf(value: unknown): string | undefined {
  const one = Array.isArray(value) ? value[0] : value;
  if (typeof one === 'number') return String(one);
  return typeof one === 'string' && one.trim().length > 0 ? one.trim() : undefined;
}

function retryAfterOf(header: Header, nowMs: number): number | undefined {
  const exact = header('retry-after-ms');
  const after = header('retry-after');
  const ms =
    numberOf(exact) ?? (numberOf(after) === undefined ? dateOf(header, after, nowMs) : numberOf(after)! * 1000);
  return ms === undefined ? undefined : Math.min(LONGEST_PAUSE_MS, Math.ceil(ms));
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}(\.\d{1,9})?$/.test(text) ? Number(text) : undefined;
}

/** The upstream's own `Date` says what its clock shows: this machine's may be off. */
function dateOf(header: Header, text: string | undefined, nowMs: number): number | undefined {
  // An HTTP date begins with a day's name; `Date.parse` makes a date of almost anything.
  const at = text !== undefined && /^[A-Z][a-z]{2,8}[, ]/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) return undefined;
  const theirs = Date.parse(header('date') ?? '');
  return Math.max(0, at - (Number.isNaN(theirs) ? nowMs : theirs));
}

function remainingOf(header: Header, limits: readonly string[]): Record<string, number> {
  const remaining: Record<string, number> = {};
  for (const limit of limits) {
    const names = [`x-ratelimit-remaining-${limit}`, `anthropic-ratelimit-${limit}-remaining`];
    if (limits.length === 1) names.push('x-ratelimit-remaining', 'ratelimit-remaining');
    const left = names.map((name) => numberOf(header(name))).find((number) => number !== undefined);
    if (left !== undefined) remaining[limit] = Math.min(MAX_TOKENS, Math.floor(left));
  }
  return remaining;
}

/** The upstream's answer in what some work came to: a `Response`, or what another client calls one. */
export function answerIn(result: unknown): UpstreamAnswer | undefined {
  const answer = answerOf(result);
  return answer?.headers === undefined ? undefined : answer;
}

/** The same in what some work threw: many clients throw an error with `status` and `headers`, or a `response`. */
export function answerInError(error: unknown): UpstreamAnswer | undefined {
  return answerOf(error) ?? answerOf((error as { readonly response?: unknown } | null | undefined)?.response);
}

function answerOf(thing: unknown): UpstreamAnswer | undefined {
  if (typeof thing !== 'object' || thing === null) return undefined;
  const { status, statusCode, headers } = thing as Partial<Record<'status' | 'statusCode' | 'headers', unknown>>;
  const code = status ?? statusCode;
  if (typeof code !== 'number' || !Number.isInteger(code) || code < 100 || code > 599) return undefined;
  const known = typeof headers === 'object' && headers !== null ? (headers as UpstreamHeaders) : undefined;
  return { status: code, headers: known };
}
