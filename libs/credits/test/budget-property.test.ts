// Random spending from a tree of budgets: against an accountant that only adds up, and the model against Redis.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { untilSeen } from '../../../test/until-seen.js';
import { type LedgerStatus, ledgerStatuses } from '../src/index.js';
import { type Seen, takeOnBoth } from './both-ledgers.js';
import { BudgetAccountant } from './budget-accountant.js';
import { BUDGETS, budgetSteps, given, longBudgetSteps, PAYMENTS, SPENDERS } from './budget-steps.js';
import { startTestRedis, type TestRedis } from './redis-market.js';

const RUNS = Number(process.env.TENDER_RUNS ?? 1000);
/** The limits of the tree, which the contract has rows for. */
const RARE: ReadonlySet<LedgerStatus> = new Set(['budget-depth', 'budget-siblings']);

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

it('nothing is spent beyond an allowance, and nothing appears from nowhere', () => {
  const seen = new Map<string, number>();
  const property = fc.property(given, longBudgetSteps, (opening, sequence) => {
    const accountant = new BudgetAccountant(seen);
    for (const command of opening) accountant.take({ waitMs: 0, command });
    for (const step of sequence) accountant.take(step);
  });
  fc.assert(property, { numRuns: 10 * RUNS });
  if (process.env.TENDER_SHOW) console.log(Object.fromEntries(seen));
  for (const what of ['lent', 'repaid', 'carried', 'cut']) expect(seen.get(what) ?? 0, what).toBeGreaterThan(0);
}, 600_000);

it('model and Redis agree on every step, and replaying the journal gives the state', async () => {
  const seen: Seen = new Map();
  const compared = { accounts: [...SPENDERS, 'b1', 'p1'], transfers: PAYMENTS, budgets: BUDGETS };
  const property = fc.asyncProperty(given, budgetSteps, (opening, sequence) =>
    takeOnBoth(server.emptyMarket(), opening, sequence, compared, seen),
  );
  const ofBudgets = ledgerStatuses.filter((status) => status.includes('budget') && !RARE.has(status));
  await untilSeen(RUNS >= 1000 ? ofBudgets : [], seen, () => fc.assert(property, { numRuns: RUNS }));
}, 600_000);
