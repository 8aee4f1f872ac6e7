// Text in colours and blocks: what the board is drawn with; pure, so that a picture is a value that a test can hold.

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan';

const codes: Readonly<Record<Colour, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
};

export type Paint = (text: string, ...colours: Colour[]) => string;

/** Without colours where NO_COLOR or a pipe asks for plain text. */
export function painter(coloured: boolean): Paint {
  if (!coloured) return (text) => text;
  return (text, ...colours) =>
    text === '' ? '' : `\u001b[${colours.map((colour) => codes[colour]).join(';')}m${text}\u001b[0m`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
const colourCode = /(\u001b\[[0-9;]*m)/;

/** Columns that a text takes; this board draws no wide characters. */
export function widthOf(text: string): number {
  return text
    .split(colourCode)
    .filter((_, index) => index % 2 === 0)
    .reduce((sum, part) => sum + [...part].length, 0);
}

/** Cuts a coloured text to so many columns, and closes its colour. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let left = columns;
  // The odd parts of a split by a group are what matched: codes, which take no room.
  const parts = text.split(colourCode).map((part, index) => {
    if (index % 2 === 1) return part;
    const piece = [...part].slice(0, left);
    left -= piece.length;
    return piece.join('');
  });
  return parts.join('') + (parts.length > 1 ? '\u001b[0m' : '');
}

/** The first of these texts that takes so many columns at most, none where none does: what is shown is never cut. */
export function firstFitting(texts: readonly string[], columns: number): string[] {
  const text = texts.find((one) => widthOf(one) <= columns);
  return text === undefined ? [] : [text];
}

/** Left and right parts on one line of so many columns. */
export function spread(left: string, right: string, columns: number): string {
  const gap = columns - widthOf(left) - widthOf(right);
  return gap < 1 ? cut(left, columns) : left + ' '.repeat(gap) + right;
}

const eighths = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/**
 * A column chart of the last `columns` values, `rows` lines high, top line first; eight steps per line. Values that are
 * undefined leave their column empty; the scale runs from `low` to `high` (default: 0 to the largest shown).
 */
export function chart(
  values: readonly (number | undefined)[],
  columns: number,
  rows: number,
  scale: { readonly low?: number; readonly high?: number } = {},
): string[] {
  const shown = values.slice(-columns);
  const low = scale.low ?? 0;
  const high = scale.high ?? Math.max(low, ...shown.map((value) => value ?? low));
  const heights = shown.map((value) => {
    if (value === undefined || high <= low) return value === undefined ? 0 : 1;
    const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
    return Math.max(1, Math.round(share * rows * 8));
  });
  return Array.from({ length: rows }, (_, row) => {
    const floor = (rows - 1 - row) * 8;
    return heights
      .map((height) => eighths[Math.min(8, Math.max(0, height - floor))])
      .join('')
      .padEnd(columns);
  });
}

/** A bar of so many columns; `parts` are shares of it, each with its character and colours. */
export function bar(
  columns: number,
  parts: readonly { readonly share: number; readonly text: string; readonly colours: readonly Colour[] }[],
  paint: Paint,
): string {
  let used = 0;
  let sum = 0;
  let out = '';
  for (const part of parts) {
    sum += part.share;
    const upTo = Math.min(columns, Math.max(used, Math.round(sum * columns)));
    out += paint(part.text.repeat(upTo - used), ...part.colours);
    used = upTo;
  }
  return out + ' '.repeat(columns - used);
}
