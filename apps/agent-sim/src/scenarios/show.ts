// A scenario's outcome for a terminal: guardrail, metric and verdict in a few lines, its moves as a table.
import { showCount, showMs, showPrice } from '../figures.js';
import { type Paint, painter, widthOf } from '../paint.js';
import { type Move, spanText } from './move.js';
import { type Figure, type Played, type Scenario, stoppedBy, type Table } from './scenario.js';

/** `97 %`, `2.4 rounds`, `340 ms`. */
export function showFigure(value: number, unit: string): string {
  if (unit === 'ms') return showMs(value);
  const text = Number.isInteger(value) ? showCount(value) : value.toFixed(Math.abs(value) < 10 ? 2 : 1);
  return unit === '' ? text : `${text} ${unit}`;
}

export function showAgainst({ against, unit }: Figure): string {
  return against === undefined ? '' : `${against.name}: ${showFigure(against.value, unit)}`;
}

/** `6 tried, 6 stopped: no-improvement 4, not-your-turn 2` */
export function showGuard({ guard }: Played): string {
  const parts = Object.entries(guard.stopped).map(([name, count]) => `${name} ${showCount(count)}`);
  const stopped = `${showCount(guard.tried)} tried to break it, ${showCount(stoppedBy(guard))} stopped`;
  return parts.length === 0 ? stopped : `${stopped}: ${parts.join(', ')}`;
}

export function showCheck({ check }: Played): string {
  if (check.ok === undefined) return `invariants not checked: ${check.why ?? 'no reason given'}`;
  if (check.ok) return `every invariant holds (${check.lines.length} checked)`;
  return `an invariant is broken: ${check.lines.flatMap((line) => (line.ok ? [] : [line.detail])).join('; ')}`;
}

function marked(ok: boolean, paint: Paint): string {
  return ok ? paint('✓', 'green') : paint('✗', 'red', 'bold');
}

/** The list that `tender scenario` shows where none is named. */
export function listLines(scenarios: readonly Scenario[]): string[] {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  return scenarios.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`);
}

export function playedLines(played: Played, coloured: boolean): string[] {
  const paint = painter(coloured);
  const row = (name: string, text: string) => `    ${paint(name.padEnd(10), 'dim')} ${text}`;
  const { guard, check } = played;
  const figures = played.figures.map((figure, index) => {
    const value = showFigure(figure.value, figure.unit);
    const against = showAgainst(figure);
    const told = `${figure.name}: ${paint(value, 'bold')}${against === '' ? '' : paint(` (${against})`, 'dim')}`;
    return row(index === 0 ? 'metric' : '', told);
  });
  return [
    `${marked(played.ok, paint)} ${paint(played.name, 'bold')}  ${played.title}  ${paint(showMs(played.tookMs), 'dim')}`,
    row('guardrail', `${marked(guard.held, paint)} ${played.guardrail}`),
    row('', showGuard(played)),
    ...guard.breaches.map((breach) => row('', paint(breach, 'red'))),
    ...figures,
    ...(played.tables ?? []).flatMap((table) => ['', ...tableLines(table, paint)]),
    ...(played.tables === undefined ? [] : ['']),
    ...played.notes.map((note, index) => row(index === 0 ? 'notes' : '', note)),
    row('books', `${marked(check.ok ?? true, paint)} ${showCheck(played)}`),
  ];
}

function tableLines({ title, head, rows }: Table, paint: Paint): string[] {
  const all = [[title, ...head.slice(1)], ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  return all.map((row, index) => {
    const cells = row.map((cell, column) => {
      const gap = ' '.repeat(widths[column]! - widthOf(cell));
      return column === 0 ? cell + gap : gap + cell;
    });
    const line = `    ${cells.join('  ').trimEnd()}`;
    return index === 0 ? paint(line, 'dim') : line;
  });
}

const HEAD = ['when', 'who', 'to', 'in', 'what', 'status', 'how much', 'about'] as const;
/** Right-aligned. */
const figuresAt: ReadonlySet<number> = new Set([0, 6]);

/** Conversations get numbers, in the order in which they began. */
export function cellsOf(moves: readonly Move[]): string[][] {
  const numbers = new Map<string, number>();
  return moves.map((move) => {
    if (!numbers.has(move.conversation)) numbers.set(move.conversation, numbers.size + 1);
    return moveCells(move, numbers.get(move.conversation)!);
  });
}

function moveCells(move: Move, conversation: number): string[] {
  const status = [move.status ?? '', move.detail ?? ''].filter((part) => part !== '').join(' ');
  const what = move.round === undefined ? move.what : `${move.what} ·${move.round}`;
  const amount = move.amountMicro === undefined ? '' : showPrice(Number(move.amountMicro));
  return [`+${spanText(move.atMs)}`, move.from, move.to, `#${conversation}`, what, status, amount, move.about];
}

export const moveHead: readonly string[] = HEAD;

/** Who, what, when, how much: a line each, cut to so many columns where there are so many. */
export function moveLines(moves: readonly Move[], coloured: boolean): string[] {
  const paint = painter(coloured);
  const rows = [[...HEAD], ...cellsOf(moves)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => widthOf(row[column]!))));
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) => {
      if (column === row.length - 1) return cell;
      const gap = ' '.repeat(widths[column]! - widthOf(cell));
      return figuresAt.has(column) ? gap + cell : cell + gap;
    });
    return `    ${cells.join('  ').trimEnd()}`;
  });
  return lines.map((line, index) => (index === 0 ? paint(line, 'dim') : line));
}
