// A bucket's limit as people type it: `requests=60/60s,reserve=6,price=0.001`.
import type { BucketSpec } from '@tender/credits';
import { idText } from '@tender/market';
import { InvalidArgumentError } from 'commander';
import { credits, lengthOf, showMicro } from './quantities.js';

export type Limit = BucketSpec['limits'][number];
/** What was typed of one limit; what was not typed is absent. */
export type TypedLimit = Pick<Limit, 'name'> & Partial<Omit<Limit, 'name'>>;

const HOW = 'requests=60/60s or tokens=100000/60s,capacity=20000,reserve=5000,price=0.00001';

/**
 * Reads `name=count/time` and after commas `capacity=`, `reserve=` (whole tokens) and `price=` (credits per token).
 * Without a capacity of its own a limit holds as much as flows in that time. Where the refill per second has more than
 * three decimals it is rounded down: a little less than the upstream gives is never refused by it.
 */
export function typedLimit(text: string, before: readonly TypedLimit[] = []): TypedLimit[] {
  const [first = '', ...more] = text.split(',');
  const [name = '', flow, ...rest] = first.split('=');
  if (rest.length > 0 || !idText.safeParse(name).success) throw wrong(`${first} names no limit`);
  if (before.some((limit) => limit.name === name)) throw wrong(`${name} is said twice`);
  const limit: { -readonly [K in keyof TypedLimit]: TypedLimit[K] } = { name };
  if (flow !== undefined) Object.assign(limit, flowOf(flow));
  for (const part of more) {
    const [key, value = '', ...others] = part.split('=');
    if (others.length > 0) throw wrong(`${part} says two things`);
    if (key === 'capacity') limit.capacity = tokens(value, 1);
    else if (key === 'reserve') limit.reserve = tokens(value, 0);
    else if (key === 'price') limit.priceMicro = credits(value);
    else throw wrong(`${part} is none of capacity=, reserve=, price=`);
  }
  return [...before, limit];
}

function flowOf(text: string): Pick<Limit, 'capacity' | 'refillPerSecond'> {
  const [count = '', time, ...others] = text.split('/');
  const perMs = lengthOf(time ?? '');
  if (others.length > 0 || perMs === undefined || perMs === 0) throw wrong(`${text} is no count per time`);
  const capacity = tokens(count, 1);
  const thousandths = Math.floor((capacity * 1_000_000) / perMs);
  if (thousandths === 0) throw wrong(`${text} is less than 0.001 a second`);
  return { capacity, refillPerSecond: thousandths / 1000 };
}

function tokens(text: string, least: number): number {
  const count = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= least && count <= 1_000_000_000) return count;
  throw wrong(`${text} is no whole number from ${least} to 1000000000`);
}

function wrong(why: string): InvalidArgumentError {
  return new InvalidArgumentError(`${why}; a limit is typed like ${HOW}.`);
}

/** `60, 1/s, reserve 6, 0.001 each`. */
export function showLimit({ capacity, refillPerSecond, reserve, priceMicro }: Limit): string {
  return `${capacity}, ${refillPerSecond}/s, reserve ${reserve}, ${showMicro(priceMicro)} each`;
}
