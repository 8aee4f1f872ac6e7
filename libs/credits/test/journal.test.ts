// The journal as the scripts write it: one entry per change, none for a refusal, and enough in it to replay.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bodyDigest, LedgerBook, ledgerEntry, replayLedgerEntry } from '../src/index.js';
import { marketKey } from '../src/redis/index.js';
import { CASE_START_MS, cancel, expire, grant, hold, open, pay, post, retire, standing } from '../src/testing/index.js';
import { type RedisMarket, readJournal, startTestRedis, type TestRedis } from './redis-market.js';

let server: TestRedis;
let market: RedisMarket;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

/** One success of every kind, with a refusal and a replay between. */
async function everyKind(): Promise<void> {
  market = server.emptyMarket();
  await standing(market);
  const { ledger } = market;
  await ledger.apply(pay('9999'));
  await ledger.apply(open('a1'));
  await ledger.apply(retire('a1', '100', { tags: { project: 'x' } }));
  await ledger.apply(pay('1', { id: 'now', tags: {} }));
  await ledger.apply(hold('300', { id: 't1' }));
  await ledger.apply(hold('200', { id: 't2' }));
  await ledger.apply(hold('100', { id: 't3' }));
  await ledger.apply(post({ amount: '50' }));
  await ledger.apply(cancel({ id: 't2', by: 'op', operator: true }));
  await market.setClock(CASE_START_MS + 1000);
  await ledger.apply(expire('t3'));
}

it('has one entry per success, numbered without a gap, and none for a refusal or a replay', async () => {
  await everyKind();
  const journal = await readJournal(market);
  expect(journal.map(({ id }) => id)).toEqual(journal.map((_, index) => `${index + 1}-0`));
  expect(journal.slice(4).map(({ entry }) => entry.kind)).toEqual([
    'retire',
    'transfer',
    'transfer',
    'transfer',
    'transfer',
    'post',
    'void',
    'expire',
  ]);
});

it('says who, under which key, what body and when; and to whom a transfer is attributed', async () => {
  await everyKind();
  const journal = (await readJournal(market)).map(({ entry }) => entry);
  const { kind, by, key, ...body } = hold('300', { id: 't1' });
  expect(journal.find((entry) => entry.kind === 'transfer' && entry.id === 't1')).toEqual({
    ...{ kind, by, key, digest: bodyDigest(kind, body), at: CASE_START_MS },
    ...{ id: 't1', from: 'a1', to: 'b1', amount: '300', ttlMs: 1000, tags: { agent: 'a1' } },
  });
  expect(journal.find((entry) => entry.kind === 'transfer' && entry.id === 'now')).toMatchObject({ tags: {} });
  expect(journal.at(-2)).toMatchObject({ kind: 'void', id: 't2', by: 'op', operator: true });
  expect(journal.at(-1)).toEqual({ kind: 'expire', id: 't3', at: CASE_START_MS + 1000 });
});

it('replayed through the model gives the state', async () => {
  await everyKind();
  const book = new LedgerBook();
  for (const { entry } of await readJournal(market)) replayLedgerEntry(book, entry);
  for (const id of ['a1', 'b1', 'p1', 'treasury']) expect(book.account(id)).toEqual(await market.ledger.account(id));
  for (const id of ['now', 't1', 't2', 't3']) expect(book.transfer(id)).toEqual(await market.ledger.transfer(id));
  expect(book.supply).toEqual(await market.ledger.supply());
});

it('a journal with an entry twice, or one missing, does not replay', async () => {
  await everyKind();
  const entries = (await readJournal(market)).map(({ entry }) => entry);
  const book = new LedgerBook();
  for (const entry of entries) replayLedgerEntry(book, entry);
  expect(replayLedgerEntry(book, entries[3]!)).toMatchObject({ replayed: true });
  expect(replayLedgerEntry(book, entries.at(-1)!)).toMatchObject({ status: 'already-expired' });

  const gap = new LedgerBook();
  const statuses = entries.filter((_, index) => index !== 6).map((entry) => replayLedgerEntry(gap, entry).status);
  expect(statuses).toContain('unknown-transfer');
});

it('refuses an entry that no script writes', async () => {
  await everyKind();
  const [first] = await readJournal(market);
  expect(ledgerEntry.safeParse({ ...first!.entry, extra: 1 }).success).toBe(false);
  expect(ledgerEntry.safeParse({ ...first!.entry, digest: 'x' }).success).toBe(false);
  expect(ledgerEntry.safeParse({ kind: 'grant', to: 'a1', amount: 5 }).success).toBe(false);
});

it('numbers are the meta hash’s own count', async () => {
  await everyKind();
  await market.ledger.apply(grant('b1', '1'));
  const length = await market.redis.xlen(marketKey(market.market, 'journal'));
  expect(await market.redis.hget(marketKey(market.market, 'meta'), 'seq')).toBe(String(length));
});
