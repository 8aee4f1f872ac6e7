// The configuration: what is refused, and whether the message helps.
import { seedOf } from '@tender/market';
import { expect, test } from 'vitest';
import { brokerConfig, ConfigError, stewardConfig } from '../src/config.js';

const good = { TENDER_SECRET: 'ab'.repeat(32) };
const seed = seedOf(Buffer.alloc(32, 7));

test('defaults are those of a local deployment', () => {
  expect(brokerConfig(good)).toMatchObject({
    NATS_URL: 'nats://127.0.0.1:4222',
    REDIS_URL: 'redis://127.0.0.1:6379',
    TENDER_MARKET: 'demo',
    HTTP_HOST: '127.0.0.1',
    TENDER_CHECK_MS: 0,
  });
});

test('what a compose file hands on empty is not set', () => {
  const { TENDER_STEWARD, TENDER_NATS_SEED } = brokerConfig({ ...good, TENDER_STEWARD: '', TENDER_NATS_SEED: '' });
  expect([TENDER_STEWARD, TENDER_NATS_SEED]).toEqual([undefined, undefined]);
});

test.each([
  ['a login that is no seed', { ...good, TENDER_NATS_SEED: 'SU1' }, /TENDER_NATS_SEED is no user nkey seed/],
  ['no secret', {}, /TENDER_SECRET is missing: 64 hex digits from `openssl rand -hex 32`/],
  ['a short secret', { TENDER_SECRET: 'abc' }, /TENDER_SECRET has 64 hex digits/],
  ['a market that is no id', { ...good, TENDER_MARKET: 'a.b' }, /TENDER_MARKET an id has/],
  ['an operator without a key', { ...good, TENDER_OPERATORS: 'op' }, /"op" is not <operator id>:<public nkey>/],
  ['a steward that is no JSON', { ...good, TENDER_STEWARD: '{' }, /TENDER_STEWARD is not JSON/],
  [
    'a steward without pools',
    { ...good, TENDER_STEWARD: `{"id":"s","seed":"${seed}","pools":[]}` },
    /TENDER_STEWARD.pools/,
  ],
  [
    'a steward whose seed is none',
    { ...good, TENDER_STEWARD: `{"id":"s","seed":"SU${'A'.repeat(56)}","pools":[{"pool":"p"}]}` },
    /TENDER_STEWARD.seed is no user nkey seed/,
  ],
  [
    'a lock shorter than the window',
    { ...good, TENDER_STEWARD: `{"id":"s","seed":"${seed}","pools":[{"pool":"p","windowMs":5000}]}` },
    /ttlMs: the lock must outlive windowMs/,
  ],
  ['a port that is none', { ...good, HTTP_PORT: '70000' }, /HTTP_PORT/],
  ['a log level that is none', { ...good, LOG_LEVEL: 'loud' }, /LOG_LEVEL/],
])('%s', (_name, env, message) => {
  expect(() => brokerConfig(env)).toThrow(ConfigError);
  expect(() => brokerConfig(env)).toThrow(message);
});

test("a steward's own process needs no secret, only what to sell", () => {
  const steward = { id: 'steward', seed, pools: [{ pool: 'gpu.h100' }] };
  expect(stewardConfig({ TENDER_STEWARD: JSON.stringify(steward) }).TENDER_STEWARD.pools[0]).toMatchObject({
    rule: 'uniform-price',
    durationMs: 2_000,
    units: 64,
  });
  expect(() => stewardConfig({})).toThrow(/TENDER_STEWARD/);
});

test('it is frozen', () => {
  expect(Object.isFrozen(brokerConfig(good))).toBe(true);
});
