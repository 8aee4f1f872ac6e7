// What the model knows of a market at one instant: the same records that the scripts keep in Redis.
import { type AccountClass, type Bucket, LedgerBook } from '@tender/credits';
import type { AuctionRule, SealKind } from '../terms.js';
import type { DepositEnd } from './command.js';
import type { PaidPrice } from './lease-price.js';
import type { ProposalRecord } from './proposal-record.js';
import type { GivenOut, TaskRecord } from './task-record.js';
import { type HoldState, isForgotten, type TakenBook } from './tokens-record.js';

/** How long a call may stay open at most, and how long what has ended is remembered, in ms. */
export const CALL_LIFE_MS = 86_400_000;
export const ENDED_KEPT_MS = 86_400_000;

export interface SlotState {
  fence: number;
  /** The contract whose lease holds the slot; empty where it is free. */
  contract: string;
}

export interface PoolState {
  account: string;
  seller: string;
  reserve: number;
  reservePrice: number;
  seals: readonly SealKind[];
  maxTerms: number;
  graceMs: number;
  idleMs: number;
  compensationPermille: number;
  lendMs: number;
  noiseMaxPermille: number;
  noiseWindowMs: number;
  ownerMax: number;
  /** Slots that were taken under class standard. */
  standardHeld: number;
  /** Slots by the owner in whose name they are held; counted only where `ownerMax` asks for it. */
  readonly owned: Map<string, number>;
  /** Slot-milliseconds bought of late, by the same names, as `start,prev,cur`; only where noise has a price. */
  readonly bought: Map<string, string>;
  spot?: number;
  spotDurationMs?: number;
  /** The last clearing prices, the latest first. */
  recent: readonly PaidPrice[];
  readonly slots: SlotState[];
  readonly free: Set<number>;
}

export interface CallState {
  readonly cfp: string;
  readonly pool: string;
  readonly initiator: string;
  readonly payee: string;
  readonly slots: readonly number[];
  readonly fences: readonly number[];
  readonly lockValue: string;
  readonly rule: AuctionRule;
  readonly reservePrice: number;
  readonly durationMs: number;
  readonly seals: readonly SealKind[];
  readonly termsDigest: string;
  /** What it asks of each bidder, in micro-credits. */
  readonly deposit?: number | undefined;
  /** Who laid it down, and how many leases each has yet to begin: 0 before the award. */
  readonly deposits: Map<string, number>;
  /** Until when it takes bids, and what was announced first as the end; kept where it asks for deposits. */
  readonly closesAt?: number | undefined;
  readonly depositUntil?: number | undefined;
  readonly openedAt: number;
  awardBy: number;
  state: 'open' | 'awarded' | 'released' | 'lapsed';
  /** Leases that still run; the record lives as long as one does. */
  leases: number;
  forgottenAt?: number;
}

export interface ContractState {
  readonly id: string;
  readonly cfp: string;
  readonly pool: string;
  readonly participant: string;
  readonly payee: string;
  readonly intent: string;
  readonly units: number;
  readonly slots: readonly number[];
  readonly fences: readonly number[];
  readonly price: number;
  readonly startedAt: number;
  readonly durationMs: number;
  /** What the pool asked of its holders at the award; absent where it asks nothing. */
  readonly graceMs?: number | undefined;
  readonly idleMs?: number | undefined;
  readonly compensationPermille: number;
  /** Of its holder when the slots were sold. */
  readonly class: AccountClass;
  /** Sold beyond the wall of the reserve, and not renewed within it yet. */
  lent?: 1 | undefined;
  /** In whose name its slots are counted, where the pool asked for it. */
  owner?: string | undefined;
  /** What its holder laid down, until it begins. */
  readonly deposit?: number | undefined;
  /** When its holder was last heard of; absent before it has begun. */
  heardAt?: number;
  until: number;
  terms: number;
  endedTerms: number;
  amount: number;
  paid: number;
  state: 'awarded' | 'running' | 'settled';
  forgottenAt?: number;
}

export interface IntentState {
  readonly contract: string;
  /** As long as its cheque holds: the id under which that was sealed is free again a day after the contract's end. */
  readonly until: number;
  forgottenAt?: number;
}

interface Forgettable {
  readonly forgottenAt?: number;
}

