// How an agent names tokens: amounts by limit and a price beside them, checked before anything is asked.
import { formatMicro, MAX_TOKENS } from '@tender/credits';
import { idText, type TokenAmounts } from '@tender/market';

/** Whole tokens by the name of their limit: `{requests: 1, tokens: 3000}`. */
export interface Amounts {
  readonly [limit: string]: number;
}

/**
 * Amounts, and the most that all of them may cost together, in micro-credits, as `maxPriceMicro` or `maxPrice` (the same
 * by a shorter name). Names of limits have no capitals, so that the two cannot be meant.
 */
export interface TokenOrder {
  readonly [limit: string]: number | undefined;
  readonly maxPriceMicro?: number;
  readonly maxPrice?: number;
}

/** Amounts, and what they cost together, in micro-credits. */
export interface TokenOffer {
  readonly [limit: string]: number;
  readonly priceMicro: number;
}

/** Throws RangeError where the order makes no sense. */
export function orderOf(order: TokenOrder): { readonly amounts: TokenAmounts; readonly maxPriceMicro: string } {
  const { maxPriceMicro, maxPrice, ...amounts } = order;
  const price = maxPriceMicro ?? maxPrice;
  if (maxPriceMicro !== undefined && maxPrice !== undefined)
    throw new RangeError('maxPrice and maxPriceMicro say the same: name one of them');
  if (price === undefined) throw new RangeError('maxPriceMicro: say what all of them may cost together');
  return { amounts: amountsOf(amounts as Amounts), maxPriceMicro: formatMicro(price) };
}

export function offerOf(offer: TokenOffer): { readonly amounts: TokenAmounts; readonly priceMicro: string } {
  const { priceMicro, ...amounts } = offer;
  return { amounts: amountsOf(amounts), priceMicro: formatMicro(priceMicro) };
}

export function amountsOf(amounts: Amounts, least = 1): TokenAmounts {
  const names = Object.keys(amounts);
  if (names.length === 0) throw new RangeError('name at least one limit of the bucket');
  for (const name of names) {
    const amount = amounts[name];
    if (!idText.safeParse(name).success) throw new RangeError(`not the name of a limit: ${name}`);
    if (!Number.isInteger(amount) || amount! < least || amount! > MAX_TOKENS) {
      throw new RangeError(`${name}: not a number of tokens: ${amount}`);
    }
  }
  return { ...amounts };
}
