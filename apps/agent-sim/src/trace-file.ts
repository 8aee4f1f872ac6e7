// A recorded trace as a file.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CannotRun } from './cannot-run.js';

/** Its text. Throws CannotRun. */
export async function readTrace(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'there is no such file' : error.message;
    throw new CannotRun(`The trace ${resolve(file)} cannot be read: ${why}.`);
  });
}
