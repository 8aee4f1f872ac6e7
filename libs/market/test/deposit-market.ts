// A call that asks for a deposit, and those who may lay it down: for the tests of deposits.
import { expect } from 'vitest';
import type { Ruling } from '../src/index.js';
import type { BidDraft } from '../src/testing/index.js';
import { START_MS, type TestMarket, type TestRedis } from './market-under-test.js';

export const GRANT = 1_000;
export const DEPOSIT = '70';
export const GRACE_MS = 300;
export const LONG = START_MS + 3_600_000;

/** A call `c1` for two slots and 1,000 ms each that asks for a deposit, at START_MS; zed is ann's host, ben sells. */
export async function asking(server: TestRedis): Promise<TestMarket> {
  const agents = [{ id: 'ann', host: 'zed' }, { id: 'ben' }, { id: 'cid' }, { id: 'zed' }];
  const pools = [{ pool: 'gpu', slots: 8, graceMs: GRACE_MS, seller: 'ben' }];
  const market = await server.market({ agents, grantMicro: GRANT, pools });
  await market.setClock(START_MS);
  const call = { cfp: 'c1', by: 'ben', slots: [0, 1], durationMs: 1_000, depositMicro: DEPOSIT };
  await market.hand.call(call);
  return market;
}

export const ann = (price: number, more: Partial<BidDraft> = {}): BidDraft => ({
  ...{ participant: 'ann', price, until_ms: LONG },
  ...more,
});
export const cid = (price: number, more: Partial<BidDraft> = {}): BidDraft =>
  ann(price, { participant: 'cid', ...more });

export async function award({ hand }: TestMarket, ...bids: BidDraft[]): Promise<void> {
  expect(await hand.award('c1', bids, { by: 'ben' })).toMatchObject({ ok: true });
}

export async function both(market: TestMarket, ...bids: BidDraft[]): Promise<void> {
  for (const agent of ['ann', 'cid'])
    expect(await market.hand.deposit(agent, 'c1', DEPOSIT)).toMatchObject({ ok: true });
  await award(market, ...bids);
}

export interface Refusal {
  readonly check: string;
  readonly detail: string;
  readonly given?: (market: TestMarket) => Promise<unknown>;
  readonly ask?: Partial<Ruling> & {
    readonly agent?: string;
    readonly cfp?: string;
    readonly micro?: string;
    readonly by?: string;
    readonly untilMs?: number;
  };
}
