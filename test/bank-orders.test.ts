// What an operator says of accounts and budgets over the wire: listed as it stands, refused by code where it makes no sense.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { amounts, ids, notAmounts, refusedWithoutChange } from './bad-values.js';
import { type MarketUnderTest, startMarket } from './market-under-test.js';
import type { WireClient } from './wire-client.js';

let market: MarketUnderTest;
let ann: WireClient;

beforeAll(async () => {
  market = await startMarket(1);
  ann = await market.agent('ann', 1_000);
  await market.agent('seller');
  await market.pool('gpu', 'seller', 4);
  await market.order('budget', { budget: { id: 'firm', window: 'day', amountMicro: '900' } });
  await market.order('budget', { budget: { id: 'team', parent: 'firm', window: 'day', amountMicro: '500' } });
});
afterAll(async () => {
  const breaches = await market.breaches();
  await market.stop();
  expect(breaches).toEqual([]);
});

async function refused(operation: string, body: Record<string, unknown>): Promise<string> {
  const reply = await refusedWithoutChange(market.redis, () => market.say(operation, body));
  return `${reply.body.status} ${reply.body.detail}`;
}

describe('accounts', () => {
  test('have labels that an operator gives and takes, and the agent sees', async () => {
    const labels = { owner: 'acme', project: 'film', team: 'red', budget: 'team', host: 'zed' };
    await market.order('set-account', { account: { id: 'ann', ...labels, class: 'system' } });
    const { accounts } = await market.order('list', { of: 'accounts', id: 'ann' });
    const row = { id: 'ann', kind: 'agent', class: 'system', availableMicro: '1000000000', pendingMicro: '0' };
    expect(accounts).toEqual([{ ...row, ...labels }]);
    expect(await ann.done('account', {})).toEqual({ ...row, ...labels });
    await market.order('set-account', { account: { id: 'ann', project: null, host: null, class: 'standard' } });
    const { project: _project, host: _host, ...kept } = labels;
    expect(await ann.done('account', {})).toEqual({ ...row, ...kept, class: 'standard' });
  });

  test('are all listed, in the order of their ids', async () => {
    const { accounts } = await market.order('list', { of: 'accounts' });
    const listed = accounts.map(({ id }: { id: string }) => id);
    expect(listed).toEqual([...listed].sort());
    expect(listed).toEqual(expect.arrayContaining(['ann', 'seller', 'treasury']));
  });

  test.each([
    ['nobody', { id: 'nobody', team: 'red' }, '404 unknown'],
    ['the treasury', { id: 'treasury', team: 'red' }, '400 malformed'],
    ['a budget that is none', { id: 'ann', budget: 'none' }, '404 unknown'],
    ['another kind', { id: 'ann', kind: 'pool' }, '400 malformed'],
    ['a class that is none', { id: 'ann', class: 'king' }, '400 malformed'],
    ['no class', { id: 'ann', class: null }, '400 malformed'],
    ...ids.map((id) => [JSON.stringify(id), { id: 'ann', team: id }, '400 malformed'] as const),
  ] as const)('refuse %s', async (_name, account, expected) => {
    expect(await refused('set-account', { account })).toBe(expected);
  });
});

describe('budgets', () => {
  const sound = { id: 'new', window: 'hour', amountMicro: '5' };

  test('are listed as they stand, what is left of them with it', async () => {
    const { budgets } = await market.order('list', { of: 'budgets' });
    expect(budgets).toMatchObject([
      { id: 'firm', window: 'day', amountMicro: '900', leftMicro: '900', usedMicro: '0' },
      { id: 'team', parent: 'firm', window: 'day', allowanceMicro: '500', totalMicro: '0' },
    ]);
    expect(budgets[1].nextWindowAt - budgets[1].windowStart).toBe(86_400_000);
    await market.order('budget', { budget: { id: 'film', window: 'life', amountMicro: '0' } });
    const [film] = (await market.order('list', { of: 'budgets', id: 'film' })).budgets;
    expect(film).toMatchObject({ windowStart: 0, leftMicro: '0' });
    expect(film).not.toHaveProperty('nextWindowAt');
  });

  test.each([
    ['under nothing', { ...sound, parent: 'none' }, '404 unknown'],
    ['borrowing more than its own', { ...sound, borrowMicro: '6' }, '400 malformed'],
    ['that keeps more than all', { ...sound, keepPermille: 1001 }, '400 malformed'],
    ['of no window', { ...sound, window: 'week' }, '400 malformed'],
    ['with what a budget has not', { ...sound, owner: 'acme' }, '400 malformed'],
    ['that turned by the day, by the hour', { ...sound, id: 'team', parent: 'firm' }, '409 duplicate'],
    ['that was under another', { ...sound, id: 'team', window: 'day' }, '409 duplicate'],
    ...[...amounts, ...notAmounts]
      .filter((amount) => amount !== '0')
      .map((amount) => [JSON.stringify(amount), { ...sound, amountMicro: amount }, '400 malformed'] as const),
  ] as const)('refuse one %s', async (_name, budget, expected) => {
    expect(await refused('budget', { budget })).toBe(expected);
  });

  test.each(['accounts', 'pools', 'buckets', 'budgets'])('of %s that there is not, nothing is listed', async (of) => {
    expect(await refused('list', { of, id: 'nothing' })).toBe('404 unknown');
  });
});
