// The verdict: what a run came to, in the few lines that people read first.
import { showCount, showMs, showPrice, showShare, showWholeCredits } from './figures.js';
import { type Paint, painter } from './paint.js';
import type { Result } from './result.js';

/** Name, figure and what there is to add to it; the report shows the same ones. */
export function headline(result: Result): readonly (readonly [string, string, string])[] {
  const { totals, demand } = result;
  const unmet = Object.values(totals.unmet).reduce((sum, count) => sum + count, 0);
  return [
    [
      'awards',
      showCount(totals.awards),
      `(${totals.awardsPerSecond.toFixed(1)} a second), ${showCount(totals.renewals)} renewals`,
    ],
    ['credits traded', showWholeCredits(totals.creditsTradedMicro), ''],
    ['mean price', showPrice(totals.meanPriceMicro), 'credits per slot and second'],
    ['utilisation', showShare(totals.meanUtilisation), ''],
    ['jobs done in time', showCount(totals.met), `of ${showCount(demand.jobs)}`],
    ['unmet demand', showCount(unmet), `jobs${unmetParts(totals.unmet)}`],
    [
      'value realised',
      showWholeCredits(totals.valueMicro),
      `of at most ${showWholeCredits(totals.valueBoundMicro)} credits` +
        ` (${showShare(totals.valueMicro / Math.max(1, totals.valueBoundMicro))} of a clairvoyant scheduler's bound)`,
    ],
  ];
}

/** Bids that came after their call had closed: above this share the run measures the machine, not the market. */
const MANY_LATE = 0.15;

/** One sentence where the verdict says more about this machine than about the market; else undefined. */
export function slownessOf(result: Result): string | undefined {
  const lost = Object.entries(result.refusals).filter(([what]) => what.startsWith('bid: '));
  const bids = lost.reduce((sum, [, count]) => sum + count, result.totals.awards);
  const late = result.refusals['bid: late'] ?? 0;
  if (bids === 0 || late / bids <= MANY_LATE) return undefined;
  const { agents, connections } = result.run;
  const crowd =
    connections < agents
      ? `${showCount(agents)} agents on ${showCount(connections)} connections`
      : `${showCount(agents)} agents on connections of their own`;
  const tries = [...(agents > 100 ? ['--agents 100'] : []), ...(connections > 8 ? ['--connections 8'] : [])];
  return (
    `This machine was too slow for ${crowd}: ${showCount(late)} of ${showCount(bids)} bids (${showShare(late / bids)}) came late.` +
    ` Try ${tries.length > 0 ? tries.join(' or ') : 'fewer --agents'}.`
  );
}

function unmetParts(unmet: Readonly<Record<string, number>>): string {
  const parts = Object.entries(unmet).filter(([, count]) => count > 0);
  return parts.length === 0 ? '' : ` (${parts.map(([name, count]) => `${name} ${showCount(count)}`).join(', ')})`;
}

/** The verdict for a terminal. */
export function verdictLines(result: Result, coloured: boolean): string[] {
  const paint = painter(coloured);
  const waits = result.waits
    .filter((wait) => wait.started > 0)
    .map(
      (wait) =>
        `  ${wait.priority.padEnd(20)} p50 ${showMs(wait.p50Ms).padStart(8)}   p99 ${showMs(wait.p99Ms).padStart(8)}`,
    );
  const disturbances = Object.entries(result.disturbances).map(([what, count]) => `  ${what}: ${showCount(count)}`);
  const slowness = slownessOf(result);
  return [
    paint('What the market did', 'bold'),
    ...headline(result).map(([name, figure, more]) => `  ${name.padEnd(20)} ${figure} ${more}`.trimEnd()),
    ...(waits.length > 0 ? [paint('Wait from a job’s arrival to its first slot', 'bold'), ...waits] : []),
    ...demandLines(result, paint),
    ...(slowness === undefined ? [] : [paint(slowness, 'yellow', 'bold')]),
    ...(disturbances.length > 0 ? [paint('Disturbances that it survived', 'bold'), ...disturbances] : []),
    ...checkLines(result, paint),
  ];
}

/** What happened to the rows of a trace; nothing is dropped silently. */
function demandLines(result: Result, paint: Paint): string[] {
  const { trace, clampedShort, clampedLong } = result.demand;
  const clamped = `  durations clamped: ${showCount(clampedShort)} up to the shortest lease, ${showCount(clampedLong)} down to the run`;
  if (trace === undefined) return [];
  const named = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([name, count]) => `  ${name}: ${showCount(count)}`);
  return [
    paint(`The trace: ${showCount(trace.used)} of ${showCount(trace.rows)} rows became jobs`, 'bold'),
    ...named(trace.unusable),
    ...named(trace.outside),
    `  a fraction of a GPU rounded up to a slot: ${showCount(trace.fractions)}`,
    `  never placed by the recorded cluster, traded here all the same: ${showCount(trace.neverScheduled)}`,
    clamped,
  ];
}

function checkLines(result: Result, paint: Paint): string[] {
  const { check } = result;
  if (check.ok === undefined)
    return [paint(`Invariants not checked: ${check.why ?? 'no reason given'}`, 'yellow', 'bold')];
  const lines = check.lines.map((line) => {
    const mark = line.ok ? paint('✓', 'green') : paint('✗', 'red', 'bold');
    return `  ${mark} ${line.invariant.padEnd(4)} ${line.detail}`;
  });
  const sentence = check.ok
    ? paint('Every invariant holds', 'green', 'bold')
    : paint('An invariant is broken', 'red', 'bold');
  return [sentence, ...lines];
}
