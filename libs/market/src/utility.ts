// What a slot is worth to an agent: one documented formula, so that strategies differ by intent and not by accident.
import { MAX_MICRO } from '@tender/credits';

/** The share of the value that is paid even without priority or urgency. */
export const BASE_SHARE = 0.4;
/** How priority and urgency share the rest. */
export const PRIORITY_SHARE = 0.5;

/** Times in ms since the epoch, durations in ms. */
export interface Urgency {
  readonly deadlineMs: number;
  readonly nowMs: number;
  /** How long the work still takes on the slot. */
  readonly remainingMs: number;
}

/**
 * How pressing a deadline is: the share of the time left that the work needs, `remaining / (deadline - now)`,
 * from 0 (all the time in the world) to 1 (it must start now, or is too late already: ask `feasible`).
 * Rises with now and remaining, falls with the deadline. NaN counts as 0.
 */
export function urgencyOf({ deadlineMs, nowMs, remainingMs }: Urgency): number {
  const left = deadlineMs - nowMs;
  if (!(remainingMs > 0)) return 0;
  if (left <= remainingMs) return 1;
  return unit(remainingMs / left);
}

/** Whether work that starts now ends before its deadline. */
export function feasible({ deadlineMs, nowMs, remainingMs }: Urgency): boolean {
  return nowMs + remainingMs <= deadlineMs;
}

export interface Worth {
  /** What the finished work is worth, in micro-credits. */
  readonly valueMicro: number;
  /** 0 (whenever) to 1 (before all else). */
  readonly priority: number;
  /** 0 to 1, see `urgencyOf`. */
  readonly urgency: number;
  /** The share of the value that this slot adds to what the agent holds already, 0 to 1. */
  readonly marginalGain: number;
}

/**
 * The most that an agent should pay, in whole micro-credits:
 *
 *     floor( value × gain × (B + (1 − B) × (P × priority + (1 − P) × urgency)) ),  B = 0.4, P = 0.5
 *
 * It never exceeds value × gain, so that who pays it at most never loses by winning, and it rises with each argument.
 * Shares outside 0 to 1 are clamped, NaN counts as 0; the result lies within 0 and MAX_MICRO.
 */
export function willingnessToPay({ valueMicro, priority, urgency, marginalGain }: Worth): number {
  const pressing = PRIORITY_SHARE * unit(priority) + (1 - PRIORITY_SHARE) * unit(urgency);
  const worth = amount(valueMicro) * unit(marginalGain) * (BASE_SHARE + (1 - BASE_SHARE) * pressing);
  return Math.min(MAX_MICRO, Math.floor(worth));
}

/**
 * What an agent gained: value × gain − price paid where it won, 0 where it did not. Micro-credits, may be negative;
 * rises with value and gain, falls with the price.
 */
export function utility(outcome: {
  readonly won: boolean;
  readonly valueMicro: number;
  readonly marginalGain: number;
  readonly paidMicro: number;
}): number {
  if (!outcome.won) return 0;
  return amount(outcome.valueMicro) * unit(outcome.marginalGain) - amount(outcome.paidMicro);
}

function unit(share: number): number {
  return share > 0 ? Math.min(1, share) : 0;
}

function amount(micro: number): number {
  return micro > 0 ? Math.min(MAX_MICRO, micro) : 0;
}
