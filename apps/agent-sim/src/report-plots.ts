// What the report's plots show: each plot's lines as data, and the same figures as a table for those who read it.
import { CREDIT } from '@tender/credits';
import { showMs, showPrice, showShare } from './figures.js';
import { type Html, table } from './html.js';
import type { Result } from './result.js';

interface Line {
  readonly label: string;
  /** A CSS variable of the page. */
  readonly colour: string;
  readonly y: readonly (number | null)[];
  readonly fill?: boolean;
  readonly dash?: readonly number[];
}

/** As the page's script draws it. */
export interface Plot {
  readonly xLabel: string;
  readonly xUnit: string;
  readonly yUnit: string;
  readonly x: readonly number[];
  /** The top of the scale; default: a little above the largest value. */
  readonly top?: number;
  readonly series: readonly Line[];
}

export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly plot: Plot;
  readonly table: Html;
}

export function figures(result: Result): Figure[] {
  return [
    priceFigure(result),
    utilisationFigure(result),
    demandFigure(result),
    waitFigure(result),
    creditFigure(result),
  ];
}

type Sample = Result['samples'][number];

function overTime(result: Result, series: readonly Line[], yUnit: string): Plot {
  return { xLabel: 'time', xUnit: ' s', yUnit, x: result.samples.map((sample) => sample.atMs / 1000), series };
}

/** At most thirty rows: a table that a person may read, and a screen reader need not read for minutes. */
function thinned(samples: readonly Sample[]): readonly Sample[] {
  const step = Math.max(1, Math.ceil(samples.length / 30));
  return samples.filter((_, index) => index % step === 0);
}

function timeTable(
  result: Result,
  caption: string,
  head: readonly string[],
  cells: (sample: Sample) => string[],
): Html {
  const rows = thinned(result.samples).map((sample) => [`${(sample.atMs / 1000).toFixed(1)} s`, ...cells(sample)]);
  return table(caption, ['time', ...head], rows);
}

function priceFigure(result: Result): Figure {
  // Once trading is over nothing has a price any more.
  const priceOf = (sample: Sample) => (sample.atMs > result.run.seconds * 1000 ? undefined : sample.price);
  const y = result.samples.map((sample) => {
    const price = priceOf(sample);
    return price === undefined ? null : price / CREDIT;
  });
  const title = 'Price over time';
  return {
    id: 'plot-price',
    title,
    text: 'The mean price of the slots sold in each quarter of a second, in credits per slot and second.',
    plot: overTime(result, [{ label: 'price', colour: '--a', y, fill: true }], ''),
    table: timeTable(result, title, ['credits per slot and second'], (sample) => [showPrice(priceOf(sample))]),
  };
}

function utilisationFigure(result: Result): Figure {
  const y = result.samples.map((sample) => sample.utilisation * 100);
  const title = 'Utilisation over time';
  return {
    id: 'plot-utilisation',
    title,
    text: `The share of the ${result.run.slots} slots under lease.`,
    plot: { ...overTime(result, [{ label: 'utilisation', colour: '--b', y, fill: true }], ' %'), top: 100 },
    table: timeTable(result, title, ['utilisation', 'awards a second'], (sample) => [
      showShare(sample.utilisation),
      sample.awardsPerSecond.toFixed(1),
    ]),
  };
}

function demandFigure(result: Result): Figure {
  const line = (label: string, colour: string, pick: (sample: Sample) => number): Line => ({
    label,
    colour,
    y: result.samples.map(pick),
  });
  const series = [
    line('arrived', '--c', (sample) => sample.arrived),
    line('done in time', '--b', (sample) => sample.met),
    line('unmet', '--e', (sample) => sample.unmet),
    line('waiting', '--d', (sample) => sample.waiting),
  ];
  const title = 'Demand and what was met of it';
  return {
    id: 'plot-demand',
    title,
    text: 'Jobs, summed up from the start; waiting at that moment.',
    plot: overTime(result, series, ''),
    table: timeTable(result, title, ['arrived', 'done in time', 'unmet', 'waiting'], (sample) =>
      [sample.arrived, sample.met, sample.unmet, sample.waiting].map(String),
    ),
  };
}

function waitFigure(result: Result): Figure {
  const colours = ['--c', '--b', '--a', '--e'];
  const shares = Array.from({ length: 21 }, (_, index) => index * 5);
  const title = 'Wait by priority';
  return {
    id: 'plot-wait',
    title,
    text: 'From a job’s arrival to its first slot: that share of the jobs which started waited at most so long.',
    plot: {
      xLabel: 'share of jobs',
      xUnit: ' %',
      yUnit: ' s',
      x: shares,
      series: result.waits.map((wait, index) => ({
        label: wait.priority,
        colour: colours[index % colours.length]!,
        y: shares.map((_, at) => (wait.curveMs[at] === undefined ? null : wait.curveMs[at] / 1000)),
      })),
    },
    table: table(
      title,
      ['priority', 'jobs started', 'p50', 'p90', 'p99', 'longest'],
      result.waits.map((wait) => [
        wait.priority,
        String(wait.started),
        ...[wait.p50Ms, wait.p90Ms, wait.p99Ms, wait.maxMs].map(showMs),
      ]),
    ),
  };
}

/** Lorenz curves; agents whose account could not be read at the end are left out of the second. */
function creditFigure(result: Result): Figure {
  const before = result.credits.map((credit) => credit.beforeMicro);
  const after = result.credits.flatMap((credit) => (credit.afterMicro === undefined ? [] : [credit.afterMicro]));
  const shares = Array.from({ length: 21 }, (_, index) => index / 20);
  const percent = (values: readonly number[]) => lorenz(values, shares).map((share) => share * 100);
  const { giniBefore, giniAfter } = result.totals;
  const title = 'Credits by agent';
  const text =
    `Lorenz curves: the share of all credits that the poorest agents hold together. Gini ${giniBefore.toFixed(3)}` +
    ` before and ${giniAfter.toFixed(3)} after; 0 means that all hold the same.`;
  const series = [
    { label: 'before', colour: '--c', y: percent(before), dash: [6, 4] },
    { label: 'after', colour: '--a', y: percent(after) },
  ];
  const x = shares.map((share) => share * 100);
  const quantiles = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1];
  const at = (values: readonly number[], share: number) =>
    showPrice([...values].sort((a, b) => a - b)[Math.round(share * (values.length - 1))]);
  const rows = quantiles.map((share) => [showShare(share), at(before, share), at(after, share)]);
  return {
    id: 'plot-credits',
    title,
    text,
    plot: { xLabel: 'poorest agents', xUnit: ' %', yUnit: ' %', x, top: 100, series },
    table: table('Credits of the agent at a share of all, poorest first', ['agent at', 'before', 'after'], rows),
  };
}

/** The share of the total that each share of the poorest holds; nothing for nobody. */
function lorenz(values: readonly number[], shares: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const sums = [0];
  for (const value of sorted) sums.push(sums.at(-1)! + value);
  const total = sums.at(-1)!;
  return shares.map((share) => (total > 0 ? sums[Math.round(share * sorted.length)]! / total : 0));
}
