// Whether the store keeps what the bank acknowledges: an operator's own Redis is often set up as a cache.
import type { Redis } from 'ioredis';

/** What each setting is to be, and what may happen where it is not. */
const SETTINGS: readonly { readonly name: string; readonly good: string; readonly otherwise: string }[] = [
  { name: 'appendonly', good: 'yes', otherwise: 'a restart forgets the market' },
  { name: 'appendfsync', good: 'always', otherwise: 'a crash of the machine forgets what was acknowledged last' },
  {
    name: 'aof-load-truncated',
    good: 'no',
    otherwise: 'a kill in mid-write may cost acknowledged operations two restarts later (docs/adr/0019)',
  },
  {
    name: 'maxmemory-policy',
    good: 'noeviction',
    otherwise: 'accounts and contracts are evicted where memory is full',
  },
];

/**
 * One sentence for each setting of the store that is not as the bank needs it; empty where all are, and where the
 * store does not tell (a managed one forbids CONFIG). Rejects where it is away.
 */
export async function storeRisks(redis: Redis): Promise<string[]> {
  const replies = await Promise.all(SETTINGS.map(({ name }) => setting(redis, name)));
  return SETTINGS.flatMap(({ name, good, otherwise }, n) => {
    const value = replies[n];
    if (value === undefined || value === good) return [];
    return [`Redis has ${name} ${value}: ${otherwise}; CONFIG SET ${name} ${good}, and in its redis.conf`];
  });
}

async function setting(redis: Redis, name: string): Promise<string | undefined> {
  try {
    return ((await redis.config('GET', name)) as string[])[1];
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined;
    throw error;
  }
}
