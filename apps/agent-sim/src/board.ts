// The live board: one picture of the market, drawn as lines of text from what the tally knows.

import { awardLines } from './board-awards.js';
import { drawCompactBoard } from './board-compact.js';
import type { BoardSize, BoardView } from './board-view.js';
import { showClock, showCount, showMs, showPrice, showShare, showWholeCredits } from './figures.js';
import { bar, type Colour, chart, cut, firstFitting, type Paint, painter, spread, widthOf } from './paint.js';
import { priorities } from './priority.js';
import { quantile, type Sample, type Tally } from './tally.js';

const LABEL = 14;
/** Lines that the board has beside the price chart and the last awards. */
const FIXED_LINES = 17;

/** Below it the board has its compact form. */
const FULL = { columns: 64, rows: 21 };

/** At most `rows` lines, each at most `columns` wide; fits 80 × 24 and uses what is more. */
export function drawBoard(view: BoardView, size: BoardSize): string[] {
  if (size.columns < FULL.columns || size.rows < FULL.rows) return drawCompactBoard(view, size);
  const columns = Math.min(size.columns, 120) - 2;
  const paint = painter(size.coloured);
  const spare = Math.max(4, size.rows - FIXED_LINES);
  const chartRows = spare >= 14 ? 5 : spare >= 9 ? 4 : 3;
  const lines = [
    '',
    titleLine(view, columns, paint),
    progress(view, columns, paint),
    '',
    ...priceLines(view, columns, chartRows, paint),
    '',
    ...marketLines(view, columns, paint),
    '',
    ...waitLines(view.tally, columns, paint),
    '',
    ...awardLines(view.tally, spare - chartRows, columns, paint),
  ];
  return lines.slice(0, size.rows).map((line) => cut(` ${line}`, size.columns));
}

/** The title's last parts make room where the terminal is narrow. */
function titleLine({ title, nowMs, endMs }: BoardView, columns: number, paint: Paint): string {
  const clock = `${paint(showClock(nowMs), 'bold')} ${paint(`/ ${showClock(endMs)}`, 'dim')}`;
  const room = columns - ' TENDER  '.length - widthOf(clock) - 1;
  const parts = title.split(' · ');
  while (parts.length > 1 && parts.join(' · ').length > room) parts.pop();
  return spread(`${paint(' TENDER ', 'bold', 'cyan')} ${paint(parts.join(' · '), 'dim')}`, clock, columns);
}

function progress(view: BoardView, columns: number, paint: Paint): string {
  const share = Math.min(1, view.nowMs / view.endMs);
  const note = view.note === undefined ? '' : ` ${view.note}`;
  const parts = [
    { share, text: '━', colours: ['cyan'] as Colour[] },
    { share: 1 - share, text: '─', colours: ['dim'] as Colour[] },
  ];
  const line = bar(Math.max(10, columns - note.length), parts, paint);
  return line + paint(note, 'yellow');
}

/**
 * One mean per column, the columns standing for the whole run from its start to its end: the charts grow to the right
 * under the progress bar, and nothing that was drawn moves.
 */
function alongRun(view: BoardView, pick: (sample: Sample) => number | undefined, columns: number) {
  const sums = Array.from({ length: columns }, () => ({ sum: 0, count: 0 }));
  let last = -1;
  for (const sample of view.tally.samples) {
    const column = Math.min(columns - 1, Math.floor((sample.atMs / view.endMs) * columns));
    last = column;
    const value = pick(sample);
    if (value === undefined) continue;
    sums[column]!.sum += value;
    sums[column]!.count++;
  }
  let before: number | undefined;
  return sums.slice(0, last + 1).map(({ sum, count }) => {
    // With fewer samples than columns, a column between two samples repeats the one before.
    before = count > 0 ? sum / count : before;
    return before;
  });
}

function label(text: string, paint: Paint): string {
  return paint(text.padEnd(LABEL), 'bold');
}

function priceLines(view: BoardView, columns: number, rows: number, paint: Paint): string[] {
  const { tally } = view;
  const { lowestPrice, highestPrice } = tally;
  const range = lowestPrice === undefined ? '' : `calls at ${showPrice(lowestPrice)} to ${showPrice(highestPrice)}`;
  const head = `${label('price', paint)}${paint(showPrice(tally.samples.at(-1)?.price), 'bold', 'yellow')} credits per slot and second`;
  const drawn = chart(
    alongRun(view, (sample) => sample.price, columns),
    columns,
    rows,
  );
  return [spread(head, paint(range, 'dim'), columns), ...drawn.map((line) => paint(line, 'yellow'))];
}

