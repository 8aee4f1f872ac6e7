// The broker as a process: found by NATS tools, watched over HTTP, drained without losing a request.
import { fileURLToPath } from 'node:url';
import { type Call, publicNkeyOf } from '@tender/market';
import { newId } from '@tender/market/nats';
import { spawnTethered } from '@tender/stack';
import type { ServiceInfo } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MarketUnderTest, startMarket, until } from '../../../test/market-under-test.js';
import { newSeed, type WireClient } from '../../../test/wire-client.js';

const folder = fileURLToPath(new URL('../dist/', import.meta.url));
let market: MarketUnderTest;
let buyer: WireClient;

beforeAll(async () => {
  market = await startMarket(1, { redisInstances: 3 });
  await market.agent('seller');
  buyer = await market.agent('buyer');
  await market.pool('gpu', 'seller', 8, { reserve: 1, reservePriceMicro: '500' });
});
afterAll(() => market?.stop());

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

test('nats micro finds the bank and its endpoints', async () => {
  const found: ServiceInfo[] = [];
  // It asks everybody, and waits two seconds for whoever answers.
  const ask = async () => {
    found.length = 0;
    for await (const info of await market.operator.nats.services.client().info()) found.push(info);
    return found.map((info) => info.name);
  };
  await expect.poll(ask).toEqual([`tender-bank-${market.market}`]);
  const names = found[0]!.endpoints.map((endpoint) => endpoint.name);
  expect(names).toEqual(
    expect.arrayContaining(['session', 'lock', 'award', 'renew', 'settle', 'quote', 'admin-grant']),
  );
});

describe('HTTP', () => {
  test('health, readiness and metrics, with Redis and without', async () => {
    const other = await startMarket(0);
    try {
      const port = await freePort();
      await other.broker({ HTTP_PORT: String(port), TENDER_CHECK_MS: '50' });
      const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
      expect((await get('/healthz')).status).toBe(200);
      expect(await (await get('/readyz')).json()).toEqual({ redis: true, nats: true });

      const initiator = await other.agent('seller');
      const bidder = await other.agent('buyer');
      await other.pool('gpu', 'seller', 4);
      const call: Call = await initiator.done('lock', initiator.offer('gpu'));
      await initiator.done('award', initiator.award(call, [bidder.cheque(call, 1_000)]));
      await initiator.once('release', { key: 'release-1', cfp: 'nothing' });
      const limits = [{ name: 'requests', capacity: 9, refillPerSecond: 0.001 }];
      await other.order('bucket', { bucket: { bucket: 'api', account: 'gpu-till', limits } });
      const take = { bucket: 'api', amounts: { requests: 3 }, maxPriceMicro: '99', ttlMs: 60_000 };
      await bidder.done('tokens', { ...take, hold: 'hold-1' });
      await bidder.done('tokens', { ...take, hold: 'hold-2' });
      const said = { used: { requests: 2 }, upstream: { status: 429 } };
      await bidder.done('return', { key: 'return-1', hold: 'hold-1', ...said });
      const lines = [
        'tender_token_takes_total{bucket="api"} 2',
        'tender_tokens_taken_total{bucket="api",limit="requests"} 6',
        'tender_upstream_429_total{bucket="api"} 1',
        'tender_bucket_factor_permille{bucket="api"} 700',
        'tender_bucket_spot_permille{bucket="api"} 1000',
        'tender_bucket_level{bucket="api",limit="requests"} 4',
        'tender_awards_total{pool="gpu"} 1',
        'tender_refusals_total{operation="release",detail="unknown"} 1',
        'tender_operation_seconds_count{operation="award"} 1',
        'tender_credits_micro{kind="minted"} 2000000000',
        'tender_slots{pool="gpu",state="leased"} 1',
        'tender_slots{pool="gpu",state="free"} 3',
        'tender_lock_losses_total 0',
        'tender_invariant_breaks 0',
      ];
      // What was answered is counted soon after.
      const missing = async () => {
        const text = await (await get('/metrics')).text();
        return lines.filter((line) => !text.includes(line));
      };
      await expect.poll(missing).toEqual([]);

      // A credit out of nothing: the background check sees it.
      await other.redis.hincrby(`{${other.market}}:acct:buyer`, 'available', 1);
      await until('the breach shows', async () =>
        /tender_invariant_breaks [1-9]/.test(await (await get('/metrics')).text()),
      );

      await other.stack.redis.kill('SIGKILL');
      expect((await get('/healthz')).status).toBe(200);
      const readiness = async () => {
        const ready = await get('/readyz');
        return [ready.status, await ready.json()];
      };
      await expect.poll(readiness).toEqual([503, { redis: false, nats: true }]);
      expect(await (await get('/metrics')).text()).toContain('tender_awards_total');
      const reply = await bidder.once('quote', { pool: 'gpu' });
      expect(reply?.body).toMatchObject({ status: 503, detail: 'unavailable', retryAfterMs: 200 });
    } finally {
      await other.stop();
    }
  });
});

