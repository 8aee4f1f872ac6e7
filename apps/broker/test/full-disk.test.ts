// A disk that is full: of the log, which is done without, and of the store, which says so and comes back.
import { closeSync, openSync } from 'node:fs';
import { newId } from '@tender/market/nats';
import { spawnTethered } from '@tender/stack';
import { afterEach, expect, test } from 'vitest';
import { brokerMain, type MarketUnderTest, startMarket } from '../../../test/market-under-test.js';

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
