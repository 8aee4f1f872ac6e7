// Each way to find a server, alone and in its order, on a host that is made as bare as the case needs it.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { STEP_NAMES, type StackEnvironment, stackEnvironment } from '../src/environment.js';
import { resolveServer } from '../src/resolve.js';
import { fromCache, fromNamedBinary, fromSearchPath, fromUrl } from '../src/resolve-steps.js';
import { startStack } from '../src/stack.js';
import { bareVariables, fakeServer, found, temporaryFolder } from './support.js';

/** No server anywhere: every step has to say why it found none. */
function nowhere(overrides: Record<string, string | undefined> = {}): StackEnvironment {
  const empty = temporaryFolder();
  const env = stackEnvironment(bareVariables({ PATH: empty, TENDER_CACHE: empty, ...overrides }));
  // A host of the test may have servers in /usr/sbin.
  return { ...env, searchPath: env.searchPath.filter((folder) => folder !== '/usr/sbin') };
}

describe('the steps that fetch nothing', () => {
  it('1. take a URL as it stands', async () => {
    const env = nowhere({ NATS_URL: 'nats://10.1.2.3:4222', REDIS_URL: 'redis://a:1, redis://b:2' });
    expect(await fromUrl('nats', env)).toEqual({ ok: true, found: { how: 'url', urls: ['nats://10.1.2.3:4222'] } });
    expect(await fromUrl('redis', env)).toMatchObject({ found: { urls: ['redis://a:1', 'redis://b:2'] } });
    expect(await fromUrl('redis', nowhere())).toEqual({ ok: false, said: 'REDIS_URL is not set' });
  });

  it('2. take a binary that the environment names, by path or by name', async () => {
    const folder = temporaryFolder();
    const command = fakeServer(folder, 'my-redis', '7.2.4');
    const expected = { ok: true, found: { how: 'named', command, libraryPath: '', version: '7.2.4' } };
    expect(await fromNamedBinary('redis', nowhere({ TENDER_REDIS_SERVER: command }))).toEqual(expected);
    expect(await fromNamedBinary('redis', nowhere({ TENDER_REDIS_SERVER: 'my-redis', PATH: folder }))).toEqual(
      expected,
    );
    expect(await fromNamedBinary('redis', nowhere({ TENDER_REDIS_SERVER: 'absent' }))).toMatchObject({
      ok: false,
      said: expect.stringContaining('TENDER_REDIS_SERVER names absent'),
    });
  });

  it('3. search the PATH, and /usr/sbin after it', async () => {
    const folder = temporaryFolder();
    const command = fakeServer(folder, 'nats-server', '2.9.10');
    expect(await fromSearchPath('nats', nowhere({ PATH: folder }))).toMatchObject({ found: { how: 'path', command } });
    expect(await fromSearchPath('nats', nowhere())).toMatchObject({ ok: false });
    expect(stackEnvironment({ PATH: '/a:/b' }).searchPath).toEqual(['/a', '/b', '/usr/sbin']);
  });

  it('4. search the cache, which TENDER_CACHE, XDG_CACHE_HOME or the home names', async () => {
    const env = nowhere();
    const tree = join(env.cacheDir, 'redis-server/usr/bin');
    mkdirSync(tree, { recursive: true });
    const command = fakeServer(tree, 'redis-server', '7.0.15');
    expect(await fromCache('redis', env)).toMatchObject({ ok: true, found: { how: 'cache', command } });
    expect(await fromCache('nats', env)).toMatchObject({ ok: false });
    const cacheOf = (variables: Record<string, string>): string => stackEnvironment(variables).cacheDir;
    expect(cacheOf({ TENDER_CACHE: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' })).toMatch(/^\/c\/servers\//);
    expect(cacheOf({ XDG_CACHE_HOME: '/x', HOME: '/h' })).toMatch(/^\/x\/tender\/servers\//);
    expect(cacheOf({ HOME: '/h' })).toMatch(/^\/h\/.cache\/tender\/servers\//);
  });

  it('refuse a server that is too old for the scripts, or that does not run', async () => {
    const folder = temporaryFolder();
    const old = fakeServer(folder, 'redis-server', '6.0.16');
    expect(await fromSearchPath('redis', nowhere({ PATH: folder }))).toEqual({
      ok: false,
      said: `${old} is 6.0.16, and 7.0 is needed: the scripts of the bank start with #!lua`,
    });
    expect(await fromNamedBinary('nats', nowhere({ TENDER_NATS_SERVER: '/bin/false' }))).toMatchObject({ ok: false });
  });
});

describe('the order', () => {
  it('goes on past a step that has none, and stops at the first that has one', async () => {
    const folder = temporaryFolder();
    fakeServer(folder, 'redis-server', '7.0.15');
    const onPath = await resolveServer('redis', nowhere({ PATH: folder }));
    expect(onPath).toMatchObject({ ok: true, found: { how: 'path' }, tried: [{ step: 'url' }, { step: 'named' }] });
    const byUrl = await resolveServer('redis', nowhere({ PATH: folder, REDIS_URL: 'redis://h:1' }));
    expect(byUrl).toMatchObject({ ok: true, found: { how: 'url' }, tried: [] });
  });

  it('stops at a binary that was named by hand and does not run', async () => {
    const folder = temporaryFolder();
    fakeServer(folder, 'redis-server', '7.0.15');
    const result = await resolveServer('redis', nowhere({ PATH: folder, TENDER_REDIS_SERVER: '/nowhere' }));
    expect(result).toMatchObject({ ok: false, tried: [{ step: 'url' }, { step: 'named' }] });
  });

  it('refuses a step that does not exist', () => {
    expect(() => stackEnvironment({ TENDER_SERVERS_FROM: 'path,magic' })).toThrow(/unknown steps: magic/);
  });

  it('lists all that was tried, and four ways to mend it, where there is none', async () => {
    const env = { ...nowhere(), distributions: [] };
    const allowedSteps = STEP_NAMES.filter((step) => step !== 'docker');
    const result = await resolveServer('redis', { ...env, allowedSteps });
    if (result.ok) throw new Error('found one');
    expect(result.tried.map(({ step }) => step)).toEqual(STEP_NAMES);
    expect(result.message.split('\n')).toEqual([
      'No redis-server was found. What was tried:',
      '  1. url     REDIS_URL is not set',
      '  2. named   TENDER_REDIS_SERVER is not set',
      `  3. path    no redis-server in ${env.searchPath.join(':')}`,
      `  4. cache   ${env.cacheDir}/redis-server is not there`,
      '  5. debian  this host is neither Debian nor Ubuntu',
      '  6. docker  left out by TENDER_SERVERS_FROM',
      'Any one of these mends it:',
      '  - name a server that runs:     REDIS_URL=redis://127.0.0.1:6379',
      '  - name a binary:               TENDER_REDIS_SERVER=/path/to/redis-server',
      '  - install it for all:          apt-get install redis-server',
      '  - start Docker:                then TENDER_REDIS_IMAGE (or its default image) is used',
    ]);
  });

  it('fails a stack with both lists, and leaves no folder', async () => {
    const env = bareVariables({ PATH: '/nowhere', TENDER_SERVERS_FROM: 'url,named' });
    await expect(startStack({ env })).rejects.toThrow(/No nats-server was found[\s\S]*No redis-server was found/);
  });
});

describe('real binaries', () => {
  let real: { command: string; libraryPath: string };

  beforeAll(async () => {
    const server = found(await resolveServer('nats', stackEnvironment(bareVariables({}))));
    if (server.how === 'url' || server.how === 'docker') return;
    real = server;
  });

  it('are started from each step that can name one', async (context) => {
    if (real === undefined) return context.skip('this host runs its servers elsewhere');
    const folder = temporaryFolder();
    cpSync(real.command, join(folder, 'nats-server'));
    const cases = {
      named: bareVariables({ TENDER_NATS_SERVER: join(folder, 'nats-server') }),
      path: bareVariables({ PATH: `${folder}:${process.env.PATH}` }),
    };
    for (const [how, env] of Object.entries(cases)) {
      const stack = await startStack({ redis: false, env });
      expect(stack.nats).toMatchObject({ how, alive: true });
      const lent = await startStack({ redis: false, env: bareVariables({ NATS_URL: stack.natsUrl }) });
      expect(lent.nats).toMatchObject({ how: 'url', pid: undefined });
      await expect(lent.nats.kill('SIGKILL')).rejects.toThrow(/not ours/);
      await lent.stop();
      expect(stack.nats.alive).toBe(true);
      await stack.stop();
      expect(stack.nats.alive).toBe(false);
      const lost = startStack({ redis: false, env: bareVariables({ NATS_URL: stack.natsUrl }) });
      await expect(lost).rejects.toThrow(/no nats answers/);
    }
  });
});
