// What a bargain is worth to both sides, and the best that they could do together: the yardstick of what they reached.
import { type IssueName, type Issues, issueValue } from '@tender/market';

/** A side's gain from an agreement in micro-credits, beside having none. */
export type Gain = (issues: Issues) => number;

export interface Sides {
  readonly buyer: Gain;
  readonly provider: Gain;
}

/** Values that an issue may take; an issue that is absent stays as it is in `base`. */
export type Choices = Partial<{ readonly [I in IssueName]: readonly Issues[I][] }>;

/** Every combination of the choices. */
export function outcomesOf(base: Issues, choices: Choices): Issues[] {
  let outcomes: Issues[] = [base];
  for (const [name, values] of Object.entries(choices)) {
    outcomes = outcomes.flatMap((one) => (values as readonly unknown[]).map((value) => ({ ...one, [name]: value })));
  }
  return outcomes as Issues[];
}

export function jointGain(sides: Sides, issues: Issues): number {
  return sides.buyer(issues) + sides.provider(issues);
}

/**
 * How far along the way to the Pareto frontier an agreement lies, 0 to 1. The price moves credits from one side to the
 * other, one for one, so that the frontier is the line on which both together gain the most: along the ray through an
 * agreement it is hit at 1/share of both gains. 0 where a side loses.
 */
export function efficiencyOf(sides: Sides, issues: Issues, outcomes: readonly Issues[]): number {
  if (sides.buyer(issues) < 0 || sides.provider(issues) < 0) return 0;
  const most = outcomes.reduce((best, one) => Math.max(best, jointGain(sides, one)), 1);
  return Math.min(1, jointGain(sides, issues) / most);
}

/** A price as money: issues' other than price do not change what a credit is worth. */
export function priceOf(issues: Issues): number {
  return issueValue(issues, 'priceMicro');
}
