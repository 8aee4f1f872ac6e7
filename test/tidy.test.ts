// What can be said mechanically about how the house is built: arrows, cycles, clocks, sizes, heads of files, names.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { slow } from './slow-files.js';
import { importsOf, resolveImport, root, type SourceFile, sourceFiles } from './source-files.js';

const files = sourceFiles(['.ts', '.mjs']);
const sources = files.filter((file) => file.path.includes('/src/'));
const inSrc = (path: string) => sources.some((file) => file.path === path);

/** Which part may import which: apps never each other, libs never upwards, the stack only where servers are started. */
const arrows: Record<string, readonly string[]> = {
  'libs/credits': [],
  'libs/market': ['libs/credits'],
  'libs/agent': ['libs/credits', 'libs/market'],
  'libs/stack': [],
  'apps/broker': ['libs/credits', 'libs/market', 'libs/agent'],
  'apps/agent-sim': ['libs/credits', 'libs/market', 'libs/agent'],
  'apps/cli': ['libs/credits', 'libs/market', 'libs/agent', 'libs/stack'],
  bench: ['libs/credits', 'libs/market', 'libs/agent', 'libs/stack'],
};
const doors: Record<string, readonly string[]> = {
  '@tender/credits': ['', '/redis', '/testing'],
  '@tender/market': ['', '/redis', '/nats', '/testing'],
  '@tender/agent': [''],
  '@tender/stack': [''],
};

/** Files whose job is I/O, time or chance; everything else in credits and market is pure. */
const isPure = (file: SourceFile) =>
  (file.part === 'libs/credits' || file.part === 'libs/market') && !/\/src\/(redis|nats|testing)\//.test(file.path);

function offences(of: readonly SourceFile[], pattern: RegExp): string[] {
  return of.flatMap((file) =>
    file.lines.flatMap((line, index) => {
      const code = line.replace(/\/\/.*$/, '').replace(/^\s*\*.*$/, '');
      return pattern.test(code) ? [`${file.path}:${index + 1} ${line.trim()}`] : [];
    }),
  );
}

