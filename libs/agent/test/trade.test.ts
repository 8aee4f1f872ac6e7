// Bidding, winning, selling, hosting: the SDK against a real broker.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bid, createSeed, type Decision, type Lease, type LostBid, refuse } from '../src/index.js';
import { CREDIT, gate, listen, offer, putForward, type SdkMarket, sdkMarket, sold } from './support.js';

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
  await listen(ann!, 'gpu.h100', {
    evaluate: (call) => {
      calls.push(call.cfp);
      return bid({ price: 9 * CREDIT });
    },
    onLease: (lease) => leases.push(lease),
  });
  await listen(bob!, 'gpu.h100', {
    evaluate: async () => bid({ price: String(5 * CREDIT) }),
    onLease: (lease) => leases.push(lease),
    onLost: (outcome) => lost.push(outcome),
  });
  const sale = sold(await seller.call(offer('gpu.h100', { closeAfterBids: 2 })));
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
  expect(lease.remainingMs).toBeGreaterThan(30_000);
  await expect.poll(() => lost.length).toBe(1);
  expect(lost[0]).toMatchObject({ cfp: sale.cfp, detail: 'outbid', clearingPriceMicro: 5 * CREDIT });
  expect(await lease.release()).toMatchObject({ ok: true, outcome: 'released' });
});

test('win: the short way, bidding in each call until one is won', async () => {
  const agent = await m.sdkAgent('win-1');
  const won = agent.win('gpu.h100', { maxPriceMicro: 2 * CREDIT });
  // The first call asks too much; nobody else bids in the second one.
  sold(await seller.call(offer('gpu.h100', { reservePriceMicro: 3 * CREDIT, windowMs: 50 })));
  const sale = sold(await seller.call(offer('gpu.h100')));
  const lease = await won;
  expect(lease.contract).toBe(sale.winners[0]!.contract);
  expect(lease.priceMicro).toBe(0);
  await lease.release();
});

