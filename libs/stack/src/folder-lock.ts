// Holds a folder of data for one stack: two servers that append to one file leave a mixture of two histories.
import { spawn } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from './wait-until.js';

/** The servers of a process that was killed with kill -9 end within that. */
const WITHIN_MS = 10_000;

export interface FolderLock {
  /** Whoever inherits this descriptor holds the folder, too, until it ends. */
  readonly descriptor: number;
  release(): void;
}

/**
 * Takes the folder, waiting for who still has it; throws where it is not free in time. The kernel gives it back when the
 * last holder is gone, in whatever way. A host without `flock` (macOS) locks nothing.
 */
export async function lockFolder(
  dir: string,
  log: (line: string) => void = () => undefined,
  withinMs = WITHIN_MS,
): Promise<FolderLock> {
  const file = join(dir, 'tender.lock');
  const descriptor = openSync(file, 'a+');
  if (!(await flock(descriptor))) {
    const inUse = `${dir} is in use: the servers of process ${readFileSync(file, 'utf8').trim()} run on it`;
    log(`${inUse}; waiting for their end`);
    if (!(await waitUntil(() => flock(descriptor), withinMs))) {
      closeSync(descriptor);
      throw new Error(`${inUse}. Stop them, or name another folder.`);
    }
  }
  ftruncateSync(descriptor);
  writeSync(descriptor, `${process.pid}\n`);
  return { descriptor, release: () => closeSync(descriptor) };
}

/** False where another holds it. The lock belongs to the open file, which outlives the command that takes it. */
function flock(descriptor: number): Promise<boolean> {
  const child = spawn('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] });
  return new Promise((settle) => {
    child.once('error', () => settle(true));
    // Another code than 1: the command, or the file system, knows no locks.
    child.once('exit', (code) => settle(code !== 1));
  });
}
