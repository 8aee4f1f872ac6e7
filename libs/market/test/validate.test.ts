// What is checked before a task begins and when it is done, and which schemas of others are read at all.
import { describe, expect, test } from 'vitest';
import {
  type JsonObject,
  type Means,
  outputsFault,
  readSchema,
  receiptFault,
  refusal,
  startFault,
} from '../src/index.js';
import { frame, HOUR, offerOf, T, viewOf } from './task-support.js';

const rows: JsonObject = {
  type: 'object',
  properties: { rows: { type: 'integer', minimum: 1 }, name: { $ref: '#/$defs/name' } },
  required: ['rows'],
  additionalProperties: false,
  $defs: { name: { type: 'string', pattern: '^[a-z]+$', maxLength: 8 } },
};

describe('a schema', () => {
  test.each([
    [{ rows: 1 }, undefined],
    [{ rows: 1, name: 'abc' }, undefined],
    [{}, 'rows: Invalid input: expected number, received undefined'],
    [{ rows: 0 }, 'rows: Too small: expected number to be >=1'],
    [{ rows: 1, name: 'ABC' }, 'name: Invalid string: must match pattern /^[a-z]+$/'],
    [{ rows: 1, cols: 2 }, 'Unrecognized key: "cols"'],
  ])('%j: %s', (value, fault) => {
    const schema = readSchema(rows);
    expect(schema.ok && schema.faultOf(value)).toBe(fault);
  });

  const laughs = Object.fromEntries(
    Array.from({ length: 30 }, (_, n) => [
      `a${n}`,
      { anyOf: [{ $ref: `#/$defs/a${n + 1}` }, { $ref: `#/$defs/a${n + 1}` }] },
    ]),
  );
  const cases: [why: string, schema: JsonObject, words: string][] = [
    ['refers to itself', { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }, 'refers to itself'],
    ['refers elsewhere', { $ref: 'https://example.org/s' }, 'only #/$defs'],
    ['refers to nothing', { $ref: '#/$defs/none' }, 'there is no #/$defs/none'],
    ['grows', { $ref: '#/$defs/a0', $defs: { ...laughs, a30: { type: 'null' } } }, 'more than 1000 parts'],
    ['asks conditions', { not: { type: 'null' } }, 'not is not supported'],
    ['names no type', { required: ['rows'] }, 'needs "type": "object"'],
    ['has an unknown type', { type: 'row' }, 'Unsupported type'],
    ['compares objects', { enum: [{ a: 1 }] }, 'no objects'],
    ['has no anchor', { type: 'string', pattern: 'a+' }, 'begins with ^'],
    ['backtracks', { type: 'string', pattern: '^(a+)+$' }, 'repeats without bound once'],
    ['backtracks over lists', { type: 'string', pattern: '^[a-z]*a*$' }, 'repeats without bound once'],
    ['backtracks within bounds', { type: 'string', pattern: `^${'a{0,60}'.repeat(6)}b$` }, 'more than 1000 ways'],
    ['backtracks over options', { type: 'string', pattern: `^${'a?'.repeat(40)}$` }, 'more than 1000 ways'],
    ['is no pattern', { type: 'string', pattern: '^[' }, 'Invalid regular expression'],
    ['is a list', { properties: [], type: 'object' }, 'properties is an object'],
  ];
  test.each(cases)('that %s is refused, and says why', (_why, schema, words) => {
    const read = readSchema(schema);
    expect(read).toMatchObject({ ok: false, detail: 'malformed' });
    expect(read.ok || read.message).toContain(words);
  });
});

describe('task-start', () => {
  const task = { ...frame.task, memoryMb: 100, tokens: 50, dependencies: ['cuda'], output: rows };
  const view = { ...viewOf(offerOf('ben', 900)), frame: { ...frame, task } };
  const means: Means = { units: 2, memoryMb: 100, tokens: 50, dependencies: new Set(['cuda']) };
  const given = { rows: 3, more: true };

  test('with what was agreed, and all that it takes', () => {
    expect(startFault(view, given, { means }, T)).toBeUndefined();
    expect(startFault(view, given, {}, T)).toBeUndefined();
  });

  test.each([
    ['late', { ...means }, given, T + HOUR + frame.conditions.graceMs + 1],
    ['no-capacity', { ...means, units: 1 }, given, T],
    ['no-capacity', { ...means, memoryMb: 99 }, given, T],
    ['token-limit', { ...means, tokens: 49 }, given, T],
    ['missing-dependency', { ...means, dependencies: new Set<string>() }, given, T],
    ['malformed', means, { rows: 4 }, T],
    ['malformed', means, {}, T],
  ] as const)('%s', (detail, has, inputs, nowMs) => {
    expect(startFault(view, inputs, { means: has }, nowMs)).toMatchObject({ detail });
  });

  test('the rules of the provider, its own form of inputs, and an output form that nobody can check', () => {
    const no = refusal('not-permitted', 'not today');
    expect(startFault(view, given, { policy: () => no }, T)).toBe(no);
    expect(startFault(view, given, { inputs: rows }, T)?.message).toBe('inputs: Unrecognized key: "more"');
    const odd = { ...view, frame: { ...frame, task: { ...task, output: { type: 'row' } } } };
    expect(startFault(odd, given, {}, T)).toMatchObject({ detail: 'malformed' });
  });
});

describe('task-done', () => {
  test('outputs fit what the task asks for', () => {
    expect(outputsFault(frame.task, { anything: 1 })).toBeUndefined();
    expect(outputsFault({ ...frame.task, output: rows }, { rows: 1 })).toBeUndefined();
    expect(outputsFault({ ...frame.task, output: rows }, {})?.message).toContain('outputs: rows');
  });

  test('a failure needs no outputs, and nothing ends before it begins', () => {
    const view = { ...viewOf(offerOf('ben', 900)), frame: { ...frame, task: { ...frame.task, output: rows } } };
    const receipt = { outcome: 'failed', startedAt: T, endedAt: T + 1, outputs: {}, used: {}, warnings: [] } as const;
    expect(receiptFault(view, { ...receipt, warnings: [] })).toBeUndefined();
    expect(receiptFault(view, { ...receipt, warnings: [], outcome: 'done' })).toMatchObject({ detail: 'malformed' });
    expect(receiptFault(view, { ...receipt, warnings: [], endedAt: T - 1 })).toMatchObject({ detail: 'malformed' });
  });
});
