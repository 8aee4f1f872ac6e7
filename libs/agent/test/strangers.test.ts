// Who may call: strangers are not heard, and an initiator's word alone makes nobody give up.
import { type Call, encode, subjects } from '@tender/market';
import { newId, newUlid } from '@tender/market/nats';
import type { Msg } from 'nats';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { WireClient } from '../../../test/wire-client.js';
import type { Agent } from '../src/index.js';
import type { Link } from '../src/link.js';
import { PoolSeller } from '../src/pool-seller.js';
import { CREDIT, listen, offer, putForward, type SdkMarket, sdkMarket, sold, standStill } from './support.js';

const POOL = 'gpu.s';
let m: SdkMarket;
let seller: Agent;
let eve: WireClient;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-strangers' });
  seller = await m.sdkAgent('seller');
  await m.pool(POOL, 'seller', 4);
  eve = await m.agent('eve', 0);
});
afterAll(() => m.stop());

function fakeCall(pool: string, by: WireClient, lifeMs = 3_000_000, openedIn = 0): Call {
  const openedAt = Date.now() + openedIn;
  const terms = { cfp: newId(), market: m.market, pool, initiator: by.id, direction: 'sell', units: 4 } as const;
  const windowMs = 60_000;
  const more = { rule: 'uniform-price', reservePriceMicro: '0', durationMs: 2000, windowMs } as const;
  return {
    terms: { ...terms, ...more, seals: ['mac'] },
    openedAt,
    closesAt: openedAt + windowMs,
    awardBy: openedAt + lifeMs,
  };
}

function announce(by: WireClient, call: Call): void {
  const { cfp, pool } = call.terms;
  const head = { v: 1, id: newUlid(), conversation: cfp, sender: by.id, sentAt: Date.now() };
  by.nats.publish(
    subjects.cfp(m.market, pool, by.id),
    encode({ ...head, replyBy: call.closesAt, performative: 'cfp', body: call }),
  );
}

/** Rejects every bid that this one gets; gives back the bids. */
function rejectAll(by: WireClient, detail: string): unknown[] {
  const seen: unknown[] = [];
  const sub = by.nats.subscribe(subjects.bids(m.market, by.id), {
    callback: (_error, msg) => {
      const { body, sender } = JSON.parse(msg.string());
      seen.push(...(body.cheques ?? []));
      const { cfp } = body;
      const losers = (body.cheques ?? []).map((one: { participant: string; intent: string }) => ({
        participant: one.participant,
        intent: one.intent,
        detail,
      }));
      const head = { v: 1, id: newUlid(), conversation: cfp, sender: by.id, sentAt: Date.now() };
      by.nats.publish(
        subjects.talk(m.market, sender, by.id),
        encode({ ...head, performative: 'reject-proposal', body: { cfp, losers } }),
      );
    },
  });
  onTestFinished(() => sub.unsubscribe());
  return seen;
}

/** How many questions of this kind were asked; one that is asked again because no answer came counts once. */
function counting(operation: string): () => number {
  const asked = new Set<string>();
  const callback = (_error: unknown, msg: Msg) => void asked.add(JSON.parse(msg.string()).id);
  const sub = m.operator.nats.subscribe(`tender.${m.market}.bank.*.${operation}`, { callback });
  onTestFinished(() => sub.unsubscribe());
  return () => asked.size;
}

test('a stranger that calls on a pool hears no bid, ends no win, and costs the bank one question', async () => {
  const agent = await m.sdkAgent('bob');
  const quotes = counting('quote');
  await m.operator.nats.flush();
  const seen = rejectAll(eve, 'unknown');
  // It asks when it begins to listen; strangers cannot make it ask again for ten seconds, which all this takes less than.
  await listen(agent, POOL, { evaluate: () => undefined });
  await eve.nats.flush();
  standStill();
  const winning = agent.win(POOL, { maxPriceMicro: CREDIT });
  for (let n = 0; n < 2000; n++) announce(eve, fakeCall(POOL, eve));
  await eve.nats.flush();
  await expect.poll(() => agent.counts.ignored['not-permitted'], { timeout: 50_000 }).toBe(2000);
  const sale = sold(await seller.call(offer(POOL)));
  expect((await winning).contract).toBe(sale.winners[0]!.contract);
  expect(seen).toEqual([]);
  await expect.poll(quotes).toBe(1);
});

