// Containers as the last step, against a real engine where one answers and has, or can pull, the images.
import { existsSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { stackEnvironment } from '../src/environment.js';
import { resolveServer } from '../src/resolve.js';
import { startStack } from '../src/stack.js';
import { bareVariables, expectGone, holdStack, isGone, redis, temporaryFolder } from './support.js';

const env = bareVariables({ TENDER_SERVERS_FROM: 'docker' });

describe('in Docker', () => {
  let unavailable: string | undefined;

  beforeAll(async () => {
    for (const kind of ['nats', 'redis'] as const) {
      const resolution = await resolveServer(kind, stackEnvironment(env));
      if (!resolution.ok) unavailable = resolution.tried.at(-1)?.said;
    }
  });

  it('both servers run, keep their data over a kill, and are gone after stop', async (context) => {
    if (unavailable !== undefined) return context.skip(unavailable);
    const stack = await startStack({ env });
    expect([stack.nats.how, stack.redis.how]).toEqual(['docker', 'docker']);
    const { url, pid } = stack.redis;
    expect(await redis(url, 'SET kept yes')).toBe('+OK');
    await stack.redis.kill('SIGKILL');
    expect(stack.redis.alive).toBe(false);
    await stack.redis.restart();
    expect(stack.redis.url).toBe(url);
    expect(await redis(url, 'GET kept')).toContain('yes');
    await stack.nats.kill('SIGTERM');
    await stack.nats.restart();
    const pids = [pid!, stack.redis.pid!, stack.nats.pid!];
    await stack.stop();
    await expectGone(pids);
  });

  it('the data stays where the caller named a folder', async (context) => {
    if (unavailable !== undefined) return context.skip(unavailable);
    const dir = temporaryFolder();
    const first = await startStack({ env, dir, nats: false });
    await redis(first.redisUrl, 'SET kept yes');
    await first.stop();
    expect(existsSync(join(dir, 'redis/appendonlydir'))).toBe(true);
    const second = await startStack({ env, dir, nats: false });
    expect(await redis(second.redisUrl, 'GET kept')).toContain('yes');
    // Killed in mid-write: the half is cut off before Redis reads it.
    await redis(second.redisUrl, `EVAL "redis.call('SET', 'a', 1) redis.call('SET', 'b', 1)" 0`);
    await second.redis.kill('SIGKILL');
    const file = join(dir, 'redis/appendonlydir/appendonly.aof.1.incr.aof');
    truncateSync(file, statSync(file).size - 20);
    await second.redis.restart();
    expect(readFileSync(file, 'latin1')).not.toContain('MULTI');
    expect(await redis(second.redisUrl, 'GET kept')).toContain('yes');
    await second.stop();
  });

  it('nothing stays after a kill -9 of the parent', async (context) => {
    if (unavailable !== undefined) return context.skip(unavailable);
    const hasClient = stackEnvironment().searchPath.some((folder) => existsSync(join(folder, 'docker')));
    if (!hasClient) return context.skip('the watchdog removes containers by the docker command, which is not here');
    const held = await holdStack({ TENDER_SERVERS_FROM: 'docker' });
    expect(held.pids.some(isGone)).toBe(false);
    held.child.kill('SIGKILL');
    await expectGone(held.pids);
  });
});
