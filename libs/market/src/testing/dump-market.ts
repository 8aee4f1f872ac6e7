// Everything that Redis holds of a market, in a fixed order: two dumps that are equal prove that nothing changed.
import type { Redis } from 'ioredis';

/** Key → value (hashes, sets, zsets and streams as sorted JSON). Time limits are left out: they run by themselves. */
export async function dumpMarket(redis: Redis, market: string): Promise<Record<string, string>> {
  const names = (await keysOf(redis, market)).sort();
  const values = await Promise.all(names.map((name) => contentOf(redis, name)));
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

async function keysOf(redis: Redis, market: string): Promise<string[]> {
  const names = new Set<string>();
  let cursor = '0';
  do {
    const [next, page] = await redis.scan(cursor, 'MATCH', `{${market}}:*`, 'COUNT', 1000);
    for (const name of page) names.add(name);
    cursor = next;
  } while (cursor !== '0');
  return [...names];
}

async function contentOf(redis: Redis, name: string): Promise<string> {
  switch (await redis.type(name)) {
    case 'hash':
      return JSON.stringify(Object.entries(await redis.hgetall(name)).sort());
    case 'set':
      return JSON.stringify((await redis.smembers(name)).sort());
    case 'zset':
      return JSON.stringify(await redis.zrange(name, 0, '-1', 'WITHSCORES'));
    case 'stream':
      return JSON.stringify(await redis.xrange(name, '-', '+'));
    default:
      return (await redis.get(name)) ?? '';
  }
}
