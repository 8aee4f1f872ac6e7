// Seals: what was sealed convinces, whatever else is shown does not.

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  type Bid,
  check,
  chequeSpec,
  ephemeralText,
  macHolds,
  privateKeyOf,
  publicKeyOf,
  publicNkeyOf,
  sealEd25519,
  sealedText,
  sealMac,
  seedOf,
  sessionKey,
  sessionText,
  signatureHolds,
  signText,
  termsDigest,
  textSignatureHolds,
  unwrapSessionKey,
  wrapSessionKey,
} from '@tender/market';
import fc from 'fast-check';
import { nkeys } from 'nats';
import { describe, expect, test } from 'vitest';
import { callOf } from './negotiation-support.js';

const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
const nkey = publicNkeyOf(seed);
const secretKey = privateKeyOf(seed)!;
const publicKey = publicKeyOf(nkey)!;
const secret = Buffer.alloc(32, 7);
const session = { session: 'abc', until: 5000 };
const key = sessionKey(secret, 'm', 'ann', session.session, session.until);
const bid: Bid = { participant: 'ann', units: 2, priceMicro: '50', intent: 'i-1', until: 4000 };
const digest = termsDigest(callOf().terms);

test('what a session sealed, the secret bears out; and it fits the wire', () => {
  const cheque = sealMac('m', 'call-1', digest, bid, session, key);
  expect(check(chequeSpec, JSON.parse(JSON.stringify(cheque)))).toEqual({ ok: true, value: cheque });
  expect(macHolds('m', 'call-1', digest, cheque, sessionKey(secret, 'm', 'ann', 'abc', 5000))).toBe(true);
});

test('what an nkey sealed, its public half bears out; and it fits the wire', () => {
  const cheque = sealEd25519('m', 'call-1', digest, bid, nkey, secretKey);
  expect(check(chequeSpec, JSON.parse(JSON.stringify(cheque)))).toEqual({ ok: true, value: cheque });
  expect(signatureHolds('m', 'call-1', digest, cheque, publicKey)).toBe(true);
});

describe('nothing else', () => {
  const mac = sealMac('m', 'call-1', digest, bid, session, key);
  const signed = sealEd25519('m', 'call-1', digest, bid, nkey, secretKey);
  const changes: [string, Partial<Bid>][] = [
    ['participant', { participant: 'bob' }],
    ['units', { units: 3 }],
    ['price', { priceMicro: '51' }],
    ['intent', { intent: 'i-2' }],
    ['time limit', { until: 4001 }],
    ['hold of tokens', { tokens: 'hold-1' }],
  ];
  test.each(changes)('another %s', (_what, change) => {
    expect(macHolds('m', 'call-1', digest, { ...mac, ...change }, key)).toBe(false);
    expect(signatureHolds('m', 'call-1', digest, { ...signed, ...change }, publicKey)).toBe(false);
  });

  test.each([
    ['market', 'n', 'call-1', digest],
    ['call', 'm', 'call-2', digest],
    ['terms', 'm', 'call-1', termsDigest(callOf({ units: 3 }).terms)],
  ])('another %s', (_what, market, cfp, other) => {
    expect(macHolds(market, cfp, other, mac, key)).toBe(false);
    expect(signatureHolds(market, cfp, other, signed, publicKey)).toBe(false);
  });

  test.each([
    ['secret', sessionKey(Buffer.alloc(32, 8), 'm', 'ann', 'abc', 5000)],
    ['market', sessionKey(secret, 'n', 'ann', 'abc', 5000)],
    ['agent', sessionKey(secret, 'm', 'bob', 'abc', 5000)],
    ['session', sessionKey(secret, 'm', 'ann', 'abd', 5000)],
    ['end of the session', sessionKey(secret, 'm', 'ann', 'abc', 5001)],
  ])('a key of another %s', (_what, other) => {
    expect(macHolds('m', 'call-1', digest, mac, other)).toBe(false);
  });

  test('a signature cut short, emptied or made up', () => {
    for (const signature of ['', 'A', 'A'.repeat(43), mac.signature.slice(1)]) {
      expect(macHolds('m', 'call-1', digest, { ...mac, signature }, key)).toBe(false);
      expect(signatureHolds('m', 'call-1', digest, { ...signed, signature }, publicKey)).toBe(false);
    }
  });
});

