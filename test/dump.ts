// All that Redis holds, as one comparable value; the time limits of keys stay out.
import type { Redis } from 'ioredis';

/** Every key with its value; of the journal its length. */
export async function dump(redis: Redis): Promise<Record<string, unknown>> {
  const state: Record<string, unknown> = {};
  for (const key of (await redis.keys('*')).sort()) {
    const type = await redis.type(key);
    if (type === 'hash') state[key] = await redis.hgetall(key);
    else if (type === 'set') state[key] = (await redis.smembers(key)).sort();
    else if (type === 'zset') state[key] = await redis.zrange(key, '0', '-1', 'WITHSCORES');
    else if (type === 'stream') state[key] = await redis.xlen(key);
    else state[key] = await redis.get(key);
  }
  return state;
}
