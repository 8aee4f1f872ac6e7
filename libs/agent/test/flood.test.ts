// Bids that cannot win, many and high: the seller goes on selling, and asks the bank a few times at most.
import { encode, subjects } from '@tender/market';
import { newUlid } from '@tender/market/nats';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { WireClient } from '../../../test/wire-client.js';
import { type Agent, bid } from '../src/index.js';
import { CREDIT, gate, listen, offer, type SdkMarket, sdkMarket, sold, standStill } from './support.js';

let m: SdkMarket;
let seller: Agent;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-flood' });
  seller = await m.sdkAgent('seller');
});
afterAll(() => m.stop());

/** Answers each call on a pool with messages of `each` bids far above everybody's; `sent` is told when they are on their way. */
async function flood(
  by: WireClient,
  pool: string,
  messages: number,
  each: number,
  sent: () => void = () => undefined,
): Promise<void> {
  const sub = by.nats.subscribe(subjects.cfps(m.market, pool), {
    callback: (_error, msg) => {
      const { performative, body: call } = JSON.parse(msg.string());
      if (performative !== 'cfp') return;
      const { cfp, initiator } = call.terms;
      for (let n = 0; n < messages; n++) {
        const cheques = Array.from({ length: each }, () => by.cheque(call, 99_999_999_999));
        const body = { cfp, cheques };
        const head = { v: 1, id: newUlid(), conversation: cfp, sender: by.id, sentAt: Date.now() };
        by.nats.publish(
          subjects.bid(m.market, initiator, cfp, by.id),
          encode({ ...head, performative: 'propose', body }),
        );
      }
      void by.nats.flush().then(sent);
    },
  });
  onTestFinished(() => sub.unsubscribe());
  await by.nats.flush();
}

async function countAwards(): Promise<() => number> {
  let count = 0;
  const sub = m.operator.nats.subscribe(`tender.${m.market}.bank.seller.award`, { callback: () => count++ });
  onTestFinished(() => sub.unsubscribe());
  await m.operator.nats.flush();
  return () => count;
}

test('an account without credits cannot shut a pool', async () => {
  await m.pool('gpu.f', 'seller', 4);
  const agent = await m.sdkAgent('honest');
  let flooded = gate();
  const evaluate = () => flooded.opened.then(() => bid({ price: CREDIT }));
  await listen(agent, 'gpu.f', { evaluate });
  const awards = await countAwards();
  const { open } = flooded;
  await flood(await m.agent('penniless', 0), 'gpu.f', 4, 512, open);
  const first = sold(await seller.call(offer('gpu.f', { closeAfterBids: 17 })));
  expect(first.winners.map(({ participant }) => participant)).toEqual(['honest']);
  // Of its bids as many were kept as one account may have; the second award sold.
  expect(first.ranked.map(({ participant, detail }) => `${participant} ${detail}`)).toEqual([
    'honest undefined',
    ...Array(16).fill('penniless insufficient-credits'),
  ]);
  await expect.poll(awards).toBe(2);
  // For a moment, which this one is, it is not listened to: what it sends by the hundred is not even read.
  standStill();
  flooded = gate();
  const unread = () => (seller.counts.ignored['not-permitted'] ?? 0) - before;
  const before = seller.counts.ignored['not-permitted'] ?? 0;
  const calling = seller.call(offer('gpu.f'));
  await expect.poll(unread).toBe(4);
  flooded.open();
  const second = sold(await calling);
  expect([second.winners.length, second.ranked.length]).toEqual([1, 1]);
  await expect.poll(awards).toBe(3);
});

test('where all slots are reserved, hundreds of standard bids cost one award', async () => {
  await m.pool('gpu.s', 'seller', 4, { reserve: 4 });
  const awards = await countAwards();
  await flood(await m.agent('rich', 1_000_000), 'gpu.s', 1, 500);
  expect(await seller.call(offer('gpu.s'))).toMatchObject({ ok: false, detail: 'reserved-for-system' });
  await expect.poll(awards).toBe(1);
});
