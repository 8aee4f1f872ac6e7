// The bare machine: packages from the distribution's registry into an empty cache, as root and as nobody.
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, type TestContext } from 'vitest';
import { type StackEnvironment, stackEnvironment } from '../src/environment.js';
import { fromDebian } from '../src/fetch-debian.js';
import { fromCache } from '../src/resolve-steps.js';
import { bareVariables, temporaryFolder } from './support.js';

const NOBODY = 65_534;

function emptyCache(): StackEnvironment {
  return stackEnvironment(bareVariables({ TENDER_CACHE: temporaryFolder() }));
}

function skipElsewhere(context: TestContext): void {
  const { distributions } = stackEnvironment();
  if (!distributions.some((id) => id === 'debian' || id === 'ubuntu')) context.skip('not a Debian or Ubuntu host');
}

/** Where the registry cannot be reached, the step must say so; there is then nothing else to test. */
function skipOffline(context: TestContext, outcome: { ok: boolean; said?: string }): void {
  if (!outcome.ok) context.skip(`the distribution's registry gave nothing: ${outcome.said}`);
}

// apt takes seconds, on a busy machine a minute: other test files share it.
describe('fetching from Debian', { timeout: 600_000 }, () => {
  it('brings both servers, which then run from the cache, and mends a cache that is broken', async (context) => {
    skipElsewhere(context);
    const env = emptyCache();
    for (const kind of ['nats', 'redis'] as const) {
      const fetched = await fromDebian(kind, env);
      skipOffline(context, fetched);
      expect(fetched).toMatchObject({ ok: true, found: { how: 'debian' } });
      expect(await fromCache(kind, env)).toMatchObject({ ok: true, found: { how: 'cache' } });
    }
    expect(readdirSync(env.cacheDir).sort()).toEqual(['nats-server', 'redis-server']);

    // A tree that no longer runs is replaced, not trusted.
    rmSync(join(env.cacheDir, 'nats-server/usr/sbin'), { recursive: true });
    expect(await fromCache('nats', env)).toMatchObject({ ok: false });
    expect(await fromDebian('nats', env)).toMatchObject({ ok: true });
    expect(await fromCache('nats', env)).toMatchObject({ ok: true });
  });

  it('lets several processes fetch side by side into one cache', async (context) => {
    skipElsewhere(context);
    const env = emptyCache();
    const outcomes = await Promise.all([1, 2].map(() => fromDebian('nats', env)));
    for (const outcome of outcomes) skipOffline(context, outcome);
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, true]);
    expect(readdirSync(env.cacheDir)).toEqual(['nats-server']);
  });

  it('fetches package lists of its own where the host has none, as in a bare container', async (context) => {
    skipElsewhere(context);
    const bare = temporaryFolder();
    mkdirSync(join(bare, 'lists/partial'), { recursive: true });
    const config = join(bare, 'apt.conf');
    writeFileSync(config, `Dir::State::Lists "${join(bare, 'lists')}";\n`);
    const env = stackEnvironment(bareVariables({ TENDER_CACHE: join(bare, 'cache'), APT_CONFIG: config }));
    const fetched = await fromDebian('redis', env);
    skipOffline(context, fetched);
    expect(await fromCache('redis', env)).toMatchObject({ ok: true });
    expect(readdirSync(join(bare, 'lists'))).toEqual(['partial']);
  });

  it('needs no root, and starts what it brought', async (context) => {
    skipElsewhere(context);
    const isRoot = process.getuid?.() === 0;
    const home = temporaryFolder();
    if (isRoot) chownSync(home, NOBODY, NOBODY);
    const child = spawn(process.execPath, [fileURLToPath(new URL('./hold-stack.mjs', import.meta.url))], {
      env: bareVariables({ HOME: home, TMPDIR: home, TENDER_CACHE: undefined, XDG_CACHE_HOME: undefined }),
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: '/',
      // Without root this test runs as a user without root anyway.
      ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
    });
    const said = JSON.parse(await firstLine(child));
    if (said.error?.includes('debian')) context.skip(`nobody can fetch here: ${said.error}`);
    expect(said).toMatchObject({ uid: isRoot ? NOBODY : process.getuid?.() });
    // A host that has servers installed takes those first; a bare one shows what this test is about.
    expect(['debian', 'path']).toContain(said.how.redis);
    if (said.how.redis === 'debian') expect(readdirSync(join(home, '.cache/tender/servers'))).toHaveLength(1);
    const ended = new Promise((settle) => child.once('exit', settle));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(readdirSync(home).filter((name) => name.startsWith('tender-'))).toEqual([]);
  });
});

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((settle, fail) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      if (text.includes('\n')) settle(text.split('\n')[0] ?? '');
    });
    child.once('exit', (code) => fail(new Error(`ended with ${code} before it said anything`)));
  });
}
