// The negotiation lock on three real instances: all or none, known faults of redlock fenced off, failures bounded.
import { connectRedis, marketKey, redisReady } from '@tender/credits/redis';
import { type Stack, startStack } from '@tender/stack';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type HeldLock, NegotiationLock } from '../src/redis/index.js';

let stack: Stack;
let instances: Redis[];
let others: Redis[];
let lock: NegotiationLock;
/** Another broker's, over connections of its own. */
let other: NegotiationLock;
let pools = 0;
/** Each test has a pool of its own. */
let pool: string;

const now = () => Date.now();

async function connectAll(): Promise<Redis[]> {
  const connections = stack.redisUrls.map((url) => connectRedis(url));
  await Promise.all(connections.map((redis) => redisReady(redis, 60_000)));
  return connections;
}

beforeAll(async () => {
  stack = await startStack({ name: 'lock', nats: false, redis: { appendfsync: 'no' }, redisInstances: 3 });
  instances = await connectAll();
  others = await connectAll();
  lock = new NegotiationLock(instances, 'm', now);
  other = new NegotiationLock(others, 'm', now);
  closing = () => {
    for (const redis of [...instances, ...others]) redis.disconnect();
  };
});
let closing: () => void;
afterAll(async () => {
  closing();
  await stack.stop();
});
afterEach(async () => {
  for (const server of stack.redises) await server.kill('SIGCONT');
});

function freshPool(): string {
  pools += 1;
  pool = `pool-${pools}`;
  return pool;
}

/** What an instance that was not waited for does last, it does soon. */
const onEach = (slots: readonly number[], value: string | null) =>
  expect
    .poll(() => Promise.all(instances.map((redis) => valuesOn(redis, slots))))
    .toEqual(Array(instances.length).fill(slots.map(() => value)));

/** Locks slot 0 for so short a time as this machine takes to do it, and waits until that is over. */
async function ranOut(): Promise<HeldLock> {
  for (let ttlMs = 50; ; ttlMs *= 4) {
    const outcome = await lock.acquire(freshPool(), [0], ttlMs);
    if (!outcome.ok) continue;
    await onEach([0], null);
    while (now() <= outcome.lock.expiresAt) await new Promise((resume) => setTimeout(resume, 5));
    return outcome.lock;
  }
}

const valuesOn = (redis: Redis, slots: readonly number[]) =>
  redis.mget(slots.map((slot) => marketKey('m', 'lock', `${pool}:${slot}`)));

describe('acquire', () => {
  it('takes all slots under one value, on every instance', async () => {
    const outcome = await lock.acquire(freshPool(), [0, 1, 2], 50_000);
    if (!outcome.ok) throw new Error(outcome.why);
    await onEach([0, 1, 2], outcome.lock.value);
    expect(outcome.lock.expiresAt).toBeGreaterThan(now());
    expect(outcome.lock.expiresAt).toBeLessThan(now() + 50_000);
  });

  it('takes none where another has one of them', async () => {
    await lock.acquire(freshPool(), [1], 5_000);
    expect(await other.acquire(pool, [0, 1, 2], 5_000)).toEqual({ ok: false, why: 'taken' });
    for (const redis of instances) expect(await valuesOn(redis, [0, 2])).toEqual([null, null]);
  });

  it('gives one of many that ask at once the slots, and none two of them', async () => {
    freshPool();
    const asked = Array.from({ length: 40 }, (_, index) => (index % 2 ? lock : other).acquire(pool, [3, 4], 5_000));
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter(({ ok }) => ok).length).toBeLessThanOrEqual(1);
    for (const outcome of outcomes) if (!outcome.ok) expect(outcome.why).toBe('taken');
  });

  it('does not hand over a lock that ran out while the vote went on', async () => {
    let ahead = 0;
    const slow = new NegotiationLock(instances, 'm', () => now() + ahead);
    ahead = 200;
    expect(await slow.acquire(freshPool(), [0], 100)).toEqual({ ok: false, why: 'unavailable' });
  });

  it('runs out by itself', async () => {
    await ranOut();
    expect((await other.acquire(pool, [0], 10_000)).ok).toBe(true);
  });

  it('of a time limit that is no integer is refused as a value, not thrown', async () => {
    expect(await lock.acquire(freshPool(), [0], 10.5)).toEqual({ ok: false, why: 'unavailable' });
  });
});

