// Bundles through the SDK: slots and rate tokens together, or neither, and nothing paid for one alone.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, bid, RefusedError } from '../src/index.js';
import { CREDIT, gate, listen, offer, sold } from './support.js';
import { few, heldBy, levelOf, moneyOf, type TokenMarket, tokenMarket } from './token-market.js';

let m: TokenMarket;
let seller: Agent;

beforeAll(async () => {
  m = await tokenMarket('sdk-bundle');
  seller = await m.sdkAgent('seller');
  await m.pool('gpu.b', 'seller', 2);
});
afterAll(() => m.stop());

test('both are won, each is paid, and each ends by itself', async () => {
  const agent = await m.sdkAgent('both');
  const bucket = await m.bucket([few(10, { priceMicro: '100' })]);
  const wanted = { bucket, order: { requests: 4, maxPriceMicro: 400 }, maxPriceMicro: CREDIT };
  const winning = agent.winBundle('gpu.b', wanted);
  await expect.poll(() => levelOf(agent, bucket)).toBe(6);
  // The next call may be announced before the bidder listens.
  let sale = sold(await seller.call(offer('gpu.b', { windowMs: 500 })));
  while (sale.winners.length === 0) sale = sold(await seller.call(offer('gpu.b', { windowMs: 500 })));
  const { lease, held } = await winning;
  expect(lease.contract).toBe(sale.winners[0]!.contract);
  await lease.release();
  expect(await held.return({ requests: 3 })).toMatchObject({ ok: true, paidMicro: '300', refundedMicro: '100' });
  expect(await levelOf(agent, bucket)).toBe(7);
});

test('no slots: the tokens are back, and nothing was paid', async () => {
  const agent = await m.sdkAgent('slotless');
  const bucket = await m.bucket([few(10, { priceMicro: '100' })]);
  const before = await moneyOf(agent);
  const wanted = { bucket, order: { requests: 4, maxPriceMicro: 400 }, maxPriceMicro: CREDIT, deadlineMs: 300 };
  await expect(agent.winBundle('gpu.b', wanted)).rejects.toBeInstanceOf(RefusedError);
  expect(await levelOf(agent, bucket)).toBe(10);
  expect(await moneyOf(agent)).toEqual(before);
});

test('no tokens: no bid is made, and nothing was paid', async () => {
  const agent = await m.sdkAgent('tokenless');
  const bucket = await m.bucket([few(10)]);
  const before = await moneyOf(agent);
  const wanted = { bucket, order: { requests: 11, maxPriceMicro: 400 }, maxPriceMicro: CREDIT };
  await expect(agent.winBundle('gpu.b', wanted)).rejects.toMatchObject({ refusal: { detail: 'no-capacity' } });
  expect(await moneyOf(agent)).toEqual(before);
});

test('tokens that went back before the award: the bid does not stand, and another wins', async () => {
  const agent = await m.sdkAgent('hasty');
  const rival = await m.sdkAgent('rival');
  const bucket = await m.bucket([few(10)]);
  const held = heldBy(await agent.takeTokens(bucket, { requests: 1, maxPriceMicro: 10 }));
  let bids = 0;
  const lost: string[] = [];
  await listen(agent, 'gpu.b', {
    evaluate: () => {
      bids += 1;
      return bid({ price: 5 * CREDIT, tokens: held.hold });
    },
    onLost: ({ detail }) => void lost.push(detail),
  });
  const back = gate();
  await listen(rival, 'gpu.b', { evaluate: () => back.opened.then(() => bid({ price: CREDIT })) });
  const calling = seller.call(offer('gpu.b', { closeAfterBids: 2 }));
  await expect.poll(() => bids).toBe(1);
  expect(await held.release()).toMatchObject({ ok: true });
  back.open();
  const sale = sold(await calling);
  expect(sale.winners.map(({ participant }) => participant)).toEqual([rival.id]);
  await expect.poll(() => lost).toEqual(['missing-dependency']);
});
