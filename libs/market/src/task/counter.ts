// Counter-proposals: kinds of change that compose, and of all that would pass the one that changes least.
import { MAX_MICRO } from '@tender/credits';
import { MAX_DURATION_MS } from '../terms.js';
import { appraise, type Capability } from './capability.js';
import {
  type Bounds,
  type IssueName,
  type Issues,
  issueNames,
  issueValue,
  type NumericIssue,
  outOfBounds,
  providerWants,
} from './issues.js';
import type { Task } from './task.js';

/** What a change is made by. `passes` is whatever must be met: a provider's capability, its own rules too. */
export interface CounterFacts {
  readonly bounds: Bounds;
  /** Where a provider can work, best first. */
  readonly regions: readonly string[];
  readonly passes: (issues: Issues) => boolean;
  readonly nowMs: number;
}

/** Issues that pass, changed no further than needed; undefined where changes of this kind cannot do it. */
export type Counter = (issues: Issues, facts: CounterFacts) => Issues | undefined;

/** One kind of change, of one issue; `compose` makes counters of one or of several. */
export type CounterKind = IssueName;

/** How far beyond now a counter-proposal may put times that no bounds limit. */
const FAR_MS = 366 * 24 * 3_600_000;

export const longerDeadline = compose('deadline');
export const laterStart = compose('startBy');
export const longerRun = compose('durationMs');
export const fewerUnits = compose('units');
export const smallerBatches = compose('batch');
export const lessScope = compose('scope');
export const otherRegion = compose('region');
export const higherPrice = compose('priceMicro');

/**
 * All of these kinds together: each issue is let go as far as its bounds allow, and where that passes, taken back one
 * by one, the first named first, until it would pass no more. Whoever passes with an issue passes with a better one,
 * but for units: fewer of them need more time; they are tried from many to few.
 */
export function compose(...kinds: readonly CounterKind[]): Counter {
  return (issues, facts) => {
    if (facts.passes(issues)) return undefined;
    const numbers = kinds.filter((kind) => kind !== 'region' && kind !== 'units') as NumericIssue[];
    for (const start of startsOf(kinds, issues, facts)) {
      const furthest = numbers.reduce((sum, name) => withIssue(sum, name, limitOf(sum, name, facts)), start);
      if (!facts.passes(furthest)) continue;
      return numbers.reduce((sum, name) => tightened(sum, name, issues, facts.passes), furthest);
    }
    return undefined;
  };
}

/** Each choice of region and units, if these may change: the nearest first. */
function startsOf(kinds: readonly CounterKind[], issues: Issues, { bounds, regions }: CounterFacts): Issues[] {
  const places = kinds.includes('region') ? regions.filter((one) => one !== issues.region) : [issues.region];
  const least = Number(bounds.units?.min ?? 1);
  const counts = kinds.includes('units')
    ? Array.from({ length: Math.max(0, issues.units - least) }, (_, n) => issues.units - 1 - n)
    : [issues.units];
  return places.flatMap((region) => counts.map((units) => ({ ...issues, region, units })));
}

function withIssue(issues: Issues, name: NumericIssue, value: number): Issues {
  return name === 'priceMicro' ? { ...issues, priceMicro: String(value) } : { ...issues, [name]: value };
}

/** The end of the bounds that a provider likes, or as far as it goes at all; never back from where it is. */
function limitOf(issues: Issues, name: NumericIssue, { bounds, nowMs }: CounterFacts): number {
  const range = bounds[name];
  const value = issueValue(issues, name);
  if (providerWants[name] < 0) return Math.min(value, Number(range?.min ?? 1));
  return Math.max(value, Number(range?.max ?? furthest(name, nowMs)));
}

function furthest(name: NumericIssue, nowMs: number): number {
  if (name === 'priceMicro') return MAX_MICRO;
  return name === 'durationMs' ? MAX_DURATION_MS : nowMs + FAR_MS;
}

/** As near to what was asked as still passes. */
function tightened(issues: Issues, name: NumericIssue, asked: Issues, passes: CounterFacts['passes']): Issues {
  let fails = issueValue(asked, name);
  let good = issueValue(issues, name);
  if (passes(withIssue(issues, name, fails))) return withIssue(issues, name, fails);
  while (Math.abs(good - fails) > 1) {
    const middle = Math.trunc((good + fails) / 2);
    if (passes(withIssue(issues, name, middle))) good = middle;
    else fails = middle;
  }
  return withIssue(issues, name, good);
}

/** What a buyer minds least, first: at equal numbers of changes the earlier ones are made. */
export const counterKinds: readonly CounterKind[] = [
  ...(['deadline', 'startBy', 'durationMs', 'batch', 'units', 'region', 'priceMicro', 'scope'] as const),
];

export interface CounterProposal {
  readonly issues: Issues;
  readonly changed: readonly IssueName[];
  /** Where nothing within the bounds would pass, what would beyond them. */
  readonly isWithin: boolean;
}

/** The fewest changes that make it pass, within the call's bounds if any do; undefined where nothing does. */
export function counterFor(
  issues: Issues,
  call: { readonly ask: Issues; readonly bounds: Bounds },
  facts: Omit<CounterFacts, 'bounds'>,
  kinds: readonly CounterKind[] = counterKinds,
): CounterProposal | undefined {
  const { ask, bounds } = call;
  const free = kinds.filter((name) => bounds[name] !== undefined);
  const { region } = bounds;
  const within = region === undefined ? facts.regions : facts.regions.filter((one) => region.includes(one));
  const fits = (one: Issues) => outOfBounds(one, ask, bounds).length === 0 && facts.passes(one);
  const inside = fewest(free, issues, { ...facts, bounds, regions: within, passes: fits });
  if (inside !== undefined) return proposal(issues, inside, true);
  const outside = fewest(kinds, issues, { ...facts, bounds: {} });
  return outside === undefined ? undefined : proposal(issues, outside, false);
}

function proposal(asked: Issues, issues: Issues, isWithin: boolean): CounterProposal {
  return { issues, isWithin, changed: issueNames.filter((name) => issues[name] !== asked[name]) };
}

function fewest(kinds: readonly CounterKind[], issues: Issues, facts: CounterFacts): Issues | undefined {
  const without = (...names: readonly CounterKind[]) => kinds.filter((kind) => !names.includes(kind));
  const most = [kinds, without('units'), without('region'), without('units', 'region')];
  // Where all of them together would not do, none of their subsets would.
  if (!most.some((all) => compose(...all)(issues, facts) !== undefined)) return undefined;
  for (let size = 1; size <= kinds.length; size++) {
    for (const subset of subsetsOf(kinds, size)) {
      const found = compose(...subset)(issues, facts);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** In the order in which the kinds are named. */
function subsetsOf<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, index) => subsetsOf(items.slice(index + 1), size - 1).map((rest) => [item, ...rest]));
}

/** What passes a provider's capability check. */
export function counterFacts(task: Task, capability: Capability, nowMs: number): Omit<CounterFacts, 'bounds'> {
  const { regions } = capability;
  return { regions, nowMs, passes: (issues) => appraise(task, issues, capability, nowMs).ok };
}
