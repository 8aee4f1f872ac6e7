// The patterns of negotiation, each played over the real stack: its guardrail had something to stop and held, the books hold.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnTethered } from '@tender/stack';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const cli = fileURLToPath(new URL('../apps/cli/dist/main.js', import.meta.url));

interface Played {
  readonly name: string;
  readonly guard: {
    readonly held: boolean;
    readonly tried: number;
    readonly stopped: Record<string, number>;
    readonly breaches: string[];
  };
  readonly figures: readonly { readonly name: string; readonly value: number; readonly against?: { value: number } }[];
  readonly check: { readonly ok?: boolean; readonly lines: { invariant: string; ok: boolean }[] };
  readonly moves: readonly {
    readonly what: string;
    readonly status?: number;
    readonly from: string;
    readonly to: string;
  }[];
}

/** What each must be stopped with at least, and between what its metric must lie; `better` than what it is compared with. */
const expected: Readonly<Record<string, { stopped: string[]; metric: [number, number]; better?: 'more' | 'less' }>> = {
  concession: { stopped: ['no-improvement', 'not-your-turn'], metric: [95, 100], better: 'more' },
  constraints: { stopped: ['authorization-required', 'region'], metric: [60, 100] },
  'trade-space': { stopped: ['over-budget', 'no-capacity', 'willingness to pay'], metric: [95, 100], better: 'more' },
  signalling: { stopped: ['bond forfeited', 'not-your-turn'], metric: [0, 1], better: 'less' },
  coalition: { stopped: ['insufficient-credits', 'turned down', 'no-capacity'], metric: [75, 100], better: 'more' },
  human: { stopped: ['pending', 'unknown', 'bad-signature'], metric: [100, 5_000], better: 'more' },
  'three-party': { stopped: ['over-budget', 'insufficient-credits'], metric: [60, 100], better: 'more' },
  'both-directions': { stopped: ['round-limit'], metric: [2, 2], better: 'less' },
};

/** The bank's own: what binds is the clock, so that both are played at once, in markets of their own. */
const bank: Readonly<Record<string, { args: string[]; stopped: string[]; metric: [number, number] }>> = {
  'rate-tokens': {
    args: ['--seconds', '10'],
    stopped: ['malformed', 'not-permitted', 'no-capacity', 'below-reserve-price'],
    // The guardrail holds it below 0.5 %, unless the machine stalled: then it must still beat the unmanaged run, no more.
    metric: [0, 100],
  },
  budgets: {
    args: [],
    stopped: ['over-budget', 'malformed', 'not-permitted', 'bad-signature', 'paid to the last credit'],
    metric: [0, 0],
  },
};

interface Run {
  readonly code: number | null;
  readonly errors: string;
  readonly played: readonly Played[];
  readonly report: string;
}

let folder: string;
let run: Run;

