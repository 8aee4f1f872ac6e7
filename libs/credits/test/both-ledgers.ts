// A sequence of commands taken by the model and by Redis alike: the same answers, the same state after each, and a journal that says it all again.
import { expect } from 'vitest';
import {
  isSuccess,
  LedgerBook,
  type LedgerCommand,
  type LedgerStatus,
  ModelLedger,
  replayLedgerEntry,
} from '../src/index.js';
import { applyToBook } from '../src/model/pure-ledger.js';
import { marketKey } from '../src/redis/index.js';
import { CASE_START_MS, standing } from '../src/testing/index.js';
import { type RedisMarket, readJournal } from './redis-market.js';

export interface Step {
  /** Time that passes before the command. */
  readonly waitMs: number;
  readonly command: LedgerCommand;
}

/** Whose state is compared after each step that changes something, and at the end. */
export interface Compared {
  readonly accounts: readonly string[];
  readonly transfers: readonly string[];
  readonly budgets: readonly string[];
}

/** What each status came to over a whole run: a generator that never reaches one of them proves nothing about it. */
export type Seen = Map<LedgerStatus, number>;

export async function takeOnBoth(
  market: RedisMarket,
  given: readonly LedgerCommand[],
  sequence: readonly Step[],
  compared: Compared,
  seen: Seen,
): Promise<void> {
  let now = CASE_START_MS;
  const model = new ModelLedger(() => now);
  await standing(market);
  await standing({ ledger: model, setClock: async () => {} });
  let successes = 4;
  for (const command of given) {
    const got = await market.ledger.apply(command);
    expect(got).toEqual(await model.apply(command));
    if (isSuccess(got.status)) successes += 1;
  }
  for (const { waitMs, command } of sequence) {
    now += waitMs;
    if (waitMs > 0) await market.setClock(now);
    const expected = await model.apply(command);
    const got = await market.ledger.apply(command);
    expect(got).toEqual(expected);
    seen.set(got.status, (seen.get(got.status) ?? 0) + 1);
    if (!isSuccess(got.status) || got.replayed) continue;
    successes += 1;
    await expectSame(market, model, compared);
  }
  // What was refused since has changed nothing either.
  await expectSame(market, model, compared);
  expectSound(model.book);
  await expectIndexes(market, model.book);
  const commands = [...given, ...sequence.map(({ command }) => command)];
  await expectJournal(market, model.book, successes, commands, now);
}

async function expectSame({ ledger }: RedisMarket, model: ModelLedger, compared: Compared): Promise<void> {
  const [accounts, transfers, budgets, supply] = await Promise.all([
    Promise.all(compared.accounts.map((id) => ledger.account(id))),
    Promise.all(compared.transfers.map((id) => ledger.transfer(id))),
    Promise.all(compared.budgets.map((id) => ledger.budget(id))),
    ledger.supply(),
  ]);
  expect(accounts).toEqual(await Promise.all(compared.accounts.map((id) => model.account(id))));
  expect(transfers).toEqual(await Promise.all(compared.transfers.map((id) => model.transfer(id))));
  expect(budgets).toEqual(compared.budgets.map((id) => model.book.budgets.get(id)));
  expect(supply).toEqual(model.book.supply);
}

/** What holds of every ledger's money. */
export function expectSound(book: LedgerBook): void {
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
  const budgets = await redis.smembers(marketKey(market, 'budgets'));
  expect(budgets.sort()).toEqual([...book.budgets.all()].map(({ id }) => id).sort());
  for (const id of budgets) {
    expect(await redis.zrange(marketKey(market, 'under', id), '0', '-1')).toEqual(book.budgets.under(id));
  }
  const due = await redis.zrange(marketKey(market, 'deadlines'), '0', '-1', 'WITHSCORES');
  const pending = [...book.transfers()].filter(({ state }) => state === 'pending');
  expect(new Set(due)).toEqual(new Set(pending.flatMap(({ id, expiresAt }) => [`xfer:${id}`, String(expiresAt)])));
  expect(due).toHaveLength(2 * pending.length);
}

async function expectJournal(
  market: RedisMarket,
  book: LedgerBook,
  successes: number,
  commands: readonly LedgerCommand[],
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
  expect(commands.map((command) => applyToBook(replayed, command, now))).toEqual(
    commands.map((command) => applyToBook(copy, command, now)),
  );
}

function contentOf(book: LedgerBook): unknown {
  return {
    ...{ accounts: [...book.accounts()], transfers: [...book.transfers()], budgets: [...book.budgets.all()] },
    ...{ supply: book.supply, clock: book.clock },
  };
}
