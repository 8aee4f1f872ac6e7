// Moves are read by compiled schemas: whatever comes, the same is made of it as by the one schema of all messages.
import { check, type TaskMessage, taskMessage, taskSchemaFor } from '@tender/market';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ask, at, offerOf, T } from './haggle-support.js';

const around = {
  ...{ v: 1, id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', conversation: 'talk-1', inReplyTo: '01ARZ3NDEKTSV4RRFFQ69G5FAW' },
  ...{ sender: 'ben', sentAt: T, replyBy: T + 1000 },
};
const no = {
  kind: 'reject',
  round: 1,
  status: 463,
  reason: 'policy-refused',
  detail: 'outbid',
  message: '',
  final: true,
};
const moves = [
  { ...around, performative: 'counter-propose', body: { kind: 'counter', round: 2, issues: ask, risk: 400 } },
  { ...around, performative: 'counter-propose', body: { kind: 'counter', round: 2, issues: ask, offer: offerOf(ask) } },
  { ...around, performative: 'accept-proposal', body: { kind: 'accept', round: 2, issues: ask, offer: offerOf(ask) } },
  { ...around, performative: 'reject-proposal', body: { ...no, counter: at(900), offer: offerOf(at(900)) } },
];

type Path = readonly string[];

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, field]) => pathsOf(field, [...path, name]))];
}

/** The same with one place changed, or left out where `to` is undefined; with `beside`, one more field there. */
function changed(value: unknown, [name, ...rest]: Path, to: unknown, beside: boolean): unknown {
  if (name === undefined) return beside && typeof value === 'object' ? { ...value, beside: to } : to;
  const fields = value as Record<string, unknown>;
  const field = changed(fields[name], rest, to, beside);
  if (Array.isArray(value)) return value.map((one, index) => (String(index) === name ? field : one));
  return { ...fields, [name]: field };
}

function reads(message: unknown): void {
  const { performative } = message as TaskMessage;
  // As it comes over the wire: what is undefined is not there.
  const value: unknown = JSON.parse(JSON.stringify(message));
  expect(check(taskSchemaFor(performative), value)).toEqual(check(taskMessage, value));
}

test.each(moves)('$performative is read, by a schema of its own', (move) => {
  expect(taskSchemaFor(move.performative)).not.toBe(taskMessage);
  expect(check(taskSchemaFor(move.performative), move)).toEqual({ ok: true, value: move });
});

test('a move with anything wrong in it is refused in the same words', () => {
  const wrong = fc
    .constantFrom(...moves)
    .chain((move) =>
      fc.tuple(
        fc.constant(move),
        fc.constantFrom(...pathsOf(move).slice(1)),
        fc.oneof(
          fc.constant(undefined),
          fc.integer(),
          fc.double(),
          fc.string(),
          fc.boolean(),
          fc.json().map(JSON.parse),
        ),
        fc.boolean(),
      ),
    );
  fc.assert(
    fc.property(wrong, ([move, path, to, beside]) => reads(changed(move, path, to, beside))),
    { numRuns: 2000 },
  );
});

test('a prototype in disguise is an unknown field here, too', () => {
  for (const move of moves) {
    const text = JSON.stringify(move).replace('"issues":{', '"issues":{"__proto__":{"units":1},');
    const value: unknown = JSON.parse(text);
    expect(check(taskSchemaFor(move.performative), value)).toEqual(check(taskMessage, value));
  }
});

test.each(['cfp', 'propose', 'task-start', 'constructor', '__proto__', 7, undefined])(
  'what begins with %s is left to the schema of all',
  (performative) => expect(taskSchemaFor(performative)).toBe(taskMessage),
);
