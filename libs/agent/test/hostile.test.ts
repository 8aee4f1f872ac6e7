// Peers that lie, forge, replay, come late or send noise: nobody is fooled, nothing crashes, honest trade goes on.
import { type Call, encode, subjects } from '@tender/market';
import { newId, newUlid } from '@tender/market/nats';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { WireClient } from '../../../test/wire-client.js';
import { type Agent, bid, type Lease, type LostBid } from '../src/index.js';
import { CREDIT, gate, listen, offer, putForward, type SdkMarket, sdkMarket, sold, standStill } from './support.js';

const POOL = 'gpu.h';
/** Mallory may call on it, and lies. */
const THEIRS = 'gpu.m';
let m: SdkMarket;
let seller: Agent;
let mallory: WireClient;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-hostile' });
  seller = await m.sdkAgent('seller');
  await m.pool(POOL, 'seller', 8);
  mallory = await m.agent('mallory');
  await m.pool(THEIRS, 'mallory', 1);
});
afterAll(() => m.stop());

function say(performative: string, conversation: string, body: unknown, more: object = {}): Uint8Array {
  const head = { v: 1, id: newUlid(), conversation, sender: 'mallory', sentAt: Date.now() };
  return encode({ ...head, performative, body, ...more });
}

function madeUpCall(windowMs: number, ttlMs = windowMs + 300): Call {
  const now = Date.now();
  return {
    terms: {
      cfp: newId(),
      market: m.market,
      pool: THEIRS,
      initiator: 'mallory',
      direction: 'sell',
      units: 1,
      rule: 'first-price',
      reservePriceMicro: '0',
      durationMs: 60_000,
      windowMs,
      seals: ['mac'],
    },
    openedAt: now,
    closesAt: now + windowMs,
    awardBy: now + ttlMs,
  };
}

type Answer = (call: Call) => (cheque: { participant: string; intent: string }) => Uint8Array;

/** Makes a call in mallory's place that the bank knows nothing of, and answers each bid as told; gives back the call. */
async function lie(answer: Answer, to: Agent): Promise<Call> {
  const { nats } = mallory;
  let call: Call;
  let bids = 0;
  const sub = nats.subscribe(subjects.bids(m.market, 'mallory'), {
    callback: (_error, msg) => {
      const { body } = JSON.parse(new TextDecoder().decode(msg.data));
      for (const cheque of body.cheques ?? []) {
        bids += 1;
        nats.publish(subjects.talk(m.market, to.id, 'mallory'), answer(call)(cheque));
      }
    },
  });
  onTestFinished(() => sub.unsubscribe());
  // What comes too late on a slow machine is called again, with more time.
  for (let windowMs = 100; ; windowMs *= 4) {
    call = madeUpCall(windowMs);
    const announced = say('cfp', call.terms.cfp, call, { replyBy: call.closesAt });
    nats.publish(subjects.cfp(m.market, THEIRS, 'mallory'), announced);
    const { closesAt } = call;
    await expect.poll(() => bids > 0 || to.now() > closesAt + 500).toBe(true);
    if (bids > 0) return call;
  }
}

function fakeWin(call: Call) {
  return ({ participant, intent }: { participant: string; intent: string }) => {
    const { cfp } = call.terms;
    const winner = {
      contract: `${cfp}-1`,
      participant,
      intent,
      units: 1,
      slots: [0],
      fences: [99],
      priceMicro: '1',
      amountMicro: '1',
      startedAt: Date.now(),
      until: Date.now() + 60_000,
    };
    return say('accept-proposal', cfp, { cfp, winners: [winner] });
  };
}

