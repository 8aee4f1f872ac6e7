// The live board: one picture of the market, drawn as lines of text from what the tally knows.
import { showClock, showCount, showMs, showPrice, showShare, showWholeCredits } from './figures.js';
import { bar, type Colour, chart, cut, type Paint, painter, spread } from './paint.js';
import { priorities } from './priority.js';
import { quantile, type Sample, type Tally } from './tally.js';

export interface BoardView {
  readonly title: string;
  readonly tally: Tally;
  readonly jobs: number;
  readonly nowMs: number;
  readonly endMs: number;
  /** What goes on now, where it is not plain trading: `finishing the last leases`, `redis is away …`. */
  readonly note?: string | undefined;
}

export interface BoardSize {
  readonly columns: number;
  readonly rows: number;
  readonly coloured: boolean;
}

const LABEL = 14;
/** Lines that the board has beside the price chart and the last awards. */
const FIXED_LINES = 17;

/** At most `rows` lines, each at most `columns` wide; fits 80 × 24 and uses what is more. */
export function drawBoard(view: BoardView, size: BoardSize): string[] {
  const columns = Math.min(size.columns, 120) - 2;
  const paint = painter(size.coloured);
  const spare = Math.max(4, size.rows - FIXED_LINES);
  const chartRows = spare >= 14 ? 5 : spare >= 9 ? 4 : 3;
  const lines = [
    '',
    spread(
      `${paint(' TENDER ', 'bold', 'cyan')} ${paint(view.title, 'dim')}`,
      `${paint(showClock(view.nowMs), 'bold')} ${paint(`/ ${showClock(view.endMs)}`, 'dim')}`,
      columns,
    ),
    progress(view, columns, paint),
    '',
    ...priceLines(view, columns, chartRows, paint),
    '',
    ...marketLines(view, columns, paint),
    '',
    ...waitLines(view.tally, columns, paint),
    '',
    ...awardLines(view.tally, spare - chartRows, paint),
  ];
  return lines.slice(0, size.rows).map((line) => cut(` ${line}`, size.columns));
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
  const prices = tally.samples.map((sample) => sample.price);
  const known = prices.filter((price) => price !== undefined);
  const range = known.length > 0 ? `${showPrice(Math.min(...known))} to ${showPrice(Math.max(...known))}` : '';
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
  const width = Math.max(10, Math.min(40, columns - LABEL - 26));
  const used = tally.leased / tally.slots;
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
    `${label('utilisation', paint)}${usedBar}  ${tally.leased} of ${tally.slots} slots, ${showShare(used)}`,
    `${label('awards', paint)}${spark((sample) => sample.awardsPerSecond, 'cyan')}  ${showCount(latest?.awardsPerSecond ?? 0)} a second, ${showCount(tally.awards)} in all`,
    `${label('unmet demand', paint)}${spark((sample) => sample.waiting, 'magenta')}  ${showCount(tally.waiting)} waiting, ${showCount(tally.unmetTotal)} given up`,
    `${label('jobs', paint)}${showCount(tally.metJobs.size)} done of ${showCount(tally.arrived)} arrived` +
      `, ${showCount(view.jobs - tally.arrived)} to come   ${paint(showWholeCredits(tally.paidMicro), 'bold')} credits paid`,
  ];
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

function awardLines(tally: Tally, count: number, paint: Paint): string[] {
  const lines = tally.lastAwards.slice(0, Math.max(1, count)).map((award) => {
    const slots = award.units === 1 ? '1 slot ' : `${award.units} slots`;
    const over = award.outbid === undefined ? paint('unopposed', 'dim') : `outbid ${shortName(award.outbid)}`;
    return (
      `  ${paint(showClock(award.atMs), 'dim')}  ${paint(shortName(award.winner), 'green')} won ${slots}` +
      ` at ${paint(showPrice(award.price), 'yellow')}, ${over}`
    );
  });
  return [paint('last awards', 'bold'), ...lines];
}

/** Accounts of a run are `<agent>-<run>`; on one board the run goes without saying. */
function shortName(account: string): string {
  return account.replace(/^(agent-\d+)-.*$/, '$1');
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
