// Real servers, started, killed and started again: what every other part's tests rest on.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { stackEnvironment } from '../src/environment.js';
import { freePort } from '../src/free-port.js';
import { startNats } from '../src/nats-server.js';
import { startRedis } from '../src/redis-server.js';
import type { FoundServer } from '../src/resolution.js';
import { resolveServer } from '../src/resolve.js';
import { type Stack, type StackOptions, startStack } from '../src/stack.js';
import { waitUntil } from '../src/wait-until.js';
import { addressOf, bareVariables, expectGone, found, natsRequest, redis, temporaryFolder } from './support.js';

type Binary = Extract<FoundServer, { command: string }>;

const stacks: Stack[] = [];
let binaries: { nats: Binary; redis: Binary };

/** The environment of these tests: servers that are ours, so that they may be killed. */
async function start(options: StackOptions = {}): Promise<Stack> {
  const stack = await startStack({ env: bareVariables({}), ...options });
  stacks.push(stack);
  return stack;
}

beforeAll(async () => {
  const env = stackEnvironment(bareVariables({}));
  const [nats, redisServer] = await Promise.all([resolveServer('nats', env), resolveServer('redis', env)]);
  binaries = { nats: found(nats) as Binary, redis: found(redisServer) as Binary };
});

afterEach(async () => {
  await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
});

describe('a stack', () => {
  it('starts a durable Redis and a NATS with JetStream on loopback, and leaves nothing', async () => {
    const stack = await start({ name: 'plain' });
    const expected = {
      appendonly: 'yes',
      appendfsync: 'always',
      'maxmemory-policy': 'noeviction',
      // An empty string, as the protocol writes it.
      save: '$0',
      'hash-max-listpack-entries': '64',
      bind: '127.0.0.1',
    };
    for (const [name, value] of Object.entries(expected)) {
      expect((await redis(stack.redisUrl, `CONFIG GET ${name}`))?.split('\r\n').at(-1)).toBe(value);
    }
    expect(await natsRequest(stack.natsUrl, '$JS.API.INFO', '')).toContain('"streams":0');
    const pids = [stack.nats.pid!, stack.redis.pid!];
    expect(existsSync(stack.dir)).toBe(true);
    await stack.stop();
    await expectGone(pids);
    expect(existsSync(stack.dir)).toBe(false);
    await stack.stop();
  });

  it('takes options to the servers', async () => {
    const stack = await start({
      redis: { appendfsync: 'everysec', extraArgs: ['--maxclients', '77'] },
      nats: { configLines: ['max_payload: 4096'] },
    });
    expect(await redis(stack.redisUrl, 'CONFIG GET appendfsync')).toContain('everysec');
    expect(await redis(stack.redisUrl, 'CONFIG GET maxclients')).toContain('77');
    expect(await natsRequest(stack.natsUrl, '$JS.API.INFO', '')).toContain('"max_payload":4096');
  });

  it('starts only what is asked for', async () => {
    const stack = await start({ nats: false });
    expect(() => stack.natsUrl).toThrow('This stack was started without nats.');
    expect(stack.redises).toHaveLength(1);
  });

  it('says what a server said that did not start, and leaves nothing of the other', async () => {
    const lines: string[] = [];
    const failing = start({ redis: { extraArgs: ['--no-such-thing', '1'] }, log: (line) => lines.push(line) });
    await expect(failing).rejects.toThrow(/redis-server .* did not start[\s\S]*no-such-thing/);
    const pids = lines.flatMap((line) => [...line.matchAll(/pid (\d+)/g)].map((match) => Number(match[1])));
    await expectGone(pids);
  });

  it('runs side by side with others', async () => {
    const [one, two] = await Promise.all([start({ redisInstances: 3 }), start({ redisInstances: 3 })]);
    const urls = [one.natsUrl, ...one.redisUrls, two.natsUrl, ...two.redisUrls];
    expect(new Set(urls).size).toBe(8);
    await redis(one.redisUrl, 'SET whose one');
    await redis(two.redisUrl, 'SET whose two');
    expect(await redis(one.redisUrl, 'GET whose')).toContain('one');
    await one.stop();
    expect(await redis(two.redisUrl, 'GET whose')).toContain('two');
  });

  it('keeps its data where the caller named a folder', async () => {
    const dir = temporaryFolder();
    const first = await start({ dir });
    await redis(first.redisUrl, 'SET kept yes');
    await first.stop();
    const second = await start({ dir });
    expect(await redis(second.redisUrl, 'GET kept')).toContain('yes');
    expect(second.dir).toBe(dir);
  });
});

describe('a server', () => {
  it('that is killed twenty times keeps its port and every acknowledged write', async () => {
    const stack = await start({ nats: false });
    const { url } = stack.redis;
    for (let round = 1; round <= 20; round++) {
      expect(await redis(url, 'INCR rounds')).toBe(`:${round}`);
      const { pid } = stack.redis;
      await stack.redis.kill('SIGKILL');
      expect(stack.redis.alive).toBe(false);
      await stack.redis.restart();
      expect(stack.redis.url).toBe(url);
      expect(stack.redis.pid).not.toBe(pid);
    }
    expect(await redis(url, 'GET rounds')).toContain('20');
  });

  it('keeps its JetStream over a kill, and ends on SIGTERM', async () => {
    const stack = await start({ redis: false });
    const config = JSON.stringify({ name: 'T', subjects: ['t.>'], storage: 'file', retention: 'limits' });
    expect(await natsRequest(stack.natsUrl, '$JS.API.STREAM.CREATE.T', config)).toContain('"did_create":true');
    expect(await natsRequest(stack.natsUrl, 't.x', 'hello')).toMatch(/"seq": ?1\D/);
    await stack.nats.kill('SIGKILL');
    await stack.nats.restart();
    expect(await natsRequest(stack.natsUrl, '$JS.API.STREAM.INFO.T', '')).toContain('"messages":1');
    await stack.nats.kill('SIGTERM');
    expect(stack.nats.alive).toBe(false);
  });

  it('that is stopped (SIGSTOP) neither answers nor ends, and goes on after SIGCONT', async () => {
    const stack = await start({ nats: false });
    await stack.redis.kill('SIGSTOP');
    expect(stack.redis.alive).toBe(true);
    const isStopped = (): boolean => /\) T /.test(readFileSync(`/proc/${stack.redis.pid}/stat`, 'utf8'));
    expect(await waitUntil(isStopped, 20_000)).toBe(true);
    await stack.redis.kill('SIGCONT');
    expect(await redis(stack.redisUrl, 'PING')).toBe('+PONG');
    await stack.redis.kill('SIGSTOP');
    await stack.redis.restart();
    expect(await redis(stack.redisUrl, 'PING')).toBe('+PONG');
  });

  it('goes to the next port where a neighbour was faster, and does not take the neighbour for itself', async () => {
    const neighbour = await start();
    const dir = temporaryFolder();
    const free = await freePort();
    for (const kind of ['nats', 'redis'] as const) {
      const taken = addressOf(neighbour[kind].url).port;
      const ports = [taken, taken, free];
      const lines: string[] = [];
      const plan = {
        ...binaries[kind],
        name: kind,
        choosePort: async () => ports.shift()!,
        log: (line: string) => lines.push(line),
      };
      const server = await (kind === 'nats' ? startNats(plan, dir, {}) : startRedis(plan, dir, {}));
      expect(addressOf(server.url).port).toBe(free);
      expect(lines.filter((line) => line.includes('was taken'))).toHaveLength(2);
      await server.end('at-once');
    }
    expect(join(dir, 'nats-server.log')).toSatisfy(existsSync);
  });
});
