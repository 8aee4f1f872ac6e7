// The ledger on a real Redis against the same contract as the model, and what only Redis can get wrong.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LedgerBook, MAX_TTL_MS, replayLedgerEntry } from '../src/index.js';
import { ledgerScripts, marketKey, metaKey, runScript } from '../src/redis/index.js';
import {
  badInputs,
  CASE_START_MS,
  cancel,
  expire,
  grant,
  hold,
  open,
  pay,
  post,
  retire,
  runLedgerContract,
  standing,
} from '../src/testing/index.js';
import { dumpMarket, type RedisMarket, readJournal, startTestRedis, type TestRedis } from './redis-market.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

runLedgerContract('redis', async () => server.emptyMarket());

async function standingMarket(): Promise<RedisMarket> {
  const market = server.emptyMarket();
  await standing(market);
  return market;
}

describe('redis: what is refused changes no key', () => {
  it('for every bad input', async () => {
    const market = await standingMarket();
    await market.ledger.apply(hold('300', { id: 't9' }));
    const before = await dumpMarket(market);
    for (const { name, command, status } of badInputs()) {
      expect((await market.ledger.apply(command)).status, name).toBe(status);
    }
    expect(await dumpMarket(market)).toEqual(before);
  });

  it('for other refusals and for replays', async () => {
    const market = await standingMarket();
    const refused = [
      open('b1', 'agent', { key: 'k' }),
      grant('nobody', '1'),
      retire('b1', '1'),
      pay('1', { to: 'a1' }),
    ];
    const before = await dumpMarket(market);
    for (const command of [...refused, post(), cancel(), expire(), open('a1'), grant('a1', '1000')]) {
      await market.ledger.apply(command);
    }
    expect(await dumpMarket(market)).toEqual(before);
  });

  it.each(['1e999', '-1e999', '1e-3', 'Infinity', 'NaN'])('for a time limit of %s in the JSON itself', async (ttl) => {
    const market = await standingMarket();
    const before = await dumpMarket(market);
    const body = JSON.stringify({ by: 'a1', key: 'k', digest: 'd', id: 't1', from: 'a1', to: 'b1', amount: '1' });
    const argument = `${body.slice(0, -1)},"ttlMs":${ttl}}`;
    const reply = await market.redis.eval(ledgerScripts.transfer.text, 1, metaKey(market.market), argument);
    expect(JSON.parse(reply as string).status).toBe('ttl-invalid');
    expect(await dumpMarket(market)).toEqual(before);
  });
});

describe('redis: bugs throw and change no key', () => {
  const asked = { by: 'a1', key: 'k', digest: 'd'.repeat(22) };
  const bugs: [string, keyof typeof ledgerScripts, object][] = [
    ['a transfer without an id', 'transfer', { ...asked, from: 'a1', to: 'b1', amount: '1', ttlMs: 1000 }],
    ['a transfer whose id is null', 'transfer', { ...asked, id: null, from: 'a1', to: 'b1', amount: '1' }],
    ['a grant to a missing account', 'grant', { ...asked, amount: '1' }],
    ['an account without an id', 'openAccount', { ...asked, account: { kind: 'agent', class: 'standard' } }],
    ['an account without a class', 'openAccount', { ...asked, account: { id: 'x', kind: 'agent' } }],
    ['an ending of no kind', 'endTransfer', { ...asked, id: 't9', kind: 'lapse' }],
    ['no key', 'grant', { by: 'op', digest: 'd', to: 'a1', amount: '1' }],
  ];
  it.each(bugs)('%s', async (_name, script, input) => {
    const market = await standingMarket();
    await market.ledger.apply(hold('300', { id: 't9' }));
    const before = await dumpMarket(market);
    const run = runScript(market.redis, ledgerScripts[script] as never, metaKey(market.market), input);
    await expect(run).rejects.toThrow();
    expect(await dumpMarket(market)).toEqual(before);
  });
});

describe('redis: the treasury', () => {
  it('cannot be opened by anybody, before the first grant either', async () => {
    const market = server.emptyMarket();
    expect((await market.ledger.apply(open('treasury'))).status).toBe('account-exists');
    await standing(market);
    expect((await market.ledger.account('treasury'))?.kind).toBe('treasury');
  });

  it('holds 14 digits exactly, and mints no more than a double can count', async () => {
    const market = server.emptyMarket();
    await market.ledger.apply(open('a1'));
    let minted = 0;
    for (let round = 0; ; round += 1) {
      const { status } = await market.ledger.apply(grant('a1', '99999999999999', { key: `g${round}` }));
      if (status === 'supply-exceeded') break;
      minted += 99_999_999_999_999;
      expect((await market.ledger.account('a1'))?.available).toBe(99_999_999_999_999);
      await market.ledger.apply(retire('a1', '99999999999999', { key: `r${round}` }));
    }
    expect(await market.ledger.supply()).toEqual({ minted, burned: minted });
    expect(minted).toBeGreaterThan(8e15);
    expect(minted).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
  });
});

