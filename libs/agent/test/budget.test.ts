// A budget as its agents meet it: what a lost bid says about it, how win waits for it, how it is read.
import { newId } from '@tender/market/nats';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { farFromMidnight } from '../../../test/far-from-midnight.js';
import { type Agent, bid, type LostBid, type LostOffer } from '../src/index.js';
import { CREDIT, offer, type SdkMarket, sdkMarket, wiretap } from './support.js';

const DAY_MS = 86_400_000;
const POOL = 'gpu.h100';

let m: SdkMarket;
let seller: Agent;

async function budget(id: string, credits: number, more = {}): Promise<void> {
  const body = { id, amountMicro: String(credits * CREDIT), window: 'day', ...more };
  await m.order('budget', { budget: body });
}

beforeAll(async () => {
  await farFromMidnight();
  m = await sdkMarket({ name: 'sdk-budget' });
  seller = await m.sdkAgent('seller');
  await m.pool(POOL, 'seller', 8);
  await budget('team', 5);
});
afterAll(() => m.stop());

function nextDay(): number {
  return (Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS;
}

test.each([
  ['beside a sale', 'rich'],
  ['where nobody could win', undefined],
])('a bid over budget hears when its next window begins, %s', async (why, other) => {
  const tap = await wiretap(m);
  const spent = await m.sdkAgent(other === undefined ? 'alone' : 'beside', { account: { budget: 'team' } });
  const lost: LostBid[] = [];
  const listening = [
    spent.listen(POOL, {
      evaluate: () => bid({ price: 9 * CREDIT }),
      onLease: () => undefined,
      onLost: (one) => lost.push(one),
    }),
  ];
  if (other !== undefined) {
    const rich = await m.sdkAgent(other);
    const evaluate = () => bid({ price: CREDIT });
    listening.push(rich.listen(POOL, { evaluate, onLease: (lease) => void lease.release() }));
  }
  await Promise.all(listening.map(({ ready }) => ready));
  const outcome = await seller.call(offer(POOL, { closeAfterBids: listening.length }));
  expect(outcome, why).toMatchObject(other === undefined ? { ok: false, detail: 'over-budget' } : { ok: true });
  await expect.poll(() => lost.length).toBe(1);
  expect(lost[0]).toMatchObject({ detail: 'over-budget', by: 'initiator', retryAt: nextDay() });
  expect(lost[0]!.retryAfterMs).toBeGreaterThan(0);
  expect(lost[0]!.retryAfterMs).toBeLessThanOrEqual(DAY_MS);
  const rejects = () => tap.heard.filter(({ message }) => message.performative === 'reject-proposal');
  await expect
    .poll(() => rejects().map(({ message }) => message.body.losers))
    .toEqual([
      [expect.objectContaining({ participant: spent.id, retryAt: nextDay(), retryAfterMs: expect.any(Number) })],
    ]);
  for (const one of listening) one.stop();
  tap.stop();
});

test.each([
  ['beside an engagement', 'rival'],
  ['where nobody could be engaged', undefined],
])('a provider whose budget has no room for the bond hears when its next window begins, %s', async (why, other) => {
  const id = `tied-${newId()}`;
  await budget(id, 5);
  const resource = `cpu.${newId()}`;
  const buyer = await m.sdkAgent(`buyer-${newId()}`);
  const lost: LostOffer[] = [];
  const provide = async (account: Readonly<Record<string, string>>, wish: number): Promise<Agent> => {
    const agent = await m.sdkAgent(`provider-${newId()}`, { account });
    const appraise = () => ({ ok: true, costMicro: CREDIT, wishMicro: wish * CREDIT }) as const;
    const providing = agent.provide(resource, { appraise, run: () => ({}), onLost: (one) => lost.push(one) });
    onTestFinished(() => providing.stop());
    await providing.ready;
    return agent;
  };
  // The cheapest, so that the bank looks at it first.
  await provide({ budget: id }, 1);
  if (other !== undefined) await provide({}, 2);
  const outcome = await buyer.hire({
    ...{ task: { resource }, ask: { priceMicro: 2 * CREDIT }, conditions: { bondMicro: String(6 * CREDIT) } },
    ...{ closeAfterAnswers: other === undefined ? 1 : 2, windowMs: 20_000, maxRounds: 1 },
  });
  expect(outcome, why).toMatchObject(other === undefined ? { ok: false, detail: 'over-budget' } : { ok: true });
  await expect.poll(() => lost.length).toBe(1);
  expect(lost[0]).toMatchObject({ detail: 'over-budget', buyer: buyer.id });
  // As it was said on the way; the buyer's clock and its own may differ.
  expect(Math.abs(lost[0]!.retryAt! - nextDay())).toBeLessThan(60_000);
  expect(lost[0]!.retryAfterMs).toBeGreaterThan(0);
  expect(lost[0]!.retryAfterMs).toBeLessThanOrEqual(DAY_MS);
});

test('win waits while the bank says that its budget is spent, and bids when there is room again', async () => {
  await budget('thrifty', 5);
  const agent = await m.sdkAgent('waiting', { account: { budget: 'thrifty' } });
  const won = agent.win(POOL, { maxPriceMicro: 9 * CREDIT, deadlineMs: 60_000 });
  const call = () => seller.call(offer(POOL, { closeAfterBids: 1, windowMs: 400, ttlMs: 4000 }));
  await expect.poll(call, { timeout: 20_000 }).toMatchObject({ ok: false, detail: 'over-budget' });
  // Nobody bids in vain: the call ends without a bid.
  expect(await call()).toMatchObject({ ok: true, ranked: [] });
  await budget('thrifty', 9);
  await expect.poll(call, { timeout: 20_000 }).toMatchObject({ ok: true, winners: [{ participant: agent.id }] });
  await (await won).release();
});

test('an agent reads the budgets that it spends from, hosted or not', async () => {
  await budget('firm', 100);
  await budget('crew', 7, { parent: 'firm', window: 'life' });
  const host = await m.sdkHost('desk');
  const hosted = await m.hosted(host, 'clerk');
  expect(await hosted.budget()).toMatchObject({ ok: true, agent: 'clerk', budgets: [] });
  const own = await m.sdkAgent('own', { account: { budget: 'crew' } });
  const chain = await own.budget();
  expect(chain).toMatchObject({
    ...{ ok: true, agent: 'own', leftMicro: String(7 * CREDIT) },
    budgets: [
      { id: 'crew', leftMicro: String(7 * CREDIT) },
      { id: 'firm', nextWindowAt: nextDay() },
    ],
  });
});
