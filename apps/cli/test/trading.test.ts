// The whole house, small: a swarm trades synthetic and recorded demand through real servers, and the books hold.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invariants } from '@tender/market';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { tender, until } from './cli-process.js';

// Whole markets: on a machine that is busy with other tests they take their time.
vi.setConfig({ testTimeout: 180_000 });

const dir = mkdtempSync(join(tmpdir(), 'tender-cli-'));
afterAll(() => rmSync(dir, { recursive: true }));

async function run(name: string, args: readonly string[]) {
  const report = join(dir, `${name}.html`);
  const json = join(dir, `${name}.json`);
  const started = tender([...args, '--no-board', '--report', report, '--json', json]);
  const { code } = await started.exited;
  expect(code, started.output()).toBe(0);
  await until(
    () => `${started.alive()} to go`,
    () => started.alive().length === 0,
  );
  expect(readFileSync(report, 'utf8')).toContain('every invariant holds');
  return { output: started.output(), result: JSON.parse(readFileSync(json, 'utf8')) };
}

const real = fileURLToPath(new URL('../../../../shared/data/openb_pod_list_default.csv', import.meta.url));

// Each waits for its seconds to pass more than it computes.
describe.concurrent('in a market of its own', () => {
  test('tender demo: 40 agents after 8 slots, green', async () => {
    const { output, result } = await run('demo', ['demo', '--agents', '40', '--seconds', '5', '--slots', '8']);
    expect(output).toContain('Every invariant holds');
    expect(result.totals.awards).toBeGreaterThan(10);
    expect(result.totals.met).toBeGreaterThan(5);
    expect(result.totals.valueMicro).toBeLessThanOrEqual(result.totals.valueBoundMicro);
    expect(result.check.lines).toHaveLength(Object.keys(invariants).length);
    const { met, unmet } = result.totals;
    const unmetJobs = Object.values(unmet as Record<string, number>).reduce((sum, count) => sum + count, 0);
    expect(met + unmetJobs).toBe(result.demand.jobs);
    expect(result.credits.every((credit: { afterMicro?: number }) => credit.afterMicro !== undefined)).toBe(true);
  });

  test('tender sim: hosts, two brokers, and a trace with every kind of row', async () => {
    const trace = join(dir, 'trace.csv');
    const good = Array.from(
      { length: 60 },
      (_, n) => `p${n},1,1000,${n % 2 ? 'LS' : 'BE'},${n * 100},${n * 100 + 300},1`,
    );
    const bad = [
      'a,0,0,LS,1,2,1',
      'b,1,1000,LS,9,,1',
      'c,1,1000,LS,9,3,1',
      'd,9,1000,LS,1,2,1',
      'e,1',
      'f,x,1,LS,1,2,1',
    ];
    const header = 'name,num_gpu,gpu_milli,qos,creation_time,deletion_time,scheduled_time';
    writeFileSync(trace, [header, ...good, ...bad].join('\r\n'));
    const { output, result } = await run('trace', [
      ...['sim', '--slots', '8', '--reserve', '1', '--brokers', '2', '--agents', '20', '--connections', '3'],
      ...['--seconds', '5', '--trace', trace, '--speed', '1000', '--from', '0'],
    ]);
    expect(result.demand.trace).toMatchObject({
      rows: 66,
      used: 50,
      unusable: {
        'no-gpu-asked': 1,
        'no-deletion-time': 1,
        'negative-duration': 1,
        'too-many-gpus': 1,
        'wrong-column-count': 1,
        'malformed-field': 1,
      },
      outside: { 'after-the-window': 10 },
    });
    expect(output).toContain('50 of 66 rows');
    expect(result.totals.met).toBeGreaterThan(5);
  });

  test.skipIf(!existsSync(real))(`the recorded trace (skipped where ${real} is not there)`, async () => {
    const { result } = await run('real', [
      ...[
        'sim',
        '--slots',
        '32',
        '--agents',
        '60',
        '--seconds',
        '8',
        '--trace',
        real,
        '--from',
        '120d',
        '--speed',
        '21600',
      ],
    ]);
    const counts = result.demand.trace;
    const left = [...Object.values<number>(counts.unusable), ...Object.values<number>(counts.outside)];
    expect(counts.rows).toBe(8152);
    expect(counts.used + left.reduce((sum, count) => sum + count, 0)).toBe(8152);
    expect(result.totals.met).toBeGreaterThan(20);
  });
});

describe('what cannot be done', () => {
  test.each([
    [['demo', '--agents', '0'], 2, /--agents.*whole number from 1 to 5000/],
    [['demo', '--slots', '4', '--reserve', '4'], 2, /leaves nothing/],
    [['demo', '--nonsense'], 2, /unknown option '--nonsense'/],
    [['demo', '--', 'extra'], 2, /^error: "extra" is no option: options start with --\n$/],
    [['sim', '--report'], 2, /^error: option '--report <file>' argument missing\n$/],
    [['sim', '--report', '--seconds', '5'], 2, /'--report <file>' argument '--seconds' is invalid. argument missing/],
    [['sim', '--trace', '/nowhere/trace.csv'], 2, /no such file/],
    [['check'], 2, /REDIS_URL is not set.*tender up/],
    [['launch'], 2, /unknown command/],
  ])('%j', async (args, expected, words) => {
    const started = tender(args);
    const { code } = await started.exited;
    expect(started.output()).toMatch(words);
    expect(code).toBe(expected);
    // A watchdog sees the end a moment later.
    await until(
      () => `${started.alive()} to go`,
      () => started.alive().length === 0,
    );
  });

  test.each(['demo', 'sim'])('tender %s --help has all options, those of the swarm too', async (command) => {
    const started = tender([command, '--help']);
    expect((await started.exited).code).toBe(0);
    for (const option of ['--slots', '--agents', '--trace', '--report', '--seed']) {
      expect(started.output()).toContain(`  ${option} <`);
    }
    expect(started.output().match(/--pool </g)).toHaveLength(1);
    expect(started.output()).not.toContain('tender-sim');
  });

  test('no servers to be found: the stack says what was tried', async () => {
    const started = tender(['demo', '--agents', '5', '--seconds', '1'], { TENDER_SERVERS_FROM: 'named' });
    const { code } = await started.exited;
    expect(started.output()).toMatch(/nats-server/);
    expect(code).toBe(1);
  });

  test('no Redis where REDIS_URL points', async () => {
    const started = tender(['check'], { REDIS_URL: 'redis://127.0.0.1:1' });
    const { code } = await started.exited;
    expect(started.output()).toMatch(/REDIS_URL/);
    expect(code).toBe(2);
  });
});