describe('redis: time', () => {
  it('a real time limit passes by itself: post is refused, expire gives the credits back', async () => {
    const market = server.emptyMarket();
    const long = hold('3', { id: 't2', ttlMs: 60_000 });
    for (const command of [open('a1'), open('b1'), grant('a1', '10'), hold('4', { ttlMs: 30 }), long]) {
      await market.ledger.apply(command);
    }
    expect((await market.ledger.apply(expire('t2'))).status).toBe('not-due');
    while ((await market.ledger.apply(expire())).status === 'not-due') await sleep(5);
    expect((await market.ledger.apply(post())).status).toBe('already-expired');
    expect(await market.ledger.account('a1')).toMatchObject({ available: 7, pending: 3 });
  });

  it('never runs back: a clock ahead of the real one is kept', async () => {
    const market = await standingMarket();
    await market.ledger.apply(hold('4'));
    expect((await market.ledger.transfer('t1'))?.expiresAt).toBe(CASE_START_MS + 1000);
  });

  it('keeps a pending transfer for ever, an ended one for a day, saved results for two hours from the last', async () => {
    const market = await standingMarket();
    const { redis, market: name } = market;
    await market.ledger.apply(hold('4', { ttlMs: MAX_TTL_MS }));
    expect(await redis.pttl(marketKey(name, 'xfer', 't1'))).toBe(-1);
    await market.ledger.apply(post());
    await market.ledger.apply(pay('4', { id: 't2' }));
    for (const id of ['t1', 't2']) expectNear(await redis.pttl(marketKey(name, 'xfer', id)), 86_400_000);

    const records = marketKey(name, 'idem', `a1:${CASE_START_MS / 3_600_000}`);
    await redis.pexpire(records, 1000);
    await market.ledger.apply(pay('4', { id: 't3' }));
    expectNear(await redis.pttl(records), 7_200_000);
  });

  it('frees the id of a transfer that was forgotten, and replay follows', async () => {
    const market = await standingMarket();
    await market.ledger.apply(pay('4'));
    await market.redis.del(marketKey(market.market, 'xfer', 't1'));
    expect((await market.ledger.apply(pay('5', { key: 'k' }))).status).toBe('posted');
    const book = new LedgerBook();
    for (const { entry } of await readJournal(market)) expect(replayLedgerEntry(book, entry).replayed).toBeUndefined();
    expect(book.transfer('t1')).toEqual(await market.ledger.transfer('t1'));
    expect(book.account('a1')).toMatchObject({ available: 991 });
  });
});

describe('redis: a lease payment', () => {
  it('without a time limit is ended by nobody but the lease', async () => {
    const market = await standingMarket();
    await market.ledger.apply(hold('300'));
    // The market's scripts open such transfers by open_pending; here it is made of an ordinary one.
    await market.redis.hset(marketKey(market.market, 'xfer', 't1'), 'expiresAt', '');
    for (const command of [post(), cancel({ operator: true }), expire()]) {
      expect((await market.ledger.apply(command)).status).toBe('not-party');
    }
    const book = new LedgerBook();
    book.openAccount(open('a1').account);
    book.openAccount(open('b1').account);
    book.mint('a1', 1000);
    book.openPending({ id: 't1', debit: 'a1', credit: 'b1', amount: 300, tags: {} }, undefined);
    expect(book.transfer('t1')?.expiresAt).toBeUndefined();
    book.endPending('t1', 100, 'posted');
    expect([book.account('a1')?.available, book.account('b1')?.available]).toEqual([900, 100]);
  });
});

describe('redis: scripts', () => {
  it('are sent again to a server that has forgotten them', async () => {
    const market = await standingMarket();
    await market.redis.script('FLUSH');
    expect((await market.ledger.apply(pay('1'))).status).toBe('posted');
  });

  it('let concurrent spenders have no more than there is', async () => {
    const market = await standingMarket();
    const asked = Array.from({ length: 50 }, (_, n) => market.ledger.apply(pay('30', { id: `t${n}`, key: `k${n}` })));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 'posted')).toHaveLength(33);
    expect((await market.ledger.account('a1'))?.available).toBe(10);
  });
});

function expectNear(left: number, whole: number): void {
  expect(left).toBeGreaterThan(whole - 60_000);
  expect(left).toBeLessThanOrEqual(whole);
}