test.each([
  ['believed by default', true, 0, ['expired']],
  ['is believed by who wants to', false, 1, []],
] as const)('an award that the bank knows nothing of: not %s', async (_name, confirm, wins, losses) => {
  const agent = await m.sdkAgent(`honest-${confirm}`, { confirm });
  const leases: Lease[] = [];
  const lost: LostBid[] = [];
  await listen(agent, THEIRS, {
    evaluate: () => bid({ price: CREDIT }),
    onLease: (lease) => leases.push(lease),
    onLost: (outcome) => lost.push(outcome),
  });
  await lie(fakeWin, agent);
  await expect.poll(() => [leases.length, lost.map(({ detail }) => detail)]).toEqual([wins, losses]);
});

test('a rejection of what the bank awarded fools nobody who checks rejections too', async () => {
  const agent = await m.sdkAgent('sceptic', { confirm: 'all' });
  const lost: [LostBid['detail'], atMs: number][] = [];
  await listen(agent, THEIRS, { onLost: ({ detail }) => lost.push([detail, agent.now()]) });
  const { awardBy } = await lie(
    ({ terms: { cfp } }) =>
      ({ participant, intent }) =>
        say('reject-proposal', cfp, { cfp, losers: [{ participant, intent, detail: 'outbid' }] }),
    agent,
  );
  // Not when it was said: when the bank can award no more.
  await expect.poll(() => lost).toEqual([['outbid', expect.any(Number)]]);
  expect(lost[0]![1]).toBeGreaterThanOrEqual(awardBy);
});

test('forged cheques, however high and many, do not keep an honest one from winning', async () => {
  const agent = await m.sdkAgent('modest');
  const leases: Lease[] = [];
  let answering = gate();
  answering.open();
  const evaluate = () => answering.opened.then(() => bid({ price: 5 }));
  await listen(agent, POOL, { evaluate, onLease: (lease) => leases.push(lease) });
  const forging = mallory.nats.subscribe(subjects.cfps(m.market, POOL), {
    callback: (_error, msg) => {
      const { performative, body } = JSON.parse(new TextDecoder().decode(msg.data));
      if (performative !== 'cfp') return;
      const { cfp, initiator } = body.terms;
      const cheques = Array.from({ length: 130 }, (_, n) => ({
        participant: 'modest',
        units: 1,
        priceMicro: String(1000 + n),
        intent: `forged-${n}`,
        until: body.awardBy,
        seal: 'mac',
        session: 'made-up',
        sessionUntil: body.awardBy + 1000,
        signature: 'A'.repeat(43),
      }));
      mallory.nats.publish(subjects.bid(m.market, initiator, cfp, 'mallory'), say('propose', cfp, { cfp, cheques }));
    },
  });
  await mallory.nats.flush();
  const sale = sold(await seller.call(offer(POOL, { closeAfterBids: 17 })));
  expect(sale.winners.map(({ participant, priceMicro }) => [participant, priceMicro])).toEqual([['modest', '0']]);
  // As many are kept as one participant may have from one sender.
  expect(sale.ranked.filter(({ detail }) => detail === 'bad-signature')).toHaveLength(16);
  // The forger is not listened to for a while.
  answering = gate();
  const unheard = seller.counts.ignored['not-permitted'] ?? 0;
  const calling = seller.call(offer(POOL));
  await expect.poll(() => seller.counts.ignored['not-permitted']).toBe(unheard + 1);
  answering.open();
  expect(sold(await calling).ranked).toHaveLength(1);
  forging.unsubscribe();
  await expect.poll(() => leases.length).toBe(2);
  await Promise.all(leases.map((lease) => lease.release()));
});

