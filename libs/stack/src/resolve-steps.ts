// The steps that look for a server without fetching anything: a URL, a named binary, the PATH, the project's cache.
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { StackEnvironment } from './environment.js';
import { probeBinary } from './probe-binary.js';
import type { StepOutcome } from './resolution.js';
import { SERVER_FACTS, type ServerKind } from './server-kind.js';

/** NATS_URL or REDIS_URL: somebody else's server, which is used and never started or stopped. */
export async function fromUrl(kind: ServerKind, env: StackEnvironment): Promise<StepOutcome> {
  const text = env.urls[kind];
  if (text === undefined) return { ok: false, said: `${SERVER_FACTS[kind].urlVariable} is not set` };
  const urls = text.split(',').map((url) => url.trim());
  return { ok: true, found: { how: 'url', urls } };
}

/** TENDER_NATS_SERVER or TENDER_REDIS_SERVER: a path, or a name that the PATH knows. */
export async function fromNamedBinary(kind: ServerKind, env: StackEnvironment): Promise<StepOutcome> {
  const variable = SERVER_FACTS[kind].binaryVariable;
  const named = env.binaries[kind];
  if (named === undefined) return { ok: false, said: `${variable} is not set` };
  const command = isAbsolute(named) ? named : findExecutable(named, env.searchPath);
  if (command === undefined) return { ok: false, said: `${variable} names ${named}, which is not on the PATH` };
  const probe = await probeBinary(kind, command);
  if (!probe.ok) return { ok: false, said: `${variable}: ${probe.said}` };
  return { ok: true, found: { how: 'named', command, libraryPath: '', version: probe.version } };
}

/** The PATH, and /usr/sbin, where Debian puts nats-server. */
export async function fromSearchPath(kind: ServerKind, env: StackEnvironment): Promise<StepOutcome> {
  const { program } = SERVER_FACTS[kind];
  const command = findExecutable(program, env.searchPath);
  if (command === undefined) return { ok: false, said: `no ${program} in ${env.searchPath.join(':')}` };
  const probe = await probeBinary(kind, command);
  if (!probe.ok) return { ok: false, said: probe.said };
  return { ok: true, found: { how: 'path', command, libraryPath: '', version: probe.version } };
}

/** What an earlier run, or `tender up`, unpacked into the cache. */
export async function fromCache(kind: ServerKind, env: StackEnvironment): Promise<StepOutcome> {
  return unpackedServer(kind, join(env.cacheDir, SERVER_FACTS[kind].program), 'cache');
}

/** The server inside an unpacked tree (`usr/bin`, `usr/lib/<triplet>` …), probed with the tree's own libraries. */
export async function unpackedServer(kind: ServerKind, root: string, how: 'cache' | 'debian'): Promise<StepOutcome> {
  const { program } = SERVER_FACTS[kind];
  if (!existsSync(root)) return { ok: false, said: `${root} is not there` };
  const command = findExecutable(
    program,
    ['usr/sbin', 'usr/bin', 'bin', '.'].map((folder) => join(root, folder)),
  );
  if (command === undefined) return { ok: false, said: `${root} holds no ${program}` };
  const libraryPath = libraryFolders(root).join(':');
  const probe = await probeBinary(kind, command, libraryPath);
  if (!probe.ok) return { ok: false, said: probe.said };
  return { ok: true, found: { how, command, libraryPath, version: probe.version } };
}

/** Debian keeps libraries in one folder per architecture below lib: each of them, and lib itself, if it holds any. */
function libraryFolders(root: string): string[] {
  const folders: string[] = [];
  for (const base of [join(root, 'usr/lib'), join(root, 'lib')]) {
    if (!existsSync(base)) continue;
    const children = readdirSync(base, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const folder of [base, ...children.map((child) => join(base, child.name))]) {
      if (readdirSync(folder).some((name) => name.includes('.so'))) folders.push(folder);
    }
  }
  return folders;
}

function findExecutable(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
