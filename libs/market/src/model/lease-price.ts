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

/** A clearing price per unit, and the length that it was for. */
export interface PaidPrice {
  readonly priceMicro: number;
  readonly durationMs: number;
}

/** What prices a renewal: the clearing prices of the pool's last awards, the latest first, and its reserve price. */
export interface GoingPrice {
  readonly recent: readonly PaidPrice[];
  readonly reservePrice: number;
}

/** So many clearing prices a pool remembers: of five, two sales at any price do not move the median. */
const REMEMBERED = 5;

/** A pool's memory after one more award. */
export function rememberPrice(recent: readonly PaidPrice[], latest: PaidPrice): readonly PaidPrice[] {
  return [latest, ...recent.slice(0, REMEMBERED - 1)];
}

/**
 * The price per unit of one more term: the median of the last clearing prices, each by the millisecond (the lower one of
 * two in the middle), the reserve price at least. A median, because a mean can be moved as far as one likes by one sale.
 */
export function renewalPrice({ recent, reservePrice }: GoingPrice, durationMs: number): number {
  if (recent.length === 0) return reservePrice;
  const prices = recent
    .map((paid) => {
      if (paid.durationMs === durationMs) return paid.priceMicro;
      return Math.ceil((paid.priceMicro / paid.durationMs) * durationMs);
    })
    .sort((a, b) => a - b);
  return Math.max(prices[Math.ceil(prices.length / 2) - 1]!, reservePrice);
}
