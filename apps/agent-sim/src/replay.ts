// Replays a trace: a window of it, compressed in time, becomes the demand of a run.
import { clampDuration, type Demand, type DurationBounds, dealJobs } from './job.js';
import { createPrng } from './prng.js';
import type { Trace, TraceRow } from './trace.js';

export interface ReplayOptions {
  readonly seed: number;
  readonly agents: number;
  readonly seconds: number;
  readonly bounds: DurationBounds;
  /** Where the window starts, in seconds of the trace; default: where its dense part starts. */
  readonly fromS?: number | undefined;
  /** Recorded time per run time; default: what brings the rest of the trace into the run. */
  readonly speed?: number | undefined;
  /** At most so many rows, the first of the window. */
  readonly limit?: number | undefined;
  /** This share of the window's rows, drawn by the seed. */
  readonly sample?: number | undefined;
}

/** Makes jobs of a trace's rows; every row left out is counted under a name. */
export function replayDemand(trace: Trace, options: ReplayOptions): Demand {
  const fromS = options.fromS ?? denseFrom(trace.rows);
  const lastS = trace.rows.at(-1)?.createdAtS ?? 0;
  const speed = options.speed ?? Math.max(1, Math.ceil((lastS - fromS + 1) / options.seconds));
  const chosen = choose(trace.rows, { ...options, fromS, untilS: fromS + speed * options.seconds });
  const { bounds } = options;
  const wanted = chosen.rows.map((row) => (row.durationS * 1000) / speed);
  const drafts = chosen.rows.map((row, index) => ({
    arrivesAtMs: Math.floor(((row.createdAtS - fromS) * 1000) / speed),
    units: row.units,
    priority: row.priority,
    durationMs: clampDuration(wanted[index]!, bounds),
  }));
  return {
    source: `trace, speed ${speed}, from ${fromS} s`,
    jobs: dealJobs(drafts, options.agents, createPrng(options.seed, 'deal')),
    clampedShort: wanted.filter((ms) => ms < bounds.minMs).length,
    clampedLong: wanted.filter((ms) => ms > bounds.maxMs).length,
    trace: {
      rows: trace.total,
      used: chosen.rows.length,
      unusable: { ...trace.unusable } as Record<string, number>,
      outside: chosen.outside,
      fractions: chosen.rows.filter((row) => row.fraction).length,
      neverScheduled: chosen.rows.filter((row) => !row.scheduled).length,
      fromS,
      speed,
    },
  };
}

interface Window {
  readonly seed: number;
  readonly fromS: number;
  readonly untilS: number;
  readonly limit?: number | undefined;
  readonly sample?: number | undefined;
}

function choose(rows: readonly TraceRow[], window: Window) {
  const { limit = Number.POSITIVE_INFINITY, sample = 1 } = window;
  const prng = createPrng(window.seed, 'sample');
  const outside: Record<string, number> = {};
  let taken = 0;
  const nameOutside = (row: TraceRow): string | undefined => {
    if (row.createdAtS < window.fromS) return 'before-the-window';
    if (row.createdAtS >= window.untilS) return 'after-the-window';
    if (prng.next() >= sample) return 'not-in-the-sample';
    return taken >= limit ? 'beyond-the-limit' : undefined;
  };
  const chosen = rows.filter((row) => {
    const name = nameOutside(row);
    if (name === undefined) taken++;
    else outside[name] = (outside[name] ?? 0) + 1;
    return name === undefined;
  });
  return { rows: chosen, outside };
}

/**
 * Recorded traces begin with the few long-lived pods that were there already (in Alibaba's, 25 rows in 115 days);
 * the dense part starts where the first hundredth of the rows has arrived.
 */
function denseFrom(rows: readonly TraceRow[]): number {
  return rows[Math.floor(rows.length / 100)]?.createdAtS ?? 0;
}
