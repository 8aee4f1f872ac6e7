// Brings a server to a bare Debian or Ubuntu host without root: apt downloads into the cache, dpkg unpacks there.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { StackEnvironment } from './environment.js';
import type { StepOutcome } from './resolution.js';
import { unpackedServer } from './resolve-steps.js';
import { SERVER_FACTS, type ServerKind } from './server-kind.js';

const run = promisify(execFile);
const FETCH_TIMEOUT_MS = 180_000;
/** A fetch folder this old belongs to a process that was killed: no fetch lives that long. */
const ABANDONED_MS = 3_600_000;

/** Downloads, unpacks and probes; then moves the whole tree into the cache in one rename. */
export async function fromDebian(kind: ServerKind, env: StackEnvironment): Promise<StepOutcome> {
  const family = env.distributions.filter((id) => id === 'debian' || id === 'ubuntu');
  if (family.length === 0) return { ok: false, said: 'this host is neither Debian nor Ubuntu' };
  const missing = ['apt-get', 'dpkg'].filter((tool) => !env.searchPath.some((dir) => existsSync(join(dir, tool))));
  if (missing.length > 0) return { ok: false, said: `no ${missing.join(' and ')} on the PATH` };
  let work: string;
  try {
    await mkdir(env.cacheDir, { recursive: true });
    await removeAbandoned(env.cacheDir);
    work = await mkdtemp(join(env.cacheDir, '.fetch-'));
  } catch (error) {
    return { ok: false, said: `the cache cannot be written: ${lastLine(error)}` };
  }
  try {
    const unpacked = await downloadAndUnpack(kind, work, env);
    const probe = await unpackedServer(kind, unpacked, 'debian');
    if (!probe.ok) return probe;
    return await moveIntoCache(kind, unpacked, join(env.cacheDir, SERVER_FACTS[kind].program));
  } catch (error) {
    return { ok: false, said: lastLine(error) };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function downloadAndUnpack(kind: ServerKind, work: string, env: StackEnvironment): Promise<string> {
  const debs = join(work, 'debs');
  const unpacked = join(work, 'root');
  await mkdir(debs);
  await mkdir(unpacked);
  // The host's own package lists save nine megabytes, but a container often has none, and old ones name files that
  // the mirror no longer keeps: then lists of our own are fetched.
  try {
    await download(kind, debs, await aptConfig(work, 'host-lists'), env);
  } catch {
    const config = await aptConfig(work, 'own-lists');
    await apt(['update', '-qq'], config, work, env);
    await download(kind, debs, config, env);
  }
  for (const name of (await readdir(debs)).filter((file) => file.endsWith('.deb'))) {
    await run('dpkg', ['-x', join(debs, name), unpacked], toolOptions(work, env));
  }
  return unpacked;
}

async function download(kind: ServerKind, debs: string, config: string, env: StackEnvironment): Promise<void> {
  const facts = SERVER_FACTS[kind];
  const packages = await packagesToFetch(facts.packages, facts.likelyLibraries, config, debs, env);
  await apt(['download', '-qq', ...packages], config, debs, env);
}

/** The named packages and what the host lacks of their dependencies, by simulating an installation (needs no root). */
async function packagesToFetch(
  named: readonly string[],
  likely: readonly string[],
  config: string,
  cwd: string,
  env: StackEnvironment,
): Promise<string[]> {
  try {
    const { stdout } = await apt(['install', '-s', '-qq', '--no-install-recommends', ...named], config, cwd, env);
    const lacking = [...stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]!);
    return [...new Set([...named, ...lacking])];
  } catch {
    // A host with a half-installed package refuses to simulate: fetch what the program is known to link against.
    return [...named, ...likely];
  }
}

async function aptConfig(work: string, lists: 'host-lists' | 'own-lists'): Promise<string> {
  const folder = (name: string): string => join(work, name);
  await mkdir(join(folder('lists'), 'partial'), { recursive: true });
  await mkdir(join(folder('archives'), 'archives', 'partial'), { recursive: true });
  const lines = [
    // Hooks of the host (PackageKit, AppStream) would act on the host.
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    `Dir::Cache "${folder('archives')}";`,
    // Images for containers switch this cache off; without it each of the two calls of apt parses all lists again.
    'Dir::Cache::pkgcache "pkgcache.bin";',
    'Acquire::Languages "none";',
    'APT::Get::List-Cleanup "false";',
    'Acquire::Retries "3";',
    'Debug::NoLocking "true";',
  ];
  if (lists === 'own-lists') lines.push(`Dir::State::Lists "${folder('lists')}";`);
  // As root, apt drops to the user _apt, who cannot write into a cache that is ours. Nothing is installed from here,
  // and apt still checks every signature.
  if (process.getuid?.() === 0) lines.push('APT::Sandbox::User "root";');
  const path = join(work, `${lists}.conf`);
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

function apt(args: string[], config: string, cwd: string, env: StackEnvironment): Promise<{ stdout: string }> {
  return run('apt-get', ['-c', config, ...args], toolOptions(cwd, env));
}

function toolOptions(cwd: string, env: StackEnvironment) {
  return {
    cwd,
    timeout: FETCH_TIMEOUT_MS,
    maxBuffer: 16 * 1024 * 1024,
    // C, so that `Inst` stays `Inst`; the rest is inherited, since a proxy may be set there.
    env: { ...env.inherited, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', PATH: env.searchPath.join(':') },
  };
}

/** Two processes may fetch side by side: the first rename wins, and the other takes what it finds there. */
async function moveIntoCache(kind: ServerKind, unpacked: string, target: string): Promise<StepOutcome> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await rename(unpacked, target);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error;
    }
    const moved = await unpackedServer(kind, target, 'debian');
    if (moved.ok) return moved;
    // What is there does not run (a half-removed tree, a lost library): set it aside and try again.
    await rename(target, `${unpacked}.broken-${attempt}`).catch(() => undefined);
  }
  return { ok: false, said: `${target} is held by something that does not run and cannot be moved` };
}

async function removeAbandoned(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (!name.startsWith('.fetch-')) continue;
    const path = join(cacheDir, name);
    const age = await stat(path).then(
      (stats) => Date.now() - stats.mtimeMs,
      () => 0,
    );
    if (age > ABANDONED_MS) await rm(path, { recursive: true, force: true });
  }
}

function lastLine(error: unknown): string {
  const failure = error as { stderr?: string; message?: string };
  const text = failure.stderr?.trim() || failure.message || String(error);
  return text.trim().split('\n').at(-1) ?? '';
}
