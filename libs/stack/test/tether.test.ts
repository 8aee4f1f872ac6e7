// Nothing outlives its parent: not after a kill -9, not after a Ctrl-C, not even where the watchdog itself is killed.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { spawnTethered, tetherFolder } from '../src/tether.js';
import { waitUntil } from '../src/wait-until.js';
import { childrenOf, expectGone, holdStack, isGone, packageFolder, processes, temporaryFolder } from './support.js';

describe('a stack whose parent', () => {
  it('is killed with kill -9 leaves no server, no watchdog and no folder', async () => {
    const held = await holdStack({ HELD_REDISES: '3' });
    expect(held.pids).toHaveLength(4);
    expect(held.pids.some(isGone)).toBe(false);
    held.child.kill('SIGKILL');
    await expectGone(held.pids);
    expect(await waitUntil(() => !existsSync(held.dir), 20_000)).toBe(true);
    expect(await waitUntil(() => !isRunning(held.dir), 20_000)).toBe(true);
  });

  it('gets a Ctrl-C for its whole process group still has its servers, and stops them in good order', async () => {
    const held = await holdStack({ HELD_REDISES: '3' });
    process.kill(-held.child.pid!, 'SIGINT');
    expect(await held.next()).toEqual({ alive: true });
    await expectGone(held.pids);
    expect(existsSync(held.dir)).toBe(false);
  });
});

describe('a tethered process', () => {
  it('is the command itself: pid, output, variables, folder and exit code are its own', async () => {
    const cwd = temporaryFolder();
    const child = spawnTethered(process.execPath, ['-e', 'console.log(process.pid, process.cwd(), process.env.X)'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { X: 'a b' },
      cwd,
    });
    let text = '';
    child.process.stdout!.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(await waitUntil(() => text.trim() === `${child.pid} ${cwd} a b`, 20_000)).toBe(true);
    expect(child.alive).toBe(false);
    await child.kill('SIGKILL');
  });

  it('keeps its arguments as they are', async () => {
    const script = 'process.exit(process.argv[1] === `a "b"\\n$HOME` && process.argv[2] === "" ? 0 : 1)';
    const child = spawnTethered(process.execPath, ['-e', script, 'a "b"\n$HOME', ''], {});
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  it('that does not exist ends with 127', async () => {
    const lines: string[] = [];
    const child = spawnTethered('no-such-command', [], { stdio: 'ignore', log: (line) => lines.push(line) });
    expect(await child.exited).toEqual({ code: 127, signal: null });
    expect(lines).toEqual([`no-such-command (pid ${child.pid}) ended: code 127`]);
    expect(() => spawnTethered('ls', [], { cwd: '/no/such/folder' })).toThrow(/ls cannot be started/);
  });

  it('ends on SIGTERM, or on SIGKILL where it does not listen', async () => {
    const deaf = spawnTethered('sh', ['-c', 'trap "" TERM; echo deaf; while :; do sleep 1; done'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((settle) => deaf.process.stdout!.once('data', settle));
    expect((await deaf.stop(300)).signal).toBe('SIGKILL');
    const good = spawnTethered('sleep', ['1000'], { stdio: 'ignore' });
    expect((await good.stop()).signal).toBe('SIGTERM');
  });

  it('takes its own children with it when the parent goes', async () => {
    const folder = temporaryFolder();
    const script = join(folder, 'parent.mjs');
    writeFileSync(
      script,
      `import { spawnTethered, tetherFolder } from '${join(packageFolder, 'dist/index.js')}';
       import { mkdirSync } from 'node:fs';
       const gone = ${JSON.stringify(join(folder, "it's gone"))};
       tetherFolder(gone); mkdirSync(gone);
       const child = spawnTethered('sh', ['-c', 'sleep 1000 & echo $! $$; wait'], { stdio: ['ignore', 'inherit', 'inherit'] });
       setInterval(() => {}, 1000);`,
    );
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    parent.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    expect(await waitUntil(() => text.includes('\n'), 20_000)).toBe(true);
    const pids = text.trim().split(' ').map(Number);
    expect(pids.some(isGone)).toBe(false);
    parent.kill('SIGKILL');
    await expectGone(pids);
    expect(await waitUntil(() => !existsSync(join(folder, "it's gone")), 20_000)).toBe(true);
  });

  it('is watched again after the watchdog was killed', async () => {
    const folder = temporaryFolder();
    const script = join(folder, 'parent.mjs');
    writeFileSync(
      script,
      `import { spawnTethered } from '${join(packageFolder, 'dist/index.js')}';
       const child = spawnTethered('sleep', ['1000'], { stdio: 'ignore' });
       console.log(child.pid);
       setInterval(() => console.log('turn'), 20);`,
    );
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    parent.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    const lines = (): string[] => text.split('\n');
    expect(await waitUntil(() => lines().length > 1, 20_000)).toBe(true);
    const watchdogOf = (): number | undefined => childrenOf(parent.pid!, 'tender-watchdog')[0];
    expect(await waitUntil(() => watchdogOf() !== undefined, 20_000)).toBe(true);
    const first = watchdogOf()!;
    process.kill(first, 'SIGKILL');
    expect(await waitUntil(() => ![undefined, first].includes(watchdogOf()), 20_000)).toBe(true);
    // The turn of its loop in which it started the new one, and told it what to watch, is over: another one follows.
    const turns = lines().length;
    expect(await waitUntil(() => lines().length > turns + 2, 20_000)).toBe(true);
    parent.kill('SIGKILL');
    await expectGone([Number(lines()[0])]);
  });
});

describe('a tethered folder', () => {
  it('is removed when asked', async () => {
    const folder = join(temporaryFolder(), 'folder');
    const remove = tetherFolder(folder);
    mkdirSync(folder);
    await remove();
    expect(existsSync(folder)).toBe(false);
  });
});

function isRunning(text: string): boolean {
  return processes().some(({ args }) => args.includes(text));
}
