// Takes of one instant are covered by what the others come to, not by the most that they might have cost.
import { budgetSpec } from '@tender/credits';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { TokenHand } from '../src/testing/index.js';
import { START_MS, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';

let server: TestRedis;
let m: TestMarket;
let tokens: TokenHand;

beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  m = await server.market();
  tokens = new TokenHand(m.redis, m.market);
  // Only the test moves this clock: no window turns under way.
  await m.setClock(START_MS);
  await tokens.openBucket({ noiseMaxPermille: 1000 });
});

test('credits: who offers twice what it has gets the first now and the second a moment later', async () => {
  const [first, second] = await tokens.takes([
    { agent: 'ann', hold: 'one', maxPrice: 800 },
    { agent: 'ann', hold: 'two', maxPrice: 800 },
  ]);
  expect(first).toMatchObject({ ok: true, amountMicro: '1' });
  expect(second).toMatchObject({ ok: false, detail: 'token-limit', wait: { ms: 1, priceMicro: '1' } });
  expect(await tokens.take({ agent: 'ann', hold: 'two', maxPrice: 800 })).toMatchObject({ ok: true, amountMicro: '1' });
  await m.check();
});

test('credits: what is not there alone is refused at once', async () => {
  const [first, second] = await tokens.takes([
    { agent: 'ann', amounts: { requests: 60 }, maxPrice: 900, hold: 'one' },
    { agent: 'ann', amounts: { requests: 90 }, maxPrice: 950, hold: 'two' },
  ]);
  expect(first).toMatchObject({ ok: true, amountMicro: '60' });
  expect(second).toMatchObject({ ok: false, detail: 'insufficient-credits' });
  expect(second).not.toHaveProperty('wait');
  await m.check();
});

test('a shared budget: others wait a moment while it could still be enough, and are refused once it is not', async () => {
  const opened = await m.ledger.apply({
    ...{ kind: 'open-budget', by: 'operator', key: 'budget-shared' },
    budget: {
      ...{ id: 'shared', window: 'hour', amountMicro: '100', keepPermille: 0, carryCapMicro: '0' },
      ...{ borrowMicro: '0', lendPermille: 0 },
    },
  });
  expect(opened.status).toBe('done');
  for (const id of ['ann', 'ben', 'cid']) {
    const change = {
      kind: 'set-account' as const,
      by: 'operator',
      key: `set-${id}-0`,
      account: { id, budget: 'shared' },
    };
    expect((await m.ledger.apply(change)).status).toBe('done');
  }
  const [ann, ben] = await tokens.takes([
    { agent: 'ann', maxPrice: 60, amounts: { requests: 30 } },
    { agent: 'ben', maxPrice: 60, amounts: { requests: 30 }, hold: 'bens' },
  ]);
  expect(ann).toMatchObject({ ok: true, amountMicro: '30' });
  expect(ben).toMatchObject({ ok: false, detail: 'token-limit', wait: { ms: 1 } });
  const again = { agent: 'ben', maxPrice: 60, amounts: { requests: 30 }, hold: 'bens' };
  const [bens, cids] = await tokens.takes([again, { agent: 'cid', maxPrice: 60, amounts: { requests: 30 } }]);
  expect(bens).toMatchObject({ ok: true, amountMicro: '30' });
  // 60 of 100 are spent: what may cost 60 does not fit any more before the window turns.
  expect(cids).toMatchObject({
    ok: false,
    detail: 'over-budget',
    retryAt: (Math.floor(START_MS / 3_600_000) + 1) * 3_600_000,
  });
  await m.check();
});

test('a shared budget: who waits in vain does not keep it from those who come before it', async () => {
  await m.ledger.apply({
    ...{ kind: 'open-budget', by: 'operator', key: 'budget-shared' },
    budget: budgetSpec.parse({ id: 'shared', window: 'hour', amountMicro: '1000' }),
  });
  for (const id of ['ann', 'ben']) {
    await m.ledger.apply({
      ...{ kind: 'set-account', by: 'operator', key: `set-${id}-0` },
      account: { id, budget: 'shared' },
    });
  }
  expect(await tokens.take({ agent: 'cid', amounts: { requests: 50 } })).toMatchObject({ ok: true });
  // Half of the bucket is there: Ann's take cannot be had, and would set all of the budget aside.
  const [ann, ben] = await tokens.takes([
    { agent: 'ann', amounts: { requests: 100 }, maxPrice: 1_000 },
    { agent: 'ben', amounts: { requests: 1 }, maxPrice: 100 },
  ]);
  expect(ben).toMatchObject({ ok: true });
  expect(ann).toMatchObject({ ok: false });
  await m.check();
});

