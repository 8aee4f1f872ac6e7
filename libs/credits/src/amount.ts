// Amounts of money: why no float, exponent or sign ever reaches the ledger.
import { z } from 'zod';

/** The largest amount, balance and supply, in micro-credits: 14 digits, exact in a double, in Lua and in cjson. */
export const MAX_MICRO = 99_999_999_999_999;

/** One credit, in micro-credits. */
export const CREDIT = 1_000_000;

/** A digit string on the wire: `0`, or 1 to 14 digits without a leading zero. */
export const microText = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,13})$/, 'an amount is a string of 1 to 14 digits, in micro-credits');

/** The same, above zero. */
export const positiveMicroText = z
  .string()
  .regex(/^[1-9][0-9]{0,13}$/, 'an amount is a string of 1 to 14 digits, above zero, in micro-credits');

/** Reads a digit string; undefined where it is none (signs, exponents, `nan`, 15 digits and more). */
export function parseMicro(text: string): number | undefined {
  return /^(0|[1-9][0-9]{0,13})$/.test(text) ? Number(text) : undefined;
}

/** Writes micro-credits (a safe integer from 0 to MAX_MICRO) as a digit string; a number outside is a bug and throws. */
export function formatMicro(amount: number): string {
  if (!Number.isSafeInteger(amount) || amount < 0 || amount > MAX_MICRO)
    throw new RangeError(`not an amount: ${amount}`);
  return String(amount);
}

/** Credits for people: `12.5` for 12,500,000 micro-credits. */
export function showCredits(amountMicro: number): string {
  return (amountMicro / CREDIT).toLocaleString('en-US', { maximumFractionDigits: 2 });
}
