// Latencies travel between processes as HDR histograms: rounds are merged exactly, percentiles are never averaged.
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';

const HIGHEST_MICROS = 120_000_000;

export function newHistogram(): Histogram {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: HIGHEST_MICROS, numberOfSignificantValueDigits: 3 });
}

/** Takes milliseconds, keeps whole microseconds. */
export function recordMs(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(HIGHEST_MICROS, Math.max(1, Math.round(ms * 1000))));
}

export function packed(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram);
}

export interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** The latency of all rounds together. */
export function merged(parts: readonly string[]): Latency {
  const sum = newHistogram();
  for (const part of parts) sum.add(decodeFromCompressedBase64(part) as Histogram);
  const at = (percentile: number) => sum.getValueAtPercentile(percentile) / 1000;
  return { count: sum.totalCount, p50Ms: at(50), p99Ms: at(99), maxMs: sum.maxValue / 1000 };
}
