// A swarm outlives its market's servers: Redis, NATS and the broker are killed under it, and the books still hold.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { publicNkeyOf } from '@tender/market';
import { startStack } from '@tender/stack';
import { expect, test } from 'vitest';
import { startBroker, startSimulator } from '../src/app-process.js';
import { newMarketKeys } from '../src/market-keys.js';
import { OPERATOR, STEWARD, setUpMarket } from '../src/market-setup.js';

test('kill -9 of Redis, NATS and the broker while a swarm trades', { timeout: 180_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'tender-restarts-'));
  const json = join(dir, 'run.json');
  const keys = newMarketKeys();
  const stack = await startStack({
    name: 'restarts',
    env: { ...process.env, NATS_URL: undefined, REDIS_URL: undefined },
  });
  const pools = [{ pool: 'gpu.h100', durationMs: 1000, windowMs: 100 }];
  const env = {
    ...process.env,
    NATS_URL: stack.natsUrl,
    REDIS_URL: stack.redisUrl,
    TENDER_MARKET: 'restarts',
    TENDER_SECRET: keys.secret,
    TENDER_OPERATORS: `${OPERATOR}:${publicNkeyOf(keys.operatorSeed)}`,
    TENDER_OPERATOR_SEED: `${OPERATOR}:${keys.operatorSeed}`,
    TENDER_STEWARD: JSON.stringify({ id: STEWARD, seed: keys.stewardSeed, pools }),
    HTTP_PORT: '0',
  };
  let broker = await startBroker(env, 'broker');
  try {
    const plan = { pool: 'gpu.h100', slots: 8, reserve: 0, reservePriceMicro: '100000' };
    await setUpMarket({ natsUrl: stack.natsUrl, market: 'restarts', keys, plan });
    const sim = startSimulator(['--agents', '40', '--seconds', '20', '--no-board', '--json', json], env);
    await delay(6000);
    await stack.redis.kill();
    await stack.redis.restart();
    await delay(3000);
    await stack.nats.kill();
    await stack.nats.restart();
    await delay(3000);
    await broker.process.kill();
    broker = await startBroker(env, 'broker');
    expect(await sim.exited).toEqual({ code: 0, signal: null });
    const result = JSON.parse(readFileSync(json, 'utf8'));
    expect(result.check.ok).toBe(true);
    // It traded after the last of them, too.
    const { samples, totals } = result as { samples: { atMs: number; met: number }[]; totals: { met: number } };
    const late = samples.find(({ atMs }) => atMs > 15_000)!;
    expect(totals.met).toBeGreaterThan(late.met);
  } finally {
    await broker.process.stop();
    await stack.stop();
    rmSync(dir, { recursive: true });
  }
});
