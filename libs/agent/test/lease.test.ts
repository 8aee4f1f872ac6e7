// Leases: renewed, released, lost, recovered; what the holder sees is never more than what the bank grants.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, bid, type Lease, refuse } from '../src/index.js';
import { type Wins, win } from '../src/win.js';
import { CREDIT, gate, listen, offer, putForward, type SdkMarket, sdkMarket, sold } from './support.js';

let m: SdkMarket;
let seller: Agent;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-lease' });
  seller = await m.sdkAgent('seller');
  await m.pool('gpu.a', 'seller', 4, { reservePriceMicro: String(CREDIT), maxTerms: 3 });
});
afterAll(() => m.stop());

async function lend(agent: Agent, durationMs: number, pool = 'gpu.a'): Promise<Lease> {
  const won = agent.win(pool, { maxPriceMicro: 5 * CREDIT });
  sold(await seller.call(offer(pool, { durationMs })));
  return won;
}

async function freeIn(pool: string): Promise<number | undefined> {
  const quote = await seller.quote(pool);
  return quote.ok ? quote.free : undefined;
}

test('release is idempotent, ends the lease at once and pays for the time used', async () => {
  const agent = await m.sdkAgent('rel');
  const lease = await lend(agent, 60_000);
  expect(agent.leases).toEqual([lease]);
  const releasing = [lease.release(), lease.release()];
  expect(lease.held).toBe(false);
  expect(lease.signal.aborted).toBe(true);
  expect(lease.remainingMs).toBe(0);
  const [first, second] = await Promise.all(releasing);
  expect(second).toBe(first);
  if (!first!.ok) throw new Error(first!.message);
  expect(Number(first!.paidMicro) + Number(first!.refundedMicro)).toBe(CREDIT);
  // A tenth of the first term at least.
  expect(Number(first!.paidMicro)).toBe(CREDIT / 10);
  expect(await lease.lost).toEqual({ reason: 'released' });
  expect(await lease.renew({ maxPriceMicro: CREDIT })).toMatchObject({ ok: false, detail: 'expired' });
  expect(agent.leases).toEqual([]);
});

test('it ends by the clock, without a word from the bank', async () => {
  await m.pool('gpu.clock', 'seller', 1);
  const agent = await m.sdkAgent('exp');
  const lease = await lend(agent, 60_000, 'gpu.clock');
  expect(lease.held).toBe(true);
  putForward(60_000);
  expect([lease.held, lease.signal.aborted]).toEqual([false, true]);
  expect(await lease.lost).toMatchObject({ reason: 'expired' });
  expect(await lease.release()).toMatchObject({ ok: false, detail: 'expired' });
});

test('autoRenew prolongs it before its end', async () => {
  const agent = await m.sdkAgent('auto');
  const lease = await lend(agent, 60_000);
  // A fifth of the term is left by this machine's clock: the bank's own does not wait for tests.
  putForward(50_000);
  const first = lease.until;
  lease.autoRenew({ maxPriceMicro: 2 * CREDIT });
  await expect.poll(() => lease.until - first).toBeGreaterThan(59_000);
  expect(lease.held).toBe(true);
  expect(await lease.release()).toMatchObject({ ok: true });
});

test('renew by hand says what it costs, and that it costs more than was offered', async () => {
  const agent = await m.sdkAgent('dear');
  // Of its own, because the price of another term remembers sales of other lengths.
  await m.pool('gpu.same', 'seller', 1, { reservePriceMicro: String(CREDIT) });
  const lease = await lend(agent, 60_000, 'gpu.same');
  expect(await lease.renew({ maxPriceMicro: CREDIT / 2 })).toMatchObject({ ok: false, detail: 'below-reserve-price' });
  const [one, two] = await Promise.all([
    lease.renew({ maxPriceMicro: CREDIT }),
    lease.renew({ maxPriceMicro: CREDIT }),
  ]);
  expect(two).toBe(one);
  expect(one).toMatchObject({ ok: true, terms: 2, priceMicro: String(CREDIT) });
  await lease.release();
});

test('a lease can be taken up again by its contract, by its holder alone', async () => {
  const agent = await m.sdkAgent('again');
  const lease = await lend(agent, 60_000);
  const found = await agent.lease(lease.contract);
  if (!found.ok) throw new Error(found.message);
  expect(found.lease).toMatchObject({ slots: lease.slots, fences: lease.fences, pool: 'gpu.a', held: true });
  expect(await seller.lease(lease.contract)).toMatchObject({ ok: false, detail: 'not-permitted' });
  await lease.release();
  expect(await agent.lease(lease.contract)).toMatchObject({ ok: false, detail: 'expired' });
});

