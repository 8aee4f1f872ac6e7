// Random command sequences against model and Redis: same answers, same money, and a journal that says it all again.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LedgerStatus, ledgerStatuses } from '../src/index.js';
import { ACCOUNTS, steps, TRANSFERS } from './arbitrary-commands.js';
import { type Seen, takeOnBoth } from './both-ledgers.js';
import { startTestRedis, type TestRedis } from './redis-market.js';

const RUNS = Number(process.env.TENDER_RUNS ?? 1000);
/** Of budgets, which budget-property.test.ts draws. */
const OTHERS: ReadonlySet<LedgerStatus> = new Set(ledgerStatuses.filter((status) => status.includes('budget')));

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

it('model and Redis agree on every step, and replaying the journal gives the state', async () => {
  const seen: Seen = new Map();
  const compared = { accounts: ACCOUNTS, transfers: TRANSFERS, budgets: [] };
  const property = fc.asyncProperty(steps, (sequence) =>
    takeOnBoth(server.emptyMarket(), [], sequence, compared, seen),
  );
  await fc.assert(property, { numRuns: RUNS });
  if (process.env.TENDER_SHOW) console.log(Object.fromEntries([...seen].sort()));
  if (RUNS < 1000) return;
  for (const status of ledgerStatuses)
    if (!OTHERS.has(status)) expect(seen.get(status) ?? 0, status).toBeGreaterThan(0);
}, 600_000);
