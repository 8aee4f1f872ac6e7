// Runs a command in the test's own process: what a process adds (signals, pipes, its end) is tested with processes.
import { runCommandLine } from '../src/command-line.js';

export type Env = Readonly<Record<string, string | undefined>>;

let last: Promise<unknown> = Promise.resolve();

/** The exit code, and all that was printed. One after the other: a process has one exit code and one output. */
export function typedHere(args: readonly string[], env: Env): Promise<[code: number, text: string]> {
  const run = last.then(() => alone(args, env));
  last = run.catch(() => undefined);
  return run;
}

async function alone(args: readonly string[], env: Env): Promise<[code: number, text: string]> {
  const { NATS_URL, REDIS_URL, TENDER_OPERATOR_SEED, ...inherited } = process.env;
  const before = { env: process.env, exitCode: process.exitCode };
  let text = '';
  const streams = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write }));
  const hear = (chunk: string | Uint8Array): boolean => {
    text += chunk;
    return true;
  };
  for (const { stream } of streams) stream.write = hear;
  process.env = defined({ ...inherited, ...env });
  process.exitCode = undefined;
  try {
    await runCommandLine(args);
    return [Number(process.exitCode ?? 0), text];
  } finally {
    for (const { stream, write } of streams) stream.write = write;
    process.env = before.env;
    process.exitCode = before.exitCode;
  }
}

function defined(env: Env): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
