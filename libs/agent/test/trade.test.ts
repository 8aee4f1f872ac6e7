// Bidding, winning, selling, hosting: the SDK against a real broker.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bid, createSeed, type Lease, type LostBid, refuse } from '../src/index.js';
import { CREDIT, offer, type SdkMarket, sdkMarket, sleep, sold } from './support.js';

let m: SdkMarket;
let seller: Awaited<ReturnType<SdkMarket['sdkAgent']>>;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-trade' });
  seller = await m.sdkAgent('seller');
  await m.pool('gpu.h100', 'seller', 8);
});
afterAll(() => m.stop());

test('one agent bids and wins, another loses and learns the price', async () => {
  const [ann, bob] = await Promise.all([m.sdkAgent('ann'), m.sdkAgent('bob')]);
  const leases: Lease[] = [];
  const lost: LostBid[] = [];
  const calls: string[] = [];
  const listening = [
    ann.listen('gpu.h100', {
      evaluate: (call) => {
        calls.push(call.cfp);
        return bid({ price: 9 * CREDIT });
      },
      onLease: (lease) => leases.push(lease),
    }),
    bob.listen('gpu.h100', {
      evaluate: async () => bid({ price: String(5 * CREDIT) }),
      onLease: (lease) => leases.push(lease),
      onLost: (outcome) => lost.push(outcome),
    }),
  ];
  const sale = sold(await seller.call(offer('gpu.h100', { closeAfterBids: 2, windowMs: 1500, ttlMs: 3000 })));
  expect(sale.winners.map((winner) => winner.participant)).toEqual(['ann']);
  expect(sale.clearingPriceMicro).toBe(String(5 * CREDIT));
  expect(sale.ranked.map(({ participant, outcome, detail }) => [participant, outcome, detail])).toEqual([
    ['ann', 'won', undefined],
    ['bob', 'lost', 'outbid'],
  ]);
  expect(calls).toEqual([sale.cfp]);
  await expect.poll(() => leases.length).toBe(1);
  const lease = leases[0]!;
  expect(lease).toMatchObject({ participant: 'ann', pool: 'gpu.h100', units: 1, held: true, priceMicro: 5 * CREDIT });
  expect(lease.slots).toHaveLength(1);
  expect(lease.fences[0]).toBeGreaterThan(0);
  expect(lease.remainingMs).toBeGreaterThan(1000);
  await expect.poll(() => lost.length).toBe(1);
  expect(lost[0]).toMatchObject({ cfp: sale.cfp, detail: 'outbid', clearingPriceMicro: 5 * CREDIT });
  expect(await lease.release()).toMatchObject({ ok: true, outcome: 'released' });
  for (const one of listening) one.stop();
});

test('win: the short way, bidding in each call until one is won', async () => {
  const agent = await m.sdkAgent('win-1');
  const won = agent.win('gpu.h100', { maxPriceMicro: 2 * CREDIT, deadlineMs: 10_000 });
  // The first call asks too much; nobody else bids in the second one.
  sold(await seller.call(offer('gpu.h100', { reservePriceMicro: 3 * CREDIT })));
  const sale = sold(await seller.call(offer('gpu.h100')));
  const lease = await won;
  expect(lease.contract).toBe(sale.winners[0]!.contract);
  expect(lease.priceMicro).toBe(0);
  await lease.release();
});