function marketLines(view: BoardView, columns: number, paint: Paint): string[] {
  const { tally } = view;
  const latest = tally.samples.at(-1);
  const used = tally.leased / tally.slots;
  const reserved = view.reserve > 0 ? `; ${view.reserve} reserved` : '';
  const slots = `${tally.leased} of ${tally.slots} slots, ${showShare(used)}${reserved}`;
  const widest = `${tally.slots} of ${tally.slots} slots, 100 %${reserved}`.length;
  const width = Math.max(10, Math.min(40, columns - LABEL - 2 - Math.max(26, widest)));
  const usedBar = bar(
    width,
    [
      { share: used, text: '█', colours: ['green'] },
      { share: 1 - used, text: '░', colours: ['dim'] },
    ],
    paint,
  );
  const spark = (pick: (sample: Sample) => number, colour: Colour) =>
    paint(chart(alongRun(view, pick, width), width, 1)[0]!, colour);
  return [
    `${label('utilisation', paint)}${usedBar}  ${slots}`,
    `${label('awards', paint)}${spark((sample) => sample.awardsPerSecond, 'cyan')}  ${showCount(latest?.awardsPerSecond ?? 0)} a second, ${showCount(tally.awards)} in all`,
    `${label('unmet demand', paint)}${spark((sample) => sample.waiting, 'magenta')}  ${showCount(tally.waiting)} waiting, ${showCount(tally.unmetTotal)} given up`,
    ...firstFitting(jobTexts(view, paint), columns),
  ];
}

function jobTexts({ tally, jobs }: BoardView, paint: Paint): string[] {
  const done = `${label('jobs', paint)}${showCount(tally.metJobs.size)} done of ${showCount(tally.arrived)} arrived`;
  const coming = `${done}, ${showCount(jobs - tally.arrived)} to come`;
  return [`${coming}   ${paint(showWholeCredits(tally.paidMicro), 'bold')} credits paid`, coming, done];
}

function waitLines(tally: Tally, columns: number, paint: Paint): string[] {
  const waits = priorities.map((_, priority) =>
    tally.waits
      .filter((wait) => wait.priority === priority)
      .map((wait) => wait.waitMs)
      .sort((a, b) => a - b),
  );
  const longest = Math.max(1, ...waits.map((sorted) => quantile(sorted, 0.99) ?? 0));
  const width = Math.max(10, Math.min(36, columns - 46));
  const rows = priorities.map((priority, index) => {
    const sorted = waits[index]!;
    const p50 = quantile(sorted, 0.5);
    const p99 = quantile(sorted, 0.99);
    // A square root keeps the short waits visible beside the long ones.
    const length = (ms: number | undefined) => Math.sqrt((ms ?? 0) / longest);
    const drawn = bar(
      width,
      [
        { share: length(p50), text: '━', colours: ['blue', 'bold'] },
        { share: length(p99) - length(p50), text: '╌', colours: ['blue'] },
      ],
      paint,
    );
    const figures = `${showMs(p50).padStart(8)} ${showMs(p99).padStart(8)} ${showCount(sorted.length).padStart(7)}`;
    return `  ${priority.name.padEnd(18)}${drawn} ${figures}`;
  });
  const head = `  ${' '.repeat(18)}${' '.repeat(width)} ${paint('     p50      p99    jobs', 'dim')}`;
  return [paint('wait by priority', 'bold') + head.slice(16), ...rows.reverse()];
}

/** One line for where no terminal is. */
export function plainLine(view: BoardView): string {
  const { tally } = view;
  const latest = tally.samples.at(-1);
  return [
    showClock(view.nowMs),
    `price ${showPrice(latest?.price)}`,
    `utilisation ${showShare(tally.leased / tally.slots)}`,
    `${showCount(latest?.awardsPerSecond ?? 0)} awards/s`,
    `${showCount(tally.awards)} awards`,
    `${showCount(tally.waiting)} waiting`,
    `${showCount(tally.metJobs.size)} done`,
    `${showCount(tally.unmetTotal)} given up`,
    ...(view.note === undefined ? [] : [view.note]),
  ].join('  ');
}
