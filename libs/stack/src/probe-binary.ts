// Asks a binary for its version: a file that exists may still lack a library, or be too old for the bank's scripts.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SERVER_FACTS, type ServerKind } from './server-kind.js';

const run = promisify(execFile);

export type Probe = { readonly ok: true; readonly version: string } | { readonly ok: false; readonly said: string };

/** Runs `command --version`. Refuses what does not start within 30 s, names no version, or is too old. */
export async function probeBinary(kind: ServerKind, command: string, libraryPath = ''): Promise<Probe> {
  const facts = SERVER_FACTS[kind];
  let output: string;
  try {
    const { stdout, stderr } = await run(command, ['--version'], {
      timeout: 30_000,
      env: libraryPath === '' ? {} : { LD_LIBRARY_PATH: libraryPath },
    });
    output = stdout + stderr;
  } catch (error) {
    return { ok: false, said: `${command} does not run: ${firstLine(error)}` };
  }
  const version = output.match(/v=?(\d+\.\d+\.\d+)/)?.[1];
  if (version === undefined) return { ok: false, said: `${command} names no version: ${output.trim().slice(0, 80)}` };
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needMajor, needMinor] = facts.minimumVersion;
  if (major < needMajor || (major === needMajor && minor < needMinor)) {
    const need = `${needMajor}.${needMinor}`;
    return { ok: false, said: `${command} is ${version}, and ${need} is needed: ${facts.versionReason}` };
  }
  return { ok: true, version };
}

function firstLine(error: unknown): string {
  const failure = error as { stderr?: string; message?: string };
  const text = failure.stderr?.trim() || failure.message || String(error);
  return text.split('\n')[0] ?? '';
}
