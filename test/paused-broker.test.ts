// A broker that the system puts to sleep in mid-negotiation: what it does when it wakes must not be obeyed.
import type { Call } from '@tender/market';
import { newId } from '@tender/market/nats';
import type { Tethered } from '@tender/stack';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type MarketUnderTest, startMarket, until } from './market-under-test.js';
import type { Reply, WireClient } from './wire-client.js';

let market: MarketUnderTest;
let sleeper: Tethered;
let seller: WireClient;
let buyer: WireClient;

beforeEach(async () => {
  market = await startMarket(0);
  sleeper = await market.broker();
  seller = await market.agent('seller');
  buyer = await market.agent('buyer');
  await market.pool('gpu', 'seller', 1);
});
afterEach(() => market?.stop());

/** Has the only broker take the lock, stops it, and hands it an award that it will read when it wakes. */
async function awardWhileStopped(): Promise<{ call: Call; answer: Promise<Reply | undefined> }> {
  const call: Call = await seller.done('lock', seller.offer('gpu', { ttlMs: 400, windowMs: 50 }));
  await sleeper.kill('SIGSTOP');
  const cheque = buyer.cheque(call, 1_000, { until: call.awardBy + 60_000 });
  const answer = seller.once('award', seller.award(call, [cheque]), 60_000);
  await seller.nats.flush();
  await until('the lock has run out', async () => (await lockValue()) === null);
  return { call, answer };
}

function lockValue(): Promise<string | null> {
  return market.redis.get(`{${market.market}}:lock:gpu:0`);
}

async function expectGreen(): Promise<void> {
  expect(await market.breaches([...seller.acknowledged, ...buyer.acknowledged])).toEqual([]);
}

test('stopped beyond its lock and continued: lock-lost, and the slot is still free', async () => {
  const { answer } = await awardWhileStopped();
  await sleeper.kill('SIGCONT');
  expect((await answer)?.body).toMatchObject({ ok: false, status: 409, detail: 'lock-lost' });
  expect(await market.redis.scard(`{${market.market}}:free:gpu`)).toBe(1);
  await expectGreen();
});

test('another took the slot meanwhile: the sleeper is refused, the other keeps it', async () => {
  const { answer } = await awardWhileStopped();
  await market.broker();
  // The sleeper still gets its share of the requests; whoever asks gives up on it and asks the other.
  const next: Call = await seller.done('lock', seller.offer('gpu', { ttlMs: 60_000 }));
  const taken = await seller.done('award', seller.award(next, [buyer.cheque(next, 2_000)]));
  expect(taken.winners[0]).toMatchObject({ slots: [0], fences: [1] });
  await sleeper.kill('SIGCONT');
  expect((await answer)?.body).toMatchObject({ ok: false, detail: 'lock-lost' });
  const held = await buyer.done('contract', { contract: taken.winners[0].contract });
  expect(held).toMatchObject({ participant: 'buyer', state: 'awarded', fences: [1] });
  await buyer.done('settle', { key: `settle-${newId()}`, contract: held.contract });
  await expectGreen();
});