test('win gives up at its deadline and on a signal', async () => {
  const agent = await m.sdkAgent('win-2');
  await expect(agent.win('gpu.none', { maxPriceMicro: 1, deadlineMs: 50 })).rejects.toThrow(/no call of gpu\.none/);
  const controller = new AbortController();
  const aborted = agent.win('gpu.none', { maxPriceMicro: 1, signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
});

test('who bids more than it has is told so, and so is the seller', async () => {
  const poor = await m.sdkAgent('poor', { credits: 1 });
  const lost: LostBid[] = [];
  const evaluate = () => bid({ price: 2 * CREDIT });
  await listen(poor, 'gpu.h100', { evaluate, onLost: (outcome) => lost.push(outcome) });
  const outcome = await seller.call(offer('gpu.h100'));
  expect(outcome).toMatchObject({ ok: false, detail: 'insufficient-credits' });
  await expect.poll(() => lost).toMatchObject([{ detail: 'insufficient-credits', by: 'initiator' }]);
});

test('a seal of either kind, and a call that takes one kind only', async () => {
  const strict = await m.sdkAgent('strict', { seal: 'ed25519' });
  const plain = await m.sdkAgent('plain');
  const lost: LostBid[] = [];
  for (const agent of [strict, plain]) await listen(agent, 'gpu.h100', { onLost: (outcome) => lost.push(outcome) });
  const both = sold(await seller.call(offer('gpu.h100', { units: 2, closeAfterBids: 2 })));
  expect(both.winners).toHaveLength(2);
  const signed = sold(await seller.call(offer('gpu.h100', { units: 2, seals: ['ed25519'], closeAfterBids: 2 })));
  expect(signed.winners).toHaveLength(2);
  // Who chose ed25519 gives no mac.
  const mac = sold(await seller.call(offer('gpu.h100', { units: 2, seals: ['mac'] })));
  expect(mac.winners.map((winner) => winner.participant)).toEqual(['plain']);
  await expect.poll(() => lost).toMatchObject([{ cfp: mac.cfp, detail: 'not-permitted' }]);
});

describe('a host', () => {
  test('speaks for its agents over one connection, their bids in one message', async () => {
    const host = await m.sdkHost('host-1');
    const agents = await Promise.all(Array.from({ length: 20 }, (_, n) => m.hosted(host, `h1-${n}`)));
    const leases: Lease[] = [];
    let lost = 0;
    for (const [n, agent] of agents.entries()) {
      await listen(agent, 'gpu.h100', {
        evaluate: () =>
          n === 19 ? refuse('deadline-infeasible', { retryAfterMs: 5 }) : bid({ price: (n + 1) * CREDIT }),
        onLease: (lease) => leases.push(lease),
        onLost: () => lost++,
      });
    }
    let messages = 0;
    const counting = m.operator.nats.subscribe(`tender.${m.market}.bid.seller.*.host-1`, {
      callback: () => messages++,
    });
    await m.operator.nats.flush();
    const sale = sold(await seller.call(offer('gpu.h100', { units: 4, closeAfterBids: 20 })));
    expect(sale.winners.map(({ participant }) => participant)).toEqual(['h1-18', 'h1-17', 'h1-16', 'h1-15']);
    expect(sale.clearingPriceMicro).toBe(String(15 * CREDIT));
    expect(sale.ranked).toHaveLength(19);
    await expect.poll(() => [leases.length, lost]).toEqual([4, 15]);
    await expect.poll(() => messages).toBe(2);
    await Promise.all(leases.map((lease) => lease.release()));
    expect(await agents[0]!.account()).toMatchObject({ ok: true, id: 'h1-0', host: 'host-1' });
    expect(await agents[0]!.call(offer('gpu.h100'))).toMatchObject({ ok: false, detail: 'not-permitted' });
    counting.unsubscribe();
  });

  test('may not speak for agents that do not name it', async () => {
    const host = await m.sdkHost('host-2');
    const lost: LostBid[] = [];
    const agent = await host.agent({ id: 'seller', seed: createSeed() });
    const barred = gate();
    await listen(agent, 'gpu.h100', {
      onLost: (one) => {
        lost.push(one);
        barred.open();
      },
    });
    const other = await m.sdkAgent('witness');
    await listen(other, 'gpu.h100', { evaluate: () => barred.opened.then(() => bid({ price: CREDIT })) });
    const sale = sold(await seller.call(offer('gpu.h100')));
    expect(sale.ranked.map(({ participant }) => participant)).toEqual(['witness']);
    expect(lost).toMatchObject([{ detail: 'not-permitted' }]);
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
  await listen(agent, 'gpu.h100', {
    evaluate: () => {
      setTimeout(() => controller.abort(), 30);
      return bid({ price: CREDIT });
    },
    onLost: (outcome) => lost.push(outcome),
  });
  const all = offer('gpu.h100', { units: 8, closeAfterBids: 2 });
  expect(await seller.call({ ...all, signal: controller.signal })).toMatchObject({ ok: false, detail: 'expired' });
  await expect.poll(() => lost.map(({ detail }) => detail)).toEqual(['expired']);
  // All eight can be called again long before the lock's time limit.
  await expect.poll(async () => (await seller.call({ ...all, windowMs: 1 })).ok).toBe(true);
});

test('one intent wins once, in whatever calls it bids', async () => {
  const agent = await m.sdkAgent('single');
  const leases: Lease[] = [];
  const lost: LostBid[] = [];
  await listen(agent, 'gpu.h100', {
    evaluate: () => bid({ price: CREDIT, intent: 'just-one-slot' }),
    onLease: (lease) => leases.push(lease),
    onLost: (outcome) => lost.push(outcome),
  });
  const outcomes = await Promise.all([1, 2, 3].map(() => seller.call(offer('gpu.h100'))));
  expect(outcomes.filter((outcome) => outcome.ok && outcome.winners.length === 1)).toHaveLength(1);
  await expect.poll(() => [leases.length, lost.length]).toEqual([1, 2]);
  expect(lost.map(({ detail }) => detail)).toEqual(['duplicate', 'duplicate']);
  await leases[0]!.release();
});

test('callbacks that throw, answer nonsense or too late harm nobody', async () => {
  const [clumsy, calm] = await Promise.all([m.sdkAgent('clumsy'), m.sdkAgent('calm')]);
  const lost: LostBid[] = [];
  const tooLate = gate();
  const answers: (() => unknown)[] = [
    () => {
      throw new Error('evaluate');
    },
    () => Promise.reject(new Error('evaluate, later')),
    () => bid({ price: Number.NaN }),
    () => bid({ price: 5, units: 3 }),
    () => bid({ price: 5, units: 0.5 }),
    () => bid({ price: 5 }),
    () => tooLate.opened.then(() => bid({ price: 5 })),
  ];
  let turn = 0;
  let heard = gate();
  await listen(clumsy, 'gpu.h100', {
    evaluate: () => {
      heard.open();
      return answers[turn++]!() as Decision;
    },
    onLease: () => {
      throw new Error('onLease');
    },
    onLost: (outcome) => lost.push(outcome),
  });
  await listen(calm, 'gpu.h100', { evaluate: () => heard.opened.then(() => bid({ price: 1 })) });
  for (const n of answers.keys()) {
    heard = gate();
    const sale = sold(await seller.call(offer('gpu.h100', { units: 2, closeAfterBids: n === 5 ? 2 : 1 })));
    expect(sale.winners.map(({ participant }) => participant)).toContain('calm');
  }
  // The last answer comes when the call's window is over.
  putForward(20_000);
  tooLate.open();
  await expect.poll(() => lost.map(({ detail }) => detail)).toEqual(['no-capacity', 'no-capacity', 'late']);
  expect(clumsy.counts.callbackErrors).toBe(4);
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
  await listen(agent, 'gpu.h100', { evaluate: async () => bid({ price: 3 * CREDIT }) });
  const { cfp } = sold(await seller.call(offer('gpu.h100', { traceparent })));
  const steps = ['cfp', 'propose', 'award', 'accept-proposal'];
  await expect.poll(() => steps.filter((step) => !seen.has(step))).toEqual([]);
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
});
