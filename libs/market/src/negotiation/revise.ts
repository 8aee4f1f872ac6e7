// How a buyer's call for a task is revised when a round gave nothing: towards what was refused, never back, or not at all.
import type { Detail } from '../refusal.js';
import { type DealSide, sameIssues } from '../task/compare.js';
import {
  type Bounds,
  type IssueName,
  type Issues,
  issueValue,
  type NumericIssue,
  numericIssues,
} from '../task/issues.js';
import type { TaskCall } from '../task/task-call.js';
import { betterBy, withPrice } from './utility-of-issues.js';

const PROVIDER: DealSide = 'provider';

/** What a round came to; the bodies of offers and refusals fit as they are. */
export interface RoundSeen {
  readonly call: TaskCall;
  /** What was offered and did not fit, and what refusals said would pass. */
  readonly counters: readonly Issues[];
  /** Why providers refused, or were refused. */
  readonly refusals: readonly Detail[];
  /** How far the buyer would go at all; the price's `max` is the most that it pays. It keeps this to itself. */
  readonly limits: Bounds;
}

/** The call's next `ask` and `bounds`, or why there is none. */
export type Revision =
  | { readonly kind: 'revise'; readonly ask: Issues; readonly bounds: Bounds }
  | { readonly kind: 'stop'; readonly detail: Detail };

/** What a refusal without a counter asks for. */
const wants: Readonly<Partial<Record<Detail, readonly IssueName[]>>> = {
  outbid: ['priceMicro'],
  'below-reserve-price': ['priceMicro'],
  'over-budget': ['priceMicro'],
  'insufficient-credits': ['priceMicro'],
  'deadline-infeasible': ['startBy', 'deadline', 'durationMs'],
  late: ['startBy', 'deadline'],
  'no-capacity': ['startBy', 'deadline', 'units', 'batch', 'scope'],
  'missing-dependency': ['startBy', 'deadline'],
  'token-limit': ['batch', 'scope'],
  region: ['region'],
};

/**
 * Iterated Contract Net: `fast` goes all the way to the counter-proposal that asks for least and, where nobody made one,
 * half of the way to the limits; `optimal` goes an equal part of the way in each round that is left. Each issue that was
 * refused only moves as providers want it; bounds only widen; nothing goes beyond the limits.
 */
export function revisedCall({ call, counters, refusals, limits }: RoundSeen, nowMs: number): Revision {
  const { ask, bounds, protocol, round } = call;
  if (nowMs >= protocol.endsAt) return { kind: 'stop', detail: 'expired' };
  if (round >= protocol.maxRounds) return { kind: 'stop', detail: 'round-limit' };
  const roundsLeft = protocol.maxRounds - round;
  const countered = nearest(counters, call, limits);
  const share = protocol.mode === 'optimal' ? 1 / roundsLeft : countered === undefined ? 0.5 : 1;
  const aim = countered ?? aimOf(refusals, call, limits);
  const moved = movedBy(ask, aim, share, limits);
  // What is still taken moves as what is asked does: else a higher price that was within the bounds would change nothing.
  const reach = movedBy(endsOf(ask, bounds), aim, share, limits);
  const widened = widen(widen(bounds, ask, moved), ask, reach);
  if (sameIssues(moved, ask) && widened === bounds) return { kind: 'stop', detail: 'no-improvement' };
  return { kind: 'revise', ask: moved, bounds: widened };
}

/** Of the counter-proposals that lie within the limits the one that asks for least, each issue measured by its range. */
function nearest(counters: readonly Issues[], call: TaskCall, limits: Bounds): Issues | undefined {
  const { ask } = call;
  const within = counters.filter((issues) => numericIssues.every((name) => isWithin(issues, ask, limits, name)));
  const fitting = within.filter(({ region }) => region === ask.region || limits.region?.includes(region));
  const asked = (issues: Issues) =>
    numericIssues.reduce((sum, name) => {
      const range = limits[name];
      if (range === undefined) return sum;
      const way = betterBy(PROVIDER, name, issueValue(issues, name), issueValue(ask, name));
      return sum + Math.max(0, way) / Math.max(1, Number(range.max) - Number(range.min));
    }, 0);
  const [best] = fitting.map((issues) => ({ issues, asked: asked(issues) })).sort((a, b) => a.asked - b.asked);
  return best?.issues;
}

/** Asking for less than the buyer does is always within. */
function isWithin(issues: Issues, ask: Issues, limits: Bounds, name: NumericIssue): boolean {
  const value = issueValue(issues, name);
  const from = issueValue(ask, name);
  return betterBy(PROVIDER, name, value, from) <= 0 || betterBy(PROVIDER, name, limitOf(ask, limits, name), value) >= 0;
}

/** How far the buyer would go in an issue: the end of its limits that providers like, or where it stands. */
function limitOf(ask: Issues, limits: Bounds, name: NumericIssue): number {
  const range = limits[name];
  const from = issueValue(ask, name);
  if (range === undefined) return from;
  const ends = [Number(range.min), Number(range.max), from];
  return ends.reduce((best, end) => (betterBy(PROVIDER, name, end, best) > 0 ? end : best));
}

/** The end of the bounds that providers like, in each issue. */
function endsOf(ask: Issues, bounds: Bounds): Issues {
  return numericIssues.reduce((sum, name) => withValue(sum, name, limitOf(ask, bounds, name)), ask);
}

/** Where nobody said what would pass: the limits of whatever was refused; of the price, where no reason was given. */
function aimOf(refusals: readonly Detail[], { ask, bounds }: TaskCall, limits: Bounds): Issues {
  const named = new Set(refusals.flatMap((detail) => wants[detail] ?? []));
  const issues = numericIssues.filter((name) => (named.size === 0 ? name === 'priceMicro' : named.has(name)));
  const aim = issues.reduce((sum, name) => withValue(sum, name, limitOf(ask, limits, name)), ask);
  if (!named.has('region')) return aim;
  const tried = bounds.region ?? [ask.region];
  return { ...aim, region: limits.region?.find((region) => !tried.includes(region)) ?? ask.region };
}

/** So much of the way, rounded towards the aim: an issue that moves at all arrives. */
function movedBy(ask: Issues, aim: Issues, share: number, limits: Bounds): Issues {
  const moved = numericIssues.reduce((sum, name) => {
    const from = issueValue(ask, name);
    const way = betterBy(PROVIDER, name, issueValue(aim, name), from) > 0 ? issueValue(aim, name) - from : 0;
    if (way === 0) return sum;
    return withValue(sum, name, from + Math.sign(way) * Math.ceil(Math.abs(way) * share));
  }, ask);
  return limits.region?.includes(aim.region) ? { ...moved, region: aim.region } : moved;
}

function withValue(issues: Issues, name: NumericIssue, value: number): Issues {
  return name === 'priceMicro' ? withPrice(issues, value) : { ...issues, [name]: value };
}

/** The bounds take in what is asked now; the same object where they did already. */
function widen(bounds: Bounds, before: Issues, ask: Issues): Bounds {
  let wider: Bounds = bounds;
  for (const name of numericIssues) {
    const [value, range] = [issueValue(ask, name), bounds[name]];
    if (value === issueValue(before, name) && range === undefined) continue;
    const { min, max } = range ?? { min: before[name], max: before[name] };
    if (value >= Number(min) && value <= Number(max)) continue;
    const ends = value < Number(min) ? { min: ask[name], max } : { min, max: ask[name] };
    wider = { ...wider, [name]: ends } as Bounds;
  }
  const regions = bounds.region ?? [before.region];
  return regions.includes(ask.region) ? wider : { ...wider, region: [...regions, ask.region] };
}
