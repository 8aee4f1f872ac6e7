// What a deal is worth to a side, all its issues together: additive utility as plain data, so that a strategy can be stored.
import { MAX_MICRO } from '@tender/credits';
import { type DealSide, otherSide, sameButPrice } from '../task/compare.js';
import {
  type Bounds,
  type Issues,
  issueValue,
  type NumericIssue,
  numericIssues,
  providerWants,
} from '../task/issues.js';

/** One issue: its weight, and the values between which its worth runs in a straight line from 0 to 1. */
export interface Preference {
  /** In thousandths; they need not sum to anything. */
  readonly weight: number;
  /** The reservation value: no deal beyond it. Its worth is 0. */
  readonly worst: number;
  /** Nothing is gained beyond it. Its worth is 1. */
  readonly best: number;
}

/**
 * A side's preferences: an additive multi-attribute utility with reservation values (Keeney and Raiffa, Decisions with
 * Multiple Objectives, 1976; Raiffa, The Art and Science of Negotiation, 1982):
 *
 *     u = Σ weight × worth / Σ weight, from 0 to 1
 *
 * Issues that are not named do not matter to it.
 */
export interface Preferences {
  readonly side: DealSide;
  /** In micro-credits, ms, pieces or thousandths, as `issueValue` gives them. */
  readonly issues: Readonly<Partial<Record<NumericIssue, Preference>>>;
  /** Worth of regions in thousandths; 0 for those that are not named. */
  readonly region?: { readonly weight: number; readonly worth: Readonly<Record<string, number>> } | undefined;
  /** What no agreement is worth, in thousandths: the utility from which on a deal is better than none. */
  readonly reservePermille: number;
}

/** Below it, differences of utility are rounding. */
export const EPSILON = 1e-9;

function worthOf({ worst, best }: Preference, value: number): number {
  if (best === worst) return 1;
  return Math.min(1, Math.max(0, (value - worst) / (best - worst)));
}

function weightOf({ issues, region }: Preferences): number {
  let sum = 0;
  for (const name of numericIssues) sum += issues[name]?.weight ?? 0;
  return sum + (region?.weight ?? 0);
}

/** From 0 to 1; 0 for a side that wants nothing in particular. */
export function utilityOf(preferences: Preferences, issues: Issues): number {
  const total = weightOf(preferences);
  return total === 0 ? 0 : weighed(preferences, issues) / total;
}

function weighed({ issues: wanted, region }: Preferences, issues: Issues): number {
  let sum = region === undefined ? 0 : region.weight * ((region.worth[issues.region] ?? 0) / 1000);
  for (const name of numericIssues) {
    const preference = wanted[name];
    if (preference !== undefined) sum += preference.weight * worthOf(preference, issueValue(issues, name));
  }
  return sum;
}

/** What it is worth above no agreement; negative where none is better. */
export function gainOf(preferences: Preferences, issues: Issues): number {
  return utilityOf(preferences, issues) - preferences.reservePermille / 1000;
}

/** Whether a deal is no worse than none: no issue beyond its reservation value, and enough of all together. */
export function acceptable(preferences: Preferences, issues: Issues): boolean {
  for (const name of numericIssues) {
    const preference = preferences.issues[name];
    if (preference !== undefined && betterBy(preferences.side, name, issueValue(issues, name), preference.worst) < 0)
      return false;
  }
  return gainOf(preferences, issues) >= -EPSILON;
}

/** By how much one value of an issue is better for a side than another. */
export function betterBy(side: DealSide, name: NumericIssue, value: number, than: number): number {
  return (value - than) * providerWants[name] * (side === 'provider' ? 1 : -1);
}

/**
 * The price at which a deal with these other issues is worth so much: the one that is best for the other side, so
 * rounded that it is worth no less. Between the price's worst and best; undefined where the price does not matter.
 */
