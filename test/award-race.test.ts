// Many after one slot at once, through four brokers: one success, and clear refusals for the rest.
import type { Call } from '@tender/market';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MarketUnderTest, startMarket } from './market-under-test.js';
import type { WireClient } from './wire-client.js';

let market: MarketUnderTest;
let seller: WireClient;
let buyer: WireClient;

beforeAll(async () => {
  market = await startMarket(4);
  seller = await market.agent('seller');
  buyer = await market.agent('buyer', 1_000);
});
afterAll(() => market?.stop());

async function expectGreen(): Promise<void> {
  expect(await market.breaches([...seller.acknowledged, ...buyer.acknowledged])).toEqual([]);
}

describe('500 attempts to award one slot, through four brokers', () => {
  test('one call, 500 keys: one success, 499 refusals that say so', async () => {
    await market.pool('one', 'seller', 1);
    const call: Call = await seller.done('lock', seller.offer('one'));
    const bodies = Array.from({ length: 500 }, () => seller.award(call, [buyer.cheque(call, 1_000)]));
    const replies = await Promise.all(bodies.map((body) => seller.ask('award', body)));
    const won = replies.filter((reply) => reply.performative === 'inform');
    const refused = replies.filter((reply) => reply.performative === 'refuse');
    expect([won.length, refused.length]).toEqual([1, 499]);
    expect(new Set(refused.map((reply) => reply.body.detail))).toEqual(new Set(['duplicate']));
    expect(won[0]!.body.winners[0].fences).toEqual([1]);
    await expectGreen();
  });

  test('500 calls for it: one lock, 499 refused for want of capacity', async () => {
    await market.pool('two', 'seller', 1);
    const replies = await Promise.all(Array.from({ length: 500 }, () => seller.ask('lock', seller.offer('two'))));
    const locked = replies.filter((reply) => reply.performative === 'inform');
    const refused = replies.filter((reply) => reply.performative === 'refuse');
    expect([locked.length, refused.length]).toEqual([1, 499]);
    expect(new Set(refused.map((reply) => reply.body.detail))).toEqual(new Set(['no-capacity']));
    await expectGreen();
  });

  test('calls whose locks ran out, one after the other: only the one that holds it is awarded', async () => {
    await market.pool('three', 'seller', 1);
    const lock = `{${market.market}}:lock:three:0`;
    const calls: Call[] = [];
    for (let turn = 0; turn < 25; turn += 1) {
      calls.push(await seller.done('lock', seller.offer('three')));
      // As if the time limit had passed, without waiting for it.
      if (turn < 24) await market.redis.del(lock);
    }
    const bodies = calls.flatMap((call) =>
      Array.from({ length: 20 }, () => seller.award(call, [buyer.cheque(call, 1_000)])),
    );
    const replies = await Promise.all(bodies.map((body) => seller.ask('award', body)));
    const won = replies.filter((reply) => reply.performative === 'inform');
    expect(won.map((reply) => reply.body.cfp)).toEqual([calls.at(-1)!.terms.cfp]);
    const details = replies.filter((reply) => reply.performative === 'refuse').map((reply) => reply.body.detail);
    expect(details).toHaveLength(499);
    expect(new Set(details)).toEqual(new Set(['lock-lost', 'duplicate']));
    await expectGreen();
  });
});
