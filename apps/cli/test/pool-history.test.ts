// `tender pool get --history` against a real market: what was sold at which price, to people and to programs.
import type { Call } from '@tender/market';
import { newId } from '@tender/market/nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MarketUnderTest, startMarket } from '../../../test/market-under-test.js';
import { typedHere } from './typed-here.js';

let market: MarketUnderTest;
beforeAll(async () => {
  market = await startMarket(1);
});
afterAll(() => market?.stop());

function typed(args: string): Promise<[number | null, string]> {
  return typedHere(args.split(' '), {
    NATS_URL: market.env.NATS_URL,
    TENDER_MARKET: market.market,
    TENDER_OPERATOR_SEED: `op:${market.operator.seed}`,
  });
}

test('a pool with the prices of its last sales', async () => {
  const seller = await market.agent('seller');
  const buyer = await market.agent('buyer');
  await market.pool('gpu', 'seller', 4);
  expect(await typed('pool get gpu --history')).toEqual([
    0,
    expect.stringContaining('Nothing is known to have been sold'),
  ]);
  for (const reservePriceMicro of ['1500000', '2000000']) {
    const call: Call = await seller.done('lock', seller.offer('gpu', { units: 2, reservePriceMicro }));
    await seller.done('award', seller.award(call, [buyer.cheque(call, 3_000_000, { units: 2, intent: newId() })]));
  }
  const [code, text] = await typed('pool get gpu --history 5');
  expect([code, text]).toEqual([
    0,
    expect.stringMatching(/AWARDED +PRICE +FOR +UNITS\n\S+Z +2 +1m +2\n\S+Z +1\.5 +1m +2\n/),
  ]);
  const [, json] = await typed('pool get gpu --history 1 -o json');
  const { history, pool } = JSON.parse(json);
  expect({ history, pool }).toEqual({
    pool: 'gpu',
    history: [{ at: expect.any(Number), priceMicro: '2000000', durationMs: 60_000, units: 2 }],
  });
  expect(await typed('pool get none --history')).toEqual([3, expect.stringContaining('There is no pool none')]);
  expect((await typed('pool get gpu --history 999'))[0]).toBe(2);
});
