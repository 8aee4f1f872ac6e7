// A smoke run of the whole bench: real servers, brokers, agents. Asserts structure and correctness, never speed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Results } from '../src/results.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const ONLY = [
  'haggle/1',
  'mac/256',
  '1-broker/ed25519/16',
  'R',
  'Q',
  'D',
  'M',
  'L',
  'hosted/3',
  'own/5',
  'latency/hosted',
  'crowd',
];

test('every kind of variant runs, every status is right, every invariant holds', { timeout: 240_000 }, () => {
  const json = join(mkdtempSync(join(tmpdir(), 'tender-bench-')), 'quick.json');
  const args = [main, '--quick', '--only', ONLY.join(','), '--json', json];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const results = JSON.parse(readFileSync(json, 'utf8')) as Results;
  expect(results.schema).toBe('tender-bench-1');
  expect(results.checks.map(({ market, report }) => [market, report.ok])).toEqual([
    ['one', true],
    ['two', true],
  ]);
  // A check that looked at nothing would prove nothing.
  const checked = results.checks.flatMap(({ report }) => report.findings);
  for (const name of ['I1', 'I4', 'I5', 'I6', 'I7', 'I9', 'I12']) {
    expect(checked.find(({ invariant }) => invariant === name)?.checked, name).toBeGreaterThan(0);
  }
  const ids = results.variants.map(({ id }) => id);
  for (const part of ONLY)
    expect(
      ids.some((id) => id.includes(part)),
      part,
    ).toBe(true);
  for (const burst of results.bursts) expect(burst.ops, burst.id).toBeGreaterThan(0);
  expect(Object.keys(results.references)).toEqual(['R', 'Q', 'D', 'M', 'L', 'A*', 'N*(3)', 'N*(5)', 'N*(8)']);
  expect(results.ratios.map(({ id }) => id)).toContain('award/2-brokers/mac/256 ÷ A*');
  expect(Object.keys(results.crowds)).toHaveLength(3);
});