test('close leaves leases alone, or releases them if asked to', async () => {
  const agent = await m.sdkAgent('leaver');
  const lease = await lend(agent, 60_000);
  const other = await lend(agent, 60_000);
  expect(agent.leases).toHaveLength(2);
  await agent.close({ release: true });
  expect(lease.held || other.held).toBe(false);
  await expect.poll(() => freeIn('gpu.a')).toBe(4);
});

test('a lease won while nobody wants it any more goes back', async () => {
  const agent = await m.sdkAgent('fickle');
  const controller = new AbortController();
  let late: Lease | undefined;
  // The mind changes at the one moment that matters: the bank has awarded, and win has not heard of it yet.
  const fickle: Wins = {
    barred: async () => undefined,
    now: () => agent.now(),
    budget: () => agent.budget(),
    listen: (pool, handlers) =>
      agent.listen(pool, {
        ...handlers,
        onLease: (lease) => {
          late = lease;
          controller.abort(new Error('changed my mind'));
          handlers.onLease(lease);
        },
      }),
  };
  const won = win(fickle, 'gpu.a', { maxPriceMicro: 5 * CREDIT, signal: controller.signal });
  const refused = expect(won).rejects.toThrow('changed my mind');
  sold(await seller.call(offer('gpu.a')));
  await refused;
  expect(await late?.lost).toEqual({ reason: 'released' });
  await expect.poll(() => freeIn('gpu.a')).toBe(4);
});

test('a pool that asks is told that the work runs and goes on', async () => {
  const idleMs = 20_000;
  await m.pool('gpu.asks', 'seller', 1, { graceMs: 20_000, idleMs });
  const agent = await m.sdkAgent('talker');
  const lease = await lend(agent, 60_000, 'gpu.asks');
  expect(await lease.progress()).toMatchObject({ ok: false, detail: 'not-your-turn' });
  const dueAt = async () => Number(await m.redis.zscore(`{${m.market}}:deadlines`, `lease:${lease.contract}`));
  expect(await lease.run()).toEqual({ ok: true, dueAt: await dueAt() });
  const first = await dueAt();
  expect(await lease.progress(50)).toEqual({ ok: true, dueAt: await dueAt() });
  expect(await dueAt()).toBeGreaterThan(first);
  // A lease that was begun can be taken up again.
  expect(await agent.lease(lease.contract)).toMatchObject({ ok: true });
  await lease.release();
});

test('who falls silent where the pool asks learns it at the next word', async () => {
  await m.pool('gpu.mute', 'seller', 1, { graceMs: 20_000, idleMs: 200 });
  const agent = await m.sdkAgent('silent');
  const lease = await lend(agent, 60_000, 'gpu.mute');
  expect(await lease.run()).toMatchObject({ ok: true });
  await expect.poll(() => freeIn('gpu.mute')).toBe(1);
  expect(await lease.progress(60)).toMatchObject({ ok: false, detail: 'expired' });
  expect([lease.held, lease.signal.aborted]).toEqual([false, true]);
  expect(await lease.lost).toMatchObject({ reason: 'idle', refusal: { detail: 'expired' } });
});

test('a lease that the seller took back says so when the bank does', async () => {
  const agent = await m.sdkAgent('evicted');
  const lease = await lend(agent, 60_000);
  expect(await agent.preempt(lease.contract)).toMatchObject({ ok: false, detail: 'not-permitted' });
  const taken = await seller.preempt(lease.contract);
  expect(taken).toMatchObject({ ok: true, outcome: 'preempted' });
  expect(await lease.renew({ maxPriceMicro: CREDIT })).toMatchObject({ ok: false, detail: 'expired' });
  expect(await lease.lost).toMatchObject({ reason: 'preempted' });
});

test('bidders that are silent cost nothing', async () => {
  const [mute, proud] = await Promise.all([m.sdkAgent('mute'), m.sdkAgent('proud')]);
  const heard = gate();
  await listen(mute!, 'gpu.a', { evaluate: () => heard.open() as undefined });
  await listen(proud!, 'gpu.a', { evaluate: () => heard.opened.then(() => refuse('deadline-infeasible')) });
  const sale = sold(await seller.call(offer('gpu.a')));
  expect(sale).toMatchObject({ winners: [], ranked: [], clearingPriceMicro: String(CREDIT) });
  expect(mute!.counts.ignored).toEqual({});
  expect(bid({ price: 1 })).toMatchObject({ units: 1, priceMicro: '1' });
});
