// One way to connect to Redis for state changes: nothing is queued, nothing is sent twice behind the caller's back.
import { Redis } from 'ioredis';

/** A Redis that is silent for so long hangs; a slow disk's fsync takes less. */
const COMMAND_MS = 4_000;

/**
 * A connection that fails at once while Redis is away and reconnects by itself; a command cut off by a lost
 * connection, or without an answer for COMMAND_MS, rejects: its outcome is unknown, and it is asked again under the
 * same idempotency key.
 */
export function connectRedis(url: string, onError: (error: Error) => void = () => {}): Redis {
  const redis = new Redis(url, {
    autoResendUnfulfilledCommands: false,
    commandTimeout: COMMAND_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(20 * attempt, 500),
  });
  redis.on('error', onError);
  return redis;
}

/** Resolves when the connection can take commands, or rejects after `timeoutMs`. */
export function redisReady(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      redis.off('ready', ready);
      reject(new Error(`Redis did not answer within ${timeoutMs} ms: is it running, and is REDIS_URL right?`));
    }, timeoutMs);
    const ready = () => {
      clearTimeout(timer);
      resolve();
    };
    redis.once('ready', ready);
  });
}
