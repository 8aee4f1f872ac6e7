// What so many units cost for so long at a price per unit and hour.
import type { PolicyFacts } from './policy.js';

const HOUR_MS = 3_600_000n;

/** Whole numbers beyond 53 bits. */
export function priceOf(
  unitHourMicro: string,
  { units, durationMs }: Pick<PolicyFacts, 'units' | 'durationMs'>,
  round: 'up' | 'down',
): bigint {
  const product = BigInt(unitHourMicro) * BigInt(units) * BigInt(durationMs);
  return (round === 'up' ? product + HOUR_MS - 1n : product) / HOUR_MS;
}
