// quote through the SDK: what a bid would do, for an agent and for one behind a host.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { offer, type SdkMarket, sdkMarket, sold } from './support.js';

let m: SdkMarket;
beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-quote' });
});
afterAll(() => m?.stop());

test('a bid that is only thought about: its chances, its start, the noise of whoever would make it', async () => {
  const seller = await m.sdkAgent('seller');
  const buyer = await m.sdkAgent('buyer');
  const other = await m.sdkAgent('other');
  const hosted = await m.hosted(await m.sdkHost('host'), 'hosted');
  await m.pool('gpu', 'seller', 1, { noiseMaxPermille: 4_000, noiseWindowMs: 3_600_000 });
  expect(await buyer.quote('gpu', { priceMicro: 5_000, durationMs: 1_000, history: 5 })).toMatchObject({
    ...{ ok: true, free: 1, noisePermille: 1_000, history: [] },
  });

  for (let n = 0; n < 2; n += 1) {
    const won = buyer.win('gpu', { maxPriceMicro: 3_000 });
    const sale = sold(await seller.call(offer('gpu', { durationMs: 600_000, reservePriceMicro: 1_000 })));
    expect(sale.winners).toHaveLength(1);
    await (await won).release();
  }
  const asked = { durationMs: 600_000, history: 5 };
  const high = await other.quote('gpu', { ...asked, priceMicro: 3_001 });
  if (!high.ok) throw new Error(high.message);
  // Two awards, won twice: (½ + 1 + 2^(−1/16)) / (1 + 1 + 2^(−1/16)).
  expect(high.winProbability).toBeCloseTo(0.831, 3);
  expect(high.startInMs).toBeGreaterThan(0);
  expect(high.history).toHaveLength(2);
  expect(await other.quote('gpu', { ...asked, priceMicro: 2_999 })).toMatchObject({ noisePermille: 1_000 });
  const own = await buyer.quote('gpu', asked);
  if (!own.ok) throw new Error(own.message);
  expect(own.noisePermille).toBeGreaterThan(1_000);
  expect(own.winProbability).toBeUndefined();
  const behind = await hosted.quote('gpu', { ...asked, priceMicro: '3001' });
  expect(behind).toMatchObject({ ok: true, winProbability: high.winProbability, noisePermille: 1_000 });
  expect(await buyer.quote('gpu', { priceMicro: 0 })).toMatchObject({ ok: false, detail: 'malformed' });
  expect(await buyer.quote('none')).toMatchObject({ ok: false, detail: 'unknown' });
});
