// A Redis killed in mid-write leaves half a transaction behind. Redis itself would cut off too little of it: see ADR 19.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** A redis-server's binary, which is also its redis-check-aof where it is called so; Valkey's, too. */
export interface RedisBinary {
  readonly command: string;
  readonly libraryPath: string;
}

/** What Redis says when it refuses such a file (`aof-load-truncated no`), before it ends. */
const TORN = /Unexpected end of file reading the append only file/;
/** What redis-check-aof says of each file; the last one is the torn one. */
const ANALYZED = /AOF analyzed: filename=(.+), size=\d+, ok_up_to=(\d+), .*diff=(\d+)/g;
/** The end of a transaction, which a torn one does not have. */
const END = '\r\n$4\r\nEXEC\r\n';
/** Transactions have kilobytes: where one is whole behind a place, its end is found within so many bytes. */
const LOOK_BYTES = 64 * 1024 * 1024;

/** Whether a server that said this before it ended would start once its file's torn tail is cut off. */
export function saysTorn(said: string): boolean {
  return TORN.test(said);
}

/**
 * Cuts off the transaction that the append-only file below `dir` ends in the middle of, as a whole: it was never
 * acknowledged (`appendfsync always`). Resolves with the number of bytes cut. Throws, and leaves the file as it is,
 * where anything else is wrong with it.
 */
export async function cutTornTail({ command, libraryPath }: RedisBinary, dir: string): Promise<number> {
  const manifest = join(dir, 'appendonlydir', 'appendonly.aof.manifest');
  const check = async (args: readonly string[]): Promise<{ code: number | null; said: string }> => {
    const child = spawn(command, [...args, manifest], {
      argv0: 'redis-check-aof',
      stdio: ['pipe', 'pipe', 'pipe'],
      env: libraryPath === '' ? {} : { LD_LIBRARY_PATH: libraryPath },
    });
    // It may end without reading the answer to the question that it did not ask.
    child.stdin.on('error', () => undefined).end('y\n');
    const [said, complaint, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { code, said: said + complaint };
  };
  const found = await check([]);
  const analyzed = [...found.said.matchAll(ANALYZED)].at(-1);
  if (analyzed === undefined) {
    // A wrapper loses the name that it was called by.
    throw new Error(
      `${manifest} ends torn, and ${command} does not act as redis-check-aof, so that nothing was mended: name the ` +
        `program itself, not a script around it, in TENDER_REDIS_SERVER.\n${end(found.said)}`,
    );
  }
  // An earlier tear that Redis cut too short, or a fault that Redis overlooks and the tool does not.
  const [file, from, bytes] = [join(dir, 'appendonlydir', analyzed[1]!), Number(analyzed[2]), Number(analyzed[3])];
  if (readPart(file, from, Math.min(bytes, LOOK_BYTES)).includes(END)) {
    throw new Error(refusal(manifest, 'is damaged, and was written on, before its torn end', found.said));
  }
  const cut = await check(['--fix']);
  if (cut.code !== 0) throw new Error(refusal(manifest, 'ends torn and could not be cut', cut.said));
  return bytes;
}

function readPart(file: string, from: number, bytes: number): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const part = Buffer.alloc(bytes);
    return part.subarray(0, readSync(descriptor, part, 0, bytes, from));
  } finally {
    closeSync(descriptor);
  }
}

function refusal(manifest: string, what: string, said: string): string {
  return `${manifest} ${what}: make a copy of its folder, then look at it with redis-check-aof.\n${end(said)}`;
}

function end(said: string): string {
  return said.trim().split('\n').slice(-4).join('\n');
}
