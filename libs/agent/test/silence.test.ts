// Words that never come, or come too late or in the wrong order: what the bank has awarded reaches its winner.
import { type Call, type Cheque, encode, subjects } from '@tender/market';
import { newUlid } from '@tender/market/nats';
import type { Msg } from 'nats';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { WireClient } from '../../../test/wire-client.js';
import { bid, connectHost, type Lease, type LostBid } from '../src/index.js';
import { CREDIT, listen, type SdkMarket, sdkMarket } from './support.js';

/** A call whose end no test waits for: nobody asks the bank of itself before its window is over. */
const LONG = { windowMs: 40_000, ttlMs: 60_000, durationMs: 60_000 };

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

/** A call by the wire, opened and announced, and how to go on with it by hand. */
async function callByHand(pool: string, more: { windowMs: number; ttlMs: number; durationMs: number }) {
  // What comes too late on a slow machine is called again, with more time.
  for (let times = 1; ; times *= 4) {
    const cheques: Cheque[] = [];
    const [windowMs, ttlMs] = [times * more.windowMs, more.ttlMs + (times - 1) * more.windowMs];
    const opened = await seller.done('lock', seller.offer(pool, { rule: 'first-price', ...more, windowMs, ttlMs }));
    const { terms, openedAt, closesAt, awardBy } = opened;
    const call: Call = { terms, openedAt, closesAt, awardBy };
    const { cfp } = terms;
    const sub = seller.nats.subscribe(subjects.bid(m.market, 'seller', cfp, '*'), {
      callback: (_error, msg) => cheques.push(...(JSON.parse(msg.string()).body.cheques ?? [])),
    });
    onTestFinished(() => sub.unsubscribe());
    seller.nats.publish(subjects.cfp(m.market, pool, 'seller'), say('cfp', cfp, call, { replyBy: closesAt }));
    await expect.poll(() => cheques.length > 0 || Date.now() > closesAt + 500).toBe(true);
    if (cheques.length > 0)
      return { ...talkOf(cfp, cheques), award: () => seller.done('award', seller.award(call, cheques)) };
    await seller.done('release', { key: newUlid(), cfp });
  }
}

function talkOf(cfp: string, cheques: readonly Cheque[]) {
  const tell = (to: string, performative: string, body: object) =>
    seller.nats.publish(subjects.talk(m.market, to, 'seller'), say(performative, cfp, { cfp, ...body }));
  return {
    cheques,
    reject: (to: string, detail: string) =>
      tell(to, 'reject-proposal', {
        losers: cheques.map(({ participant, intent }) => ({ participant, intent, detail })),
      }),
    accept: (to: string, winners: unknown[]) => tell(to, 'accept-proposal', { winners }),
  };
}

/** How many messages came by a subject; a question that is asked again because no answer came counts once. */
async function counting(subject: string): Promise<() => number> {
  const seen = new Set<string>();
  const callback = (_error: unknown, msg: Msg) => void seen.add(JSON.parse(msg.string()).id);
  const sub = m.operator.nats.subscribe(subject, { callback });
  onTestFinished(() => sub.unsubscribe());
  await m.operator.nats.flush();
  return () => seen.size;
}

test('an initiator that dies after its award takes no lease with it, nor most of its time', async () => {
  await m.pool('gpu.a', 'seller', 1);
  const agent = await m.sdkAgent('heir');
  const winning = agent.win('gpu.a', { maxPriceMicro: CREDIT });
  // The lease would be over before awardBy.
  const call = await callByHand('gpu.a', { windowMs: 60, ttlMs: 60_000, durationMs: 30_000 });
  const { winners } = await call.award();
  const lease = await winning;
  expect(lease.contract).toBe(winners[0].contract);
  expect(lease.remainingMs).toBeGreaterThan(15_000);
  await lease.release();
});

test('an initiator that says nothing at all: a host asks a few times, eight questions at once', async () => {
  await m.pool('gpu.b', 'seller', 1);
  const host = await connectHost({ servers: m.stack.natsUrl, market: m.market, id: 'host-s' });
  const lost: LostBid[] = [];
  for (let n = 0; n < 20; n++) {
    const agent = await m.hosted(host, `s-${n}`);
    await listen(agent, 'gpu.b', { onLost: (outcome) => lost.push(outcome) });
  }
  const questions = await counting(`tender.${m.market}.bank.*.contract`);
  await callByHand('gpu.b', { windowMs: 100, ttlMs: 2500, durationMs: 5000 });
  await expect.poll(() => lost.length, { timeout: 20_000 }).toBe(20);
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
  await listen(agent, 'gpu.c', {
    onLease: (lease) => leases.push(lease),
    onLost: ({ detail, by }) => lost.push(`${detail} by ${by}`),
  });
  const call = await callByHand('gpu.c', LONG);
  call.reject('patient', 'outbid');
  await expect.poll(() => lost).toEqual(['outbid by initiator']);
  // Before the award the accept is a lie: the bank knows no contract.
  const answers = await counting('_INBOX_patient.>');
  const before = answers();
  call.accept('patient', [{ ...winnerOf(call.cheques[0]!), contract: `${newUlid().toLowerCase()}-1` }]);
  await expect.poll(answers).toBe(before + 1);
  // Whatever came before this answer has been heard.
  await agent.account();
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
  await listen(agent, 'gpu.d', {
    evaluate: () => bid({ price: CREDIT, intent: 'only-one' }),
    onLease: (lease) => leases.push(lease),
    onLost: ({ detail }) => lost.push(detail),
  });
  // The first call's award stays unheard; the second one is told to have lost as a duplicate, long before it is asked for.
  const first = await callByHand('gpu.d', LONG);
  const second = await callByHand('gpu.d', LONG);
  const { winners } = await first.award();
  second.reject('single', 'duplicate');
  await expect.poll(() => leases.map(({ contract }) => contract)).toEqual([winners[0].contract]);
  const ignored = () => Object.values(agent.counts.ignored).reduce((sum, times) => sum + times, 0);
  const before = ignored();
  first.accept('single', winners);
  second.reject('single', 'duplicate');
  await expect.poll(ignored).toBe(before + 2);
  expect([leases.length, lost]).toEqual([1, ['duplicate']]);
  await leases[0]!.release();
});
