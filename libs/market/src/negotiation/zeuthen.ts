// Who must concede, and how far: Zeuthen's comparison of risks, and steps that suffice by it or by the clock.
import { EPSILON } from './utility-of-issues.js';

/** Two proposals as one side values them, above what no agreement is worth to it. */
export interface Pair {
  readonly own: number;
  readonly theirs: number;
}

/**
 * How ready a side is to let the negotiation fail, from 0 to 1 (Zeuthen, Problems of Monopoly and Economic Warfare,
 * 1930; Harsanyi, Approaches to the Bargaining Problem Before and After the Theory of Games, Econometrica 24, 1956):
 *
 *     risk = (u(own) − u(theirs)) / u(own)
 *
 * 1 where its own proposal gains it nothing, or theirs would cost it as much as no agreement.
 */
export function riskOf({ own, theirs }: Pair): number {
  if (own <= EPSILON) return 1;
  return Math.min(1, Math.max(0, (own - Math.max(0, theirs)) / own));
}

/**
 * Who has less to lose by failing stands firm, the other concedes; both where they are equal, since each would wait for
 * the other for ever (Rosenschein and Zlotkin, Rules of Encounter, 1994, ch. 2).
 */
export function concedes(ownRisk: number, theirRisk: number): boolean {
  return ownRisk <= theirRisk + EPSILON;
}

/**
 * What is left for the other side of a deal that is worth `gain` to this one is taken to be `κ − gain`, in this side's
 * units. One stated risk gives κ away, since risk = 1 − (κ − own) / (κ − theirs): exactly so where both utilities are
 * straight lines of one issue, which then names the other side's reservation value.
 */
export function totalOf({ own, theirs }: Pair, theirRisk: number): number {
  return theirRisk <= EPSILON ? Number.POSITIVE_INFINITY : (own - (1 - theirRisk) * theirs) / theirRisk;
}

/** The other side's risk between the two proposals, where there are κ to share. */
export function risksTogether({ own, theirs }: Pair, total: number): number {
  return riskOf({ own: total - theirs, theirs: total - own });
}

/**
 * The smallest concession that makes the other side's risk the lower one (Rosenschein and Zlotkin): the gain that is
 * then left to this side. A proposal's risk is the lower one where the product of both gains is the smaller one, so
 * the new proposal's must be no smaller than theirs: (κ − g) × g ≥ (κ − theirs) × theirs, which is g ≤ κ − theirs.
 * No less than theirs, no more than now.
 */
export function sufficientGain({ own, theirs }: Pair, total: number): number {
  return Math.min(own, Math.max(theirs, total - Math.max(0, theirs)));
}

/**
 * The share of the way to go that is gone by a time-dependent tactic (Faratin, Sierra and Jennings, Negotiation Decision
 * Functions for Autonomous Agents, Robotics and Autonomous Systems 24, 1998): t^(1/β), t from 0 to 1. β above 1 is a
 * conceder, below 1 a Boulware.
 */
export function timeShare(t: number, beta: number): number {
  return Math.min(1, Math.max(0, t)) ** (1 / beta);
}

/**
 * `optimal`: as little as suffices by Zeuthen's rule; a step takes its part of what is left, so that both together meet
 * before the rounds are over. `fast`: half of what is left and more as time runs out, β = 2.
 */
export function stepGain(
  mode: 'fast' | 'optimal',
  pair: Pair,
  facts: { readonly total: number; readonly movesLeft: number; readonly maxMoves: number },
): number {
  const { own, theirs } = pair;
  const gap = Math.max(0, own - Math.max(0, theirs));
  const { movesLeft, maxMoves, total } = facts;
  if (mode === 'fast') {
    const share = Math.max(FAST_SHARE, timeShare(1 - (movesLeft - 1) / maxMoves, FAST_BETA));
    return own - share * gap;
  }
  return Math.min(sufficientGain(pair, total), own - gap / (2 * Math.max(1, movesLeft)));
}

const FAST_SHARE = 0.5;
const FAST_BETA = 2;
/** In `fast` the rest is given up once it is so small a part of the first gap. */
export const FAST_REST = 1 / 16;
