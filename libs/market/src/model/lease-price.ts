// What a lease costs: the arithmetic of renewal and early release, to the micro-credit as lease.lua and renew.lua do it.

/** A lease costs this share of its first term at least: a slot won and let go at once was kept from others. */
export const LEAST_SHARE = 10;

/**
 * What `usedMs` of a term cost, in micro-credits: a started millionth of the term counts, and so does a started
 * micro-credit. Split at 10^6 so that no product leaves the 53 bits of a double.
 */
export function costOfUse(amount: number, usedMs: number, durationMs: number): number {
  const millionths = Math.ceil((Math.min(usedMs, durationMs) * 1_000_000) / durationMs);
  const high = Math.floor(amount / 1_000_000);
  const low = amount % 1_000_000;
  return high * millionths + Math.ceil((low * millionths) / 1_000_000);
}

/** What prices a renewal: the pool's last clearing price and the length that it was for, and its reserve price. */
export interface GoingPrice {
  readonly spot?: number | undefined;
  readonly spotDurationMs?: number | undefined;
  readonly reservePrice: number;
}

/** The price per unit of one more term: the last clearing price by the millisecond, the reserve price at least. */
export function renewalPrice(going: GoingPrice, durationMs: number): number {
  let price = going.spot ?? going.reservePrice;
  const pricedFor = going.spotDurationMs ?? durationMs;
  if (pricedFor !== durationMs) price = Math.ceil((price / pricedFor) * durationMs);
  return Math.max(price, going.reservePrice);
}
