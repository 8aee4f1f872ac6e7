// NATS dies and comes back with operations in flight: each is done exactly once, and no lease gets lost.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../test/market-under-test.js';
import { type Agent, bid, connectOperator, type Lease } from '../src/index.js';
import { CREDIT, listen, offer, type SdkMarket, sdkMarket, sleep } from './support.js';

let m: SdkMarket;
let seller: Agent;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-reconnect' });
  seller = await m.sdkAgent('seller');
  await m.pool('gpu.r', 'seller', 16, { reservePriceMicro: String(CREDIT) });
});
afterAll(() => m.stop());

async function bounce(downMs: number): Promise<void> {
  await m.stack.nats.kill('SIGKILL');
  await sleep(downMs);
  await m.stack.nats.restart();
}

/** Contracts of the bank by their ids, straight from Redis. */
async function contracts(): Promise<Map<string, Record<string, string>>> {
  const prefix = `{${m.market}}:contract:`;
  const keys = await m.redis.keys(`${prefix}*`);
  const found = await Promise.all(
    keys.map(async (key) => [key.slice(prefix.length), await m.redis.hgetall(key)] as const),
  );
  return new Map(found);
}

test('renewals, releases and grants under way when NATS is killed', async () => {
  const host = await m.sdkHost('host-r');
  const agents = await Promise.all(Array.from({ length: 16 }, (_, n) => m.hosted(host, `r-${n}`)));
  const winning = agents.map((agent) => agent.win('gpu.r', { maxPriceMicro: 5 * CREDIT }));
  await seller.call(offer('gpu.r', { units: 16, closeAfterBids: 16 }));
  const leases = await Promise.all(winning);
  const seed = m.operator.seed;
  const operator = await connectOperator({ servers: m.stack.natsUrl, market: m.market, id: 'op', seed });
  const before = await seller.account();

  const bouncing = bounce(300);
  const renewing = leases.slice(0, 8).map((lease) => lease.renew({ maxPriceMicro: 5 * CREDIT }));
  const releasing = leases.slice(8).map((lease) => lease.release());
  const granting = Array.from({ length: 5 }, () => operator.grant({ to: 'seller', amountMicro: String(CREDIT) }));
  await bouncing;
  for (const renewed of await Promise.all(renewing)) expect(renewed).toMatchObject({ ok: true, terms: 2 });
  for (const settled of await Promise.all(releasing)) expect(settled).toMatchObject({ ok: true, outcome: 'released' });
  for (const granted of await Promise.all(granting)) expect(granted).toEqual({ ok: true, status: 'done' });

  const after = await seller.account();
  if (!before.ok || !after.ok) throw new Error('no account');
  expect(Number(after.availableMicro) - Number(before.availableMicro)).toBe(5 * CREDIT);
  const known = await contracts();
  for (const lease of leases.slice(0, 8))
    expect(known.get(lease.contract)).toMatchObject({ state: 'awarded', terms: '2' });
  for (const lease of leases.slice(8))
    expect(known.get(lease.contract)).toMatchObject({ state: 'settled', terms: '1' });
  expect(host.counts.reconnects).toBeGreaterThanOrEqual(1);
  await Promise.all(leases.slice(0, 8).map((lease) => lease.release()));
  await operator.close();
});

test('trade goes on through three kills, and every contract of the bank finds its winner once', async () => {
  const already = new Set((await contracts()).keys());
  const leases: Lease[] = [];
  const bidders = await Promise.all(Array.from({ length: 4 }, (_, n) => m.sdkAgent(`t-${n}`)));
  for (const agent of bidders) {
    await listen(agent, 'gpu.r', {
      evaluate: () => bid({ price: 2 * CREDIT }),
      onLease: (lease) => {
        leases.push(lease);
        setTimeout(() => void lease.release(), 30);
      },
    });
  }
  let stopped = false;
  let sales = 0;
  const selling = (async () => {
    while (!stopped) {
      const outcome = await seller.call(
        offer('gpu.r', { units: 2, durationMs: 20_000, windowMs: 300, ttlMs: 1500, closeAfterBids: 4 }),
      );
      if (outcome.ok && outcome.winners.length > 0) sales++;
      else await sleep(20);
    }
  })();
  for (let kill = 0; kill < 3; kill++) {
    const before = sales;
    await until('trade goes on', () => sales > before + 3);
    await bounce(100 + 100 * kill);
  }
  const before = sales;
  await until('trade goes on after the last', () => sales > before);
  stopped = true;
  await selling;

  const won = [...(await contracts()).keys()].filter((contract) => !already.has(contract)).sort();
  await expect.poll(() => leases.map((lease) => lease.contract).sort(), { timeout: 20_000 }).toEqual(won);
  await expect
    .poll(async () => [...(await contracts()).values()].filter(({ state }) => state === 'awarded').length, {
      timeout: 20_000,
    })
    .toBe(0);
});
