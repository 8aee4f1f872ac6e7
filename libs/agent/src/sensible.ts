// What is asked for is checked before anybody hears it: nobody can read what does not fit, and silence does not say why.
import type { z } from 'zod';

/** Throws RangeError where it is not what the wire carries: the first thing that does not fit, by its name. */
export function sensible<T>(name: string, spec: z.ZodType<T>, value: T): T {
  if (spec.safeParse(value).success) return value;
  // As it is sent: what is undefined has no place in JSON.
  const [issue] = spec.safeParse(JSON.parse(JSON.stringify(value))).error?.issues ?? [];
  if (issue === undefined) return value;
  throw new RangeError(`${[name, ...issue.path].filter((part) => part !== '').join('.')}: ${issue.message}`);
}

/** Whole milliseconds: what is left of a time that was measured is seldom a whole number. */
export function wholeMs(name: string, ms: number): number {
  if (!(ms >= 0 && Number.isFinite(ms))) throw new RangeError(`${name}: not a time in ms: ${ms}`);
  return Math.floor(ms);
}
