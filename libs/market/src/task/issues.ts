// The issues of a task's terms: what two sides may haggle about, which way each side wants them, and their bounds.
import { microText, parseMicro, positiveMicroText } from '@tender/credits';
import { z } from 'zod';
import { idText, timeMs } from '../ids.js';
import { MAX_DURATION_MS, MAX_UNITS } from '../terms.js';

/** Shares are in thousandths everywhere: whole numbers that every language reads alike. */
export const permille = z.int().min(0).max(1000);
const batch = z.int().min(1).max(1_000_000);
const scope = z.int().min(1).max(1000);
const durationMs = z.int().min(1).max(MAX_DURATION_MS);
const units = z.int().min(1).max(MAX_UNITS);

/** A full assignment of the issues: what a proposal proposes and a contract fixes. Times by the broker's clock. */
export const issuesSpec = z.strictObject({
  /** For the whole task, all units, in micro-credits. */
  priceMicro: positiveMicroText,
  /** The work starts at this time at the latest. */
  startBy: timeMs,
  /** The result is there at this time at the latest. */
  deadline: timeMs,
  /** How long the work is expected to run, from its start. */
  durationMs,
  /** Slots (or machines) that work on it. */
  units,
  /** Items that are handed over at once. */
  batch,
  /** How much of the work, in thousandths. */
  scope,
  /** Where it runs. */
  region: idText,
});
export type Issues = z.infer<typeof issuesSpec>;
export type IssueName = keyof Issues;
export const issueNames = Object.keys(issuesSpec.shape) as IssueName[];
export type NumericIssue = Exclude<IssueName, 'region'>;
export const numericIssues = issueNames.filter((name) => name !== 'region') as NumericIssue[];

function rangeOf<S extends z.ZodType>(value: S) {
  return z.strictObject({ min: value, max: value });
}

/** Between what a call's issues may be negotiated; an issue that is not named here is fixed at what the call asks. */
export const boundsSpec = z.strictObject({
  priceMicro: rangeOf(microText).optional(),
  startBy: rangeOf(timeMs).optional(),
  deadline: rangeOf(timeMs).optional(),
  durationMs: rangeOf(durationMs).optional(),
  units: rangeOf(units).optional(),
  batch: rangeOf(batch).optional(),
  scope: rangeOf(scope).optional(),
  region: z.array(idText).min(1).max(32).optional(),
});
export type Bounds = z.infer<typeof boundsSpec>;

/** An issue as a number: micro-credits, ms, pieces or thousandths. */
export function issueValue(issues: Issues, name: NumericIssue): number {
  return name === 'priceMicro' ? (parseMicro(issues.priceMicro) ?? Number.NaN) : issues[name];
}

/** Which way the provider wants each issue: 1 more, -1 less; the buyer wants the opposite. */
export const providerWants: Readonly<Record<NumericIssue, 1 | -1>> = {
  priceMicro: 1,
  startBy: 1,
  deadline: 1,
  durationMs: 1,
  units: -1,
  batch: -1,
  scope: -1,
};

/** The issues in which a proposal lies outside what the call asks and allows; none where it fits. */
export function outOfBounds(issues: Issues, ask: Issues, bounds: Bounds): IssueName[] {
  return issueNames.filter((name) => isOutOfBounds(name, issues, ask, bounds));
}

/** The first of them, where one is all that is told. */
export function firstOutOfBounds(issues: Issues, ask: Issues, bounds: Bounds): IssueName | undefined {
  for (const name of issueNames) if (isOutOfBounds(name, issues, ask, bounds)) return name;
  return undefined;
}

function isOutOfBounds(name: IssueName, issues: Issues, ask: Issues, bounds: Bounds): boolean {
  if (bounds[name] === undefined && issues[name] === ask[name]) return false;
  if (name === 'region') return !(bounds.region ?? [ask.region]).includes(issues.region);
  const range = bounds[name];
  const value = issueValue(issues, name);
  if (range === undefined) return value !== issueValue(ask, name);
  return !(value >= Number(range.min) && value <= Number(range.max));
}
