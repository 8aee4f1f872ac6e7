// When a bid can be expected to have won a slot: by how often a pool's calls are awarded, and when its slots come back.
import type { AwardPoint } from './award-point.js';
import { recentMoments } from './win-probability.js';

export interface StartAsked {
  readonly nowMs: number;
  /** Slots that nobody holds. */
  readonly free: number;
  readonly units: number;
  /** In one call; 1 where nobody asks about a bid. */
  readonly winProbability: number;
}

/**
 * The expected time until an award in which the bid wins, in ms from now:
 * `max(slots, E[G²] / 2E[G]) + (1/p − 1) · E[G]`. G is the time from one award to the next, weighted by recency;
 * `E[G²] / 2E[G]` the mean time to the next one for who comes at a random moment (Cox, _Renewal Theory_, 1962, §5.2:
 * half of it where calls are regular, all of it where they come at random); each call that the bid loses costs one G
 * more, and with probability p it loses 1/p − 1 of them. `slots` is when enough leases will have run out, if nobody
 * renews.
 *
 * Undefined before the second award, and where leases that are not remembered keep the slots.
 *
 * @param points the latest first
 */
export function expectedStartMs(points: readonly AwardPoint[], asked: StartAsked): number | undefined {
  const { nowMs, free, units, winProbability } = asked;
  const gaps = points.slice(1).map((point, n) => Math.max(0, points[n]!.at - point.at));
  const moments = recentMoments(gaps);
  const slots = free >= units ? 0 : slotsBackMs(points, units - free, nowMs);
  if (moments === undefined || slots === undefined || winProbability <= 0) return undefined;
  const { mean, square } = moments;
  const next = mean === 0 ? 0 : square / (2 * mean);
  return Math.round(Math.max(slots, next) + (1 / winProbability - 1) * mean);
}

/** How long until so many slots have come back, by the leases' first terms. */
function slotsBackMs(points: readonly AwardPoint[], missing: number, nowMs: number): number | undefined {
  const ends = points
    .map(({ at, durationMs, sold }) => ({ at: at + durationMs, sold }))
    .filter(({ at }) => at > nowMs)
    .sort((a, b) => a.at - b.at);
  let back = 0;
  for (const { at, sold } of ends) {
    back += sold;
    if (back >= missing) return at - nowMs;
  }
  return undefined;
}