test('noise passes: who could pay without it waits, who offers less than the reserve prices is refused', async () => {
  await tokens.openBucket({ bucket: 'loud', noiseMaxPermille: 4000, noiseWindowMs: 1000 });
  expect(await tokens.take({ agent: 'ann', amounts: { requests: 10 } }, 'loud')).toMatchObject({ ok: true });
  const poor = { agent: 'ann', amounts: { requests: 1 }, maxPrice: 1, hold: 'again' };
  const refused = await tokens.take(poor, 'loud');
  expect(refused).toMatchObject({ ok: false, detail: 'below-reserve-price', wait: { ms: 250, priceMicro: '4' } });
  await m.setClock(START_MS + 2000);
  expect(await tokens.take(poor, 'loud')).toMatchObject({ ok: true, amountMicro: '1' });
  const mean = await tokens.take({ agent: 'ann', amounts: { requests: 2 }, maxPrice: 1 }, 'loud');
  expect(mean).toMatchObject({ ok: false, detail: 'below-reserve-price' });
  expect(mean).not.toHaveProperty('wait');
  await m.check();
});

test('what was scarce costs a tenth at least: nobody shuts others out for nothing', async () => {
  await tokens.openBucket({ bucket: 'api', noiseMaxPermille: 1000 });
  // Idle: all of it comes back.
  await tokens.take({ agent: 'ann', amounts: { requests: 100 }, maxPrice: 100, hold: 'idle' });
  expect(await tokens.return('ann', 'idle', { requests: 0 })).toMatchObject({ ok: true, paidMicro: '0' });
  // Outbidding ben, who gets nothing: at his three micro-credits each.
  const [anns, bens] = await tokens.takes([
    { agent: 'ann', amounts: { requests: 100 }, maxPrice: 900, hold: 'all' },
    { agent: 'ben', amounts: { requests: 100 }, maxPrice: 300, hold: 'none' },
  ]);
  expect(anns).toMatchObject({ ok: true, amountMicro: '300' });
  expect(bens).toMatchObject({ ok: false, detail: 'token-limit' });
  expect(await tokens.return('ann', 'all', { requests: 0 })).toMatchObject({ paidMicro: '30', refundedMicro: '270' });
  // Whoever used a tenth and more pays that, and nothing beside it.
  await m.setClock(START_MS + 1000);
  await tokens.takes([
    { agent: 'ann', amounts: { requests: 100 }, maxPrice: 900, hold: 'used' },
    { agent: 'ben', amounts: { requests: 100 }, maxPrice: 300, hold: 'none' },
  ]);
  expect(await tokens.return('ann', 'used', { requests: 40 })).toMatchObject({ paidMicro: '120' });
  await m.check();
});

const purse = (most: number) => [{ rule: 'purse', of: 'payer' as const, most }];

test('a payer’s cap: what the highest price would exceed waits a moment while others may come to less', async () => {
  const bounds = purse(900);
  const [first, second] = await tokens.takes([
    { agent: 'ann', hold: 'one', maxPrice: 800, bounds },
    { agent: 'ann', hold: 'two', maxPrice: 800, bounds },
  ]);
  expect(first).toMatchObject({ ok: true, amountMicro: '1' });
  expect(second).toMatchObject({ ok: false, detail: 'token-limit', wait: { ms: 1 } });
  expect(await tokens.take({ agent: 'ann', hold: 'two', maxPrice: 800, bounds })).toMatchObject({ ok: true });
  await m.check();
});

test('a payer’s cap: what is set aside already counts, and the rule is named; others are not held up', async () => {
  await tokens.take({ agent: 'ann', amounts: { requests: 60 }, maxPrice: 60 });
  const [beyond, other] = await tokens.takes([
    { agent: 'ann', amounts: { requests: 5 }, maxPrice: 5, bounds: purse(64) },
    { agent: 'ben', amounts: { requests: 5 }, maxPrice: 5 },
  ]);
  expect(beyond).toMatchObject({ ok: false, detail: 'over-budget', rule: 'purse' });
  expect(beyond).not.toHaveProperty('wait');
  expect(other).toMatchObject({ ok: true });
  const within = { agent: 'ann', amounts: { requests: 5 }, maxPrice: 5, bounds: purse(65) };
  expect(await tokens.take(within)).toMatchObject({ ok: true });
  await m.check();
});

test('judged by rules that were replaced nobody gets anything, and nothing has changed', async () => {
  const before = await m.dump();
  const { answers, left } = await tokens.clearing([{ agent: 'ann' }, { agent: 'ben' }], 'api', 1);
  expect(answers.map((answer) => answer.ok || answer.detail)).toEqual(['stale', 'stale']);
  expect(left).toEqual({});
  expect(await m.dump()).toEqual(before);
});
