// Random command sequences against model and Redis: same answers, same money, and a journal that says it all again.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  isSuccess,
  LedgerBook,
  type LedgerCommand,
  ledgerStatuses,
  ModelLedger,
  replayLedgerEntry,
} from '../src/index.js';
import { applyToBook } from '../src/model/pure-ledger.js';
import { marketKey } from '../src/redis/index.js';
import { CASE_START_MS, standing } from '../src/testing/index.js';
import { ACCOUNTS, type Step, steps, TRANSFERS } from './arbitrary-commands.js';
import { type RedisMarket, readJournal, startTestRedis, type TestRedis } from './redis-market.js';

const RUNS = Number(process.env.TENDER_RUNS ?? 1000);

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

/** Statuses seen over the whole run: a generator that never reaches one of them proves nothing about it. */
const seen = new Map<string, number>();

it('model and Redis agree on every step, and replaying the journal gives the state', async () => {
  await fc.assert(fc.asyncProperty(steps, runSequence), { numRuns: RUNS });
  if (process.env.TENDER_SHOW) console.log(Object.fromEntries([...seen].sort()));
  if (RUNS >= 1000) for (const status of ledgerStatuses) expect(seen.get(status) ?? 0, status).toBeGreaterThan(0);
}, 120_000);

async function runSequence(sequence: readonly Step[]): Promise<void> {
  const market = server.emptyMarket();
  let now = CASE_START_MS;
  const model = new ModelLedger(() => now);
  await standing(market);
  await standing({ ledger: model, setClock: async () => {} });
  let successes = 4;
  for (const { waitMs, command } of sequence) {
    now += waitMs;
    if (waitMs > 0) await market.setClock(now);
    const expected = await model.apply(command);
    const got = await market.ledger.apply(command);
    expect(got).toEqual(expected);
    if (isSuccess(got.status) && !got.replayed) successes += 1;
    seen.set(got.status, (seen.get(got.status) ?? 0) + 1);
    await expectSame(market, model);
  }
  expectInvariants(model.book);
  await expectIndexes(market, model.book);
  await expectJournal(market, model.book, successes, sequence, now);
}

async function expectSame({ ledger }: RedisMarket, model: ModelLedger): Promise<void> {
  const [accounts, transfers, supply] = await Promise.all([
    Promise.all(ACCOUNTS.map((id) => ledger.account(id))),
    Promise.all(TRANSFERS.map((id) => ledger.transfer(id))),
    ledger.supply(),
  ]);
  expect(accounts).toEqual(await Promise.all(ACCOUNTS.map((id) => model.account(id))));
  expect(transfers).toEqual(await Promise.all(TRANSFERS.map((id) => model.transfer(id))));
  expect(supply).toEqual(model.book.supply);
}

function expectInvariants(book: LedgerBook): void {
  let all = 0;
  for (const account of book.accounts()) {
    all += account.available + account.pending;
    const mine = [...book.transfers()].filter(({ debit, state }) => debit === account.id && state === 'pending');
    expect(account.pending).toBe(mine.reduce((total, { amount }) => total + amount, 0));
    if (account.kind !== 'treasury') expect(account.available).toBeGreaterThanOrEqual(0);
  }
  expect(all).toBe(0);
  const { minted, burned } = book.supply;
  expect(-(book.account('treasury')?.available ?? 0)).toBe(minted - burned);
}

async function expectIndexes({ redis, market }: RedisMarket, book: LedgerBook): Promise<void> {
  const ids = await redis.smembers(marketKey(market, 'accounts'));
  expect(ids.sort()).toEqual([...book.accounts()].map(({ id }) => id).sort());
  const due = await redis.zrange(marketKey(market, 'deadlines'), '0', '-1', 'WITHSCORES');
  const pending = [...book.transfers()].filter(({ state }) => state === 'pending');
  expect(new Set(due)).toEqual(new Set(pending.flatMap(({ id, expiresAt }) => [`xfer:${id}`, String(expiresAt)])));
  expect(due).toHaveLength(2 * pending.length);
}

async function expectJournal(
  market: RedisMarket,
  book: LedgerBook,
  successes: number,
  sequence: readonly Step[],
  now: number,
): Promise<void> {
  const journal = await readJournal(market);
  expect(journal.map(({ id }) => id)).toEqual(Array.from({ length: successes }, (_, index) => `${index + 1}-0`));
  const replayed = new LedgerBook();
  for (const { entry } of journal) {
    expect(entry.at).toBeGreaterThanOrEqual(replayed.clock);
    const { status, replayed: again } = replayLedgerEntry(replayed, entry);
    expect({ success: isSuccess(status), again }).toEqual({ success: true, again: undefined });
  }
  expect(contentOf(replayed)).toEqual(contentOf(book));
  // The idempotency records too: whatever is asked again gets the same answer from both.
  const copy = book.copy();
  const commands: LedgerCommand[] = sequence.map(({ command }) => command);
  expect(commands.map((command) => applyToBook(replayed, command, now))).toEqual(
    commands.map((command) => applyToBook(copy, command, now)),
  );
}

function contentOf(book: LedgerBook): unknown {
  return { accounts: [...book.accounts()], transfers: [...book.transfers()], supply: book.supply, clock: book.clock };
}
