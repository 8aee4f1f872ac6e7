// The house's own source files, for tests that look at the text of the house itself.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export interface SourceFile {
  /** From the root: `libs/market/src/cheque.ts`. */
  readonly path: string;
  /** `libs/market`, `bench`. */
  readonly part: string;
  readonly text: string;
  readonly lines: readonly string[];
}

/** Every file that git tracks, or would, under these endings. */
export function sourceFiles(endings: readonly string[]): SourceFile[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  return listed
    .split('\n')
    .filter((path) => endings.some((ending) => path.endsWith(ending)))
    .flatMap((path) => {
      try {
        const text = readFileSync(join(root, path), 'utf8');
        const tokens = path.split('/');
        const part = tokens[0] === 'libs' || tokens[0] === 'apps' ? `${tokens[0]}/${tokens[1]}` : tokens[0]!;
        return [{ path, part, text, lines: text.split('\n') }];
      } catch {
        // Deleted, not yet committed.
        return [];
      }
    });
}

/** The modules that a file imports, as written. */
export function importsOf(file: SourceFile): string[] {
  const found = file.text.matchAll(
    /^(?:import|export)\s[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...found].map((match) => (match[1] ?? match[2] ?? match[3])!);
}

/** Where a relative import leads: `./x.js` beside `a/b.ts` is `a/x.ts`. */
export function resolveImport(file: SourceFile, target: string): string {
  return normalize(join(dirname(file.path), target)).replace(/\.js$/, '.ts');
}