test('a pool that is opened later is heard', async () => {
  const agent = await m.sdkAgent('early');
  await listen(agent, 'gpu.later');
  await m.pool('gpu.later', 'seller', 1);
  // Of a pool that nobody sells the bank is asked once a second.
  putForward(1000);
  expect(sold(await seller.call(offer('gpu.later'))).winners).toHaveLength(1);
});

test('a pool that changes hands: a stranger is a reason to ask again, every ten seconds at most', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const answers: ({ ok: true; value: { seller: string } } | { ok: false })[] = [
    { ok: false },
    { ok: true, value: { seller: 'old' } },
    { ok: true, value: { seller: 'new' } },
  ];
  let asked = 0;
  const bank = { ask: async () => answers[asked++] };
  const seller = new PoolSeller({ bank } as unknown as Link, 'gpu.x');
  // No such pool yet: asked for again after a second.
  expect(await seller.sells('old')).toBe(false);
  expect(seller.sells('old')).toBe(false);
  vi.advanceTimersByTime(1000);
  expect(await Promise.all([seller.sells('old'), seller.sells('new')])).toEqual([true, false]);
  expect([seller.sells('old'), seller.sells('new'), asked]).toEqual([true, false, 2]);
  vi.advanceTimersByTime(9999);
  expect(seller.sells('new')).toBe(false);
  vi.advanceTimersByTime(1);
  expect(await seller.sells('new')).toBe(true);
  expect([seller.sells('old'), asked]).toEqual([false, 3]);
});

test('a seller that says unknown is not believed: win goes on, and asks the bank once', async () => {
  await m.pool('gpu.e', 'eve', 4);
  const agent = await m.sdkAgent('steadfast');
  const accounts = counting('account');
  const seen = rejectAll(eve, 'bad-signature');
  await eve.nats.flush();
  await m.operator.nats.flush();
  await listen(agent, 'gpu.e', { evaluate: () => undefined });
  const controller = new AbortController();
  const winning = agent.win('gpu.e', { maxPriceMicro: CREDIT, signal: controller.signal });
  const refused = expect(winning).rejects.toThrow('enough');
  // What it doubts it asks about every five seconds at most.
  standStill();
  for (let n = 1; n <= 5; n++) {
    announce(eve, fakeCall('gpu.e', eve));
    await expect.poll(() => seen.length).toBe(n);
  }
  await expect.poll(accounts).toBe(1);
  controller.abort(new Error('enough'));
  await refused;
  expect([seen.length, accounts()]).toEqual([5, 1]);
});

test('a seller cannot fill the table of its listeners, nor bind them for years', async () => {
  await m.pool('gpu.t', 'eve', 4);
  const agent = await m.sdkAgent('patient');
  const never = () => new Promise<undefined>(() => undefined);
  await listen(agent, 'gpu.t', { evaluate: never });
  await listen(agent, POOL);
  announce(eve, fakeCall('gpu.t', eve, 3_000_000, 365 * 24 * 3_600_000));
  await eve.nats.flush();
  await expect.poll(() => agent.counts.ignored['deadline-infeasible']).toBe(1);
  for (let n = 0; n < 2100; n++) announce(eve, fakeCall('gpu.t', eve));
  await eve.nats.flush();
  await expect.poll(() => agent.counts.ignored['deadline-infeasible'], { timeout: 30_000 }).toBe(101);
  expect(sold(await seller.call(offer(POOL))).winners).toHaveLength(1);
});
