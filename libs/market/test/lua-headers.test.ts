// The market's .lua files against their headers and registry: what a script reads is declared, checks come before writes.
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { marketScriptFields, marketScripts } from '../src/redis/scripts.js';
import { openPool, POOL_ACCOUNT, SELLER } from '../src/testing/index.js';
import { startTestRedis, type TestRedis } from './market-under-test.js';

const folder = new URL('../src/redis/lua/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.lua'));
const includes = readdirSync(new URL('include/', folder));
const scripts = Object.entries(marketScripts);
const reading = new Set(['snapshot.lua', 'offer.lua', 'bucket-view.lua']);

/** Calls that change a key, and the shared functions that make them. */
const WRITES =
  /redis\.call\('(?:H?SET(?:NX)?|HINCRBY|HDEL|DEL|XADD|ZADD|ZREM|SADD|SREM|P?EXPIRE)'|\b(?:open_pending|end_pending|end_terms|open_term|take_slot|free_slots|count_held|note_use|end_deposit|return_deposits|lease_met|give_task|leave_slots|hand_over|end_task|end_proposal|stop_waiting|unlock|journal|remember|done|post_single|save_budgets|save_bucket|save_hold|end_hold|count_use)\(/g;
const CHECKS = /\b(?:refuse|replay|recall|error|assert|refusal_of|not_taken|held_before)\(/g;

function read(path: string): string {
  return readFileSync(new URL(path, folder), 'utf8');
}

function withoutComments(lua: string): string {
  return lua.replace(/--.*$/gm, '');
}

/** What runs: the award's commit is a function, the checks stand in the one that calls it. */
function bodyOf(file: string): string {
  const body = withoutComments(read(file));
  return file === 'award.lua' ? body.slice(body.indexOf('local function award_one')) : body;
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
    const body = bodyOf(file);
    const firstWrite = body.replaceAll('grant_lease(', 'done(').search(WRITES);
    if (reading.has(file)) return expect(firstWrite).toBe(-1);
    expect(firstWrite).toBeGreaterThan(-1);
    expect(body.slice(firstWrite)).not.toMatch(CHECKS);
  });

  it('takes no number from a string but by amount_of, price_of or from its own keys', () => {
    expect(withoutComments(text)).not.toMatch(/tonumber\((?:input|award|bid|take)\./);
  });

  it('replies what its header says', () => {
    const declared = /^-- REPLY: (?:a list with, for each, )?(.*)$/m.exec(text)?.[1]?.split(', ') ?? [];
    // A hold is told alike by several scripts: its shape is included.
    const code = withoutComments(scripts.find(([, script]) => `${script.name}.lua` === file)?.[1].text ?? '');
    for (const field of declared.filter((name) => name !== 'ok')) {
      expect(code, field).toMatch(new RegExp(`\\b${field}\\b`));
    }
  });
});

describe.each(scripts)('%s in the registry', (name, script) => {
  const expanded = withoutComments(script.text);

  it('declares after ARGV exactly what it reads', () => {
    const used = new Set([...expanded.matchAll(/\binput\.(\w+)/g)].map((match) => match[1]!));
    if (/\breplay\(input\)/.test(expanded)) for (const field of ['by', 'key', 'digest']) used.add(field);
    const declared = script.fields.filter((field) => field !== 'none');
    expect([...used].sort()).toEqual([...declared].sort());
  });

  it("declares the fields of its input's type", () => {
    const typed = Object.keys(marketScriptFields[name as keyof typeof marketScriptFields]);
    expect(script.fields.filter((field) => field !== 'none').sort()).toEqual(typed.sort());
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

describe('prices that are no digits', () => {
  let server: TestRedis;
  beforeAll(async () => {
    server = await startTestRedis();
  });
  afterAll(() => server.stop());

  it.each(['nan', '1e3', '0x10', '-1', '', '007', '1.5', '123456789012345'])(
    '%j opens no call and no pool',
    async (price) => {
      const { hand, redis, market, dump } = await server.market();
      await hand.lock('gpu', [0], 'lock-c1');
      const before = await dump();
      const opened = await hand.openCall({ cfp: 'c1', slots: [0], reservePriceMicro: price });
      expect(opened).toMatchObject({ ok: false, detail: 'malformed' });
      const pool = { pool: 'gpu', slots: 8, account: POOL_ACCOUNT, seller: SELLER, reservePriceMicro: price };
      await expect(openPool(redis, market, pool)).rejects.toThrow('malformed');
      expect(await dump()).toEqual(before);
    },
  );
});