describe('extend', () => {
  it('is for any broker that knows the value', async () => {
    const outcome = await lock.acquire(freshPool(), [0, 1], 30_000);
    if (!outcome.ok) throw new Error(outcome.why);
    expect(await other.extend(pool, [0, 1], outcome.lock.value, 90_000)).toMatchObject({ ok: true });
    for (const redis of instances) {
      await expect.poll(() => redis.pttl(marketKey('m', 'lock', `${pool}:1`))).toBeGreaterThan(60_000);
    }
  });

  it.each([
    ['another value', [0], 'f'.repeat(32)],
    ['a slot that is not held', [0, 7], undefined],
  ] as const)('with %s is refused', async (_name, slots, value) => {
    const outcome = await lock.acquire(freshPool(), [0], 5_000);
    if (!outcome.ok) throw new Error(outcome.why);
    const refused = await other.extend(pool, slots, value ?? outcome.lock.value, 9_000);
    expect(refused).toEqual({ ok: false, why: 'taken' });
    expect(await instances[0]!.pttl(marketKey('m', 'lock', `${pool}:0`))).toBeLessThan(5_001);
  });

  it('of a lock that ran out is refused, even where nobody took it since', async () => {
    const { value } = await ranOut();
    expect(await lock.extend(pool, [0], value, 5_000)).toEqual({ ok: false, why: 'taken' });
    expect(await valuesOn(instances[0]!, [0])).toEqual([null]);
  });
});

describe('release', () => {
  it('frees the slots on every instance, for its own value alone', async () => {
    const outcome = await lock.acquire(freshPool(), [0], 5_000);
    if (!outcome.ok) throw new Error(outcome.why);
    await other.release(pool, { ...outcome.lock, value: 'f'.repeat(32) });
    expect(await valuesOn(instances[0]!, [0])).toEqual([outcome.lock.value]);
    await other.release(pool, outcome.lock);
    await onEach([0], null);
  });

  it('of a lock that ran out returns at once', async () => {
    const held = await ranOut();
    // Before the event loop turns: no instance is asked.
    const turned = new Promise((resolve) => setImmediate(resolve, 'later'));
    expect(await Promise.race([lock.release(pool, held), turned])).toBeUndefined();
  });
});

describe('instances', () => {
  it('of an even number are refused: a split vote never settles', () => {
    expect(() => new NegotiationLock(instances.slice(0, 2), 'm', now)).toThrow('odd number');
  });

  it('one of three silent: locks are still taken, extended and refused for the right reason', async () => {
    await stack.redises[1]!.kill('SIGSTOP');
    const outcome = await lock.acquire(freshPool(), [0], 5_000);
    if (!outcome.ok) throw new Error(outcome.why);
    expect((await other.extend(pool, [0], outcome.lock.value, 5_000)).ok).toBe(true);
  });

  it('two of three silent: unavailable within the time limit, and the slots are free when they answer again', async () => {
    await stack.redises[1]!.kill('SIGSTOP');
    await stack.redises[2]!.kill('SIGSTOP');
    const before = performance.now();
    expect(await lock.acquire(freshPool(), [0], 30_000)).toEqual({ ok: false, why: 'unavailable' });
    const took = performance.now() - before;
    expect(took).toBeGreaterThan(900);
    expect(took).toBeLessThan(20_000);
    await stack.redises[1]!.kill('SIGCONT');
    await stack.redises[2]!.kill('SIGCONT');
    await onEach([0], null);
    expect((await other.acquire(pool, [0], 10_000)).ok).toBe(true);
  });
});

describe('instances that are killed', () => {
  it('one: taken is still told from unavailable; two: unavailable; all back: as before', async () => {
    const lost = (n: number) =>
      expect.poll(() => [instances[n]!.status, others[n]!.status].includes('ready')).toBe(false);
    await stack.redises[2]!.kill('SIGKILL');
    await lost(2);
    expect((await lock.acquire(freshPool(), [0], 5_000)).ok).toBe(true);
    expect(await other.acquire(pool, [0], 5_000)).toEqual({ ok: false, why: 'taken' });
    await stack.redises[1]!.kill('SIGKILL');
    await lost(1);
    expect(await lock.acquire(pool, [5], 5_000)).toEqual({ ok: false, why: 'unavailable' });
    expect(await valuesOn(instances[0]!, [5])).toEqual([null]);
    await stack.redises[1]!.restart();
    await stack.redises[2]!.restart();
    await Promise.all(instances.map((redis) => redisReady(redis, 60_000)));
    expect((await lock.acquire(pool, [5], 5_000)).ok).toBe(true);
  });
});
