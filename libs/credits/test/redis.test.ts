// The ledger on a real Redis against the same contract as the model, and what only Redis can get wrong.
import { afterAll, beforeAll } from 'vitest';
import { runLedgerContract } from '../src/testing/index.js';
import { startTestRedis, type TestRedis } from './redis-market.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

runLedgerContract('redis', async () => server.emptyMarket());