export class MarketState {
  readonly ledger = new LedgerBook();
  readonly pools = new Map<string, PoolState>();
  readonly calls = new Map<string, CallState>();
  readonly contracts = new Map<string, ContractState>();
  readonly tasks = new Map<string, TaskRecord>();
  /** Tasks under contract or done, by `<buyer>:<task>`. */
  readonly givenOut = new Map<string, GivenOut>();
  /** The version of the market's rules. */
  policyVersion = 0;
  policyText = '';
  proposalsFiled = 0;
  readonly proposals = new Map<string, ProposalRecord>();
  /** By `<agent>:<intent>`. */
  readonly intents = new Map<string, IntentState>();
  /** Each as it was when it was last changed. */
  readonly buckets = new Map<string, Bucket>();
  readonly holds = new Map<string, HoldState>();
  readonly taken: TakenBook = new Map();
  /** The negotiation locks, `<pool>:<slot>` to value: taken and dropped from outside, as redlock does. */
  readonly locks = new Map<string, string>();
  /** What the present command has ended of deposits, until it is told. */
  endedDeposits: DepositEnd[] = [];
  /** As the zset: `lease:…`, `task:…`, `cfp:…`, `deposit:…`, `hold:…` and `proposal:…` (a pending transfer's limit is the ledger's). */
  readonly deadlines = new Map<string, number>();

  call(cfp: string, nowMs: number): CallState | undefined {
    return remembered(this.calls.get(cfp), nowMs);
  }

  contract(id: string, nowMs: number): ContractState | undefined {
    return remembered(this.contracts.get(id), nowMs);
  }

  task(id: string, nowMs: number): TaskRecord | undefined {
    return remembered(this.tasks.get(id), nowMs);
  }

  proposal(id: string, nowMs: number): ProposalRecord | undefined {
    return remembered(this.proposals.get(id), nowMs);
  }

  hold(id: string, nowMs: number): HoldState | undefined {
    const hold = this.holds.get(id);
    return hold === undefined || isForgotten(hold, nowMs) ? undefined : hold;
  }

  taskGivenOut(buyer: string, task: string, nowMs: number): GivenOut | undefined {
    return remembered(this.givenOut.get(`${buyer}:${task}`), nowMs);
  }

  intent(agent: string, intent: string, nowMs: number): IntentState | undefined {
    return remembered(this.intents.get(`${agent}:${intent}`), nowMs);
  }

  winIntent(cheque: { participant: string; intent: string; until_ms: number }, contract: string): void {
    this.intents.set(`${cheque.participant}:${cheque.intent}`, { contract, until: cheque.until_ms });
  }

  /** Its contract has ended. */
  leaveIntent({ participant, intent }: { participant: string; intent: string }, nowMs: number): void {
    const won = this.intents.get(`${participant}:${intent}`);
    if (won !== undefined) won.forgottenAt = Math.max(nowMs + ENDED_KEPT_MS, won.until);
  }

  takeLock(pool: string, slots: readonly number[], value: string): void {
    for (const slot of slots) this.locks.set(`${pool}:${slot}`, value);
  }

  /** Drops the locks that still have this value. */
  dropLock(pool: string, slots: readonly number[], value: string): void {
    for (const slot of slots) if (this.locks.get(`${pool}:${slot}`) === value) this.locks.delete(`${pool}:${slot}`);
  }

  /** Whether a call's initiator is still its pool's seller: an operator may have named another meanwhile. */
  sells({ pool, initiator }: CallState): boolean {
    return this.pools.get(pool)?.seller === initiator;
  }

  /** Whether every slot's lock has still the call's value, and none was awarded since the call opened. */
  stillHeld(call: CallState): boolean {
    const pool = this.pools.get(call.pool);
    return call.slots.every((slot, index) => {
      if (this.locks.get(`${call.pool}:${slot}`) !== call.lockValue) return false;
      const state = pool?.slots[slot];
      return state !== undefined && state.fence === call.fences[index] && state.contract === '';
    });
  }

  /** Frees a contract's slots; the call that they were sold in is forgotten a day after the last of its contracts. */
  freeSlots(pool: string, slots: readonly number[], cfp: string, nowMs: number): void {
    const state = this.pools.get(pool);
    if (state === undefined) throw new Error(`there is no pool ${pool}`);
    for (const slot of slots) {
      state.slots[slot]!.contract = '';
      state.free.add(slot);
    }
    const call = this.calls.get(cfp);
    if (call === undefined) return;
    call.leases -= 1;
    if (call.leases === 0) call.forgottenAt = nowMs + ENDED_KEPT_MS;
  }

  /** Whether `by` is the holder or the host that may speak for it. */
  speaksFor(by: string, participant: string): boolean {
    return by === participant || this.ledger.account(participant)?.host === by;
  }

  /** What the sweeper would find, as `lease:…` and `cfp:…`. */
  due(nowMs: number): string[] {
    return [...this.deadlines].filter(([, at]) => at <= nowMs).map(([member]) => member);
  }
}

function remembered<T extends Forgettable>(record: T | undefined, nowMs: number): T | undefined {
  return record !== undefined && (record.forgottenAt ?? Number.POSITIVE_INFINITY) > nowMs ? record : undefined;
}
