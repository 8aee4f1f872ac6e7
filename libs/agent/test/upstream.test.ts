// What an upstream says of its limits is read as providers say it, and nonsense is left out.
import { expect, test } from 'vitest';
import { answerIn, answerInError, type UpstreamAnswer, upstreamWordOf } from '../src/upstream.js';

const now = Date.parse('2026-03-01T12:00:00Z');
const inHeaders = (entries: Record<string, string>) => new Headers(entries);

const words: [string, UpstreamAnswer, string[], object][] = [
  ['a plain answer', { status: 200, headers: inHeaders({}) }, ['requests'], { status: 200 }],
  ['no headers at all', { status: 429 }, ['requests'], { status: 429 }],
  ['seconds', { status: 429, headers: inHeaders({ 'retry-after': '3' }) }, ['a'], { status: 429, retryAfterMs: 3000 }],
  ['parts of a second', { status: 429, headers: { 'Retry-After': '0.25' } }, ['a'], { status: 429, retryAfterMs: 250 }],
  ['a number', { status: 429, headers: { 'Retry-After': 2 } }, ['a'], { status: 429, retryAfterMs: 2000 }],
  [
    'an HTTP date by this clock',
    { status: 429, headers: inHeaders({ 'retry-after': 'Sun, 01 Mar 2026 12:00:07 GMT' }) },
    ['a'],
    { status: 429, retryAfterMs: 7000 },
  ],
  [
    "an HTTP date by the upstream's own clock",
    {
      status: 503,
      headers: { 'retry-after': 'Sun, 01 Mar 2026 12:00:07 GMT', date: 'Sun, 01 Mar 2026 12:00:05 GMT' },
    },
    ['a'],
    { status: 503, retryAfterMs: 2000 },
  ],
  [
    'a date that is over',
    { status: 429, headers: { 'retry-after': 'Sun, 01 Mar 2026 11:00:00 GMT' } },
    ['a'],
    { status: 429, retryAfterMs: 0 },
  ],
  [
    'milliseconds before seconds',
    { status: 429, headers: inHeaders({ 'retry-after-ms': '120', 'retry-after': '1' }) },
    ['a'],
    { status: 429, retryAfterMs: 120 },
  ],
  ['a year', { status: 429, headers: { 'retry-after': '31536000' } }, ['a'], { status: 429, retryAfterMs: 3_600_000 }],
  ['a pause of an answer that is none', { status: 200, headers: { 'retry-after': '3' } }, ['a'], { status: 200 }],
  ['words', { status: 429, headers: { 'retry-after': 'soon' } }, ['a'], { status: 429 }],
  ['a negative time', { status: 429, headers: { 'retry-after': '-3' } }, ['a'], { status: 429 }],
  [
    'what is left, as one provider says it',
    {
      status: 200,
      headers: inHeaders({ 'x-ratelimit-remaining-requests': '12', 'x-ratelimit-remaining-tokens': '3400.9' }),
    },
    ['requests', 'tokens'],
    { status: 200, remaining: { requests: 12, tokens: 3400 } },
  ],
  [
    'what is left, as another does',
    {
      status: 200,
      headers: {
        'Anthropic-Ratelimit-Input-Tokens-Remaining': '900',
        'anthropic-ratelimit-requests-remaining': ['0'],
        'anthropic-ratelimit-output-tokens-remaining': '77',
      },
    },
    ['requests', 'input-tokens'],
    { status: 200, remaining: { requests: 0, 'input-tokens': 900 } },
  ],
  [
    'what is left of the only limit',
    { status: 200, headers: { 'ratelimit-remaining': '5' } },
    ['calls'],
    { status: 200, remaining: { calls: 5 } },
  ],
  [
    'what is left of nobody knows which',
    { status: 200, headers: { 'x-ratelimit-remaining': '5' } },
    ['a', 'b'],
    { status: 200 },
  ],
  ['nonsense', { status: 200, headers: { 'x-ratelimit-remaining-a': 'NaN' } }, ['a'], { status: 200 }],
  [
    'more than a bucket holds',
    { status: 200, headers: { 'x-ratelimit-remaining-a': '99999999999' } },
    ['a'],
    { status: 200, remaining: { a: 1_000_000_000 } },
  ],
];
test.each(words)('%s', (_name, answer, limits, word) => {
  expect(upstreamWordOf(answer, limits, now)).toEqual(word);
});

const results: [string, unknown, number | undefined][] = [
  ['a Response', new Response('x', { status: 201 }), 201],
  ["undici's answer", { statusCode: 202, headers: {} }, 202],
  ['nothing', undefined, undefined],
  ['text', 'status', undefined],
  ['a record with a status of its own', { status: 200 }, undefined],
  ['a status that is none', { status: 'done', headers: {} }, undefined],
  ['a status beyond HTTP', { status: 1429, headers: {} }, undefined],
];
test.each(results)('as a result: %s', (_name, result, status) => {
  expect(answerIn(result)?.status).toBe(status);
});

const errors: [string, unknown, number | undefined][] = [
  ['an error with status and headers', Object.assign(new Error('x'), { status: 429, headers: {} }), 429],
  ['an error with a status', Object.assign(new Error('x'), { status: 429 }), 429],
  ['an error with a response', Object.assign(new Error('x'), { response: { status: 503, headers: {} } }), 503],
  ['an error', new Error('x'), undefined],
  ['nothing', null, undefined],
  ['text', 'oops', undefined],
];
test.each(errors)('as an error: %s', (_name, error, status) => {
  expect(answerInError(error)?.status).toBe(status);
});
