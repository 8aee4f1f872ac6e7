// The budgets that an agent spends from, over the wire: its own chain as it stands, nobody else's, and nothing changed.
import type { BudgetView } from '@tender/market';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ids, notAmounts, refusedWithoutChange } from './bad-values.js';
import { farFromMidnight } from './far-from-midnight.js';
import { type MarketUnderTest, startMarket } from './market-under-test.js';
import type { Reply, WireClient } from './wire-client.js';

const DAY_MS = 86_400_000;

let market: MarketUnderTest;
let buyer: WireClient;
let host: WireClient;

beforeAll(async () => {
  await farFromMidnight();
  market = await startMarket(1);
  buyer = await market.agent('buyer', 100);
  host = await market.agent('host', 0);
  const budgets = [
    { id: 'firm', amountMicro: '100', window: 'life' },
    { id: 'idle', parent: 'firm', amountMicro: '10', window: 'day', lendPermille: 1000 },
    { id: 'team', parent: 'firm', amountMicro: '8', window: 'day', borrowMicro: '5' },
  ];
  for (const budget of budgets) await market.order('budget', { budget });
  await market.order('account', { account: { id: 'clerk', kind: 'agent', host: 'host', budget: 'team' } });
  await market.order('set-account', { account: { id: 'buyer', budget: 'team' } });
});
afterAll(() => market?.stop());

const budgetsOf = (budgets: readonly BudgetView[]) =>
  budgets.map(({ id, allowanceMicro, usedMicro, owedMicro, leftMicro, totalMicro }) =>
    [id, allowanceMicro, usedMicro, owedMicro, leftMicro, totalMicro].join(' '),
  );

test('own budget first, then all above; what is set aside and borrowed shows at once', async () => {
  const nextDay = (Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS;
  const before = await buyer.done('budget', {});
  expect(before).toMatchObject({ agent: 'buyer', leftMicro: '8' });
  expect(budgetsOf(before.budgets)).toEqual(['team 8 0 0 8 0', 'firm 100 0 0 100 0']);
  expect(Math.abs(before.at - Date.now())).toBeLessThan(60_000);
  expect(before.budgets.map(({ nextWindowAt }: BudgetView) => nextWindowAt)).toEqual([nextDay, undefined]);

  const seller = await market.agent('seller');
  await market.pool('gpu.b', 'seller', 1);
  const call = await seller.done('lock', seller.offer('gpu.b', { rule: 'first-price' }));
  await buyer.login();
  await seller.done('award', seller.award(call, [buyer.cheque(call, 11)]));
  const after = await buyer.done('budget', {});
  expect(budgetsOf(after.budgets)).toEqual(['team 11 11 3 0 11', 'firm 100 11 0 89 11']);
  expect(after).toMatchObject({ leftMicro: '0' });
});

test('a host reads the budgets of its agents; an account without one has none', async () => {
  expect((await host.done('budget', { agent: 'clerk' })).budgets.map(({ id }: BudgetView) => id)).toEqual([
    'team',
    'firm',
  ]);
  const none = await host.done('budget', {});
  expect(none).toMatchObject({ agent: 'host', budgets: [] });
  expect(none).not.toHaveProperty('leftMicro');
});

const refused = (ask: () => Promise<Reply | undefined>) => refusedWithoutChange(market.redis, ask);

test('others are not told', async () => {
  const strange = await refused(() => host.once('budget', { agent: 'buyer' }));
  expect(strange.body).toMatchObject({ status: 455, detail: 'not-permitted' });
  const nobody = await refused(() => host.once('budget', { agent: 'nobody' }));
  expect(nobody.body).toMatchObject({ status: 404, detail: 'unknown' });
});

test.each<[string, unknown]>([
  ...ids.map((agent): [string, unknown] => [`agent ${JSON.stringify(agent)}`, { agent }]),
  ...notAmounts.map((agent): [string, unknown] => [`agent ${JSON.stringify(agent)}`, { agent }]),
  ['an unknown field', { surprise: 1 }],
  ['a budget by name', { budget: 'firm' }],
  ['__proto__', JSON.parse('{"__proto__":{"agent":"buyer"}}')],
  ['a list', []],
  ['a string', 'budget'],
  ['nothing', null],
])('%s is refused', async (_what, body) => {
  const reply = await refused(() => buyer.once('budget', body));
  expect(reply.body).toMatchObject({ status: 400, detail: 'malformed', final: true });
});
