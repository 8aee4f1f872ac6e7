// The bank's Redis: durable before it answers, never evicting, in a folder of its own.
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type LocalServer, type LocalServerPlan, startLocalServer } from './local-server.js';
import { ask } from './raw-socket.js';
import { cutTornTail, saysTorn } from './torn-tail.js';

export interface RedisOptions {
  /** Default 'always': an acknowledged operation has reached the disk (I7). */
  readonly appendfsync?: 'always' | 'everysec' | 'no';
  /** Further arguments of redis-server; they come last and so win. */
  readonly extraArgs?: readonly string[];
}

/** The arguments that every Redis of the house gets, in Docker too. deploy/redis.conf says the same. */
export function redisArguments(options: RedisOptions): string[] {
  return [
    ...['--appendonly', 'yes'],
    ...['--appendfsync', options.appendfsync ?? 'always'],
    // Half a transaction at the file's end is to be cut off whole, which Redis by itself does not (ADR 19).
    ...['--aof-load-truncated', 'no'],
    // A bank may refuse, but never forget.
    ...['--maxmemory-policy', 'noeviction'],
    // Snapshots on top of the append-only file would fork and stall for nothing.
    ...['--save', ''],
    // What a rewrite of the append-only file would compress is cut off from the awards of that moment.
    ...['--rdbcompression', 'no'],
    // A listpack of 512 entries makes a bank kept in one hash O(n).
    ...['--hash-max-listpack-entries', '64'],
    ...(options.extraArgs ?? []),
  ];
}

type RedisPlan = Pick<LocalServerPlan, 'name' | 'how' | 'command' | 'libraryPath' | 'choosePort' | 'holds' | 'log'>;

/** Starts one redis-server with its data and log below `dir`. */
export function startRedis(plan: RedisPlan, dir: string, options: RedisOptions): Promise<LocalServer> {
  mkdirSync(dir, { recursive: true });
  refuseWithoutManifest(join(dir, 'appendonlydir'));
  return startLocalServer({
    ...plan,
    scheme: 'redis',
    logFile: join(dir, 'redis-server.log'),
    args: (port) => ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', dir, ...redisArguments(options)],
    answers: (port, pid) => redisAnswers({ host: '127.0.0.1', port }, pid),
    mend: async (said) => {
      if (!saysTorn(said)) return false;
      const bytes = await cutTornTail(plan, dir);
      plan.log?.(`${plan.name}: its last write was torn; ${bytes} bytes that were never acknowledged are cut off`);
      return true;
    },
  });
}

/** Redis would start empty there, append to the files that it did not read, and mix the two when it next starts. */
function refuseWithoutManifest(folder: string): void {
  if (!existsSync(folder) || existsSync(join(folder, 'appendonly.aof.manifest'))) return;
  const written = readdirSync(folder).filter(
    (name) => name.endsWith('.incr.aof') && statSync(join(folder, name)).size > 0,
  );
  if (written.length === 0) return;
  throw new Error(
    `${folder} holds data (${written.join(', ')}) but no appendonly.aof.manifest, without which Redis would forget it: ` +
      'restore that file from a copy, or move the folder away to start with nothing.',
  );
}

/** Whether the Redis there has loaded its data and, where `pid` is given, is that process. */
export async function redisAnswers(address: { host: string; port: number }, pid?: number): Promise<boolean> {
  const info = await ask(address, 'INFO\r\nQUIT\r\n', (text) => /\+OK\r\n$/.test(text) || text.startsWith('-'));
  if (info === undefined) return false;
  // A server with a password answers, but says no more.
  if (info.startsWith('-NOAUTH')) return true;
  if (!/^loading:0\r$/m.test(info)) return false;
  return pid === undefined || new RegExp(`^process_id:${pid}\r$`, 'm').test(info);
}
