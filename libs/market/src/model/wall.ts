// What a pool lets whom hold, in the model: the wall around its reserve, an owner's cap, the price of noise; wall.lua's rules.
import { type Account, hasFaded, noisePermille, readUse, recentUse, showUse, usedMore } from '@tender/credits';
import type { Detail } from '../refusal.js';
import type { PoolState } from './market-state.js';

type Holder = Pick<Account, 'id' | 'owner' | 'class'>;

/** In whose name slots count: the owner's, or for who has none its own. */
export function whoOf({ id, owner }: Pick<Account, 'id' | 'owner'>): string {
  return owner ?? id;
}

/** How many slots accounts of class standard may hold together. */
export function wallOf(pool: Pick<PoolState, 'slots' | 'reserve'>): number {
  return pool.slots.length - pool.reserve;
}

/** Whether so many slots more of class standard, beside `walled` that go along with them, lie beyond the wall. */
export function beyondWall(pool: PoolState, walled: number, units: number): boolean {
  return pool.standardHeld + walled + units > wallOf(pool);
}

/** Whether so many slots more, beside `owned`, are more than the agents of one owner may hold together. */
export function beyondCap(pool: PoolState, who: string, owned: number, units: number): boolean {
  return pool.ownerMax > 0 && (pool.owned.get(who) ?? 0) + owned + units > pool.ownerMax;
}

/**
 * Why an account may not have `units` more slots of a pool, or undefined. `walled` and `owned` are what goes along with
 * it, of class standard and in its owner's name; below zero for what it gives back.
 */
export function keptFrom(
  account: Holder,
  pool: PoolState,
  units: number,
  walled: number,
  owned: number,
): Detail | undefined {
  if (beyondCap(pool, whoOf(account), owned, units)) return 'over-budget';
  return account.class !== 'system' && beyondWall(pool, walled, units) ? 'reserved-for-system' : undefined;
}

/** Counts slots that are taken, or below zero are free again; an empty owner is nobody's. */
export function countHeld(
  pool: PoolState,
  n: number,
  accountClass: string | undefined,
  owner: string | undefined,
): void {
  if (accountClass === 'standard') pool.standardHeld += n;
  if (!owner) return;
  const held = (pool.owned.get(owner) ?? 0) + n;
  if (held === 0) pool.owned.delete(owner);
  else pool.owned.set(owner, held);
}

/** By what the recent purchases of `who` multiply its price, in thousandths; 1000 where the pool does not ask. */
export function noiseOf(pool: PoolState, who: string, nowMs: number): number {
  const { noiseMaxPermille, noiseWindowMs, slots, bought } = pool;
  if (noiseMaxPermille <= 1000) return 1000;
  const usage = recentUse(readUse(bought.get(who)), noiseWindowMs, nowMs);
  return noisePermille(usage, slots.length * noiseWindowMs, noiseMaxPermille);
}

/** A price with noise, a started micro-credit counts; split, so that where it is an amount it is exact. */
export function noisy(price: number, noise: number): number {
  return Math.floor(price / 1000) * noise + Math.ceil(((price % 1000) * noise) / 1000);
}

/** Remembers slot-milliseconds that were bought, where the pool asks; below zero of what was bought at `atMs`, after all not. */
export function noteUse(pool: PoolState, who: string, amount: number, nowMs: number, atMs = nowMs): void {
  const { noiseMaxPermille, noiseWindowMs, bought } = pool;
  if (noiseMaxPermille <= 1000) return;
  const use = usedMore(readUse(bought.get(who)), amount, noiseWindowMs, nowMs, atMs);
  // Whoever bought last stands last: what has faded is found at the front.
  bought.delete(who);
  bought.set(who, showUse(use));
  for (const [other, old] of bought) {
    if (!hasFaded(readUse(old), noiseWindowMs, nowMs)) return;
    bought.delete(other);
  }
}
