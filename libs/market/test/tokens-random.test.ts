// Random takes, returns and resales: the model against Redis step by step, and the model against what must always hold.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { untilSeen } from '../../../test/until-seen.js';
import { startTestRedis, type TestRedis } from './market-under-test.js';
import { type Seen, TokenMarket } from './token-market.js';
import { fewTokenSteps, tokenSteps } from './token-steps.js';

const RUNS = Number(process.env.TENDER_RUNS ?? 1000);

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

it('model and Redis agree on every step and end in the same state', async () => {
  const seen: Seen = new Map();
  const property = fc.asyncProperty(tokenSteps, async ({ bucket, steps }) => {
    const market = await TokenMarket.open(server, seen);
    await market.take({ kind: 'open', bucket, key: 'opening-1' });
    for (const step of steps) await market.take(step);
    await market.compare();
  });
  await untilSeen(RUNS >= 1000 ? expected : [], seen, () => fc.assert(property, { numRuns: RUNS }));
}, 600_000);

it('keeps what its page promises at every step', async () => {
  const seen: Seen = new Map();
  let within = 0;
  const property = fc.asyncProperty(fewTokenSteps, async ({ bucket, steps }) => {
    const market = TokenMarket.alone(seen);
    await market.take({ kind: 'open', bucket, key: 'opening-1' });
    for (const step of steps) await market.take(step);
    within += market.promises.within;
  });
  await fc.assert(property, { numRuns: 10 * RUNS });
  if (process.env.TENDER_SHOW) console.log(Object.fromEntries([...seen].sort()), { within });
  expect(within).toBeGreaterThan(RUNS / 20);
}, 600_000);

const expected = [
  ...['open-bucket ok', 'open-bucket unknown', 'open-bucket replayed'],
  ...['unknown', 'not-permitted', 'duplicate', 'malformed', 'no-capacity', 'below-reserve-price', 'over-budget'].map(
    (detail) => `take-tokens ${detail}`,
  ),
  ...['take-tokens stale', 'take-tokens over-budget by a rule', 'take-tokens not-permitted by a rule'],
  ...['take-tokens ok', 'take-tokens replayed', 'take-tokens insufficient-credits', 'take-tokens token-limit waits'],
  ...['ok', 'replayed', 'unknown', 'not-permitted', 'duplicate', 'expired', 'malformed'].map(
    (detail) => `return-tokens ${detail}`,
  ),
  ...['ok', 'unknown', 'not-permitted', 'expired', 'reserved-for-system', 'malformed', 'no-capacity'].map(
    (detail) => `offer-tokens ${detail}`,
  ),
  ...['ok', 'unknown', 'not-permitted', 'duplicate', 'expired', 'insufficient-credits'].map(
    (detail) => `buy-tokens ${detail}`,
  ),
  ...['engage ok', 'engage missing-dependency', 'report ok', 'overdue-task ok'],
  ...['return-tokens', 'offer-tokens', 'buy-tokens'].map((step) => `${step} not-your-turn`),
  ...['expire-hold ok', 'expire-hold stale', 'expire-hold expired', 'expire-hold unknown'],
];
