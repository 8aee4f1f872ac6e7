// Rows for people and JSON for programs, out of the same facts.

export type OutputForm = 'table' | 'json';

/** Columns as wide as their widest cell, two spaces apart; a row for each fact. */
export function showTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map(printable));
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One line, and nothing that a terminal would obey: messages are written by anybody. What is indented stays so. */
function printable(text: string): string {
  return text.replace(/\p{C}+/gu, ' ').trimEnd();
}

/** Facts of one thing, one to a line. */
export function showFacts(facts: readonly (readonly [string, string])[]): string {
  return showTable(['', ''], facts).replace(/^\s*\n/, '');
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}
