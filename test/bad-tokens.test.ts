// Whatever is asked about rate tokens, the bank answers it with a code and changes nothing.
import { newId } from '@tender/market/nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { amounts, ids, notAmounts, refusedWithoutChange } from './bad-values.js';
import { type MarketUnderTest, startMarket } from './market-under-test.js';
import type { Reply, WireClient } from './wire-client.js';

let market: MarketUnderTest;
let holder: WireClient;
let other: WireClient;
let hold: string;

const refusedUnchanged = (ask: () => Promise<Reply | undefined>) => refusedWithoutChange(market.redis, ask);

const take = () => ({ hold: newId(), bucket: 'api', amounts: { requests: 1 }, maxPriceMicro: '9', ttlMs: 600_000 });
const back = () => ({ key: `return-${newId()}`, hold, used: { requests: 1 } });
const offer = () => ({ key: `offer-${newId()}`, hold, to: 'other', amounts: { requests: 1 }, priceMicro: '1' });
const buy = () => ({ hold: newId(), of: hold, amounts: { requests: 1 }, maxPriceMicro: '1' });
const good = {
  tokens: take,
  return: back,
  'offer-tokens': offer,
  'buy-tokens': buy,
  bucket: () => ({ bucket: 'api' }),
};
const limit = { name: 'requests', capacity: 10, refillPerSecond: 0.001 };
const spec = (more: object = {}) => ({ bucket: 'api', account: 'till', limits: [limit], ...more });

beforeAll(async () => {
  market = await startMarket(1);
  holder = await market.agent('holder', 100);
  other = await market.agent('other', 100);
  await market.order('account', { account: { id: 'till', kind: 'pool' } });
  await market.order('bucket', { bucket: spec() });
  hold = (await holder.done('tokens', { ...take(), amounts: { requests: 3 } })).hold;
});
afterAll(() => market?.stop());

type Row = [operation: keyof typeof good, name: string, change: object];
const malformed: Row[] = [
  ...ids.map((id) => ['tokens', 'hold', { hold: id }] as Row),
  ...amounts.slice(1).map((amount) => ['tokens', 'price', { maxPriceMicro: amount }] as Row),
  ...notAmounts.map((amount) => ['offer-tokens', 'price', { priceMicro: amount }] as Row),
  ['tokens', 'a bucket of two words', { bucket: 'a b' }],
  ['tokens', 'no amounts', { amounts: {} }],
  ['tokens', 'amounts as a list', { amounts: [1] }],
  ['tokens', 'no token', { amounts: { requests: 0 } }],
  ['tokens', 'half a token', { amounts: { requests: 0.5 } }],
  ['tokens', 'tokens as text', { amounts: { requests: '1' } }],
  ['tokens', 'more tokens than there can be', { amounts: { requests: 1e10 } }],
  ['tokens', 'a limit that is no name', { amounts: { 'a b': 1 } }],
  ['tokens', 'a limit that the bucket has not', { amounts: { words: 1 } }],
  ['tokens', 'a limit called __proto__', JSON.parse('{"amounts":{"__proto__":1}}')],
  ['tokens', 'content with more than is asked for', { atLeast: { requests: 2 } }],
  ['tokens', 'no time to hold them', { ttlMs: 0 }],
  ['tokens', 'longer than the bucket lets', { ttlMs: 3_600_000 }],
  ['tokens', 'a wait without end', { waitMs: 1e9 }],
  ['tokens', 'a wait below zero', { waitMs: -1 }],
  ['tokens', 'an unknown field', { surprise: 1 }],
  ['return', 'no key', { key: undefined }],
  ['return', 'less than nothing used', { used: { requests: -1 } }],
  ['return', 'what is not held', { used: { words: 1 } }],
  ['return', 'a word that is no status', { upstream: { status: 7 } }],
  ['return', 'a pause without end', { upstream: { status: 429, retryAfterMs: 1e12 } }],
  [
    'return',
    'what is left of five limits',
    { upstream: { status: 200, remaining: { requests: 1, a: 1, b: 1, c: 1, d: 1 } } },
  ],
  ['return', 'less than nothing left', { upstream: { status: 200, remaining: { requests: -1 } } }],
  ['bucket', 'a limit that the bucket has not', { amounts: { words: 1 } }],
  ['buy-tokens', 'no hold', { of: '' }],
];
test.each(malformed)('%s: %s %j', async (operation, _name, change) => {
  const reply = await refusedUnchanged(() => holder.once(operation, { ...good[operation](), ...change }));
  expect(reply.body).toMatchObject({ detail: 'malformed', status: 400, final: true });
});

