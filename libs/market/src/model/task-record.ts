// A task's contract as the model keeps it: the fields that the scripts keep in Redis, under the same names.
import type { AccountClass } from '@tender/credits';
import type { KeptState, TaskOutcome } from '../task/life-cycle.js';
import type { Fill } from '../task/task-call.js';
import type { StandbyOffer } from './task-command.js';

export interface TaskRecord {
  readonly id: string;
  readonly buyer: string;
  readonly conversation: string;
  readonly task: string;
  readonly resource: string;
  readonly counts: Fill['by'];
  /** So much a standby offers at least. */
  readonly needs: number;
  /** Set where an operator approved it, its runners-up included. */
  readonly approved?: 1 | undefined;
  /** The buyer's hold of rate tokens without which nobody takes over, either. */
  readonly tokens?: string | undefined;
  readonly graceMs: number;
  readonly reportEveryMs: number;
  readonly lateMs: number;
  readonly rebatePermille: number;
  readonly bond: number;
  readonly penaltyPermille: number;
  readonly disputeMs: number;
  readonly frame: string;
  readonly standbys: readonly StandbyOffer[];
  /** How many of them were tried. */
  tried: number;
  readonly awardedAt: number;
  state: KeptState;
  /** What follows is the present provider's. */
  attempt: number;
  handedAt: number;
  participant: string;
  /** Who is paid of the price: with a hold the account of its pool, else the provider. */
  payee: string;
  intent: string;
  price: number;
  units: number;
  scope: number;
  startBy: number;
  deadline: number;
  durationMs: number;
  issues: string;
  hold: string;
  pool: string;
  slots: readonly number[];
  fences: readonly number[];
  /** Of the buyer when the slots were taken, and in whose name they are counted; empty where there is none. */
  class: AccountClass | '';
  owner: string;
  percent: number;
  /** The provider's process that is heard. */
  process?: string | undefined;
  dueAt: number;
  heardAt?: number;
  startedAt?: number;
  askedDeadline?: number | undefined;
  doneAt?: number;
  receipt?: string;
  outcome?: TaskOutcome;
  paid?: number;
  bondTo?: 'buyer' | 'provider';
  settledAt?: number;
  forgottenAt?: number;
}

/** A task that one conversation has under contract: how many contracts live, how many were done. */
export interface GivenOut {
  readonly conversation: string;
  live: number;
  done: number;
  forgottenAt?: number;
}

/** The two payments of the present attempt: what the buyer pays, and the provider's bond. */
export function paymentIds({ id, attempt }: Pick<TaskRecord, 'id' | 'attempt'>): { price: string; bond: string } {
  return { price: `${id}.p${attempt}`, bond: `${id}.b${attempt}` };
}
