// The .lua files against their headers and registry: what a script reads is declared, and it checks before it writes.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { creditsLua, ledgerScriptFields, ledgerScripts } from '../src/redis/index.js';

const files = readdirSync(creditsLua).filter((name) => name.endsWith('.lua'));
const includes = readdirSync(new URL('include/', creditsLua));
const scripts = Object.entries(ledgerScripts);

/** Calls that change a key, and the shared functions that make them. */
const WRITES =
  /redis\.call\('(?:H?SET(?:NX)?|HINCRBY|HDEL|DEL|XADD|XTRIM|ZADD|ZREM|SADD|SREM|P?EXPIRE(?:AT)?)'|\b(?:open_pending|post_single|end_pending|put_transfer|charge|charge_budgets|give_back_to_budgets|save_budgets|journal|remember|done)\(/g;
const CHECKS = /\b(?:refuse|replay|recall|error|assert)\(/g;

function read(path: string): string {
  return readFileSync(new URL(path, creditsLua), 'utf8');
}

function withoutComments(lua: string): string {
  return lua.replace(/--.*$/gm, '');
}

describe.each(files)('%s', (file) => {
  const text = read(file);
  it('opens with #!lua, a sentence and the three headers', () => {
    const lines = text.split('\n');
    expect(lines[0]).toBe('#!lua');
    expect(lines[1]).toMatch(/^-- [A-Z].*[.:,a-z]$/);
    for (const header of [/^-- KEYS: meta$/m, /^-- ARGV: \w+(, \w+)*$/m, /^-- REPLY: \S.*$/m]) {
      expect(text).toMatch(header);
    }
  });

  it('is in the registry', () => {
    expect(scripts.map(([, script]) => `${script.name}.lua`)).toContain(file);
  });

  it('checks everything before its first write', () => {
    const body = withoutComments(text);
    const firstWrite = body.search(WRITES);
    const lastCheck = [...body.matchAll(CHECKS)].at(-1)?.index ?? -1;
    expect(firstWrite).toBeGreaterThan(-1);
    expect(body.slice(firstWrite)).not.toMatch(CHECKS);
    expect(lastCheck).toBeLessThan(firstWrite);
  });

  it('takes no number from a string but by amount_of or from its own keys', () => {
    expect(withoutComments(text)).not.toMatch(/tonumber\(input\./);
  });
});

describe.each(scripts)('%s in the registry', (name, script) => {
  const expanded = withoutComments(script.text);
  const used = new Set([...expanded.matchAll(/\binput\.(\w+)/g)].map((match) => match[1]!));

  it('declares after ARGV exactly what it reads', () => {
    expect([...used].sort()).toEqual([...script.fields].sort());
  });

  it("declares the fields of its input's type", () => {
    const typed = Object.keys(ledgerScriptFields[name as keyof typeof ledgerScriptFields]);
    expect([...script.fields].sort()).toEqual(typed.sort());
  });

  it('has no include left, reads TIME once, and holds each include once', () => {
    expect(script.text).not.toMatch(/^-- include:/m);
    expect(expanded.match(/redis\.call\('TIME'\)/g)).toHaveLength(1);
    for (const include of includes) {
      const opening = read(`include/${include}`).split('\n')[0]!;
      expect(script.text.split(opening).length - 1, include).toBeLessThanOrEqual(1);
    }
  });
});

it.each(includes)('include/%s says in its first line why it exists', (include) => {
  expect(read(`include/${include}`)).toMatch(/^-- [A-Z]/);
});
