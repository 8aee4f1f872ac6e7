// The strategy of monotonic concession: what an agent says next, given its preferences and what was said; pure.
import type { Detail } from '../refusal.js';
import { sameIssues } from '../task/compare.js';
import { type Bounds, type Issues, issueValue } from '../task/issues.js';
import type { Haggled, Proposal } from './haggle-types.js';
import { beyondLimit, faultOf, leastStep } from './legal-move.js';
import {
  acceptable,
  bestFor,
  betterBy,
  concession,
  EPSILON,
  gainOf,
  type Preferences,
  priceAt,
  withPrice,
} from './utility-of-issues.js';
import { concedes, FAST_REST, type Pair, riskOf, risksTogether, stepGain, totalOf } from './zeuthen.js';

/** What a strategy decides: an own event of haggle.ts, but for the seal that a provider adds. */
export type HaggleMove =
  | { readonly kind: 'propose'; readonly issues: Issues; readonly risk?: number | undefined }
  | { readonly kind: 'accept' }
  | { readonly kind: 'quit'; readonly detail: Detail; readonly message: string };

/** Plain data, so that it can be stored and sent. */
export interface MonotonicStrategy {
  readonly preferences: Preferences;
  /** Whether the risks that the other side states are believed; else they are estimated. */
  readonly believes: boolean;
}

/** Standing still so often in a row makes it this side's duty to move, whatever the risks say. */
const PATIENCE = 2;
const JUST_WORTH = 1e-6;

/**
 * The monotonic concession protocol with Zeuthen's strategy (Rosenschein and Zlotkin, Rules of Encounter, 1994): accept
 * what is at least as good as what one would propose next, else concede or stand by the comparison of risks. The steps
 * are the protocol's mode. With risks stated truly and straight utilities `optimal` leads to the deal that maximises
 * the product of both gains (Nash, The Bargaining Problem, Econometrica 18, 1950; Harsanyi, 1956).
 */
export function decideMonotonic(strategy: MonotonicStrategy, state: Haggled, nowMs: number): HaggleMove {
  const { context, ours, theirs, ourMoves, theirMoves } = state;
  const { preferences } = strategy;
  const { maxRounds } = context.protocol;
  const last = ours.at(-1)?.issues;
  const offered = theirs.at(-1)?.issues;
  const good = offered !== undefined && mayTake(strategy, state, offered);
  // Nothing that could be proposed would be answered: better this than nothing.
  const lastWord = ourMoves + 1 >= maxRounds && theirMoves >= maxRounds;
  if (ourMoves >= maxRounds || lastWord) {
    if (good) return { kind: 'accept' };
    if (ourMoves >= maxRounds) return { kind: 'quit', detail: 'round-limit', message: 'no round is left' };
  }
  const next = last === undefined ? firstOf(strategy, state) : nextOf(strategy, state, last, nowMs);
  if (next === undefined)
    return { kind: 'quit', detail: beyond(state), message: 'no deal within the bounds is worth it' };
  if (good && (gainOf(preferences, offered) >= gainOf(preferences, next) - EPSILON || isRest(strategy, state))) {
    return { kind: 'accept' };
  }
  return {
    kind: 'propose',
    issues: next,
    ...(offered && { risk: Math.round(1000 * riskOf(pairOf(preferences, next, offered))) }),
  };
}

function beyond({ context }: Haggled): Detail {
  return context.side === 'buyer' ? 'over-budget' : 'below-reserve-price';
}

function mayTake({ preferences }: MonotonicStrategy, { context }: Haggled, issues: Issues): boolean {
  return acceptable(preferences, issues) && beyondLimit(context, issues) === undefined;
}

/** An opening asks what it is about; whoever answers starts from what it likes best. */
function firstOf(strategy: MonotonicStrategy, state: Haggled): Issues | undefined {
  const { side, opener, ask, bounds } = state.context;
  const first = side === 'buyer' && opener === 'buyer' ? ask : bestFor(strategy.preferences, ask, bounds);
  return mayTake(strategy, state, first) ? first : undefined;
}

function pairOf(preferences: Preferences, own: Issues, theirs: Issues): Pair {
  return { own: gainOf(preferences, own), theirs: gainOf(preferences, theirs) };
}

