// What holds for every .lua file of a registry, credits' and market's alike: header, registry, checks before writes.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface RegisteredScript {
  readonly name: string;
  /** With its includes. */
  readonly text: string;
  /** As the header's ARGV line names them; `none` where there are none. */
  readonly fields: readonly string[];
}

export interface LuaRegistry {
  readonly folder: URL;
  readonly scripts: Readonly<Record<string, RegisteredScript>>;
  /** The fields of each script's input, by the script's name in the registry. */
  readonly fields: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Files that only read. */
  readonly reading?: readonly string[];
  /** Where a file's checks and writes stand in one run, if not from top to bottom. */
  readonly bodyOf?: (file: string, lua: string) => string;
}

/** Calls that change a key, and the shared functions that make them. */
const WRITES = new RegExp(
  `redis\\.call\\('(?:H?SET(?:NX)?|HINCRBY|HDEL|DEL|XADD|XTRIM|ZADD|ZREM|SADD|SREM|P?EXPIRE(?:AT)?)'|\\b(?:${[
    ...['open_pending', 'post_single', 'end_pending', 'put_transfer', 'charge', 'charge_budgets'],
    ...['give_back_to_budgets', 'save_budgets', 'journal', 'remember', 'done'],
    ...['end_terms', 'open_term', 'take_slot', 'free_slots', 'count_held', 'note_use', 'unlock', 'grant_lease'],
    ...['end_deposit', 'return_deposits', 'lease_met', 'give_task', 'leave_slots', 'hand_over', 'end_task'],
    ...['end_proposal', 'stop_waiting', 'save_bucket', 'save_hold', 'end_hold', 'count_use'],
  ].join('|')})\\(`,
);
const CHECKS = /\b(?:refuse|replay|recall|error|assert|refusal_of|not_taken|held_before)\(/;

function withoutComments(lua: string): string {
  return lua.replace(/--.*$/gm, '');
}

function filesOf({ folder }: LuaRegistry): readonly string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.lua'));
}

function includesOf({ folder }: LuaRegistry): readonly { readonly name: string; readonly opening: string }[] {
  const at = new URL('include/', folder);
  return readdirSync(at).map((name) => ({ name, opening: readFileSync(new URL(name, at), 'utf8').split('\n')[0]! }));
}

/** Says so by vitest's own means: one test per file and rule. */
export function describeLua(registry: LuaRegistry): void {
  const scripts = Object.entries(registry.scripts);
  const includes = includesOf(registry);
  describe.each(filesOf(registry))('%s', (file) => describeFile(registry, file));
  describe.each(scripts)('%s in the registry', (name, script) => {
    const fields = script.fields.filter((field) => field !== 'none').sort();
    const expanded = withoutComments(script.text);

    it('declares after ARGV exactly what it reads', () => {
      const used = new Set([...expanded.matchAll(/\binput\.(\w+)/g)].map((match) => match[1]!));
      if (/\breplay\(input\)/.test(expanded)) for (const field of ['by', 'key', 'digest']) used.add(field);
      expect([...used].sort()).toEqual(fields);
    });

    it("declares the fields of its input's type", () => {
      expect(fields).toEqual(Object.keys(registry.fields[name]!).sort());
    });

    it('has no include left, reads TIME once, and holds each include once', () => {
      expect(script.text).not.toMatch(/^-- include:/m);
      expect(expanded.match(/redis\.call\('TIME'\)/g)).toHaveLength(1);
      for (const include of includes) {
        expect(script.text.split(include.opening).length - 1, include.name).toBeLessThanOrEqual(1);
      }
    });
  });
  it.each(includes)('include/$name says in its first line why it exists', ({ opening }) => {
    expect(opening).toMatch(/^-- [A-Z]/);
  });
}

function describeFile(registry: LuaRegistry, file: string): void {
  const text = readFileSync(new URL(file, registry.folder), 'utf8');
  const script = Object.values(registry.scripts).find((one) => `${one.name}.lua` === file);

  it('opens with #!lua, a sentence and the three headers', () => {
    const lines = text.split('\n');
    expect(lines[0]).toBe('#!lua');
    expect(lines[1]).toMatch(/^-- [A-Z].*[.:,a-z]$/);
    for (const header of [/^-- KEYS: meta$/m, /^-- ARGV: \w+(, \w+)*$/m, /^-- REPLY: \S.*$/m]) {
      expect(text).toMatch(header);
    }
  });

  it('is in the registry', () => {
    expect(script).toBeDefined();
  });

  it('checks everything before its first write', () => {
    const lua = withoutComments(text);
    const body = registry.bodyOf?.(file, lua) ?? lua;
    const firstWrite = body.search(WRITES);
    if (registry.reading?.includes(file)) return expect(firstWrite).toBe(-1);
    expect(firstWrite).toBeGreaterThan(-1);
    expect(body.slice(firstWrite)).not.toMatch(CHECKS);
  });

  it('takes no number from a string but by amount_of, price_of or from its own keys', () => {
    expect(withoutComments(text)).not.toMatch(/tonumber\((?:input|award|bid|take)\./);
  });

  it('replies what its header says', () => {
    const declared = /^-- REPLY: (?:a list with, for each, )?(.*)$/m.exec(text)?.[1]?.split(', ') ?? [];
    // Some replies are built by what is included.
    const code = withoutComments(script?.text ?? '');
    for (const field of declared.filter((name) => name !== 'ok')) {
      expect(code, field).toMatch(new RegExp(`\\b${field}\\b`));
    }
  });
}