describe('arrows', () => {
  test('there is something to look at', () => {
    expect(sources.length).toBeGreaterThan(80);
    expect(sources.flatMap(importsOf).length).toBeGreaterThan(300);
  });

  test('each part imports only the parts below it, and only through their doors', () => {
    const wrong = sources.flatMap((file) =>
      importsOf(file).flatMap((target) => {
        const match = /^(@tender\/([a-z-]+))(\/.*)?$/.exec(target);
        if (!match) return [];
        const allowed = arrows[file.part]?.includes(`libs/${match[2]}`) && doors[match[1]!]?.includes(match[3] ?? '');
        return allowed ? [] : [`${file.path} imports ${target}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('a relative import stays inside its part and leads to a file', () => {
    const wrong = sources.flatMap((file) =>
      importsOf(file)
        .filter((target) => target.startsWith('.'))
        .map((target) => resolveImport(file, target))
        .filter((path) => !path.startsWith(`${file.part}/src/`) || !inSrc(path))
        .map((path) => `${file.path} imports ${path}`),
    );
    expect(wrong).toEqual([]);
  });

  test('no cycle between files', () => {
    const graph = new Map(
      sources.map((file) => [
        file.path,
        importsOf(file)
          .filter((target) => target.startsWith('.'))
          .map((target) => resolveImport(file, target)),
      ]),
    );
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (state.get(path) === 'done') return;
      if (state.get(path) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
        return;
      }
      state.set(path, 'open');
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      state.set(path, 'done');
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  test('every source file is reached from a door or a main', () => {
    const reached = new Set<string>();
    const walk = (path: string): void => {
      const file = sources.find((candidate) => candidate.path === path);
      if (!file || reached.has(path)) return;
      reached.add(path);
      for (const target of importsOf(file)) if (target.startsWith('.')) walk(resolveImport(file, target));
    };
    const entries = sources.filter((file) => /\/src\/((redis|nats|testing)\/)?index\.ts$|main\.ts$/.test(file.path));
    for (const file of entries) walk(file.path);
    // Started by path, as processes of their own.
    const byName = files
      .filter((file) => file.path.endsWith('.ts'))
      .map((file) => file.text)
      .join('\n');
    const started = (path: string) => byName.includes(`${path.split('/').at(-1)!.replace(/\.ts$/, '.js')}'`);
    for (const file of sources) if (!reached.has(file.path) && started(file.path)) walk(file.path);
    expect(sources.map((file) => file.path).filter((path) => !reached.has(path))).toEqual([]);
  });
});

describe('purity', () => {
  const pure = sources.filter(isPure);

  test('rules read no clock, draw no lots and know no environment', () => {
    expect(pure.length).toBeGreaterThan(25);
    const pattern =
      /Date\.now|new Date\(\)|performance\.now|Math\.random|randomBytes|randomUUID|randomFill|process\.(env|hrtime|argv)|setTimeout|setInterval|setImmediate/;
    expect(offences(pure, pattern)).toEqual([]);
  });

  test('rules do no input and no output', () => {
    const wrong = pure.flatMap((file) =>
      importsOf(file)
        .filter((target) => /^(ioredis|redlock|nats|node:(?!crypto$))/.test(target))
        .map((target) => `${file.path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test('nothing draws from Math.random: chance is seeded, or cryptographic', () => {
    // The SDK spreads its retries and questions, so that a swarm does not come back in step: no rule hangs on it.
    const others = sources.filter((file) => file.part !== 'libs/agent');
    expect(offences(others, /Math\.random/)).toEqual([]);
  });

  test('each process reads the environment in one place', () => {
    const readers = sources.filter((file) => offences([file], /process\.env/).length > 0).map((file) => file.path);
    const perPart = groupBy(readers);
    const wrong = [...perPart].filter(([, paths]) => paths.filter((path) => !/main\.ts$/.test(path)).length > 1);
    expect(wrong).toEqual([]);
    const libs = readers.filter((path) => path.startsWith('libs/') && !path.startsWith('libs/stack/'));
    expect(libs).toEqual([]);
  });
});

function partOf(path: string): string {
  return path.split('/').slice(0, 2).join('/');
}

function groupBy(paths: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const path of paths) groups.set(partOf(path), [...(groups.get(partOf(path)) ?? []), path]);
  return groups;
}

describe('style', () => {
  const lua = sourceFiles(['.lua']);

  test('each file opens with a sentence that says why it exists', () => {
    const wrong = [...files, ...lua].filter((file) => {
      const first = file.lines.find((line) => !line.startsWith('#!'));
      return !/^(\/\/|--|\/\*\*) \S.{15,}/.test(first ?? '');
    });
    expect(wrong.map((file) => file.path)).toEqual([]);
  });

  test('no file has 400 lines', () => {
    expect([...files, ...lua].filter((file) => file.lines.length > 400).map((file) => file.path)).toEqual([]);
  });

  test("the glossary's words, and none of those that it replaces", () => {
    expect(offences(sources, /\b(\w*[mM]anager|[wW]allet\w*|[cC]oins?|[eE]scrow\w*)\b/)).toEqual([]);
  });

  test('every link in the prose leads somewhere', () => {
    const pages = sourceFiles(['.md']);
    expect(pages.length).toBeGreaterThan(10);
    const wrong = pages.flatMap((page) =>
      [...page.text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)]
        .map((match) => join(root, dirname(page.path), match[1]!))
        .filter((path) => !existsSync(path))
        .map((path) => `${page.path} links ${path}`),
    );
    expect(wrong).toEqual([]);
  });

  test('the slow tests that come first are there', () => {
    expect(slow.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test('no test is focused on, and none is left to do', () => {
    const tests = files.filter((file) => file.path.endsWith('.test.ts'));
    expect(tests.length).toBeGreaterThan(10);
    expect(offences(tests, /\b(test|it|describe)\.(only|todo)\(/)).toEqual([]);
  });
});
