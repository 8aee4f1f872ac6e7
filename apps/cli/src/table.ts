// Rows for people and JSON for programs, out of the same facts.

export type OutputForm = 'table' | 'json';

/** Columns as wide as their widest cell, two spaces apart, numbers one below the other; a row for each fact. */
export function showTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = rows.map((row) => head.map((_, column) => printable(row[column] ?? '')));
  const columns = head.map((name, column) => {
    const cells = lines.map((row) => row[column] ?? '');
    // Facts of one thing have no head, and values of every kind.
    const numbers = name !== '' && cells.every(isNumber) && cells.some((cell) => cell !== '–');
    return numbers ? aligned([name, ...atThePoint(cells)], 'right') : aligned([name, ...cells]);
  });
  return [head, ...lines]
    .map((_, line) =>
      columns
        .map((cells) => cells[line])
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function aligned(cells: readonly string[], side: 'left' | 'right' = 'left'): readonly string[] {
  const width = Math.max(...cells.map((cell) => cell.length));
  return cells.map((cell) => (side === 'left' ? cell.padEnd(width) : cell.padStart(width)));
}

/** A count or an amount and nothing behind it; a dash stands for what is not known. */
function isNumber(cell: string): boolean {
  return /^(?:–|-?\d[\d,]*(?:\.\d+)?)$/.test(cell);
}

/** Padded on the right, so that their decimal points meet. */
function atThePoint(cells: readonly string[]): readonly string[] {
  const decimals = (cell: string) => (cell.includes('.') ? cell.length - cell.indexOf('.') : 0);
  const widest = Math.max(0, ...cells.map(decimals));
  return cells.map((cell) => cell + ' '.repeat(widest - decimals(cell)));
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
