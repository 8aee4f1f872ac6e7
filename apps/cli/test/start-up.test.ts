// What an operator's command loads before it does anything: neither the servers' starter nor a client of Redis.
import { expect, test } from 'vitest';
import { resolveImport, type SourceFile, sourceFiles } from '../../../test/source-files.js';

const files = sourceFiles(['.ts']).filter(({ path }) => path.startsWith('apps/cli/src/'));

/** What is loaded with the file; types are not, and `await import()` is not until it is reached. */
function loadedWith({ text }: SourceFile): string[] {
  return [...text.matchAll(/^(?:import|export)\s(?!type\b)[^;]*?from\s+'([^']+)'/gm)].map((match) => match[1]!);
}

test('the command line loads what every command needs, and no more', () => {
  const loaded = new Set<string>();
  const walk = (path: string): void => {
    const file = files.find((one) => one.path === path)!;
    for (const target of loadedWith(file)) {
      const name = target.startsWith('.') ? resolveImport(file, target) : target;
      if (loaded.has(name)) continue;
      loaded.add(name);
      if (target.startsWith('.')) walk(name);
    }
  };
  walk('apps/cli/src/main.ts');
  expect([...loaded]).toEqual(expect.arrayContaining(['apps/cli/src/account.ts', '@tender/agent']));
  expect([...loaded].filter((name) => /^@tender\/(stack|\w+\/redis)$/.test(name))).toEqual([]);
});
