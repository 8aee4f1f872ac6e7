// A folder of data is one stack's at a time, until the last of its servers is gone.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { lockFolder } from '../src/folder-lock.js';
import { startStack } from '../src/stack.js';
import { waitUntil } from '../src/wait-until.js';
import {
  bareVariables,
  childrenOf,
  expectGone,
  holdStack,
  isGone,
  processes,
  redis,
  temporaryFolder,
} from './support.js';

const hasLocks = (): boolean => {
  try {
    execFileSync('flock', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

describe.skipIf(!hasLocks())('the folder of a stack', () => {
  it('is refused to another one, with who has it, until it is stopped', async () => {
    const dir = temporaryFolder();
    const stack = await startStack({ env: bareVariables({}), dir, nats: false });
    await expect(lockFolder(dir, undefined, 0)).rejects.toThrow(
      `${dir} is in use: the servers of process ${process.pid} run on it`,
    );
    await stack.redis.kill('SIGKILL');
    await expect(lockFolder(dir, undefined, 0)).rejects.toThrow('is in use');
    await stack.redis.restart();
    await stack.stop();
    (await lockFolder(dir, undefined, 0)).release();
  });

  it('stays its own after a kill -9 of the parent, while a server lives', async () => {
    const dir = temporaryFolder();
    const held = await holdStack({ HELD_DIR: dir });
    const [watchdog] = childrenOf(held.child.pid!, 'tender-watchdog');
    // Nobody ends the servers yet, as on a machine that is too busy to.
    process.kill(watchdog!, 'SIGSTOP');
    held.child.kill('SIGKILL');
    expect(await waitUntil(() => isGone(held.child.pid!), 20_000)).toBe(true);
    await expect(lockFolder(dir, undefined, 0)).rejects.toThrow(`process ${held.child.pid}`);
    const starting = startStack({ env: bareVariables({}), dir });
    process.kill(watchdog!, 'SIGCONT');
    const next = await starting;
    await expectGone(held.pids);
    expect(await redis(next.redisUrl, 'PING')).toBe('+PONG');
    await next.stop();
    expect(processes().filter(({ args }) => args.includes(dir))).toEqual([]);
  });
});
