// Reads a recorded trace of requests to a language model (Azure's LLM inference trace); a bad line is refused by number.

import { CannotRun } from './cannot-run.js';
import { type CsvRecord, readCsv } from './csv.js';
import { createPrng } from './prng.js';

/** One request: what it brings is known when it is made, what comes of it only afterwards. */
export interface LlmRequest {
  /** Since the trace's first request. */
  readonly atMs: number;
  readonly contextTokens: number;
  readonly generatedTokens: number;
}

export interface LlmTrace {
  /** The file's name, or `synthetic trace`. */
  readonly source: string;
  readonly requests: readonly LlmRequest[];
}

export const llmTraceHeader = ['TIMESTAMP', 'ContextTokens', 'GeneratedTokens'] as const;
const EXAMPLE = '2023-11-16 18:17:03.9799600,4808,10';
/** More than any model reads at once, so that sums stay exact. */
const MAX_TOKENS_OF_ONE = 10_000_000;
const LEAST_ROWS = 2;

/** The file is no such trace; for people: which line, why, and what would pass. */
export class LlmTraceError extends CannotRun {}

/**
 * The requests in order. Throws LlmTraceError at the first line that is not `TIMESTAMP,ContextTokens,GeneratedTokens`
 * as Azure's 2023 trace has it (Patel et al., Splitwise, ISCA '24): a run on half of a trace would be a run on another.
 */
export function parseLlmTrace(text: string, file = 'the trace'): LlmRequest[] {
  const wrong = (line: number, why: string, passes = `a line such as ${EXAMPLE}`): never => {
    throw new LlmTraceError(`${file}, line ${line}: ${why}. What would pass: ${passes}.`);
  };
  const [header, ...records] = readCsv(text);
  if (header?.fields.map((field) => field.trim()).join() !== llmTraceHeader.join()) {
    const found = header === undefined ? 'the file is empty' : `${quoted(header.fields.join())} is not its header`;
    wrong(1, found, `the header ${llmTraceHeader.join()}, then ${EXAMPLE}`);
  }
  const requests: LlmRequest[] = [];
  let first: number | undefined;
  for (const record of records) {
    const row = parseRow(record);
    if (typeof row === 'string') return wrong(record.line, row);
    first ??= row.atMs;
    const atMs = row.atMs - first;
    if (atMs < (requests.at(-1)?.atMs ?? 0))
      wrong(record.line, 'it is earlier than the line above', 'rows in order of time');
    requests.push({ ...row, atMs });
  }
  if (requests.length < LEAST_ROWS) wrong(records.length + 1, 'the trace ends', `at least ${LEAST_ROWS} requests`);
  return requests;
}

function parseRow(record: CsvRecord): LlmRequest | string {
  const { fields, malformed } = record;
  if (malformed) return 'a quote is not closed, or text follows one';
  if (fields.length === 1 && fields[0]!.trim() === '') return 'the line is blank';
  if (fields.length !== llmTraceHeader.length) return `it has ${fields.length} fields, not ${llmTraceHeader.length}`;
  const [time, context, generated] = fields.map((field) => field.trim()) as [string, string, string];
  const atMs = timeOf(time);
  if (atMs === undefined) return `TIMESTAMP ${quoted(time)} is no time of the form YYYY-MM-DD HH:MM:SS.fffffff`;
  const contextTokens = tokensOf(context);
  if (contextTokens === undefined || contextTokens === 0) return `ContextTokens ${quoted(context)} is ${noCount(1)}`;
  const generatedTokens = tokensOf(generated);
  if (generatedTokens === undefined) return `GeneratedTokens ${quoted(generated)} is ${noCount(0)}`;
  return { atMs, contextTokens, generatedTokens };
}

function noCount(least: number): string {
  return `no whole number from ${least} to ${MAX_TOKENS_OF_ONE}`;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** In ms since the epoch, the fraction kept; the trace names no zone, and only differences count. */
function timeOf(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d{1,9})?$/.exec(text);
  if (match === null) return undefined;
  const [, day, clock, fraction = ''] = match;
  const seconds = Date.parse(`${day}T${clock}Z`);
  // Date.parse takes the 31st of February for the 3rd of March.
  if (Number.isNaN(seconds) || new Date(seconds).toISOString().slice(0, 10) !== day) return undefined;
  return seconds + Number(`0${fraction}`) * 1000;
}

function tokensOf(text: string): number | undefined {
  return /^\d{1,8}$/.test(text) && Number(text) <= MAX_TOKENS_OF_ONE ? Number(text) : undefined;
}

/**
 * Fitted to the 8,819 rows of AzureLLMInferenceTrace_code.csv: mean and standard deviation of ln(tokens), with the
 * least and the most; arrivals from its windows of 10 s, those with more than one and a half times the mean counted as
 * bursts, which are 25.7 % of the time, last 20.5 s in the mean and bring 16.2 times as many requests as the others.
 */
const shape = {
  context: { mu: 6.999, sigma: 1.36, least: 3, most: 7437 },
  generated: { mu: 2.788, sigma: 0.847, least: 6, most: 1899 },
  requestsPerS: 2.567,
  burst: { shareOfTime: 0.257, meanMs: 20_500, rateRatio: 16.2 },
} as const;

/** A trace of that shape: a two-state Markov-modulated Poisson process, log-normal tokens. The same seed makes it again. */
export function syntheticLlmTrace(seed: number, requests: number): LlmRequest[] {
  const prng = createPrng(seed, 'llm-trace');
  const { shareOfTime, meanMs, rateRatio } = shape.burst;
  const calmPerMs = shape.requestsPerS / 1000 / (1 - shareOfTime + shareOfTime * rateRatio);
  const calmMs = (meanMs * (1 - shareOfTime)) / shareOfTime;
  const draw = ({ mu, sigma, least, most }: (typeof shape)['context' | 'generated']) =>
    Math.round(Math.min(most, Math.max(least, prng.lognormal(mu, sigma))));
  const rows: LlmRequest[] = [];
  // Begins with a burst: a run that begins with a lull has nothing to share.
  let bursting = true;
  let now = 0;
  let switchAt = prng.exponential(meanMs);
  while (rows.length < requests) {
    const gap = prng.exponential(1 / (calmPerMs * (bursting ? rateRatio : 1)));
    if (now + gap >= switchAt) {
      now = switchAt;
      bursting = !bursting;
      switchAt = now + prng.exponential(bursting ? meanMs : calmMs);
      continue;
    }
    now += gap;
    rows.push({ atMs: now, contextTokens: draw(shape.context), generatedTokens: draw(shape.generated) });
  }
  const first = rows[0]!.atMs;
  return rows.map((row) => ({ ...row, atMs: row.atMs - first }));
}
