// A typed Lua script: its file is the one place of its text, its input has names, its reply is parsed.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { z } from 'zod';

/** A script ready to run; `Input` travels as one JSON argument, the reply is JSON checked by a schema. */
export interface Script<Input, Reply> {
  readonly name: string;
  readonly text: string;
  readonly sha: string;
  /** Fields that the header of the .lua file declares after `ARGV:`. */
  readonly fields: readonly string[];
  readonly parse: (json: string) => Reply;
  /** Carries the input's type; has no value. */
  readonly input?: Input;
}

/** Where .lua files lie: the script's own folder, then those of the libs whose includes it uses. */
export type LuaFolders = readonly URL[];

/** The bank's own .lua files; other libs put it after theirs to use its includes. */
export const creditsLua = new URL('../../src/redis/lua/', import.meta.url);

/**
 * Reads `<name>.lua`, replaces each `-- include: x` by include/x.lua, once, and names the fields of its input and
 * its reply. Throws at start-up (a bug, not a refusal) where the file or an include is missing.
 */
export function defineScript<Input extends object, Reply>(
  folders: LuaFolders,
  name: string,
  reply: z.ZodType<Reply>,
): Script<Input, Reply> {
  const [shebang, ...rest] = read(folders, `${name}.lua`).split('\n');
  if (shebang !== '#!lua') throw new Error(`${name}.lua must start with #!lua`);
  const source = rest.join('\n');
  const text = `#!lua\n${expand(folders, source, new Set())}`;
  const fields = /^-- ARGV: (.*)$/m.exec(source)?.[1]?.split(/,\s*/) ?? [];
  return {
    name,
    text,
    sha: createHash('sha1').update(text).digest('hex'),
    fields,
    parse: (json) => reply.parse(JSON.parse(json)),
  };
}

function read(folders: LuaFolders, path: string): string {
  for (const folder of folders) {
    try {
      return readFileSync(new URL(path, folder), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`no ${path} in ${folders.map((folder) => folder.pathname).join(', ')}`);
}

function expand(folders: LuaFolders, source: string, seen: Set<string>): string {
  return source.replace(/^-- include: (\S+)$/gm, (_line, include: string) => {
    if (seen.has(include)) return '';
    seen.add(include);
    return expand(folders, read(folders, `include/${include}.lua`), seen);
  });
}

/**
 * Runs a script on the market whose meta key is given. Rejects where Redis is away or answers with an error: the
 * outcome is then unknown, and the caller asks again under the same idempotency key.
 */
export async function runScript<Input, Reply>(
  redis: Redis,
  script: Script<Input, Reply>,
  meta: string,
  input: Input,
): Promise<Reply> {
  const argument = JSON.stringify(input);
  try {
    return script.parse((await redis.evalsha(script.sha, 1, meta, argument)) as string);
  } catch (error) {
    // A restarted Redis has forgotten its scripts; NOSCRIPT means that nothing ran.
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return script.parse((await redis.eval(script.text, 1, meta, argument)) as string);
  }
}
