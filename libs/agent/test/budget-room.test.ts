// When win bids although somebody says that its budget is spent, and when it waits.
import { type BudgetView, refusal } from '@tender/market';
import { expect, test } from 'vitest';
import { BudgetRoom, type KnowsBudget } from '../src/budget-room.js';

const NOW = 1_800_000_000_000;
const view = (id: string, left: number, more: Partial<BudgetView> = {}): BudgetView => ({
  ...{ id, window: 'minute', amountMicro: '100', keepPermille: 0, carryCapMicro: '0', borrowMicro: '0' },
  ...{ lendPermille: 0, windowStart: NOW, nextWindowAt: NOW + 60_000, allowanceMicro: '100', usedMicro: '0' },
  ...{ leftMicro: String(left), lentMicro: '0', owedMicro: '0', totalMicro: '0', ...more },
});

class Bank implements KnowsBudget {
  budgets: BudgetView[] = [];
  silent = false;
  asked = 0;
  clock = NOW;
  now = () => this.clock;
  budget: KnowsBudget['budget'] = async () => {
    this.asked += 1;
    if (this.silent) return refusal('unavailable', 'no broker answered');
    return { ok: true, agent: 'ann', at: this.clock, budgets: this.budgets };
  };
}

async function doubted(bank: Bank, needMicro = 50): Promise<BudgetRoom> {
  const room = new BudgetRoom(bank, needMicro);
  room.doubt();
  await room.has();
  return room;
}

test('nobody doubts: nothing is asked', async () => {
  const bank = new Bank();
  const room = new BudgetRoom(bank, 50);
  expect([room.isDoubted, await room.has(), bank.asked]).toEqual([false, true, 0]);
});

test.each<[string, BudgetView[], boolean]>([
  ['no budget at all: the seller lies', [], true],
  ['enough is left: the seller lies', [view('own', 50), view('firm', 900)], true],
  ['too little is left', [view('own', 49), view('firm', 900)], false],
  ['too little is left further up', [view('own', 80), view('firm', 49)], false],
  ['the rest may be borrowed', [view('own', 20, { borrowMicro: '40', owedMicro: '10' })], true],
  ['too much is borrowed already', [view('own', 20, { borrowMicro: '40', owedMicro: '11' })], false],
])('%s', async (_why, budgets, has) => {
  const bank = new Bank();
  bank.budgets = budgets;
  const room = await doubted(bank);
  expect([await room.has(), room.isDoubted, room.refused('none') === undefined]).toEqual([has, !has, has]);
  expect(bank.asked).toBe(1);
});

test('where the bank is silent it bids on', async () => {
  const bank = new Bank();
  bank.silent = true;
  expect(await (await doubted(bank)).has()).toBe(true);
});

test('it asks again after a while, and at once when the window has turned', async () => {
  const bank = new Bank();
  bank.budgets = [view('own', 0, { nextWindowAt: NOW + 1000 })];
  const room = await doubted(bank);
  bank.budgets = [view('own', 100)];
  bank.clock = NOW + 999;
  expect([await room.has(), bank.asked]).toEqual([false, 1]);
  bank.clock = NOW + 1000;
  expect([await room.has(), bank.asked]).toEqual([true, 2]);
  bank.budgets = [view('own', 0)];
  bank.clock = NOW + 9000;
  const again = await doubted(bank);
  bank.budgets = [view('own', 100)];
  bank.clock = NOW + 12_000;
  expect([await again.has(), bank.asked]).toEqual([true, 4]);
});

test('of several it names the one whose window turns last; one that never does has no time', async () => {
  const bank = new Bank();
  bank.budgets = [view('own', 1), view('team', 2, { nextWindowAt: NOW + 90_000 })];
  const refused = (await doubted(bank)).refused('nothing was won');
  expect(refused).toMatchObject({ detail: 'over-budget', retryAt: NOW + 90_000, retryAfterMs: 90_000 });
  expect(refused?.message).toMatch(/^nothing was won; the budget team has 2 micro-credits left until 20/);
  bank.budgets.push(view('project', 3, { window: 'life', nextWindowAt: undefined }));
  const ever = (await doubted(bank)).refused('nothing was won');
  expect(ever?.message).toContain('project');
  expect(ever).not.toHaveProperty('retryAt');
});
