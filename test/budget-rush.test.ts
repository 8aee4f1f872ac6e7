// Five hundred agents spend one shared budget at the same instant, through four brokers: exactly the budget, no more.
import { type BudgetView, type Call, privateKeyOf, publicNkeyOf, sealEd25519, termsDigest } from '@tender/market';
import { newId } from '@tender/market/nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { farFromMidnight } from './far-from-midnight.js';
import { type MarketUnderTest, startMarket } from './market-under-test.js';
import { newSeed, type Reply, type WireClient } from './wire-client.js';

const AGENTS = 500;
const HOSTS = 10;
const DAY_MS = 86_400_000;
/** What each spends: not a divisor of the budget, so that a rest stays that is too small for anybody. */
const PRICE = 7_000;
const FIT = 217;
const BUDGET = FIT * PRICE + 6_999;

let market: MarketUnderTest;
let seller: WireClient;
const hosts: WireClient[] = [];
const agents = Array.from({ length: AGENTS }, (_, index) => ({ id: `rush-${index}`, seed: newSeed() }));

function hostOf(index: number): WireClient {
  return hosts[index % HOSTS]!;
}

async function budgetOf(id: string): Promise<BudgetView> {
  return (await market.order('list', { of: 'budgets', id })).budgets[0];
}

beforeAll(async () => {
  await farFromMidnight();
  market = await startMarket(4);
  seller = await market.agent('seller');
  for (let index = 0; index < HOSTS; index += 1) hosts.push(await market.agent(`host-${index}`, 0));
  const window = { window: 'day' };
  await market.order('budget', { budget: { id: 'firm', amountMicro: String(100 * BUDGET), ...window } });
  for (const id of ['tokens', 'slots']) {
    await market.order('budget', { budget: { id, parent: 'firm', amountMicro: String(BUDGET), ...window } });
  }
  await Promise.all(
    agents.map(async ({ id, seed }, index) => {
      const account = { id, kind: 'agent', nkey: publicNkeyOf(seed), host: hostOf(index).id, budget: 'tokens' };
      await market.order('account', { account });
      await market.order('grant', { to: id, amountMicro: '1000000' });
    }),
  );
  await market.order('account', { account: { id: 'api-till', kind: 'pool' } });
});
afterAll(() => market?.stop());

/** All that were refused are refused for the budget, with the time at which it begins anew. */
function expectOverBudget(refused: readonly Reply[]): void {
  const nextDay = (Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS;
  for (const { body } of refused) {
    expect(body).toMatchObject({ status: 456, detail: 'over-budget', final: false, retryAt: nextDay });
    expect(body.retryAfterMs).toBeGreaterThan(0);
    expect(body.retryAfterMs).toBeLessThanOrEqual(DAY_MS);
  }
}

describe('500 agents, one budget', () => {
  test('rate tokens: so many takes as fit, the others 456 with the time of the next window', async () => {
    const limits = [{ name: 'requests', capacity: 1_000_000, refillPerSecond: 1_000_000, priceMicro: String(PRICE) }];
    await market.order('bucket', {
      bucket: { bucket: 'api.model', account: 'api-till', limits, noiseMaxPermille: 1000 },
    });
    const replies = await Promise.all(
      agents.map(({ id }, index) =>
        hostOf(index).ask('tokens', {
          ...{ hold: newId(), bucket: 'api.model', amounts: { requests: 1 }, agent: id },
          ...{ maxPriceMicro: String(PRICE), ttlMs: 600_000 },
        }),
      ),
    );
    const held = replies.filter(({ performative }) => performative === 'inform');
    expect(held).toHaveLength(FIT);
    expect(new Set(held.map(({ body }) => body.amountMicro))).toEqual(new Set([String(PRICE)]));
    expectOverBudget(replies.filter(({ performative }) => performative !== 'inform'));
    expect(await budgetOf('tokens')).toMatchObject({ usedMicro: String(FIT * PRICE), leftMicro: '6999' });
    expect(await budgetOf('firm')).toMatchObject({ usedMicro: String(FIT * PRICE), totalMicro: String(FIT * PRICE) });
    expect(await market.breaches()).toEqual([]);
  });

  test('slots: so many awards as fit, the others 456 with the time of the next window', async () => {
    await Promise.all(agents.map(({ id }) => market.order('set-account', { account: { id, budget: 'slots' } })));
    await market.pool('gpu', 'seller', AGENTS);
    const calls: Call[] = await Promise.all(
      agents.map((_, slot) =>
        seller.done(
          'lock',
          seller.offer('gpu', { slots: [slot], ttlMs: 60_000, rule: 'first-price', seals: ['ed25519'] }),
        ),
      ),
    );
    const bodies = calls.map((call, index) => {
      const { id, seed } = agents[index]!;
      const bid = { participant: id, units: 1, priceMicro: String(PRICE), intent: newId(), until: call.awardBy };
      const { cfp } = call.terms;
      const cheque = sealEd25519(
        market.market,
        cfp,
        termsDigest(call.terms),
        bid,
        publicNkeyOf(seed),
        privateKeyOf(seed)!,
      );
      return seller.award(call, [cheque]);
    });
    const replies = await Promise.all(bodies.map((body) => seller.ask('award', body)));
    expect(replies.filter(({ performative }) => performative === 'inform')).toHaveLength(FIT);
    expectOverBudget(replies.filter(({ performative }) => performative !== 'inform'));
    expect(await budgetOf('slots')).toMatchObject({ usedMicro: String(FIT * PRICE), leftMicro: '6999' });
    expect(await market.breaches()).toEqual([]);
  });
});