function nextOf(strategy: MonotonicStrategy, state: Haggled, last: Issues, nowMs: number): Issues {
  const { preferences, believes } = strategy;
  const { protocol } = state.context;
  const offered = state.theirs.at(-1)?.issues ?? reserveOf(preferences, last, state.context.bounds);
  const pair = pairOf(preferences, last, offered);
  // The fast mode goes by the clock, not by what the other side has to lose.
  const total = protocol.mode === 'fast' ? Number.NaN : totalSeen(preferences, state, believes);
  const movesLeft = movesLeftOf(state, nowMs);
  if (protocol.mode === 'optimal' && movesLeft > 1 && state.still < PATIENCE) {
    if (!concedes(riskOf(pair), theirRisk(state, pair, total, believes))) return last;
  }
  const gain = stepGain(protocol.mode, pair, { total, movesLeft, maxMoves: protocol.maxRounds });
  // Worth just anything, never nothing: where a price beyond the limit counts as nothing too, it would look as good.
  const wanted = concession(
    preferences,
    last,
    offered,
    Math.max(JUST_WORTH, gain) + preferences.reservePermille / 1000,
  );
  return fitted(strategy, state, last, offered, wanted, nowMs);
}

/** Own moves for which there are rounds, and time if the other side always takes all of its own. */
function movesLeftOf({ context, ourMoves }: Haggled, nowMs: number): number {
  const { maxRounds, roundMs, endsAt } = context.protocol;
  return Math.max(1, Math.min(maxRounds - ourMoves, Math.ceil((endsAt - nowMs) / roundMs)));
}

/** Where the other side has proposed nothing: the way goes to what is just worth it. */
function reserveOf(preferences: Preferences, last: Issues, { priceMicro }: Bounds): Issues {
  const price = priceAt(preferences, last, preferences.reservePermille / 1000);
  if (price === undefined || priceMicro === undefined) return last;
  return withPrice(last, Math.min(Number(priceMicro.max), Math.max(Number(priceMicro.min), price)));
}

/** Between which proposals each of the other side's stated risks lies: its own, and the last before it of this side. */
function statedPairs({ context, ours, theirs }: Haggled): { readonly own: Issues; readonly theirs: Proposal }[] {
  const before = context.side === context.opener ? 1 : 0;
  return theirs.flatMap((one) => {
    const own = ours.findLast(({ round }) => round < one.round + before);
    return own === undefined || one.risk === undefined ? [] : [{ own: own.issues, theirs: one }];
  });
}

/** κ: by the largest risk below 1 that was stated, since rounding hurts it least; else the other gains nothing yet. */
function totalSeen(preferences: Preferences, state: Haggled, believes: boolean): number {
  const seen = believes ? statedPairs(state) : [];
  const told = seen.filter(({ theirs: { risk } }) => risk! < 1000).sort((a, b) => b.theirs.risk! - a.theirs.risk!)[0];
  if (told !== undefined) return totalOf(pairOf(preferences, told.own, told.theirs.issues), told.theirs.risk! / 1000);
  const own = seen.at(-1)?.own ?? state.ours[0]?.issues;
  return own === undefined ? 1 : gainOf(preferences, own);
}

/** Stated with its last proposal where it is believed; estimated where this side has moved on since, or it is not. */
function theirRisk(state: Haggled, pair: Pair, total: number, believes: boolean): number {
  const last = state.theirs.at(-1);
  const current = last?.round === state.theirMoves && last.risk !== undefined;
  return believes && current ? last.risk / 1000 : risksTogether(pair, total);
}

/** What is left of the first gap is not worth another round. */
function isRest({ preferences }: MonotonicStrategy, { context, ours, theirs }: Haggled): boolean {
  const [first, last, theirFirst, theirLast] = [ours[0], ours.at(-1), theirs[0], theirs.at(-1)];
  if (context.protocol.mode !== 'fast' || !first || !last || !theirFirst || !theirLast) return false;
  const gap = (own: Proposal, other: Proposal) => gainOf(preferences, own.issues) - gainOf(preferences, other.issues);
  return gap(last, theirLast) <= FAST_REST * gap(first, theirFirst);
}

/** As wanted where that may be proposed; else the smallest step that may; else this side stands. */
function fitted(
  strategy: MonotonicStrategy,
  state: Haggled,
  last: Issues,
  offered: Issues,
  wanted: Issues,
  nowMs: number,
): Issues {
  const { context, ourMoves } = state;
  const may = (issues: Issues) =>
    mayTake(strategy, state, issues) &&
    faultOf(state, context.side, { round: ourMoves + 1, issues }, nowMs, true) === undefined;
  if (may(wanted) && !sameIssues(wanted, last)) return wanted;
  const price = issueValue(last, 'priceMicro');
  const least = leastStep(price, context.protocol.minImprovementPermille);
  const step = withPrice(last, price + (context.side === 'buyer' ? least : -least));
  const { priceMicro } = offered;
  if (betterBy(context.side, 'priceMicro', Number(priceMicro), issueValue(step, 'priceMicro')) < 0) {
    return may(step) ? step : last;
  }
  // Theirs is less than a step away: it is taken, or nothing is left to give.
  return sameIssues({ ...last, priceMicro }, offered) && mayTake(strategy, state, offered) ? offered : last;
}
