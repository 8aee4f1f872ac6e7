// Random command sequences against model and Redis: same answers, same money, and a journal that says it all again.
import fc from 'fast-check';
import { afterAll, beforeAll, it } from 'vitest';
import { untilSeen } from '../../../test/until-seen.js';
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
  const statuses = ledgerStatuses.filter((status) => !OTHERS.has(status));
  await untilSeen(RUNS >= 1000 ? statuses : [], seen, () => fc.assert(property, { numRuns: RUNS }));
}, 600_000);
