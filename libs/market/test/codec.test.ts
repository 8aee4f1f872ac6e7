// Whatever bytes come in, a message or a refusal comes out; ids let nothing through that could leave a subject or key.
import {
  adminEnvelope,
  agentMessage,
  bankEnvelopes,
  cfpOf,
  check,
  chequeSpec,
  decode,
  decodeJson,
  details,
  encode,
  idText,
  isOwnInbox,
  MAX_DEPTH,
  MAX_PAYLOAD_BYTES,
  meanings,
  poolIdText,
  poolToken,
  reasons,
  refusal,
  refusalSpec,
  senderOf,
  subjects,
} from '@tender/market';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLOSES, callOf, chequeOf, T } from './negotiation-support.js';

const schemas = [agentMessage, adminEnvelope, ...Object.values(bankEnvelopes)];
const cfp = {
  v: 1,
  id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  conversation: 'call-1',
  sender: 'seller',
  sentAt: T,
  replyBy: CLOSES,
  performative: 'cfp',
  body: callOf(),
};

test('arbitrary bytes and JSON: never a throw, a refusal with its code', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc.string().map((text) => new TextEncoder().encode(text)),
  );
  fc.assert(
    fc.property(fc.constantFrom(...schemas), bytes, (schema, payload) => {
      const decoded = decode(schema as typeof agentMessage, payload);
      expect(decoded).toMatchObject({ ok: false, status: 400, detail: 'malformed', reason: 'ambiguous' });
      if (!decoded.ok) expect(decoded.message.length).toBeLessThanOrEqual(512);
    }),
    { numRuns: 500 },
  );
});

test('a message survives the way there and back', () => {
  expect(decode(agentMessage, encode(cfp))).toEqual({ ok: true, value: cfp });
});

test.each([
  ['an unknown field', { ...cfp, extra: 1 }],
  ['an unknown field inside', { ...cfp, body: { ...cfp.body, extra: 1 } }],
  ['an unknown performative', { ...cfp, performative: 'shout' }],
  ['another version', { ...cfp, v: 2 }],
  ['a lower-case message id', { ...cfp, id: cfp.id.toLowerCase() }],
  ['no replyBy where one is due', { ...cfp, replyBy: undefined }],
  ['a fractional time', { ...cfp, sentAt: 1.5 }],
  ['a time that is text', { ...cfp, sentAt: '1' }],
  ['a negative number of units', { ...cfp, body: { ...cfp.body, terms: { ...cfp.body.terms, units: -1 } } }],
  ['a prototype in disguise', JSON.parse(`{"__proto__":{"v":1},"performative":"cfp"}`)],
])('%s is malformed', (_what, message) => {
  expect(decode(agentMessage, encode(message))).toMatchObject({ ok: false, detail: 'malformed' });
});

test('a payload above the limit is not even parsed; broken UTF-8 is no JSON', () => {
  expect(decode(agentMessage, new Uint8Array(MAX_PAYLOAD_BYTES + 1))).toMatchObject({
    message: expect.stringContaining(`at most ${MAX_PAYLOAD_BYTES}`),
  });
  const broken = encode({ a: 'x' });
  broken[6] = 0xff;
  expect(decode(agentMessage, broken)).toMatchObject({ ok: false, message: 'the payload is not JSON in UTF-8' });
});

test.each(['0', '-1', '+1', '1.5', '1e3', '0x10', 'nan', 'NaN', 'Infinity', '', ' 1', '01', '100000000000000', '１'])(
  'a price of %j is none',
  (priceMicro) => {
    expect(check(chequeSpec, { ...chequeOf('ann', 1), priceMicro }).ok).toBe(false);
  },
);

test.each([1, null, true, ['1'], { a: 1 }])('nor is %j, which is no text', (priceMicro) => {
  expect(check(chequeSpec, { ...chequeOf('ann', 1), priceMicro }).ok).toBe(false);
});

const wicked = [
  '',
  '.',
  '*',
  '>',
  'a.b',
  'a b',
  'a*',
  'a>',
  'A',
  '-a',
  'a{b}',
  'a\n',
  'a\0',
  'a_b',
  'constructor',
  'é',
  'a'.repeat(49),
];
test.each(wicked)('%j is no id', (id) => {
  expect(idText.safeParse(id).success).toBe(false);
});
test.each(wicked.filter((id) => id !== 'a.b' && id !== 'a'.repeat(49)))('%j is no pool', (id) => {
  expect(poolIdText.safeParse(id).success).toBe(false);
});

describe('subjects', () => {
  // Some of these are no ids: `constructor`, which generators are fond of.
  const id = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,20}$/).filter((text) => idText.safeParse(text).success);

  test('the sender is the token that the permissions name', () => {
    fc.assert(
      fc.property(id, id, id, (market, sender, other) => {
        expect(senderOf(subjects.cfp(market, 'gpu.a', sender))).toBe(sender);
        expect(senderOf(subjects.bid(market, other, 'call', sender))).toBe(sender);
        expect(cfpOf(subjects.bid(market, other, 'call', sender))).toBe('call');
        expect(senderOf(subjects.talk(market, other, sender))).toBe(sender);
        expect(senderOf(subjects.bank(market, sender, 'lock'))).toBe(sender);
        expect(senderOf(subjects.admin(market, sender, 'pool'))).toBe(sender);
      }),
    );
  });

  test('tokens that are no ids name nobody', () => {
    for (const token of ['A', '$', '_', '']) expect(senderOf(`tender.m.talk.x.${token}`)).toBeUndefined();
    expect(senderOf('tender')).toBe('tender');
    expect(cfpOf('tender.m.bid')).toBeUndefined();
  });

  test('pools map to tokens and no two to the same', () => {
    const pool = fc.array(id, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(pool, pool, (a, b) => {
        expect(poolToken(a)).not.toContain('.');
        expect(poolToken(a) === poolToken(b)).toBe(a === b);
      }),
    );
  });

  test.each([
    ['_INBOX_ann.x.1', true],
    ['_INBOX_ann.', true],
    ['_INBOX_ann', false],
    ['_INBOX_anna.x', false],
    ['_INBOX_bob.x', false],
    ['_INBOX_ann.*', false],
    ['_INBOX_ann.>', false],
    ['_INBOX_ann.a b', false],
    ['tender.m.bank.ann.lock', false],
    [undefined, false],
  ])('%j as an inbox of ann: %j', (reply, own) => {
    expect(isOwnInbox(reply, 'ann')).toBe(own);
  });
});

test('every detail has a meaning, of the closed list of reasons, and fits the wire', () => {
  expect(Object.keys(meanings).sort()).toEqual([...details].sort());
  for (const detail of details) {
    const made = refusal(detail, 'why');
    expect(reasons).toContain(made.reason);
    expect(check(refusalSpec, JSON.parse(JSON.stringify(made)))).toEqual({ ok: true, value: made });
  }
});

test('what is nested too deeply is refused before anything walks through it; brackets in text do not count', () => {
  const nested = (depth: number) => new TextEncoder().encode('['.repeat(depth) + ']'.repeat(depth));
  expect(decodeJson(nested(MAX_DEPTH)).ok).toBe(true);
  for (const depth of [MAX_DEPTH + 1, 100_000]) {
    expect(decodeJson(nested(depth))).toMatchObject({ ok: false, detail: 'malformed' });
  }
  expect(decodeJson(encode({ text: `\\"${'['.repeat(1000)}` }))).toMatchObject({ ok: true });
});
