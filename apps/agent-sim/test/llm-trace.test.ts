// Traces of model requests: a bad line is refused by its number, with what would pass; a synthetic one has the shape.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { LlmTraceError, parseLlmTrace, syntheticLlmTrace } from '../src/llm-trace.js';

const header = 'TIMESTAMP,ContextTokens,GeneratedTokens';
const good = '2023-11-16 18:17:03.9799600,4808,10';

function refused(text: string): string {
  try {
    parseLlmTrace(text, 'trace.csv');
  } catch (error) {
    expect(error).toBeInstanceOf(LlmTraceError);
    return (error as Error).message;
  }
  throw new Error('it was read');
}

test('reads requests, times counted from the first', () => {
  const text = `\ufeff${header}\r\n${good}\r\n2023-11-16 18:17:04.0319600,3180,8\r\n"2023-11-16 18:18:04",110,0\r\n`;
  const requests = parseLlmTrace(text);
  expect(requests.map(({ contextTokens, generatedTokens }) => [contextTokens, generatedTokens])).toEqual([
    [4808, 10],
    [3180, 8],
    [110, 0],
  ]);
  expect(requests.map(({ atMs }) => Math.round(atMs * 10) / 10)).toEqual([0, 52, 60_020]);
});

describe('refuses', () => {
  test.each([
    ['an empty file', '', 1, 'the file is empty'],
    ['no header', `${good}\n${good}\n`, 1, 'is not its header'],
    ['another header', 'time,context,generated\n1,2,3\n', 1, 'is not its header'],
    ['a header alone', `${header}\n`, 1, 'the trace ends'],
    ['one request', `${header}\n${good}\n`, 2, 'the trace ends'],
    ['a field too few', `${header}\n${good}\n2023-11-16 18:17:04,10\n`, 3, 'it has 2 fields, not 3'],
    ['a field too many', `${header}\n${good},1\n`, 2, 'it has 4 fields, not 3'],
    ['a blank line', `${header}\n${good}\n\n${good}\n`, 3, 'the line is blank'],
    ['a time that is none', `${header}\nyesterday,1,1\n`, 2, 'TIMESTAMP "yesterday"'],
    ['a day that is none', `${header}\n2023-02-31 10:00:00,1,1\n`, 2, 'TIMESTAMP "2023-02-31 10:00:00"'],
    ['an hour that is none', `${header}\n2023-02-03 25:00:00,1,1\n`, 2, 'TIMESTAMP'],
    ['a time of another form', `${header}\n2023-11-16T18:17:03Z,1,1\n`, 2, 'TIMESTAMP'],
    ['no context', `${header}\n2023-11-16 18:17:03,0,1\n`, 2, 'ContextTokens "0"'],
    ['a negative number', `${header}\n2023-11-16 18:17:03,-1,1\n`, 2, 'ContextTokens "-1"'],
    ['an exponent', `${header}\n2023-11-16 18:17:03,1e3,1\n`, 2, 'ContextTokens "1e3"'],
    ['a fraction', `${header}\n2023-11-16 18:17:03,1,1.5\n`, 2, 'GeneratedTokens "1.5"'],
    ['more than anybody reads', `${header}\n2023-11-16 18:17:03,99999999,1\n`, 2, 'ContextTokens'],
    ['an open quote', `${header}\n"2023-11-16 18:17:03,1,1\n`, 2, 'a quote is not closed'],
    ['a step back in time', `${header}\n${good}\n2023-11-16 18:17:02,1,1\n`, 3, 'it is earlier than the line above'],
  ])('%s', (_, text, line, why) => {
    const message = refused(text);
    expect(message).toContain(`trace.csv, line ${line}: `);
    expect(message).toContain(why);
    expect(message).toContain('What would pass: ');
  });
});

test('a synthetic trace has the recorded shape, and is the same again by its seed', () => {
  const rows = syntheticLlmTrace(7, 20_000);
  expect(syntheticLlmTrace(7, 20_000)).toEqual(rows);
  expect(syntheticLlmTrace(8, 10)).not.toEqual(rows.slice(0, 10));
  const mean = (of: (row: (typeof rows)[number]) => number) =>
    rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  expect(mean((row) => row.contextTokens)).toBeGreaterThan(1600);
  expect(mean((row) => row.contextTokens)).toBeLessThan(2300);
  expect(mean((row) => row.generatedTokens)).toBeGreaterThan(20);
  expect(mean((row) => row.generatedTokens)).toBeLessThan(30);
  const perS = rows.length / (rows.at(-1)!.atMs / 1000);
  expect(perS).toBeGreaterThan(1.9);
  expect(perS).toBeLessThan(3.4);
  expect(rows.every(({ atMs }, index) => atMs >= (rows[index - 1]?.atMs ?? 0))).toBe(true);
});

const real = fileURLToPath(new URL('../../../../shared/data/AzureLLMInferenceTrace_code.csv', import.meta.url));

test.skipIf(!existsSync(real))(`the recorded trace is read whole (skipped where ${real} is not there)`, () => {
  const requests = parseLlmTrace(readFileSync(real, 'utf8'));
  expect(requests).toHaveLength(8819);
  expect(requests[0]).toEqual({ atMs: 0, contextTokens: 4808, generatedTokens: 10 });
  expect(Math.round(requests.at(-1)!.atMs)).toBe(3_435_948);
});
