// Two proposals compared issue by issue, for one side: what is a step back, and what is the same.
import { type Issues, issueValue, type NumericIssue, numericIssues, providerWants } from './issues.js';

export type DealSide = 'buyer' | 'provider';

export function otherSide(side: DealSide): DealSide {
  return side === 'buyer' ? 'provider' : 'buyer';
}

/** Whether any numeric issue became better, and any worse, for a side. A region has no better and worse. */
export function changeFor(side: DealSide, before: Issues, after: Issues): { better: boolean; worse: boolean } {
  const sign = side === 'provider' ? 1 : -1;
  let better = false;
  let worse = false;
  for (const name of numericIssues) {
    if (after[name] === before[name]) continue;
    const change = (issueValue(after, name) - issueValue(before, name)) * providerWants[name] * sign;
    if (change > 0) better = true;
    if (change < 0) worse = true;
  }
  return { better, worse };
}

/** Whether a side's own later proposal is, for the other side, nowhere better and somewhere worse. */
export function isStepBack(by: DealSide, before: Issues, after: Issues): boolean {
  const { better, worse } = changeFor(otherSide(by), before, after);
  return worse && !better;
}

export function sameIssues(a: Issues, b: Issues): boolean {
  return a === b || (same(a, b, 'priceMicro') && sameButPrice(a, b));
}

/** Whether the price alone tells one from the other, if anything does. */
export function sameButPrice(a: Issues, b: Issues): boolean {
  if (a.region !== b.region) return false;
  for (const name of numericIssues) if (name !== 'priceMicro' && !same(a, b, name)) return false;
  return true;
}

function same(a: Issues, b: Issues, name: NumericIssue): boolean {
  return a[name] === b[name] || issueValue(a, name) === issueValue(b, name);
}
