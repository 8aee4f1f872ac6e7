// Budgets where the market spends: one for several bidders, for buyer and provider, over a renewal, a deposit, a hand-over.
import type { BudgetSpec } from '@tender/credits';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { START_MS, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';
import { type TaskMarket, taskMarket } from './task-market.js';

const HOUR = 3_600_000;
const NEXT_HOUR = Math.floor(START_MS / HOUR) * HOUR + HOUR;
const REFUSED = { ok: false, detail: 'over-budget', retryAt: NEXT_HOUR, retryAfterMs: NEXT_HOUR - START_MS };
const until_ms = START_MS + HOUR;

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

/** A budget by the hour, and who spends from it. */
async function allot(
  { ledger }: TestMarket,
  id: string,
  amount: number,
  spenders: readonly string[] = [],
  more: Partial<BudgetSpec> = {},
): Promise<void> {
  const none = { keepPermille: 0, carryCapMicro: '0', borrowMicro: '0', lendPermille: 0 };
  const budget: BudgetSpec = { id, window: 'hour', amountMicro: String(amount), ...none, ...more };
  const asked = (key: string) => ({ by: 'operator', key: `${id}-${amount}-${key}` });
  expect(await ledger.apply({ kind: 'open-budget', ...asked('open'), budget })).toEqual({ status: 'done' });
  for (const spender of spenders) {
    const account = { id: spender, budget: id };
    expect(await ledger.apply({ kind: 'set-account', ...asked(spender), account })).toEqual({ status: 'done' });
  }
}

async function calm(seed: Parameters<TestRedis['market']>[0] = {}): Promise<TestMarket> {
  const market = await server.market(seed);
  await market.setClock(START_MS);
  return market;
}

async function used({ ledger }: TestMarket, id: string): Promise<readonly number[]> {
  const { used: inWindow, total } = (await ledger.budget(id))!;
  return [inWindow, total];
}

describe('an award', () => {
  it('gives to those whose shared budget reaches so far, and says to the others when there is more', async () => {
    const market = await calm();
    await allot(market, 'team', 100, ['ann', 'ben', 'cid']);
    await market.hand.call({ cfp: 'c1', slots: [0, 1, 2, 3], rule: 'first-price' });
    const reply = await market.hand.award('c1', [
      { participant: 'ann', price: 60, until_ms },
      { participant: 'ben', price: 50, until_ms },
      { participant: 'cid', price: 40, until_ms },
      { participant: 'dot', price: 30, until_ms },
    ]);
    expect(reply).toMatchObject({
      verdicts: [
        { participant: 'ann', outcome: 'won' },
        { participant: 'ben', outcome: 'barred', detail: 'over-budget', retryAt: NEXT_HOUR },
        { participant: 'cid', outcome: 'won' },
        { participant: 'dot', outcome: 'won' },
      ],
    });
    expect(await used(market, 'team')).toEqual([100, 100]);
    expect(await market.ledger.transfer('c1-1.t1')).toMatchObject({ budgets: `team:${NEXT_HOUR - HOUR}` });
    await market.check();
  });

  it('charges what is paid, not what was bid, and who is barred sets no price', async () => {
    const market = await calm();
    await allot(market, 'team', 100, ['ann', 'ben', 'cid']);
    await market.hand.call({ cfp: 'c1', slots: [0, 1], reservePriceMicro: '10' });
    const reply = await market.hand.award('c1', [
      { participant: 'ann', price: 60, until_ms },
      { participant: 'ben', price: 50, until_ms },
      { participant: 'cid', price: 40, until_ms },
    ]);
    expect(reply).toMatchObject({ clearingPriceMicro: '10' });
    expect(await used(market, 'team')).toEqual([20, 20]);
    await market.check();
  });

  it('in which nobody has enough is refused with the time of the next window, and changes no key', async () => {
    const market = await calm();
    await allot(market, 'firm', 55, []);
    await allot(market, 'team', 100, ['ann'], { parent: 'firm' });
    await market.hand.call({ cfp: 'c1', slots: [0] });
    const before = await market.dump();
    const bids = [{ participant: 'ann', price: 56, until_ms }];
    expect(await market.hand.award('c1', bids)).toMatchObject({ ...REFUSED, verdicts: [{ retryAt: NEXT_HOUR }] });
    expect(await market.dump()).toEqual(before);
  });

  it('names no time where no window will turn', async () => {
    const market = await calm();
    await allot(market, 'film', 55, ['ann'], { window: 'life' });
    await market.hand.call({ cfp: 'c1', slots: [0] });
    const reply = await market.hand.award('c1', [{ participant: 'ann', price: 56, until_ms }]);
    expect(reply).toMatchObject({ ok: false, detail: 'over-budget' });
    expect(reply).not.toHaveProperty('retryAt');
  });

  it('is judged bid by bid as the ones before it leave what siblings lend', async () => {
    const market = await calm();
    await allot(market, 'firm', 1_000);
    await allot(market, 'left', 30, ['ann', 'ben'], { parent: 'firm', borrowMicro: '30' });
    await allot(market, 'right', 40, ['cid'], { parent: 'firm', lendPermille: 500 });
    await market.hand.call({ cfp: 'c1', slots: [0, 1, 2], rule: 'first-price' });
    const reply = await market.hand.award('c1', [
      { participant: 'ann', price: 45, until_ms },
      { participant: 'cid', price: 26, until_ms },
      { participant: 'cid', price: 25, intent: 'less', until_ms },
      { participant: 'ben', price: 6, until_ms },
    ]);
    const outcomes = reply.verdicts?.map(({ outcome }) => outcome);
    // 15 of right's 40 are lent: it has 25 itself, and once it spends it lends no more.
    expect(outcomes).toEqual(['won', 'barred', 'won', 'barred']);
    expect(await market.ledger.budget('left')).toMatchObject({ used: 45, owed: { right: 15 } });
    expect(await market.ledger.budget('right')).toMatchObject({ used: 25, allowance: 25, lent: 15 });
    await market.check();
  });
});

describe('a lease', () => {
  it('that was paid with what a sibling lent may end when one of the two has turned its window, and the other not', async () => {
    const market = await calm();
    await allot(market, 'all', 1_000);
    await allot(market, 'mine', 50, ['ann'], { parent: 'all', borrowMicro: '50' });
    await allot(market, 'idle', 100, [], { parent: 'all', lendPermille: 1_000 });
    await market.hand.call({ cfp: 'c1', slots: [0], rule: 'first-price', durationMs: 2 * HOUR });
    expect(await market.hand.award('c1', [{ participant: 'ann', price: 80, until_ms }])).toMatchObject({ ok: true });
    expect(await market.ledger.budget('idle')).toMatchObject({ lent: 30 });
    await market.check();
    await market.setClock(NEXT_HOUR);
    expect(await market.hand.release('ann', 'c1-1')).toMatchObject({ ok: true });
    await market.check();
  });

  it('is renewed within the budget alone, and what it gives back may be spent again', async () => {
    const market = await calm();
    await allot(market, 'team', 100, ['ann']);
    const call = { cfp: 'c1', slots: [0], reservePriceMicro: '60', durationMs: 10_000 };
    await market.hand.call(call);
    await market.hand.award('c1', [{ participant: 'ann', price: 60, until_ms }]);
    const before = await market.dump();
    expect(await market.hand.renew('ann', 'c1-1', '60')).toMatchObject(REFUSED);
    expect(await market.dump()).toEqual(before);
    await market.hand.release('ann', 'c1-1');
    // A tenth of the term was used.
    expect(await used(market, 'team')).toEqual([6, 6]);
    await market.check();
  });

  it('pays a deposit from the budget too, and has it back there', async () => {
    const market = await calm({ pools: [{ pool: 'gpu', slots: 8, graceMs: 1_000 }] });
    await allot(market, 'team', 10, ['ann']);
    await market.hand.call({ cfp: 'c1', slots: [0], depositMicro: '11' });
    expect(await market.hand.deposit('ann', 'c1', '11')).toMatchObject(REFUSED);
    await market.hand.call({ cfp: 'c2', slots: [1], depositMicro: '10' });
    expect(await market.hand.deposit('ann', 'c2', '10')).toMatchObject({ ok: true });
    expect(await used(market, 'team')).toEqual([10, 10]);
    await market.hand.releaseCall('c2');
    expect(await used(market, 'team')).toEqual([0, 0]);
    await market.check();
  });
});

describe('an engagement', () => {
  let market: TaskMarket;
  const offers = [
    { participant: 'ben', price: 100 },
    { participant: 'cid', price: 95 },
    { participant: 'dot', price: 85 },
  ];

  it('keeps price and bond within the budgets of buyer and provider', async () => {
    market = await taskMarket(server);
    await allot(market, 'team', 99, ['ann']);
    const alone = { conversation: 'k1', offers: offers.slice(0, 1) };
    const before = await market.dump();
    expect(await market.tasks.engage(alone)).toMatchObject({ ...REFUSED, verdicts: [{ retryAt: NEXT_HOUR }] });
    expect(await market.dump()).toEqual(before);
    const reply = await market.tasks.engage({ conversation: 'k1', offers });
    expect(reply.verdicts?.map(({ outcome }) => outcome)).toEqual(['barred', 'won', 'lost']);
    expect(await used(market, 'team')).toEqual([95, 95]);
    await market.check();
  });

  it('takes both from one budget where they share it', async () => {
    market = await taskMarket(server);
    await allot(market, 'team', 100, ['ann', 'cid']);
    const reply = await market.tasks.engage({ conversation: 'k1', offers: offers.slice(1) });
    // 95 and the bond of 10 are too much, 85 and a bond that others bear are not.
    expect(reply.verdicts?.map(({ outcome }) => outcome)).toEqual(['barred', 'won']);
    expect(await used(market, 'team')).toEqual([85, 85]);
    await market.check();
  });

  it('goes on with a standby that what comes back pays for, and no other', async () => {
    market = await taskMarket(server);
    await allot(market, 'team', 100, ['ann']);
    const standbys = [...offers.slice(0, 1), { participant: 'cid', price: 101 }, { participant: 'dot', price: 100 }];
    await market.tasks.engage({ conversation: 'k1', offers: standbys });
    const handed = await market.tasks.report('ben', 'k1-t1', 'turn-down');
    expect(handed).toMatchObject({ state: 'awarded', participant: 'dot' });
    expect(await used(market, 'team')).toEqual([100, 100]);
    await market.check();
  });

  it('counts a bond that is forfeited as spent, and one that comes back not', async () => {
    market = await taskMarket(server);
    await allot(market, 'team', 100, ['cid', 'dot']);
    await market.tasks.engage({ conversation: 'k1', offers: offers.slice(1, 2) });
    expect(await used(market, 'team')).toEqual([10, 10]);
    await market.at(5_000);
    expect(await market.tasks.overdue('k1-t1')).toMatchObject({ state: 'settled', bondTo: 'buyer' });
    expect(await used(market, 'team')).toEqual([10, 10]);
    await market.tasks.engage({ conversation: 'k2', offers: [{ participant: 'dot', intent: 'other' }] });
    await market.tasks.report('ann', 'k2-t1', 'decommit');
    expect(await used(market, 'team')).toEqual([10, 10]);
    await market.check();
  });
});