const refused: [keyof typeof good, string, object, string][] = [
  ['tokens', 'no such bucket', { bucket: 'api.none' }, 'unknown'],
  ['tokens', "in another's name", { agent: 'other' }, 'not-permitted'],
  ['tokens', 'more than the bucket holds', { amounts: { requests: 11 }, maxPriceMicro: '99' }, 'no-capacity'],
  ['tokens', 'for less than they cost', { amounts: { requests: 7 }, maxPriceMicro: '6' }, 'below-reserve-price'],
  ['tokens', 'without credits', { maxPriceMicro: '9'.repeat(14) }, 'insufficient-credits'],
  ['tokens', 'more than is there', { amounts: { requests: 8 }, maxPriceMicro: '99' }, 'token-limit'],
  ['return', 'no such hold', { hold: 'nothing' }, 'unknown'],
  ['offer-tokens', 'more than is held', { amounts: { requests: 9 } }, 'no-capacity'],
  ['offer-tokens', 'to nobody', { to: 'nobody' }, 'unknown'],
  ['buy-tokens', 'no such hold', { of: 'nothing' }, 'unknown'],
  ['bucket', 'no such bucket', { bucket: 'api.none' }, 'unknown'],
  ['bucket', "in another's name", { agent: 'other' }, 'not-permitted'],
];
test.each(refused)('%s: %s', async (operation, _name, change, detail) => {
  const reply = await refusedUnchanged(() => holder.once(operation, { ...good[operation](), ...change }));
  expect(reply.body.detail).toBe(detail);
});

test("another's tokens cannot be given back, sold or bought", async () => {
  for (const [operation, body] of [
    ['return', back()],
    ['offer-tokens', { ...offer(), to: 'holder' }],
    ['buy-tokens', buy()],
  ] as const) {
    const reply = await refusedUnchanged(() => other.once(operation, body));
    expect(['not-permitted', 'unknown']).toContain(reply.body.detail);
  }
});

const specs: [string, object][] = [
  ['no limits', { limits: [] }],
  ['five limits', { limits: ['a', 'b', 'c', 'd', 'e'].map((name) => ({ ...limit, name })) }],
  ['two of one name', { limits: [limit, limit] }],
  ['a limit that every object has', { limits: [{ ...limit, name: 'constructor' }] }],
  ['a reserve beyond the capacity', { limits: [{ ...limit, reserve: 11 }] }],
  ['a refill of four decimals', { limits: [{ ...limit, refillPerSecond: 0.0001 }] }],
  ['a refill below zero', { limits: [{ ...limit, refillPerSecond: -1 }] }],
  ['an unknown rule', { rule: 'lottery' }],
  ['an unknown field', { surprise: 1 }],
  ['no account', { account: undefined }],
];
test.each(specs)('a bucket with %s', async (_name, change) => {
  const reply = await refusedUnchanged(() => market.say('bucket', { bucket: spec(change) }));
  expect(reply.body.detail).toBe('malformed');
});

test('what no bid could pay for is quoted as an amount all the same', async () => {
  const dear = { ...limit, capacity: 1_000_000_000, priceMicro: '9'.repeat(14) };
  await market.order('bucket', { bucket: { ...spec({ limits: [dear] }), bucket: 'dear' } });
  const view = await holder.done('bucket', { bucket: 'dear', amounts: { requests: 1_000_000_000 } });
  expect(view.quote.priceMicro).toBe('9'.repeat(14));
});
