// Strategies: how a simulated agent turns what a job is worth to it into a bid; pure, one row per case in the tests.
import { type Detail, feasible, urgencyOf, willingnessToPay } from '@tender/market';
import { type Priority, priorities } from './priority.js';
import type { StrategyName } from './strategy-name.js';

/** What an agent still needs for one job; times in ms of the run. */
export interface Need {
  readonly units: number;
  /** What is left to be done; less than the job's duration where an earlier lease ended before it. */
  readonly remainingMs: number;
  /** What the job is worth if it is done by its deadline. */
  readonly valueMicro: number;
  readonly arrivesAtMs: number;
  readonly deadlineMs: number;
  readonly priority: Priority;
}

/** What is for sale. */
export interface Offer {
  readonly units: number;
  /** The term of a lease. */
  readonly durationMs: number;
  /** Per unit and term. */
  readonly reservePriceMicro: number;
}

/** What the agent knows of its account and of the market. */
export interface Purse {
  readonly availableMicro: number;
  /** The last clearing price per unit and term; undefined before the first. */
  readonly spotMicro?: number | undefined;
}

/** A price per unit and term, a refusal with its detail, or undefined: the agent stays silent and waits. */
export type Decision =
  | { readonly kind: 'bid'; readonly units: number; readonly priceMicro: number }
  | { readonly kind: 'refuse'; readonly detail: Detail }
  | undefined;

export type Strategy = (need: Need, offer: Offer, purse: Purse, nowMs: number) => Decision;

/**
 * The most that one unit for one term is worth: the job's value, spread over what is left of it. What was spent on it
 * before is sunk, so that the price that an agent is ready to pay rises as its job nears its end (marginal gain); a
 * lease that is released early is paid for the time used, so that a short job prices a long term pro rata.
 */
export function worthPerTerm(need: Need, termMs: number): number {
  return Math.floor((need.valueMicro / need.units) * (termMs / Math.max(1, need.remainingMs)));
}

/** What the market's formula makes of that worth, given the job's priority and how pressing its deadline is. */
function willingness(need: Need, offer: Offer, nowMs: number): number {
  return willingnessToPay({
    valueMicro: worthPerTerm(need, offer.durationMs),
    priority: need.priority / (priorities.length - 1),
    urgency: urgencyOf({ deadlineMs: need.deadlineMs, nowMs, remainingMs: need.remainingMs }),
    // The worth per term is this slot's share of the job already.
    marginalGain: 1,
  });
}

/** Bids its willingness to pay: the dominant strategy where the price is set by others' bids. */
const truthful: Strategy = (need, offer, purse, nowMs) =>
  bidAtMost(willingness(need, offer, nowMs), need, offer, purse, nowMs);

/** Bids the whole worth and a tenth more, whatever the hour: wins more often, and sometimes at a loss. */
const aggressive: Strategy = (need, offer, purse, nowMs) =>
  bidAtMost(worthPerTerm(need, offer.durationMs) * 1.1, need, offer, purse, nowMs);

/** Bids half its willingness at first and all of it at the end; silent while the last price is above its bid. */
const patient: Strategy = (need, offer, purse, nowMs) => {
  const waited = shareOfSlackGone(need, nowMs);
  const price = willingness(need, offer, nowMs) * (0.5 + 0.5 * waited);
  const decision = bidAtMost(price, need, offer, purse, nowMs);
  const tooDear = decision?.kind === 'bid' && decision.priceMicro < (purse.spotMicro ?? 0);
  return tooDear && waited < 0.8 ? undefined : decision;
};

/** 0 when the job arrives, 1 when it must start at once to be done by its deadline. */
function shareOfSlackGone(need: Need, nowMs: number): number {
  const slack = need.deadlineMs - need.remainingMs - need.arrivesAtMs;
  return slack <= 0 ? 1 : Math.min(1, Math.max(0, (nowMs - need.arrivesAtMs) / slack));
}

export const strategies = { truthful, aggressive, patient } as const satisfies Record<StrategyName, Strategy>;

/** What every strategy checks before it bids; a bid never exceeds what the account can pay. */
function bidAtMost(price: number, need: Need, offer: Offer, purse: Purse, nowMs: number): Decision {
  if (!feasible({ ...need, nowMs })) return { kind: 'refuse', detail: 'deadline-infeasible' };
  if (need.units > offer.units) return { kind: 'refuse', detail: 'no-capacity' };
  const priceMicro = Math.floor(Math.min(price, purse.availableMicro / need.units));
  if (priceMicro < 1) return { kind: 'refuse', detail: 'insufficient-credits' };
  if (priceMicro >= offer.reservePriceMicro) return { kind: 'bid', units: need.units, priceMicro };
  const worthIt = price >= offer.reservePriceMicro;
  return { kind: 'refuse', detail: worthIt ? 'insufficient-credits' : 'below-reserve-price' };
}