export function priceAt(preferences: Preferences, issues: Issues, utility: number): number | undefined {
  const price = preferences.issues.priceMicro;
  if (price === undefined || price.weight === 0) return undefined;
  const { weight, worst, best } = price;
  const others = weighed(preferences, withPrice(issues, worst)) / weight;
  const worth = Math.min(1, Math.max(0, (utility * weightOf(preferences)) / weight - others));
  // Counted from the worst: next to 14 digits a part of a micro-credit would be lost.
  const way = worth * Math.abs(best - worst);
  // A hair more than a whole micro-credit is that micro-credit, where it comes of dividing.
  const whole = Math.round(way);
  const steps = Math.abs(way - whole) < 1e-6 ? whole : Math.ceil(way);
  return amount(worst + Math.sign(best - worst) * steps);
}

const amount = (micro: number) => Math.min(MAX_MICRO, Math.max(1, micro));

export function withPrice(issues: Issues, micro: number): Issues {
  return { ...issues, priceMicro: String(amount(Math.round(micro))) };
}

/** The deal that a side likes best within the bounds; what does not matter to it stays as asked. */
export function bestFor(preferences: Preferences, ask: Issues, bounds: Bounds): Issues {
  const { issues: wanted, region } = preferences;
  const values = numericIssues.flatMap((name) => {
    const range = bounds[name];
    const preference = wanted[name];
    if (range === undefined || preference === undefined) return [];
    const value = Math.min(Number(range.max), Math.max(Number(range.min), preference.best));
    return [[name, name === 'priceMicro' ? String(amount(value)) : value] as const];
  });
  const regions = [...(bounds.region ?? [])].sort((a, b) => (region?.worth[b] ?? 0) - (region?.worth[a] ?? 0));
  const best: Issues = { ...ask, ...Object.fromEntries(values) };
  return region === undefined || regions.length === 0 ? best : { ...best, region: regions[0]! };
}

/**
 * The way from one's own proposal towards the other side's, issue by issue and all at the same pace: `share` 0 is
 * where one stands, 1 is theirs wherever that is better for them. Never a step back; whole numbers, rounded to one's
 * own side. The region changes half-way, or at once where one likes theirs as well.
 */
export function towards(preferences: Preferences, own: Issues, theirs: Issues, share: number): Issues {
  const { side, region } = preferences;
  const loss = (region?.worth[own.region] ?? 0) - (region?.worth[theirs.region] ?? 0);
  const moved = share >= 0.5 || (share > 0 && loss <= 0);
  const gone = { ...own, region: moved ? theirs.region : own.region };
  for (const name of numericIssues) {
    // What both say alike is nobody's to give; most negotiations are about one issue or two.
    if (own[name] === theirs[name]) continue;
    const from = issueValue(own, name);
    const way = issueValue(theirs, name) - from;
    const gives = betterBy(otherSide(side), name, from + way, from) > 0;
    const value = gives ? from + Math.trunc(way * share) : from;
    if (name === 'priceMicro') gone.priceMicro = String(amount(value));
    else gone[name] = value;
  }
  return gone;
}

/**
 * The proposal on that way that is worth so much to oneself: as far as it goes, then by the price alone, to the
 * micro-credit. It gives the other side no more than it asked for.
 */
export function concession(preferences: Preferences, own: Issues, theirs: Issues, utility: number): Issues {
  const whole = towards(preferences, own, theirs, 1);
  if (utilityOf(preferences, whole) >= utility) return whole;
  // Where only the price moves, it is worked out at once.
  const near = sameButPrice(whole, own)
    ? own
    : towards(preferences, own, theirs, shareAt(preferences, own, theirs, utility));
  const price = priceAt(preferences, near, utility);
  if (price === undefined) return near;
  const [from, to] = [issueValue(near, 'priceMicro'), issueValue(theirs, 'priceMicro')];
  const other = otherSide(preferences.side);
  const goesOn = betterBy(other, 'priceMicro', price, from) > 0 && betterBy(other, 'priceMicro', to, price) >= 0;
  return goesOn ? withPrice(near, price) : near;
}

/** How far that way a proposal is still worth so much, by halving: finer than the millisecond in a year. */
function shareAt(preferences: Preferences, own: Issues, theirs: Issues, utility: number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 36; i += 1) {
    const middle = (low + high) / 2;
    if (utilityOf(preferences, towards(preferences, own, theirs, middle)) >= utility) low = middle;
    else high = middle;
  }
  return low;
}