/** Everything that is printed; a market of its own, gone afterwards. */
async function scenarioCommand(args: readonly string[]) {
  const { NATS_URL, TENDER_OPERATOR_SEED, ...env } = process.env;
  const child = spawnTethered(process.execPath, [cli, 'scenario', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { out: '', err: '' };
  child.process.stdout!.on('data', (chunk) => (text.out += chunk));
  child.process.stderr!.on('data', (chunk) => (text.err += chunk));
  const { code } = await child.exited;
  return { code, ...text };
}

async function play(name: string, args: readonly string[]): Promise<Run> {
  const file = join(folder, `${name}.html`);
  const { code, out, err } = await scenarioCommand([
    ...args,
    ...['--seed', '1', '--log', '-o', 'json', '--report', file],
  ]);
  const played = out === '' ? [] : (JSON.parse(out).played as Played[]);
  return { code, errors: err, played, report: await readFile(file, 'utf8').catch(() => '') };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tender-scenarios-'));
  run = await play('all', Object.keys(expected));
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test('all that are named are played, and all is well', () => {
  expect(run.played.map(({ name }) => name)).toEqual(Object.keys(expected));
  expect(run.played.flatMap(({ guard }) => guard.breaches)).toEqual([]);
  expect(run.code, run.errors).toBe(0);
});

describe.each(Object.entries(expected))('%s', (name, { stopped, metric: [least, most], better }) => {
  const played = () => run.played.find((one) => one.name === name)!;

  test('stopped whoever tried to break its rule', () => {
    const { guard } = played();
    expect(guard.held).toBe(true);
    expect(Object.keys(guard.stopped)).toEqual(expect.arrayContaining(stopped));
    expect(Object.values(guard.stopped).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(guard.tried);
  });

  test('reached what it is for', () => {
    const { value, against } = played().figures[0]!;
    expect(value).toBeGreaterThanOrEqual(least);
    expect(value).toBeLessThanOrEqual(most);
    if (better === 'more') expect(value).toBeGreaterThan(against!.value);
    if (better === 'less') expect(value).toBeLessThan(against!.value);
  });

  test('left the books in order, and its moves in the log', () => {
    const { check, moves } = played();
    expect(check.lines.filter(({ ok }) => !ok)).toEqual([]);
    expect(check.ok).toBe(true);
    expect(moves.filter(({ to, what, status }) => to !== 'bank' && what === 'engage ok' && status === 263)).not.toEqual(
      [],
    );
  });
});

test('the report shows each, with its guardrail and its moves', () => {
  for (const name of Object.keys(expected)) expect(run.report).toContain(`id="${name}"`);
  expect(run.report).toContain('every guardrail held, every invariant holds');
  expect(run.report).toContain('who, what, when, how much');
  expect(run.report).not.toMatch(/src="http|href="http/);
});

describe('the bank’s own', () => {
  const runs = new Map<string, Run>();
  beforeAll(async () => {
    const played = Object.entries(bank).map(
      async ([name, { args }]) => [name, await play(name, [name, ...args])] as const,
    );
    for (const [name, one] of await Promise.all(played)) runs.set(name, one);
  }, 300_000);

  test.each(Object.entries(bank))('%s: its rule held, its books are in order, its report says so', (name, row) => {
    const { code, errors, played, report } = runs.get(name)!;
    expect(played.flatMap(({ guard }) => guard.breaches)).toEqual([]);
    expect(code, errors).toBe(0);
    const { guard, figures, check, moves } = played[0]!;
    expect(Object.keys(guard.stopped)).toEqual(expect.arrayContaining(row.stopped));
    expect(figures[0]!.value).toBeGreaterThanOrEqual(row.metric[0]);
    expect(figures[0]!.value).toBeLessThanOrEqual(row.metric[1]);
    expect(figures[0]!.value).toBeLessThan(figures[0]!.against!.value);
    expect(check.lines.filter(({ ok }) => !ok)).toEqual([]);
    expect(moves.filter(({ what, status }) => what === 'tokens ok' && status === 200)).not.toEqual([]);
    expect(report).toContain(`id="${name}"`);
    expect(report).toContain('every guardrail held, every invariant holds');
  });

  test('a trace that cannot be played is refused before anything starts, by line and with what would pass', async () => {
    const file = join(folder, 'trace.csv');
    await writeFile(file, 'TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\nnow,1,1\n');
    const refused = await scenarioCommand(['rate-tokens', '--llm-trace', file]);
    expect(refused).toMatchObject({ code: 2, out: '' });
    expect(refused.err).toContain(`${file}, line 3: TIMESTAMP "now"`);
    expect(refused.err).toContain('What would pass: ');
    const elsewhere = await scenarioCommand(['human', '--llm-trace', file]);
    expect(elsewhere).toMatchObject({ code: 2, out: '' });
    expect(elsewhere.err).toContain('--llm-trace goes with the scenario rate-tokens only');
  });
});

test('without a name they are listed; an unknown one is refused before anything starts', async () => {
  const listed = await scenarioCommand([]);
  expect(listed.code).toBe(0);
  for (const name of Object.keys({ ...expected, ...bank })) expect(listed.out).toContain(`  ${name} `);
  const unknown = await scenarioCommand(['bargaining']);
  expect(unknown.code).toBe(2);
  expect(unknown.err).toContain('there is no scenario "bargaining"');
});
