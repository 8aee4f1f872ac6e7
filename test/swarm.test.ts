// 500 agents after 8 slots, sold by 4 brokers side by side, for a minute: no slot with two holders, no credit lost.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invariants } from '@tender/market';
import { spawnTethered } from '@tender/stack';
import { expect, test } from 'vitest';

const cli = fileURLToPath(new URL('../apps/cli/dist/main.js', import.meta.url));

test('the checker is green after a minute', { timeout: 240_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tender-swarm-'));
  try {
    const json = join(folder, 'run.json');
    const options = ['--agents', '500', '--slots', '8', '--brokers', '4', '--seconds', '60', '--load', '8'];
    const files = ['--no-board', '--json', json, '--report', join(folder, 'run.html')];
    const child = spawnTethered(process.execPath, [cli, 'sim', ...options, ...files], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.process.stdout!, child.process.stderr!]) {
      stream.on('data', (chunk) => {
        text += chunk;
      });
    }
    expect((await child.exited).code, text).toBe(0);
    const run = JSON.parse(await readFile(json, 'utf8'));
    expect(run.check.ok).toBe(true);
    const checked = run.check.lines.map((line: { invariant: string; ok: boolean }) => `${line.invariant} ${line.ok}`);
    expect(checked).toEqual(Object.keys(invariants).map((invariant) => `${invariant} true`));
    expect(run.totals.awards, text).toBeGreaterThan(100);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
