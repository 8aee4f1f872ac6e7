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

/** So many values from least to most, evenly. */
export function spanOf(least: number, most: number, count: number): number[] {
  return Array.from({ length: count }, (_, step) =>
    Math.round(least + ((most - least) * step) / Math.max(1, count - 1)),
  );
}

export function pricesOf(least: number, most: number, count: number): string[] {
  return spanOf(least, most, count).map(String);
}

/** The product of gains (Nash, The Bargaining Problem, Econometrica 18, 1950); 0 where a side loses. */
export function nashProduct(sides: Sides, issues: Issues): number {
  return Math.max(0, sides.buyer(issues)) * Math.max(0, sides.provider(issues));
}

/** The outcome with the highest product of gains; undefined where no outcome leaves both a gain. */
export function nashSolution(sides: Sides, outcomes: readonly Issues[]): Issues | undefined {
  let best: Issues | undefined;
  let most = 0;
  for (const outcome of outcomes) {
    const product = nashProduct(sides, outcome);
    if (product > most) {
      most = product;
      best = outcome;
    }
  }
  return best;
}

export interface Point {
  readonly buyer: number;
  readonly provider: number;
}

export function pointOf(sides: Sides, issues: Issues): Point {
  return { buyer: sides.buyer(issues), provider: sides.provider(issues) };
}

/** The outcomes that nothing improves for one side without hurting the other, by the buyer's gain, rising. */
export function frontierOf(points: readonly Point[]): Point[] {
  const sorted = [...points].sort((a, b) => b.buyer - a.buyer || b.provider - a.provider);
  const frontier: Point[] = [];
  let best = Number.NEGATIVE_INFINITY;
  for (const point of sorted) {
    if (point.provider <= best) continue;
    best = point.provider;
    frontier.push(point);
  }
  return frontier.reverse();
}

/**
 * How far along the way to the frontier an agreement lies, 0 to 1: the largest share λ ≤ 1 such that no outcome gives
 * both sides more than 1/λ times what they got. 1 on the frontier; 0 where a side gained nothing.
 */
export function efficiencyOf(point: Point, frontier: readonly Point[]): number {
  if (point.buyer <= 0 || point.provider <= 0) return 0;
  const reach = frontier.map((one) => Math.min(one.buyer / point.buyer, one.provider / point.provider));
  return 1 / Math.max(1, ...reach);
}

/** A price as money: issues' other than price do not change what a credit is worth. */
export function priceOf(issues: Issues): number {
  return issueValue(issues, 'priceMicro');
}