test('no two bids share a text', () => {
  const id = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,5}$/);
  const anyBid = fc.record({
    participant: id,
    units: fc.integer({ min: 1, max: 64 }),
    priceMicro: fc.integer({ min: 1 }).map(String),
    intent: id,
    until: fc.nat(),
  });
  fc.assert(
    fc.property(id, anyBid, id, anyBid, (cfpA, a, cfpB, b) => {
      const equal = cfpA === cfpB && JSON.stringify(a) === JSON.stringify(b);
      expect(sealedText('m', cfpA, digest, a) === sealedText('m', cfpB, digest, b)).toBe(equal);
    }),
  );
});

test('the digest covers every term, and not the order of seals', () => {
  const { terms } = callOf({ seals: ['mac', 'ed25519'] });
  const changed = [
    { cfp: 'x' },
    { market: 'x' },
    { pool: 'x' },
    { initiator: 'x' },
    { units: 9 },
    { rule: 'first-price' },
    { reservePriceMicro: '9' },
    { durationMs: 9 },
    { windowMs: 9 },
    { seals: ['mac'] },
  ].map((change) => termsDigest({ ...terms, ...change } as typeof terms));
  expect(new Set([termsDigest(terms), ...changed]).size).toBe(changed.length + 1);
  expect(termsDigest({ ...terms, seals: ['ed25519', 'mac'] })).toBe(termsDigest(terms));
});

test('a login is for one agent, nonce, time and ephemeral key', () => {
  const text = sessionText('m', 'ann', 'nonce-1', 1000, 'e1');
  const signature = signText(text, secretKey);
  expect(textSignatureHolds(text, signature, publicKey)).toBe(true);
  for (const other of [
    sessionText('m', 'ann', 'nonce-1', 1001, 'e1'),
    sessionText('m', 'ann', 'nonce-2', 1000, 'e1'),
    sessionText('m', 'ann', 'nonce-1', 1000, 'e2'),
  ]) {
    expect(textSignatureHolds(other, signature, publicKey)).toBe(false);
  }
});

test.each([
  '',
  'U',
  nkey.slice(0, -1),
  `${nkey.slice(0, -1)}${nkey.endsWith('A') ? 'B' : 'A'}`,
  nkey.replace('U', 'A'),
  nkey.toLowerCase(),
  seed,
])('%j is no public nkey', (text) => {
  expect(publicKeyOf(text)).toBeUndefined();
  expect(publicKeyOf(text)).toBeUndefined();
});
test.each(['', 'SU', nkey, seed.slice(0, -1), seed.replace('SU', 'SA')])('%j is no seed', (text) => {
  expect(privateKeyOf(text)).toBeUndefined();
  expect(privateKeyOf(text)).toBeUndefined();
});

test('keys are those of NATS: made by either side, read by the other', () => {
  for (let round = 0; round < 20; round += 1) {
    const theirs = nkeys.createUser();
    const theirSeed = new TextDecoder().decode(theirs.getSeed());
    expect(publicNkeyOf(theirSeed)).toBe(theirs.getPublicKey());

    const ourSeed = seedOf(Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + round * 11) & 0xff)));
    const ours = nkeys.fromSeed(new TextEncoder().encode(ourSeed));
    expect(ours.getPublicKey()).toBe(publicNkeyOf(ourSeed));
    const text = new TextEncoder().encode('a login');
    expect(ours.verify(text, Buffer.from(signText('a login', privateKeyOf(ourSeed)!), 'base64url'))).toBe(true);
  }
});

test("a session's key is read by the login that it was made for, and by nobody else", () => {
  const [bank, agent, eve] = [1, 2, 3].map(() => generateKeyPairSync('x25519').privateKey) as [
    KeyObject,
    KeyObject,
    KeyObject,
  ];
  const about = { market: 'm', agent: 'ann', session: 's1', until: 5000 };
  const sealedKey = wrapSessionKey(bank, ephemeralText(agent), about, key)!;
  expect(unwrapSessionKey(agent, ephemeralText(bank), about, sealedKey)).toEqual(key);
  expect(unwrapSessionKey(eve, ephemeralText(bank), about, sealedKey)).toBeUndefined();
  expect(unwrapSessionKey(agent, ephemeralText(eve), about, sealedKey)).toBeUndefined();
  expect(unwrapSessionKey(agent, ephemeralText(bank), { ...about, until: 5001 }, sealedKey)).toBeUndefined();
  expect(unwrapSessionKey(agent, ephemeralText(bank), about, sealedKey.slice(1))).toBeUndefined();
  for (const none of ['', 'A'.repeat(43), 'x'.repeat(42)]) {
    expect(wrapSessionKey(bank, none, about, key)).toBeUndefined();
  }
});
