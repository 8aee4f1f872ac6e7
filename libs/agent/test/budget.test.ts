// A budget as its agents meet it: what a lost bid says about it.
import { newId } from '@tender/market/nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, bid, type LostBid } from '../src/index.js';
import { CREDIT, offer, type SdkMarket, sdkMarket, wiretap } from './support.js';

const DAY_MS = 86_400_000;
const POOL = 'gpu.h100';

let m: SdkMarket;
let seller: Agent;

async function budget(id: string, credits: number, more = {}): Promise<void> {
  const body = { id, amountMicro: String(credits * CREDIT), window: 'day', ...more };
  const { performative, body: answer } = await m.operator.admin('budget', { key: newId(), budget: body });
  expect(performative, JSON.stringify(answer)).toBe('inform');
}

/** A window must not turn in the middle. */
async function farFromMidnight(): Promise<void> {
  const left = DAY_MS - (Date.now() % DAY_MS);
  if (left < 60_000) await new Promise((resume) => setTimeout(resume, left + 100));
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
  const outcome = await seller.call(offer(POOL, { closeAfterBids: listening.length, windowMs: 3000, ttlMs: 6000 }));
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

test('win says in the end when its budget begins anew', async () => {
  const spent = await m.sdkAgent('winless', { account: { budget: 'team' } });
  const won = spent.win(POOL, { maxPriceMicro: 9 * CREDIT, deadlineMs: 5000 });
  void won.catch(() => undefined);
  const outcome = await seller.call(offer(POOL, { closeAfterBids: 1, windowMs: 4000, ttlMs: 8000 }));
  expect(outcome).toMatchObject({ ok: false, detail: 'over-budget' });
  const when = new Date(nextDay()).toISOString();
  await expect(won).rejects.toMatchObject({
    refusal: { detail: 'over-budget', retryAt: nextDay(), message: expect.stringContaining(when) },
  });
});
