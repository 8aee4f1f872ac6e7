// The one place of this part that reads the environment: everything else takes what is made here as data.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { ServerKind } from './server-kind.js';

export const STEP_NAMES = ['url', 'named', 'path', 'cache', 'debian', 'docker'] as const;
export type StepName = (typeof STEP_NAMES)[number];

export interface StackEnvironment {
  /** The URLs of servers that already run; several are separated by commas. */
  readonly urls: Readonly<Record<ServerKind, string | undefined>>;
  /** Binaries named by the environment: absolute paths, or names on the PATH. */
  readonly binaries: Readonly<Record<ServerKind, string | undefined>>;
  readonly images: Readonly<Record<ServerKind, string>>;
  /** Folders searched for binaries: the PATH, then /usr/sbin, which Debian leaves out of a user's PATH. */
  readonly searchPath: readonly string[];
  /** Where unpacked servers are kept, one folder per distribution, release and architecture. */
  readonly cacheDir: string;
  /** The steps that may be taken. `TENDER_SERVERS_FROM=path,cache` forbids downloads, for example. */
  readonly allowedSteps: readonly StepName[];
  /** `bridge` maps ports; `host` is for an engine that has no bridge. */
  readonly dockerNetwork: 'bridge' | 'host';
  /** Whether testcontainers was told how to treat its reaper: then its setting is left alone. */
  readonly ryukDecided: boolean;
  /** The host's /etc/os-release ID and ID_LIKE, such as ['ubuntu', 'debian']; empty where there is none. */
  readonly distributions: readonly string[];
  /** All variables, for the tools that are run (apt reads its proxy there). */
  readonly inherited: Readonly<Record<string, string | undefined>>;
}

/** Reads and checks the environment once. Throws on a value that means nothing, rather than ignoring it. */
export function stackEnvironment(variables: Record<string, string | undefined> = process.env): StackEnvironment {
  const value = (name: string): string | undefined => variables[name]?.trim() || undefined;
  const release = osRelease();
  const cacheRoot =
    value('TENDER_CACHE') ?? join(value('XDG_CACHE_HOME') ?? join(value('HOME') ?? homedir(), '.cache'), 'tender');
  return Object.freeze({
    urls: { nats: value('NATS_URL'), redis: value('REDIS_URL') },
    binaries: { nats: value('TENDER_NATS_SERVER'), redis: value('TENDER_REDIS_SERVER') },
    images: { nats: value('TENDER_NATS_IMAGE') ?? 'nats:2', redis: value('TENDER_REDIS_IMAGE') ?? 'redis:7' },
    searchPath: [...(value('PATH') ?? '').split(delimiter).filter((folder) => folder !== ''), '/usr/sbin'],
    // A home shared between hosts of several releases must not hand one of them the other's libraries.
    cacheDir: join(cacheRoot, 'servers', `${release.id}-${process.arch}`),
    allowedSteps: parseSteps(value('TENDER_SERVERS_FROM')),
    dockerNetwork: parseNetwork(value('TENDER_DOCKER_NETWORK')),
    ryukDecided: value('TESTCONTAINERS_RYUK_DISABLED') !== undefined,
    distributions: release.distributions,
    inherited: variables,
  });
}

/** testcontainers reads this when it starts its first container, and offers no other way to say it. */
export function disableReaper(): void {
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
}

function parseSteps(text: string | undefined): readonly StepName[] {
  if (text === undefined) return STEP_NAMES;
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !STEP_NAMES.some((step) => step === name));
  if (unknown.length > 0) {
    throw new Error(`TENDER_SERVERS_FROM names unknown steps: ${unknown.join(', ')}. Known: ${STEP_NAMES.join(', ')}.`);
  }
  return STEP_NAMES.filter((step) => names.includes(step));
}

function parseNetwork(text: string | undefined): 'bridge' | 'host' {
  if (text === undefined || text === 'bridge') return 'bridge';
  if (text === 'host') return 'host';
  throw new Error(`TENDER_DOCKER_NETWORK is '${text}', but only 'bridge' and 'host' are known.`);
}

function osRelease(): { id: string; distributions: readonly string[] } {
  let text: string;
  try {
    text = readFileSync('/etc/os-release', 'utf8');
  } catch {
    return { id: process.platform, distributions: [] };
  }
  const field = (name: string): string => text.match(new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm'))?.[1] ?? '';
  const id = [field('ID') || process.platform, field('VERSION_ID')].filter((part) => part !== '').join('-');
  return { id, distributions: [field('ID'), ...field('ID_LIKE').split(' ')].filter((part) => part !== '') };
}
