// Measures a trace: the figures that the synthetic demand is fitted to, so that anybody can make them again.
import { priorities } from './priority.js';
import type { Trace, TraceRow } from './trace.js';

/** One line per figure. */
export function fitLines(trace: Trace): string[] {
  const { rows } = trace;
  const lines = [`rows ${trace.total}, usable ${rows.length}`];
  for (const [reason, count] of Object.entries(trace.unusable)) lines.push(`  unusable, ${reason}: ${count}`);
  priorities.forEach((priority, index) => {
    lines.push(
      classLine(
        priority.qos,
        rows.filter((row) => row.priority === index),
      ),
    );
  });
  return [...lines, arrivalLine(rows)];
}

function classLine(qos: string, rows: readonly TraceRow[]): string {
  const logs = rows.map((row) => Math.log(Math.max(1, row.durationS)));
  const mu = mean(logs);
  const sigma = Math.sqrt(mean(logs.map((log) => (log - mu) ** 2)));
  const units: Record<number, number> = {};
  for (const row of rows) units[row.units] = (units[row.units] ?? 0) + 1;
  return `${qos}: rows ${rows.length}, mu ${mu.toFixed(3)}, sigma ${sigma.toFixed(3)}, units ${JSON.stringify(units)}`;
}

/** Hours with more than twice the mean count as bursts. */
function arrivalLine(rows: readonly TraceRow[]): string {
  const firstHour = Math.ceil((rows[Math.floor(rows.length / 100)]?.createdAtS ?? 0) / 86_400) * 24 - 24;
  const lastHour = Math.floor((rows.at(-1)?.createdAtS ?? 0) / 3600);
  const hours = Array.from({ length: Math.max(1, lastHour - firstHour + 1) }, () => 0);
  for (const row of rows) {
    const hour = Math.floor(row.createdAtS / 3600) - firstHour;
    if (hour >= 0) hours[hour]! += 1;
  }
  const usual = mean(hours);
  const isBurst = hours.map((count) => count > 2 * usual);
  const bursts = hours.filter((_, hour) => isBurst[hour]);
  const calm = hours.filter((_, hour) => !isBurst[hour]);
  const starts = isBurst.filter((is, hour) => is && !isBurst[hour - 1]).length;
  return [
    `arrivals from hour ${firstHour}: ${usual.toFixed(2)} an hour`,
    `bursts ${((100 * bursts.length) / hours.length).toFixed(1)} % of hours`,
    `mean length ${(bursts.length / Math.max(1, starts)).toFixed(2)} h`,
    `rate ratio ${(mean(bursts) / mean(calm)).toFixed(2)}`,
  ].join(', ');
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
