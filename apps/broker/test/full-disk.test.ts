// A disk that is full: of the log, which is done without, and of the store, which says so and comes back.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '@tender/market/nats';
import { checkRedis } from '@tender/market/redis';
import { spawnTethered } from '@tender/stack';
import { afterEach, expect, test } from 'vitest';
import { brokerMain, type MarketUnderTest, startMarket, until } from '../../../test/market-under-test.js';

let market: MarketUnderTest;
afterEach(() => market?.stop());

test('a broker whose log cannot be written serves on, and ends when it is told to', async () => {
  market = await startMarket(0);
  // Every write there fails as on a full disk (ENOSPC).
  const full = openSync('/dev/full', 'w');
  const env = { PATH: process.env.PATH, ...market.env, LOG_LEVEL: 'debug' };
  const broker = spawnTethered(process.execPath, [brokerMain], { env, stdio: ['ignore', full, 'inherit'] });
  closeSync(full);
  try {
    const account = { id: 'till', kind: 'pool' };
    expect(await market.operator.admin('account', { key: newId(), account })).toMatchObject({ performative: 'inform' });
    await broker.kill('SIGTERM');
    expect(await broker.exited).toEqual({ code: 0, signal: null });
  } finally {
    await broker.kill('SIGKILL');
  }
});

test('a store whose disk is full stops with nothing lost, says so to who asks, and goes on when there is room', async (context) => {
  market = await startMarket(2);
  const { redis, dir } = market.stack;
  const [seller, buyer] = [await market.agent('seller', 0), await market.agent('buyer', 1_000)];
  await market.pool('gpu', seller.id, 2);
  const sold: string[] = [];
  let stopping = false;
  const trade = async () => {
    while (!stopping) {
      const call = await seller.done('lock', seller.offer('gpu', { ttlMs: 60_000 }));
      const { winners } = await seller.done('award', seller.award(call, [buyer.cheque(call, 1_000)]));
      await buyer.done('settle', { key: `settle-${newId()}`, contract: winners[0].contract });
      sold.push(winners[0].contract);
    }
  };
  const file = join(dir, 'redis', 'appendonlydir', 'appendonly.aof.1.incr.aof');
  const roomBytes = 30_000;
  // A limit of the process does what a full disk does: a part of a write is taken, and no more.
  const limit = ['--pid', `${redis.pid}`, `--fsize=${statSync(file).size + roomBytes}:`];
  if (spawnSync('prlimit', limit).status !== 0) context.skip('no prlimit on this host');
  const trading = trade();
  await until('the store stops', () => !redis.alive);
  const before = sold.length;
  expect(await seller.once('lock', seller.offer('gpu'))).toMatchObject({
    performative: 'failure',
    body: { status: 503, detail: 'unavailable', message: expect.stringContaining('ask again with the same key') },
  });
  await redis.restart();
  await until('trade goes on', () => sold.length >= before + 3);
  stopping = true;
  await trading;
  await until("the test's own connection is back", () => market.redis.status === 'ready');
  const acknowledged = [...seller.acknowledged, ...buyer.acknowledged];
  expect(acknowledged.length).toBeGreaterThanOrEqual(3 * sold.length);
  const report = await checkRedis(market.redis, market.market, { acknowledged });
  expect(report.findings.filter((finding) => !finding.ok)).toEqual([]);
});
