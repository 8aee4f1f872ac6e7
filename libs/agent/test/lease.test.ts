// Leases: renewed, released, lost, recovered; what the holder sees is never more than what the bank grants.
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { type Agent, bid, type Lease } from '../src/index.js';
import { type Wins, win } from '../src/win.js';
import { CREDIT, offer, type SdkMarket, sdkMarket, sleep, sold } from './support.js';

let m: SdkMarket;
let seller: Agent;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-lease' });
  seller = await m.sdkAgent('seller');
  await m.pool('gpu.a', 'seller', 4, { reservePriceMicro: String(CREDIT), maxTerms: 3 });
});
afterAll(() => m.stop());

async function lend(agent: Agent, durationMs: number, pool = 'gpu.a'): Promise<Lease> {
  const won = agent.win(pool, { maxPriceMicro: 5 * CREDIT, deadlineMs: 5000 });
  sold(await seller.call(offer(pool, { durationMs, windowMs: 100, closeAfterBids: 1 })));
  return won;
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

test('it ends by the clock, before the bank takes the slot back, and says so', async () => {
  const agent = await m.sdkAgent('exp');
  const lease = await lend(agent, 600);
  expect(lease.until - Date.now()).toBeGreaterThan(200);
  expect(lease.until - Date.now()).toBeLessThan(650);
  const aborted = new Promise((resolve) => lease.signal.addEventListener('abort', resolve));
  expect(await lease.lost).toMatchObject({ reason: 'expired' });
  await aborted;
  expect(lease.held).toBe(false);
  // At that moment the bank's clock had not gone past the end by more than a timer's delay.
  expect(lease.until - Date.now()).toBeGreaterThan(-100);
  expect(await lease.release()).toMatchObject({ ok: false, detail: 'expired' });
});

test('a process that slept past the end finds out when it asks', async () => {
  const agent = await m.sdkAgent('slept');
  const lease = await lend(agent, 500);
  const end = performance.now() + 700;
  while (performance.now() < end) {
    // Blocks the event loop: no timer can fire.
  }
  expect(lease.held).toBe(false);
  expect(lease.signal.aborted).toBe(true);
});

test('a machine that was suspended: the wall clock has gone on while the steady one stood still', async () => {
  const agent = await m.sdkAgent('suspended');
  const lease = await lend(agent, 1500);
  expect(lease.held).toBe(true);
  const now = Date.now;
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 2000);
  const { held } = lease;
  vi.restoreAllMocks();
  expect([held, lease.signal.aborted, lease.remainingMs]).toEqual([false, true, 0]);
  // Set back, the wall clock prolongs nothing.
  const other = await lend(agent, 400);
  vi.spyOn(Date, 'now').mockImplementation(() => now() - 60_000);
  onTestFinished(() => void vi.restoreAllMocks());
  const { remainingMs } = other;
  expect(remainingMs).toBeLessThan(400);
});

test('autoRenew goes on term by term, as far as the pool lets it', async () => {
  const agent = await m.sdkAgent('auto');
  const lease = await lend(agent, 800);
  const first = lease.until;
  lease.autoRenew({ maxPriceMicro: 2 * CREDIT });
  await expect.poll(() => lease.until - first, { timeout: 3000 }).toBeGreaterThan(1500);
  expect(lease.held).toBe(true);
  const end = await lease.lost;
  expect(end).toMatchObject({ reason: 'expired', refusal: { detail: 'round-limit' } });
  expect(lease.until - first).toBeCloseTo(1600, -2);
});

test('autoRenew stops where the price is above its limit; renew by hand says what it costs', async () => {
  const agent = await m.sdkAgent('dear');
  const lease = await lend(agent, 700);
  lease.autoRenew({ maxPriceMicro: CREDIT / 2 });
  expect(await lease.lost).toMatchObject({ reason: 'expired', refusal: { detail: 'below-reserve-price' } });
  // Of its own, because the price of another term remembers sales of other lengths.
  await m.pool('gpu.same', 'seller', 1, { reservePriceMicro: String(CREDIT) });
  const other = await lend(agent, 2000, 'gpu.same');
  const [one, two] = await Promise.all([
    other.renew({ maxPriceMicro: CREDIT }),
    other.renew({ maxPriceMicro: CREDIT }),
  ]);
  expect(two).toBe(one);
  expect(one).toMatchObject({ ok: true, terms: 2, priceMicro: String(CREDIT) });
  await other.release();
});

test('a lease can be taken up again by its contract, by its holder alone', async () => {
  const agent = await m.sdkAgent('again');
  const lease = await lend(agent, 5000);
  const found = await agent.lease(lease.contract);
  if (!found.ok) throw new Error(found.message);
  expect(found.lease).toMatchObject({ slots: lease.slots, fences: lease.fences, pool: 'gpu.a', held: true });
  expect(await seller.lease(lease.contract)).toMatchObject({ ok: false, detail: 'not-permitted' });
  await lease.release();
  expect(await agent.lease(lease.contract)).toMatchObject({ ok: false, detail: 'expired' });
});

test('close leaves leases alone, or releases them if asked to', async () => {
  const agent = await m.sdkAgent('leaver');
  const lease = await lend(agent, 5000);
  const other = await lend(agent, 5000);
  expect(agent.leases).toHaveLength(2);
  await agent.close({ release: true });
  expect(lease.held || other.held).toBe(false);
  await expect
    .poll(async () => {
      const quote = await seller.quote('gpu.a');
      return quote.ok && quote.free;
    })
    .toBe(4);
});

test('a lease won while nobody wants it any more goes back', async () => {
  const agent = await m.sdkAgent('fickle');
  const controller = new AbortController();
  let late: Lease | undefined;
  // The mind changes at the one moment that matters: the bank has awarded, and win has not heard of it yet.
  const fickle: Wins = {
    barred: async () => undefined,
    now: () => agent.now(),
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
  sold(await seller.call(offer('gpu.a', { durationMs: 60_000, windowMs: 150, closeAfterBids: 1 })));
  await refused;
  expect(await late?.lost).toEqual({ reason: 'released' });
  await expect
    .poll(async () => {
      const quote = await seller.quote('gpu.a');
      return quote.ok && quote.free;
    })
    .toBe(4);
});

test('a pool that asks is told that the work runs and goes on; who falls silent learns it at the next word', async () => {
  await m.pool('gpu.asks', 'seller', 2, { graceMs: 2000, idleMs: 250 });
  const agent = await m.sdkAgent('talker');
  const lease = await lend(agent, 60_000, 'gpu.asks');
  expect(await lease.progress()).toMatchObject({ ok: false, detail: 'not-your-turn' });
  const said = await lease.run();
  expect(said.ok && said.dueAt - agent.now()).toBeLessThanOrEqual(250);
  await sleep(150);
  expect(await lease.progress(50)).toMatchObject({ ok: true });
  // A lease that was begun can be taken up again.
  expect(await agent.lease(lease.contract)).toMatchObject({ ok: true });
  await expect.poll(async () => ((await seller.quote('gpu.asks')) as { free?: number }).free).toBe(2);
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
  const agent = await m.sdkAgent('mute');
  const listening = agent.listen('gpu.a', { evaluate: () => undefined, onLease: () => undefined });
  const sale = sold(await seller.call(offer('gpu.a')));
  expect(sale).toMatchObject({ winners: [], ranked: [], clearingPriceMicro: String(CREDIT) });
  expect(agent.counts.ignored).toEqual({});
  listening.stop();
  expect(bid({ price: 1 })).toMatchObject({ units: 1, priceMicro: '1' });
});