test('win gives up at its deadline, at once where the bank bars the agent, and on a signal', async () => {
  const agent = await m.sdkAgent('win-2');
  await expect(agent.win('gpu.none', { maxPriceMicro: 1, deadlineMs: 50 })).rejects.toThrow(/no call of gpu\.none/);
  const mean = agent.win('gpu.h100', { maxPriceMicro: 2, deadlineMs: 700 });
  void mean.catch(() => undefined);
  sold(await seller.call(offer('gpu.h100', { reservePriceMicro: 3 })));
  await expect(mean).rejects.toMatchObject({ refusal: { detail: 'below-reserve-price', priceMicro: '3' } });
  const controller = new AbortController();
  const aborted = agent.win('gpu.none', { maxPriceMicro: 1, signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
  const poor = await m.sdkAgent('poor', { credits: 1 });
  const failing = poor.win('gpu.h100', { maxPriceMicro: 2 * CREDIT, deadlineMs: 700 });
  void failing.catch(() => undefined);
  const outcome = await seller.call(offer('gpu.h100'));
  expect(outcome).toMatchObject({ ok: false, detail: 'insufficient-credits' });
  await expect(failing).rejects.toMatchObject({ refusal: { detail: 'insufficient-credits' } });
});

test('a seal of either kind, and a call that takes one kind only', async () => {
  const strict = await m.sdkAgent('strict', { seal: 'ed25519' });
  const plain = await m.sdkAgent('plain');
  const lost: LostBid[] = [];
  const listening = [strict, plain].map((agent) =>
    agent.listen('gpu.h100', {
      evaluate: () => bid({ price: CREDIT }),
      onLease: (lease) => void lease.release(),
      onLost: (outcome) => lost.push(outcome),
    }),
  );
  const both = sold(await seller.call(offer('gpu.h100', { units: 2, closeAfterBids: 2 })));
  expect(both.winners).toHaveLength(2);
  const signed = sold(await seller.call(offer('gpu.h100', { units: 2, seals: ['ed25519'], closeAfterBids: 2 })));
  expect(signed.winners).toHaveLength(2);
  // Who chose ed25519 gives no mac.
  const mac = sold(await seller.call(offer('gpu.h100', { units: 2, seals: ['mac'] })));
  expect(mac.winners.map((winner) => winner.participant)).toEqual(['plain']);
  expect(lost).toMatchObject([{ cfp: mac.cfp, detail: 'not-permitted' }]);
  for (const one of listening) one.stop();
});

describe('a host', () => {
  test('speaks for its agents over one connection, their bids in one message', async () => {
    const host = await m.sdkHost('host-1');
    const agents = await Promise.all(Array.from({ length: 20 }, (_, n) => m.hosted(host, `h1-${n}`)));
    const leases: Lease[] = [];
    let lost = 0;
    const listening = agents.map((agent, n) =>
      agent.listen('gpu.h100', {
        evaluate: () =>
          n === 19 ? refuse('deadline-infeasible', { retryAfterMs: 5 }) : bid({ price: (n + 1) * CREDIT }),
        onLease: (lease) => leases.push(lease),
        onLost: () => lost++,
      }),
    );
    let messages = 0;
    const counting = m.operator.nats.subscribe(`tender.${m.market}.bid.seller.*.host-1`, {
      callback: () => messages++,
    });
    await m.operator.nats.flush();
    const sale = sold(
      await seller.call(offer('gpu.h100', { units: 4, closeAfterBids: 20, windowMs: 3000, ttlMs: 5000 })),
    );
    expect(sale.winners.map(({ participant }) => participant)).toEqual(['h1-18', 'h1-17', 'h1-16', 'h1-15']);
    expect(sale.clearingPriceMicro).toBe(String(15 * CREDIT));
    expect(sale.ranked).toHaveLength(19);
    await expect.poll(() => [leases.length, lost]).toEqual([4, 15]);
    expect(messages).toBe(2);
    await Promise.all(leases.map((lease) => lease.release()));
    expect(await agents[0]!.account()).toMatchObject({ ok: true, id: 'h1-0', host: 'host-1' });
    expect(await agents[0]!.call(offer('gpu.h100'))).toMatchObject({ ok: false, detail: 'not-permitted' });
    counting.unsubscribe();
    for (const one of listening) one.stop();
  });

  test('may not speak for agents that do not name it', async () => {
    const host = await m.sdkHost('host-2');
    const lost: LostBid[] = [];
    const agent = await host.agent({ id: 'seller', seed: createSeed() });
    agent.listen('gpu.h100', {
      evaluate: () => bid({ price: 1 }),
      onLease: () => undefined,
      onLost: (one) => lost.push(one),
    });
    sold(await seller.call(offer('gpu.h100')));
    await expect.poll(() => lost.length).toBe(1);
    expect(lost[0]).toMatchObject({ detail: 'not-permitted' });
  });
});

test('an initiator whose pool it is not, or whose terms make no sense, gets a refusal', async () => {
  const other = await m.sdkAgent('no-seller');
  expect(await other.call(offer('gpu.h100'))).toMatchObject({ ok: false, detail: 'not-permitted', status: 455 });
  expect(await seller.call(offer('gpu.none'))).toMatchObject({ ok: false, detail: 'unknown' });
  expect(await seller.call(offer('gpu.h100', { windowMs: 500, ttlMs: 400 }))).toMatchObject({ detail: 'malformed' });
});

test('an aborted call gives its slots back and tells its bidders', async () => {
  const agent = await m.sdkAgent('jilted');
  const lost: LostBid[] = [];
  const controller = new AbortController();
  const listening = agent.listen('gpu.h100', {
    evaluate: () => {
      setTimeout(() => controller.abort(), 30);
      return bid({ price: CREDIT });
    },
    onLease: () => undefined,
    onLost: (outcome) => lost.push(outcome),
  });
  const aborted = await seller.call(
    offer('gpu.h100', { units: 8, windowMs: 5000, ttlMs: 9000, signal: controller.signal }),
  );
  expect(aborted).toMatchObject({ ok: false, detail: 'expired' });
  await expect.poll(() => lost.map(({ detail }) => detail)).toEqual(['expired']);
  listening.stop();
  // All eight can be called again long before the lock's time limit.
  await expect
    .poll(async () => (await seller.call(offer('gpu.h100', { units: 8, windowMs: 1, ttlMs: 100 }))).ok)
    .toBe(true);
});

test('one intent wins once, in whatever calls it bids', async () => {
  const agent = await m.sdkAgent('single');
  const leases: Lease[] = [];
  const lost: LostBid[] = [];
  const listening = agent.listen('gpu.h100', {
    evaluate: () => bid({ price: CREDIT, intent: 'just-one-slot' }),
    onLease: (lease) => leases.push(lease),
    onLost: (outcome) => lost.push(outcome),
  });
  const outcomes = await Promise.all([1, 2, 3].map(() => seller.call(offer('gpu.h100'))));
  expect(outcomes.filter((outcome) => outcome.ok && outcome.winners.length === 1)).toHaveLength(1);
  await expect.poll(() => [leases.length, lost.length]).toEqual([1, 2]);
  expect(lost.map(({ detail }) => detail)).toEqual(['duplicate', 'duplicate']);
  listening.stop();
  await leases[0]!.release();
});

test('callbacks that throw, answer nonsense or too late harm nobody', async () => {
  const agent = await m.sdkAgent('clumsy');
  let turn = 0;
  const lost: LostBid[] = [];
  const answers = [
    () => {
      throw new Error('evaluate');
    },
    () => Promise.reject(new Error('evaluate, later')),
    () => bid({ price: Number.NaN }),
    () => bid({ price: 5, units: 3 }),
    () => bid({ price: 5, units: 0.5 }),
    async () => {
      await sleep(250);
      return bid({ price: 5 });
    },
  ];
  const listening = agent.listen('gpu.h100', {
    evaluate: () => answers[turn++]!(),
    onLease: () => {
      throw new Error('onLease');
    },
    onLost: (outcome) => lost.push(outcome),
  });
  for (const _ of answers) sold(await seller.call(offer('gpu.h100', { windowMs: 100 })));
  await expect.poll(() => lost.map(({ detail }) => detail)).toEqual(['no-capacity', 'no-capacity', 'late']);
  expect(agent.counts.callbackErrors).toBe(3);
  listening.stop();
});

test('quote and account', async () => {
  expect(await seller.quote('gpu.h100')).toMatchObject({ ok: true, slots: 8, pool: 'gpu.h100' });
  expect(await seller.account()).toMatchObject({ ok: true, id: 'seller', availableMicro: String(1000 * CREDIT) });
});

test('each step says in headers what it is, and a trace is passed on by bidders', async () => {
  const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
  const agent = await m.sdkAgent('traced');
  const seen = new Map<string, Record<string, string>>();
  const tapping = m.operator.nats.subscribe(`tender.${m.market}.>`, {
    callback: (_error, msg) => {
      const { performative, body } = JSON.parse(new TextDecoder().decode(msg.data));
      const operation = msg.subject.split('.').at(-1)!;
      const headers = Object.fromEntries([...(msg.headers ?? [])].map(([name, values]) => [name, values[0]!]));
      if (body !== undefined) seen.set(performative === 'request' ? operation : performative, headers);
    },
  });
  await m.operator.nats.flush();
  const listening = agent.listen('gpu.h100', {
    evaluate: async () => bid({ price: 3 * CREDIT }),
    onLease: (lease) => void lease.release(),
  });
  await listening.ready;
  const { cfp } = sold(await seller.call(offer('gpu.h100', { traceparent })));
  await expect.poll(() => seen.has('accept-proposal')).toBe(true);
  const common = { 'Tender-Conversation': cfp, 'Tender-Scope': 'gpu.h100', 'Tender-Round': '1', traceparent };
  expect(seen.get('cfp')).toMatchObject({ ...common, 'Tender-Status': '261' });
  expect(seen.get('propose')).toMatchObject({ ...common, 'Tender-Status': '261', 'Tender-Budget': String(3 * CREDIT) });
  expect(seen.get('award')).toMatchObject({ ...common, 'Tender-Status': '261' });
  expect(seen.get('accept-proposal')).toMatchObject({
    ...common,
    'Tender-Status': '263',
    'Tender-Fence': expect.stringMatching(/^\d+$/),
  });
  tapping.unsubscribe();
  listening.stop();
});
