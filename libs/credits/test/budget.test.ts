// SPEC.md's tables of turning and borrowing, walked on the model and on Redis; and many who spend one budget at once.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BudgetSpec, owedText, turnedBudget } from '../src/index.js';
import { BudgetBook } from '../src/model/budget-book.js';
import { marketKey } from '../src/redis/index.js';
import { budget, CASE_START_MS, cancel, grant, hold, open, pay, set, standing } from '../src/testing/index.js';
import { type RedisMarket, readJournal, startTestRedis, type TestRedis } from './redis-market.js';

const MINUTE = 60_000;

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

/** The rows of the table under a heading of SPEC.md, as lists of cells. */
function tableOf(heading: string): string[][] {
  const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');
  const lines = spec.slice(spec.indexOf(`\n### ${heading}\n`)).split('\n');
  const start = lines.findIndex((line) => line.startsWith('|'));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

async function marketWith(specs: readonly BudgetSpec[]): Promise<RedisMarket> {
  const market = server.emptyMarket();
  await standing(market);
  for (const spec of specs) {
    expect(await market.ledger.apply({ kind: 'open-budget', by: 'op', key: spec.id, budget: spec })).toEqual({
      status: 'done',
    });
  }
  await market.ledger.apply(set({ id: 'a1', budget: 'mine' }));
  return market;
}

function specOf(id: string, more: Partial<BudgetSpec>): BudgetSpec {
  return budget(id, '0', { window: 'minute', ...more }).budget;
}

describe('turning', () => {
  const rows = tableOf('Turning');
  it('has rows', () => expect(rows.length).toBeGreaterThan(10));

  it.each(rows)(
    'amount %s, keep %s, cap %s; %s, %s used, %s lent, %s owed; after %s windows: %s',
    async (amount, keep, cap, allowance, used, lent, owed, windows, expected) => {
      const spec = specOf('mine', { amountMicro: amount!, keepPermille: Number(keep), carryCapMicro: cap! });
      const market = await marketWith([spec]);
      const debts = owed === '0' ? {} : { other: Number(owed) };
      const figures = { allowance: Number(allowance), used: Number(used), lent: Number(lent) };
      const name = marketKey(market.market, 'budget', 'mine');
      await market.redis.hset(name, { ...figures, owed: owedText(debts) });
      const stored = { ...(await market.ledger.budget('mine'))!, ...figures, owed: debts };

      const now = CASE_START_MS + Number(windows) * MINUTE;
      expect(turnedBudget(stored, now).allowance).toBe(Number(expected));
      if (Number(windows) === 0) return;
      await market.setClock(now);
      // Any change stores what has turned.
      await market.ledger.apply({ kind: 'open-budget', by: 'op', key: 'again', budget: spec });
      expect(await market.ledger.budget('mine')).toEqual(turnedBudget(stored, now));
    },
  );
});

interface Sibling {
  readonly id: string;
  readonly allowance: number;
  readonly used: number;
  readonly lendPermille: number;
}

function siblingsIn(cell: string): Sibling[] {
  return cell.split(', ').map((text) => {
    const [id = '', figures = ''] = text.split(' ');
    const [allowance = 0, used = 0, lendPermille = 0] = figures.split('/').map(Number);
    return { id, allowance, used, lendPermille };
  });
}

function debtsIn(cell: string): Record<string, number> {
  if (cell === 'none') return {};
  return Object.fromEntries(cell.split(', ').map((debt) => [debt.split(' ')[0]!, Number(debt.split(' ')[1])]));
}

describe('borrowing', () => {
  const rows = tableOf('Borrowing');
  it('has rows', () => expect(rows.length).toBeGreaterThan(5));

  it.each(rows)(
    '%s with %s used, may borrow %s, beside %s; asks %s: %s; back %s: %s',
    async (allowance, used, borrow, beside, asked, borrowed, back, still) => {
      const siblings = siblingsIn(beside!);
      const specs = [
        specOf('all', { amountMicro: '100000' }),
        specOf('mine', { parent: 'all', amountMicro: allowance!, borrowMicro: borrow! }),
        ...siblings.map(({ id, allowance: has, lendPermille }) =>
          specOf(id, { parent: 'all', amountMicro: String(has), lendPermille }),
        ),
      ];
      const spent = [{ id: 'mine', used: Number(used) }, ...siblings].filter((each) => each.used > 0);
      const refused = borrowed === 'over-budget';

      const book = new BudgetBook();
      for (const spec of specs) book.open(spec, CASE_START_MS);
      for (const each of spent) book.charge(each.id, each.used, CASE_START_MS);
      expect(book.desk(CASE_START_MS).short('mine', Number(asked)) !== undefined).toBe(refused);

      const market = await marketWith(specs);
      for (const each of spent) {
        await market.ledger.apply(set({ id: 'a1', budget: each.id, team: `for-${each.id}` }));
        await market.ledger.apply(pay(String(each.used), { id: `spent-${each.id}` }));
      }
      await market.ledger.apply(set({ id: 'a1', budget: 'mine' }, { key: 'again' }));
      const { status } = await market.ledger.apply(hold(asked!));
      expect(status).toBe(refused ? 'over-budget' : 'pending');
      if (refused) return;

      const charged = book.charge('mine', Number(asked), CASE_START_MS);
      for (const debts of [book.get('mine')!.owed, (await market.ledger.budget('mine'))!.owed]) {
        expect(debts).toEqual(debtsIn(borrowed!));
      }
      book.giveBack(charged, Number(back), CASE_START_MS);
      const kept = Number(asked) - Number(back);
      if (kept === 0) await market.ledger.apply(cancel());
      else await market.ledger.apply({ kind: 'post', by: 'b1', key: 'part', id: 't1', amount: String(kept) });
      for (const debts of [book.get('mine')!.owed, (await market.ledger.budget('mine'))!.owed]) {
        expect(debts).toEqual(debtsIn(still!));
      }
      for (const { id } of specs) expect(await market.ledger.budget(id)).toEqual(book.get(id));
    },
  );
});

describe('many at once', () => {
  const AGENTS = 500;

  it('spend exactly the budget; the others are told when there is more', async () => {
    const market = server.emptyMarket();
    const { ledger } = market;
    await market.setClock(CASE_START_MS);
    await Promise.all([ledger.apply(budget('firm', '99999')), ledger.apply(open('b1'))]);
    await ledger.apply(budget('team', '1234', { parent: 'firm', keepPermille: 1000, carryCapMicro: '5' }));
    const ids = Array.from({ length: AGENTS }, (_, n) => `agent-${n}`);
    await Promise.all(
      ids.map(async (id) => {
        await ledger.apply(open(id));
        await ledger.apply(grant(id, '100'));
        await ledger.apply(set({ id, budget: 'team' }));
      }),
    );
    const spend = (round: string) =>
      Promise.all(ids.map((id) => ledger.apply(pay('10', { id: `${round}-${id}`, key: `${round}-${id}`, from: id }))));
    const results = await spend('first');
    expect(results.filter(({ status }) => status === 'posted')).toHaveLength(123);
    const refused = results.filter(({ status }) => status !== 'posted');
    expect(new Set(refused.map(({ status, retryAt }) => `${status} ${retryAt}`))).toEqual(
      new Set([`over-budget ${CASE_START_MS + 60 * MINUTE}`]),
    );
    expect(await ledger.budget('team')).toMatchObject({ used: 1230, total: 1230 });

    // The window turns once, whoever of them comes first: 4 of it are carried over.
    await market.setClock(CASE_START_MS + 60 * MINUTE);
    const then = await spend('second');
    expect(then.filter(({ status }) => status === 'posted')).toHaveLength(123);
    expect(await ledger.budget('team')).toMatchObject({ used: 1230, allowance: 1238, total: 2460, direct: 2460 });
    expect(await ledger.budget('firm')).toMatchObject({ used: 1230, total: 2460, direct: 0 });
    expect((await readJournal(market)).filter(({ entry }) => entry.kind === 'transfer')).toHaveLength(246);
  });
});