test('a replayed bid wins nothing twice, in its own call or in another', async () => {
  const agent = await m.sdkAgent('copied');
  let bids = 0;
  const leases: Lease[] = [];
  await listen(agent, POOL, {
    evaluate: () => (bids++ === 0 ? bid({ price: CREDIT }) : undefined),
    onLease: (lease) => leases.push(lease),
  });
  const seen: { body: { cheques: unknown[] } }[] = [];
  const replayer = await m.agent('replayer');
  const tapping = replayer.nats.subscribe(`tender.${m.market}.bid.seller.*.copied`, {
    callback: (_error, msg) => {
      const message = JSON.parse(new TextDecoder().decode(msg.data));
      seen.push(message);
      const mine = { ...message, sender: 'replayer', id: newUlid() };
      // Once in the bidder's name, which is a duplicate for the initiator, and once in its own.
      replayer.nats.publish(msg.subject, msg.data);
      replayer.nats.publish(msg.subject.replace(/copied$/, 'replayer'), encode(mine));
    },
  });
  await replayer.nats.flush();
  const sale = sold(await seller.call(offer(POOL, { units: 2, closeAfterBids: 2 })));
  tapping.unsubscribe();
  expect(sale.winners).toHaveLength(1);
  expect(sale.ranked.map(({ outcome, detail }) => [outcome, detail])).toEqual([
    ['won', undefined],
    ['barred', 'duplicate'],
  ]);
  await expect.poll(() => leases.length).toBe(1);
  await leases[0]!.release();
  // In another call the digest is another: the seal does not hold.
  const calling = replayer.nats.subscribe(subjects.cfps(m.market, POOL), {
    callback: (_error, msg) => {
      const { performative, body } = JSON.parse(new TextDecoder().decode(msg.data));
      if (performative !== 'cfp') return;
      const { cfp } = body.terms;
      const message = {
        ...replayer.envelope({ cfp, cheques: seen[0]!.body.cheques }),
        conversation: cfp,
        performative: 'propose',
      };
      replayer.nats.publish(
        subjects.bid(m.market, 'seller', cfp, 'replayer'),
        encode({ ...message, replyBy: undefined }),
      );
    },
  });
  await replayer.nats.flush();
  const other = await seller.call(offer(POOL));
  calling.unsubscribe();
  expect(other).toMatchObject({ ok: false, detail: 'bad-signature' });
});

test('a bid after the end is answered late', async () => {
  const late = await m.agent('latecomer');
  const heard: [performative: string, detail: string][] = [];
  late.nats.subscribe(subjects.talks(m.market, 'latecomer'), {
    callback: (_error, msg) => {
      const { performative, body } = JSON.parse(new TextDecoder().decode(msg.data));
      heard.push([performative, body.losers[0]!.detail]);
    },
  });
  await late.nats.flush();
  const bids = { participant: 'latecomer', units: 1, priceMicro: '5', intent: 'some-intent', until: Date.now() + 1000 };
  const sealed = { ...bids, seal: 'mac', session: 's', sessionUntil: Date.now(), signature: 'A'.repeat(43) };
  // A seller remembers its calls for a second: on a slow machine one is forgotten before the bid comes.
  const forgotten = () => seller.counts.ignored.unknown ?? 0;
  while (heard.length === 0) {
    const before = forgotten();
    const { cfp } = sold(await seller.call(offer(POOL, { windowMs: 20 })));
    const message = { ...late.envelope({ cfp, cheques: [sealed] }), performative: 'propose', conversation: cfp };
    late.nats.publish(subjects.bid(m.market, 'seller', cfp, 'latecomer'), encode({ ...message, replyBy: undefined }));
    await expect.poll(() => heard.length + forgotten() - before).toBeGreaterThan(0);
  }
  expect(heard).toEqual([['reject-proposal', 'late']]);
});

test('whoever sends what cannot be read is told so, once a second, and never about that', async () => {
  const agent = await m.sdkAgent('reader');
  const heard: { performative: string }[] = [];
  const sub = mallory.nats.subscribe(subjects.talks(m.market, 'mallory'), {
    callback: (_error, msg) => heard.push(JSON.parse(new TextDecoder().decode(msg.data))),
  });
  const talk = subjects.talk(m.market, 'reader', 'mallory');
  const complaint = { performative: 'not-understood', sender: 'reader', body: { detail: 'malformed' } };
  standStill();
  mallory.nats.publish(talk, say('not-understood', 'x', { detail: 'nonsense' }));
  for (let n = 0; n < 50; n++) mallory.nats.publish(talk, new TextEncoder().encode('{'));
  mallory.nats.publish(talk, say('not-understood', 'x', { detail: 'malformed', message: 'what?' }));
  await expect.poll(() => agent.counts.malformed).toBe(51);
  expect(agent.counts.complained).toBe(1);
  // A second later the next one is answered, and by then so were all before it.
  putForward(1000);
  mallory.nats.publish(talk, new TextEncoder().encode('{'));
  await expect.poll(() => heard).toMatchObject([complaint, complaint]);
  expect(agent.counts.complained).toBe(2);
  sub.unsubscribe();
});

