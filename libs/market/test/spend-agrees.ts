// That attribution agrees with the ledger, to the last micro-credit: for any market that a test has left behind.
import { marketKey } from '@tender/credits/redis';
import { expect } from 'vitest';
import { type SpendAnswer, type SpendKey, type SpendQuery, spendKeys, spendQuery } from '../src/index.js';
import { SpendReader } from '../src/redis/index.js';
import type { TestMarket } from './market-under-test.js';

export type Asking = Partial<SpendQuery>;

/** A reader that takes every misfit for a mistake. */
export function spendReader({ redis, market }: Pick<TestMarket, 'redis' | 'market'>): SpendReader {
  return new SpendReader(redis, market, (seq, why) => {
    throw new Error(`entry ${seq}: ${why}`);
  });
}

export function ask(reader: SpendReader, asking: Asking = {}): Promise<SpendAnswer> {
  return reader.answer(spendQuery.parse({ limit: 10_000, ...asking }));
}

/** What an account has is what it was granted and what it got, less what it paid and what was retired. */
export async function expectSpendAgrees(
  real: Pick<TestMarket, 'redis' | 'market'>,
  groupings: readonly SpendKey[][] = [[...spendKeys]],
): Promise<void> {
  const reader = spendReader(real);
  const flows = await ask(reader, { by: ['agent', 'payee'] });
  const sums = await mintedOf(real);
  const move = (account: string, micro: bigint) => sums.set(account, (sums.get(account) ?? 0n) + micro);
  for (const { agent, payee, paidMicro } of flows.lines) {
    move(agent!, -BigInt(paidMicro));
    if (payee !== undefined) move(payee, BigInt(paidMicro));
    else expect(paidMicro).toBe('0');
  }
  const ids = (await real.redis.smembers(marketKey(real.market, 'accounts'))).filter((id) => id !== 'treasury');
  const balances = await Promise.all(
    ids.map((id) => real.redis.hmget(marketKey(real.market, 'acct', id), 'available', 'pending')),
  );
  const has = balances.map(([available, pending]) => BigInt(available ?? 0) + BigInt(pending ?? 0));
  expect(ids.map((id) => [id, sums.get(id) ?? 0n])).toEqual(ids.map((id, index) => [id, has[index]]));
  for (const by of groupings) {
    const { lines, totalMicro, linesInAll } = await ask(reader, { by });
    expect([by, totalMicro, linesInAll]).toEqual([by, flows.totalMicro, lines.length]);
    const sum = lines.reduce((total, { paidMicro }) => total + BigInt(paidMicro), 0n);
    expect([by, String(sum)]).toEqual([by, flows.totalMicro]);
  }
}

/** Grants less retirements of each account, from the journal. */
async function mintedOf({ redis, market }: Pick<TestMarket, 'redis' | 'market'>): Promise<Map<string, bigint>> {
  const minted = new Map<string, bigint>();
  for (const [, fields] of await redis.xrange(marketKey(market, 'journal'), '-', '+')) {
    const { kind, to, from, amount } = JSON.parse(fields[1]!);
    if (kind === 'grant') minted.set(to, (minted.get(to) ?? 0n) + BigInt(amount));
    if (kind === 'retire') minted.set(from, (minted.get(from) ?? 0n) - BigInt(amount));
  }
  return minted;
}