test('SIGTERM under load: every request is answered, the process ends with 0', async () => {
  const leaving = await market.broker();
  let asked = 0;
  let going = true;
  const unanswered: number[] = [];
  const load = Array.from({ length: 16 }, async () => {
    while (going) {
      const n = ++asked;
      if ((await buyer.once('quote', { pool: 'gpu' }, 20_000)) === undefined) unanswered.push(n);
    }
  });
  await until('load runs', () => asked > 200);
  await leaving.kill('SIGTERM');
  expect((await leaving.exited).code).toBe(0);
  const after = asked;
  await until('the other broker serves on', () => asked > after + 200);
  going = false;
  await Promise.all(load);
  expect(unanswered).toEqual([]);
});

test('the negotiation lock on three instances: a call opens while one is down, and is awarded', async () => {
  const others = market.stack.redises.filter((server) => server.url !== market.stack.redisUrl);
  expect(others).toHaveLength(2);
  const third = await startMarket(0, { redisInstances: 3 });
  try {
    const [, second, last] = third.stack.redises;
    await third.broker({ TENDER_LOCK_REDIS_URLS: `${second!.url},${last!.url}` });
    const initiator = await third.agent('seller');
    const bidder = await third.agent('buyer');
    await third.pool('gpu', 'seller', 1);
    await second!.kill('SIGKILL');
    for (let round = 0; round < 3; round += 1) {
      const call: Call = await initiator.done('lock', initiator.offer('gpu'));
      const sold = await initiator.done('award', initiator.award(call, [bidder.cheque(call, 1_000)]));
      await bidder.done('settle', { key: `settle-${newId()}`, contract: sold.winners[0].contract });
    }
    await last!.kill('SIGKILL');
    const reply = await initiator.once('lock', initiator.offer('gpu'), 5_000);
    expect(reply?.body).toMatchObject({ detail: 'unavailable' });
  } finally {
    await third.stop();
  }
});

test('an even number of lock instances, and a secret that is none, are refused at the start', async () => {
  const run = async (more: Record<string, string>) => {
    const child = spawnTethered(process.execPath, [`${folder}main.js`], {
      env: { PATH: process.env.PATH, ...market.env, ...more },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.process.stderr!.on('data', (chunk) => {
      text += chunk;
    });
    return { code: (await child.exited).code, text };
  };
  const even = await run({ TENDER_LOCK_REDIS_URLS: market.stack.redises[1]!.url });
  expect(even.code).not.toBe(0);
  expect(even.text).toContain('an odd number of Redis instances, not 2');
  expect(await run({ TENDER_SECRET: 'x' })).toMatchObject({
    code: 2,
    text: expect.stringContaining('openssl rand -hex 32'),
  });
});

test('the steward as a process of its own waits for its pool, sells at the reserve price or above, respects the reserve', async () => {
  const seed = newSeed();
  const steward = {
    id: 'steward',
    seed,
    pools: [{ pool: 'gpu.solo', durationMs: 60_000, windowMs: 100, seals: ['mac'] }],
  };
  const child = spawnTethered(process.execPath, [`${folder}steward-main.js`], {
    env: {
      PATH: process.env.PATH,
      NATS_URL: market.stack.natsUrl,
      TENDER_MARKET: market.market,
      TENDER_STEWARD: JSON.stringify(steward),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const account = { id: 'steward', kind: 'agent', nkey: publicNkeyOf(seed) };
  await market.order('account', { account });
  await market.pool('gpu.solo', 'steward', 2, { reserve: 1, reservePriceMicro: '700' });
  const { bid, connectAgent } = await import('@tender/agent');
  const bidder = await connectAgent({
    servers: market.stack.natsUrl,
    market: market.market,
    id: 'buyer',
    seed: buyer.seed,
  });
  const lease = await bidder.win('gpu.solo', { units: 1, maxPriceMicro: 5_000, deadlineMs: 40_000 });
  expect(lease.fences).toEqual([1]);
  const held = await buyer.done('contract', { contract: lease.contract });
  expect(held.priceMicro).toBe('700');
  const lost = new Set<string>();
  const listening = bidder.listen('gpu.solo', {
    evaluate: () => bid({ price: 5_000 }),
    onLease: () => void lost.add('none'),
    onLost: ({ detail }) => void lost.add(detail),
  });
  await expect.poll(() => [...lost], { timeout: 20_000 }).toEqual(['reserved-for-system']);
  listening.stop();
  await lease.release();
  await bidder.close();
  expect(child.alive).toBe(true);
  expect((await child.stop()).code).toBe(0);
});
