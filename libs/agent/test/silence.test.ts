// Words that never come, or come too late or in the wrong order: what the bank has awarded reaches its winner.
import { type Call, type Cheque, encode, subjects } from '@tender/market';
import { newUlid } from '@tender/market/nats';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { WireClient } from '../../../test/wire-client.js';
import { bid, connectHost, type Lease, type LostBid } from '../src/index.js';
import { CREDIT, type SdkMarket, sdkMarket, sleep } from './support.js';

let m: SdkMarket;
let seller: WireClient;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-silence' });
  seller = await m.agent('seller');
});
afterAll(() => m.stop());

function say(performative: string, conversation: string, body: unknown, more: object = {}): Uint8Array {
  const head = { v: 1, id: newUlid(), conversation, sender: 'seller', sentAt: Date.now() };
  return encode({ ...head, performative, body, ...more });
}

/** Opens a call by the wire, announces it, and gives back how to go on by hand. */
async function callByHand(pool: string, more: { windowMs: number; ttlMs: number; durationMs: number }) {
  const cheques: Cheque[] = [];
  const opened = await seller.done('lock', seller.offer(pool, { rule: 'first-price', ...more }));
  const { terms, openedAt, closesAt, awardBy } = opened;
  const call: Call = { terms, openedAt, closesAt, awardBy };
  const { cfp } = terms;
  const sub = seller.nats.subscribe(subjects.bid(m.market, 'seller', cfp, '*'), {
    callback: (_error, msg) => cheques.push(...(JSON.parse(msg.string()).body.cheques ?? [])),
  });
  onTestFinished(() => sub.unsubscribe());
  await seller.nats.flush();
  seller.nats.publish(subjects.cfp(m.market, pool, 'seller'), say('cfp', cfp, call, { replyBy: closesAt }));
  await expect.poll(() => cheques.length).toBeGreaterThan(0);
  const tell = (to: string, performative: string, body: object) =>
    seller.nats.publish(subjects.talk(m.market, to, 'seller'), say(performative, cfp, { cfp, ...body }));
  return {
    cheques,
    award: () => seller.done('award', seller.award(call, cheques)),
    reject: (to: string, detail: string) =>
      tell(to, 'reject-proposal', {
        losers: cheques.map(({ participant, intent }) => ({ participant, intent, detail })),
      }),
    accept: (to: string, winners: unknown[]) => tell(to, 'accept-proposal', { winners }),
  };
}

function asking(): () => number {
  let count = 0;
  const sub = m.operator.nats.subscribe(`tender.${m.market}.bank.*.contract`, { callback: () => count++ });
  onTestFinished(() => sub.unsubscribe());
  return () => count;
}

test('an initiator that dies after its award takes no lease with it, nor most of its time', async () => {
  await m.pool('gpu.a', 'seller', 1);
  const agent = await m.sdkAgent('heir');
  const winning = agent.win('gpu.a', { maxPriceMicro: CREDIT, deadlineMs: 10_000 });
  // The steward's defaults: the lease would be over before awardBy.
  const call = await callByHand('gpu.a', { windowMs: 60, ttlMs: 3000, durationMs: 2000 });
  const { winners } = await call.award();
  const lease = await winning;
  expect(lease.contract).toBe(winners[0].contract);
  expect(lease.remainingMs).toBeGreaterThan(900);
  await lease.release();
});

test('an initiator that says nothing at all: a host asks a few times, eight questions at once', async () => {
  await m.pool('gpu.b', 'seller', 1);
  const host = await connectHost({ servers: m.stack.natsUrl, market: m.market, id: 'host-s' });
  const lost: LostBid[] = [];
  for (let n = 0; n < 20; n++) {
    const agent = await m.hosted(host, `s-${n}`);
    agent.listen('gpu.b', {
      evaluate: () => bid({ price: CREDIT }),
      onLease: () => undefined,
      onLost: (outcome) => lost.push(outcome),
    });
  }
  await sleep(300);
  const questions = asking();
  await m.operator.nats.flush();
  await callByHand('gpu.b', { windowMs: 100, ttlMs: 2500, durationMs: 5000 });
  await expect.poll(() => lost.length, { timeout: 5000 }).toBe(20);
  expect(new Set(lost.map(({ detail, by }) => `${detail} by ${by}`))).toEqual(new Set(['expired by bank']));
  // Closing at 100 ms: at 0.4–0.7, 1–1.9, 2.2–2.8, and when the award is overdue.
  expect(questions() / 20).toBeLessThanOrEqual(4);
  expect(questions() / 20).toBeGreaterThanOrEqual(2);
  await host.close();
});

test('a rejection, then the award, then the accept: the lease is taken, and the loss told once', async () => {
  await m.pool('gpu.c', 'seller', 1);
  const agent = await m.sdkAgent('patient');
  const leases: Lease[] = [];
  const lost: string[] = [];
  const listening = agent.listen('gpu.c', {
    evaluate: () => bid({ price: CREDIT }),
    onLease: (lease) => leases.push(lease),
    onLost: ({ detail, by }) => lost.push(`${detail} by ${by}`),
  });
  onTestFinished(() => listening.stop());
  const call = await callByHand('gpu.c', { windowMs: 60, ttlMs: 2000, durationMs: 5000 });
  call.reject('patient', 'outbid');
  await expect.poll(() => lost).toEqual(['outbid by initiator']);
  // Before the award the accept is a lie.
  call.accept('patient', [{ ...winnerOf(call.cheques[0]!), contract: `${newUlid().toLowerCase()}-1` }]);
  await sleep(50);
  expect(leases).toEqual([]);
  const { winners } = await call.award();
  call.accept('patient', winners);
  await expect.poll(() => leases.map(({ contract }) => contract)).toEqual([winners[0].contract]);
  expect(lost).toHaveLength(1);
  await leases[0]!.release();
});

function winnerOf({ participant, intent, units }: Cheque) {
  const now = Date.now();
  const price = { priceMicro: '1', amountMicro: '1' };
  return { participant, intent, units, slots: [0], fences: [1], ...price, startedAt: now, until: now + 5000 };
}

test('lost as a duplicate: the lease that the intent has won elsewhere is taken up, once', async () => {
  await m.pool('gpu.d', 'seller', 2);
  const agent = await m.sdkAgent('single');
  const leases: Lease[] = [];
  const lost: string[] = [];
  const listening = agent.listen('gpu.d', {
    evaluate: () => bid({ price: CREDIT, intent: 'only-one' }),
    onLease: (lease) => leases.push(lease),
    onLost: ({ detail }) => lost.push(detail),
  });
  onTestFinished(() => listening.stop());
  // The first call's award stays unheard; the second one is told to have lost as a duplicate, long before it is asked for.
  const first = await callByHand('gpu.d', { windowMs: 1500, ttlMs: 5000, durationMs: 5000 });
  const second = await callByHand('gpu.d', { windowMs: 1500, ttlMs: 5000, durationMs: 5000 });
  const { winners } = await first.award();
  second.reject('single', 'duplicate');
  await expect.poll(() => leases.map(({ contract }) => contract), { timeout: 1000 }).toEqual([winners[0].contract]);
  first.accept('single', winners);
  second.reject('single', 'duplicate');
  await sleep(100);
  expect([leases.length, lost]).toEqual([1, ['duplicate']]);
  await leases[0]!.release();
});
