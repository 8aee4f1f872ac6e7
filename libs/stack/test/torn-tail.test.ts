// A Redis killed in mid-write: what it had acknowledged before and acknowledges afterwards outlives every restart.
import { appendFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { stackEnvironment } from '../src/environment.js';
import { freePort } from '../src/free-port.js';
import { redisAnswers, redisArguments } from '../src/redis-server.js';
import type { FoundServer } from '../src/resolution.js';
import { resolveServer } from '../src/resolve.js';
import type { ServerHandle } from '../src/server-handle.js';
import { type Stack, startStack } from '../src/stack.js';
import { spawnTethered } from '../src/tether.js';
import { waitUntil } from '../src/wait-until.js';
import { bareVariables, found, packageFolder, redis, temporaryFolder } from './support.js';

type Binary = Extract<FoundServer, { command: string }>;

/** As an award does: counts, then writes under the number; two commands in one transaction of the file. */
const APPEND = `EVAL "local n = redis.call('INCR', 'count') redis.call('SET', 'entry:' .. n, n) return n" 0`;

let stack: Stack | undefined;
const lines: string[] = [];
afterEach(async () => {
  await stack?.stop();
  lines.length = 0;
});

async function start(dir = temporaryFolder()): Promise<Stack> {
  stack = await startStack({ env: bareVariables({}), nats: false, dir, log: (line) => lines.push(line) });
  return stack;
}

async function binary(): Promise<Binary> {
  return found(await resolveServer('redis', stackEnvironment(bareVariables({})))) as Binary;
}

function appendOnlyFile(dir: string): string {
  return join(dir, 'appendonlydir', 'appendonly.aof.1.incr.aof');
}

/** What the last transaction looks like in the file, so that it can be cut anywhere. */
function lastTransaction(file: string): { start: number; size: number; text: string } {
  const bytes = readFileSync(file, 'latin1');
  const start = bytes.lastIndexOf('*1\r\n$5\r\nMULTI');
  return { start, size: bytes.length, text: bytes.slice(start) };
}

/** It does not start on the file as it is, says why, and changes nothing in it. */
async function expectRefused(server: ServerHandle, file: string, why: string | RegExp): Promise<void> {
  const before = readFileSync(file);
  await expect(server.restart()).rejects.toThrow(why);
  expect(readFileSync(file)).toEqual(before);
}

/** Where a write may have stopped: within the last word, an argument, a length; between two commands. */
const CUTS: Record<string, (text: string) => number> = {
  'within EXEC': (text) => text.length - 4,
  'before EXEC': (text) => text.lastIndexOf('*1\r\n'),
  'within an argument': (text) => text.indexOf('entry:') + 3,
  'within a length': (text) => text.indexOf('$7') + 1,
  'between two commands': (text) => text.indexOf('*3\r\n'),
  'after MULTI': (text) => text.indexOf('MULTI') + 7,
  'within MULTI': (text) => text.indexOf('MULTI') + 2,
};

describe('a Redis killed in mid-write', () => {
  it.each(Object.keys(CUTS))('that stopped %s loses that transaction alone, and nothing later', async (where) => {
    const { dir, redis: server } = await start();
    const file = appendOnlyFile(join(dir, 'redis'));
    expect(await redis(server.url, APPEND)).toBe(':1');
    expect(await redis(server.url, APPEND)).toBe(':2');
    await server.kill('SIGKILL');
    const torn = lastTransaction(file);
    truncateSync(file, torn.start + CUTS[where]!(torn.text));
    await server.restart();
    expect(statSync(file).size).toBe(torn.start);
    const cut = CUTS[where]!(torn.text);
    expect(lines.filter((line) => line.includes(`its last write was torn; ${cut} bytes`))).toHaveLength(1);
    // Two more lives: what Redis by itself leaves of the torn transaction would swallow the next one's beginning.
    expect(await redis(server.url, APPEND)).toBe(':2');
    await server.kill('SIGKILL');
    await server.restart();
    expect(await redis(server.url, APPEND)).toBe(':3');
    expect((await redis(server.url, 'MGET entry:1 entry:2 entry:3'))?.match(/^\d$/gm)).toEqual(['1', '2', '3']);
  });

  it('is not mended where the file is damaged before its end: it says so, and cuts nothing', async () => {
    const { dir, redis: server } = await start();
    const file = appendOnlyFile(join(dir, 'redis'));
    for (const n of [1, 2, 3]) expect(await redis(server.url, APPEND)).toBe(`:${n}`);
    await server.kill('SIGKILL');
    const bytes = readFileSync(file);
    bytes.write('#', bytes.indexOf('$7'));
    writeFileSync(file, bytes);
    await expectRefused(server, file, 'Bad file format');
  });

  it('is not mended where it was written on over an earlier tear: that would cut off what was acknowledged', async () => {
    const { dir, redis: server } = await start();
    const file = appendOnlyFile(join(dir, 'redis'));
    for (const n of [1, 2]) expect(await redis(server.url, APPEND)).toBe(`:${n}`);
    await server.kill('SIGKILL');
    const { start: at, text } = lastTransaction(file);
    truncateSync(file, at + text.indexOf('*3\r\n'));
    // As Redis by itself goes on, and is torn again.
    appendFileSync(file, text + text.slice(0, -4));
    await expectRefused(server, file, /is damaged, and was written on, before its torn end: make a copy/);
  });

  it('is not mended where redis-check-aof finds fault with what Redis reads: more than the tear would be cut off', async () => {
    const { dir, redis: server } = await start();
    const file = appendOnlyFile(join(dir, 'redis'));
    expect(await redis(server.url, APPEND)).toBe(':1');
    await server.kill('SIGKILL');
    // Zeros of a power cut instead of the last line break: Redis does not look at it.
    truncateSync(file, statSync(file).size - 2);
    appendFileSync(file, Buffer.alloc(2));
    await server.restart();
    for (const n of [2, 3]) expect(await redis(server.url, APPEND)).toBe(`:${n}`);
    await server.kill('SIGKILL');
    truncateSync(file, statSync(file).size - 5);
    await expectRefused(server, file, 'is damaged, and was written on, before its torn end');
  });

  it('is not mended by a script around redis-server, which is no redis-check-aof: it says so, and cuts nothing', async () => {
    const { command, libraryPath } = await binary();
    const script = join(temporaryFolder(), 'my-redis');
    writeFileSync(script, `#!/bin/sh\nLD_LIBRARY_PATH='${libraryPath}' exec ${command} "$@"\n`, { mode: 0o755 });
    const env = bareVariables({ TENDER_REDIS_SERVER: script });
    stack = await startStack({ env, nats: false, dir: temporaryFolder() });
    const file = appendOnlyFile(join(stack.dir, 'redis'));
    expect(await redis(stack.redisUrl, APPEND)).toBe(':1');
    await stack.redis.kill('SIGKILL');
    truncateSync(file, statSync(file).size - 5);
    await expectRefused(stack.redis, file, `${script} does not act as redis-check-aof`);
  });

  it('may end in zeros, as a power cut leaves it: it says so, and cuts nothing', async () => {
    const { dir, redis: server } = await start();
    const file = appendOnlyFile(join(dir, 'redis'));
    expect(await redis(server.url, APPEND)).toBe(':1');
    await server.kill('SIGKILL');
    appendFileSync(file, Buffer.alloc(4_096));
    await expectRefused(server, file, 'Bad file format');
  });
});

describe('a folder whose manifest is gone', () => {
  it('is refused: Redis would forget what it holds, and mix it with what comes', async () => {
    const { dir, redisUrl } = await start();
    expect(await redis(redisUrl, APPEND)).toBe(':1');
    await stack?.stop();
    rmSync(join(dir, 'redis', 'appendonlydir', 'appendonly.aof.manifest'));
    await expect(start(dir)).rejects.toThrow('no appendonly.aof.manifest, without which Redis would forget it');
  });

  it('is taken where nothing was written yet: a kill within the first start leaves that', async () => {
    const { dir } = await start();
    await stack?.stop();
    rmSync(join(dir, 'redis', 'appendonlydir', 'appendonly.aof.manifest'));
    const { redisUrl } = await start(dir);
    expect(await redis(redisUrl, APPEND)).toBe(':1');
  });
});

describe('redis-start.sh', () => {
  /** The environment of a container: the programs on the path, the data in its folder. */
  async function container(): Promise<Record<string, string>> {
    const server = await binary();
    const [bin, data] = [temporaryFolder(), temporaryFolder()];
    for (const program of ['redis-server', 'redis-check-aof']) {
      writeFileSync(join(bin, program), `#!/bin/bash\nexec -a ${program} ${server.command} "$@"\n`, { mode: 0o755 });
    }
    const libraries = server.libraryPath === '' ? {} : { LD_LIBRARY_PATH: server.libraryPath };
    return { PATH: `${bin}:/usr/bin:/bin`, REDIS_DATA: data, ...libraries };
  }

  /** Starts Redis by the script, asks it, and kills it; undefined where it does not start. */
  async function ask(env: Record<string, string>, command: string): Promise<string | undefined> {
    const port = await freePort();
    const args = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', env.REDIS_DATA!, ...redisArguments({})];
    const server = spawnTethered('/bin/sh', [join(packageFolder, 'redis-start.sh'), ...args], { env, stdio: 'ignore' });
    const answers = () => redisAnswers({ host: '127.0.0.1', port });
    await waitUntil(async () => !server.alive || (await answers()), 30_000);
    const answer = server.alive ? await redis(`redis://127.0.0.1:${port}`, command) : undefined;
    await server.kill('SIGKILL');
    return answer;
  }

  it('cuts the torn tail off before Redis starts, and starts it as it is told', async () => {
    const env = await container();
    const file = appendOnlyFile(env.REDIS_DATA!);
    expect(await ask(env, APPEND)).toBe(':1');
    expect(await ask(env, APPEND)).toBe(':2');
    const torn = lastTransaction(file);
    truncateSync(file, torn.start + CUTS['within an argument']!(torn.text));
    expect(await ask(env, APPEND)).toBe(':2');
    expect(await ask(env, APPEND)).toBe(':3');
    expect(await ask(env, 'GET entry:2')).toContain('2');
  });

  it('cuts nothing where more than the tear would go, and starts without what the tool alone minds', async () => {
    const env = await container();
    const file = appendOnlyFile(env.REDIS_DATA!);
    expect(await ask(env, APPEND)).toBe(':1');
    truncateSync(file, statSync(file).size - 2);
    appendFileSync(file, Buffer.alloc(2));
    for (const n of [2, 3]) expect(await ask(env, APPEND)).toBe(`:${n}`);
    truncateSync(file, statSync(file).size - 5);
    const before = readFileSync(file);
    expect(await ask(env, APPEND)).toBeUndefined();
    expect(readFileSync(file)).toEqual(before);
  });

  it('starts no Redis on data without its manifest', async () => {
    const env = await container();
    expect(await ask(env, APPEND)).toBe(':1');
    rmSync(join(env.REDIS_DATA!, 'appendonlydir', 'appendonly.aof.manifest'));
    expect(await ask(env, APPEND)).toBeUndefined();
  });

  it('cuts nothing off a file that is damaged before its end', async () => {
    const env = await container();
    const file = appendOnlyFile(env.REDIS_DATA!);
    for (const n of [1, 2, 3]) expect(await ask(env, APPEND)).toBe(`:${n}`);
    const bytes = readFileSync(file);
    bytes.write('#', bytes.indexOf('$7'));
    writeFileSync(file, bytes);
    expect(await ask(env, APPEND)).toBeUndefined();
    expect(readFileSync(file)).toEqual(bytes);
  });
});
