// Calls for more machines than most providers have, and what each provider has and asks: drawn by the seed.
import { CREDIT } from '@tender/credits';
import type { Prng } from '../prng.js';
import { cheapestFill, type Part, priceOfParts } from './placement.js';

export interface Member {
  readonly name: string;
  readonly units: number;
  /** By call: micro-credits for each unit. */
  readonly rates: readonly number[];
}

export interface BigCall {
  readonly units: number;
  /** The most that the buyer pays for all of it. */
  readonly budgetMicro: number;
}

export const BIG_UNITS = 12;

export function drawCalls(prng: Prng, count: number): BigCall[] {
  return Array.from({ length: count }, () => {
    const units = 6 + prng.int(13);
    return { units, budgetMicro: Math.round(units * (2 + 1.5 * prng.next()) * CREDIT) };
  });
}

/** `small` have a few machines each; `big` have a dozen, and know that they are needed. */
export function drawMembers(prng: Prng, calls: number, small: number, big: number): Member[] {
  const rates = (dearer: number) =>
    Array.from({ length: calls }, () => Math.round((1 + 2 * prng.next()) * dearer * CREDIT));
  return [
    ...Array.from({ length: small }, (_, n) => ({ name: `small-${n + 1}`, units: 2 + prng.int(4), rates: rates(1) })),
    ...Array.from({ length: big }, (_, n) => ({ name: `big-${n + 1}`, units: BIG_UNITS, rates: rates(1.4) })),
  ];
}

/** What a member has for a call: all that it has, or all that is asked. */
export function partOf(member: Member, call: BigCall, number: number): Part {
  const units = Math.min(member.units, call.units);
  return { units, price: units * member.rates[number]! };
}

/** What the cheapest coalition would cost, where one can fill the call within its budget. */
export function bestCoalition(members: readonly Member[], call: BigCall, number: number): number | undefined {
  const parts = cheapestFill(
    members.map((member) => partOf(member, call, number)),
    call.units,
  );
  const price = parts && priceOfParts(parts);
  return price !== undefined && price <= call.budgetMicro ? price : undefined;
}

/** What the cheapest provider alone would cost; undefined where none has enough. */
export function bestSingle(members: readonly Member[], call: BigCall, number: number): number | undefined {
  const prices = members.filter(({ units }) => units >= call.units).map((member) => partOf(member, call, number).price);
  return prices.length === 0 ? undefined : Math.min(...prices);
}
