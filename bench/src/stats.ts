// A figure and its spread: never a mean, never one number alone.

export interface Spread {
  readonly median: number;
  readonly q1: number;
  readonly q3: number;
  readonly min: number;
  readonly max: number;
  /** Rounds. */
  readonly n: number;
}

/** Quantiles by linear interpolation; undefined where there are no values. */
export function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)]!;
    const above = sorted[Math.ceil(place)]!;
    return below + (above - below) * (place - Math.floor(place));
  };
  return { median: at(0.5), q1: at(0.25), q3: at(0.75), min: at(0), max: at(1), n: sorted.length };
}

export function median(values: readonly number[]): number | undefined {
  return spread(values)?.median;
}