test('arbitrary bytes and JSON on every subject of an agent: it lives on and trades', async () => {
  const agent = await m.sdkAgent('tough');
  const leases: Lease[] = [];
  await listen(agent, THEIRS, { evaluate: () => bid({ price: 9 }), onLease: (lease) => leases.push(lease) });
  await listen(agent, POOL, { evaluate: () => bid({ price: 9 }), onLease: (lease) => leases.push(lease) });
  const calm = await m.sdkAgent('calm');
  const quiet = gate();
  await listen(calm, POOL, { evaluate: () => quiet.opened.then(() => bid({ price: 1 })) });
  const bids: string[] = [];
  const tap = m.operator.nats.subscribe(`tender.${m.market}.bid.seller.*.tough`, {
    callback: (_error, msg) => bids.push(msg.subject.split('.').at(-2)!),
  });
  onTestFinished(() => tap.unsubscribe());
  await m.operator.nats.flush();
  const open = seller.call(offer(POOL, { closeAfterBids: 2 }));
  await expect.poll(() => bids.length).toBe(1);
  const cfp = bids[0]!;
  const call = madeUpCall(20_000);
  const real: unknown[] = [
    JSON.parse(new TextDecoder().decode(say('cfp', call.terms.cfp, call, { replyBy: call.closesAt }))),
    JSON.parse(new TextDecoder().decode(fakeWin(call)({ participant: 'tough', intent: 'i' }))),
    JSON.parse(new TextDecoder().decode(say('cancel', cfp, { cfp, detail: 'expired' }))),
    JSON.parse(
      new TextDecoder().decode(
        say('refuse', cfp, { cfp, participants: ['tough'], reason: 'ambiguous', detail: 'late', final: true }),
      ),
    ),
  ];
  const targets = [
    subjects.talk(m.market, 'tough', 'mallory'),
    subjects.talk(m.market, 'seller', 'mallory'),
    subjects.cfp(m.market, POOL, 'mallory'),
    subjects.cfp(m.market, THEIRS, 'mallory'),
    subjects.bid(m.market, 'seller', cfp, 'mallory'),
    subjects.bid(m.market, 'seller', 'no-such-call', 'mallory'),
    `tender.${m.market}.talk.tough.BAD`,
    `tender.${m.market}.bid.seller.${cfp}.$$$`,
  ];
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc
      .tuple(
        fc.constantFrom(...real),
        fc.constantFrom('body', 'sender', 'id', 'v', 'conversation', 'performative'),
        fc.jsonValue(),
      )
      .map(([message, field, value]) => encode({ ...(message as object), [field]: value })),
    fc
      .tuple(fc.constantFrom(...real), fc.string(), fc.jsonValue())
      .map(([message, field, value]) =>
        encode({ ...(message as object), body: { ...(message as { body: object }).body, [field]: value } }),
      ),
  );
  fc.assert(
    fc.property(fc.constantFrom(...targets), noise, (subject, payload) => {
      mallory.nats.publish(subject, payload);
      mallory.nats.publish(`_INBOX_tough.${newUlid()}.0`, payload);
    }),
    { numRuns: 2000 },
  );
  await mallory.nats.flush();
  quiet.open();
  const sale = sold(await open);
  expect(sale.winners.map(({ participant }) => participant)).toEqual(['tough']);
  await expect.poll(() => leases.length).toBe(1);
  expect(agent.counts.malformed).toBeGreaterThan(100);
  await leases[0]!.release();
});
