// Attribution: who spent what on what, read from the journal of real markets while they go on.
import type { AccountChange } from '@tender/credits';
import { marketKey, metaKey } from '@tender/credits/redis';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { MAX_SPEND_LINES, type SpendQuery, SpendTally, spendKeys, spendQuery } from '../src/index.js';
import { TooManyLines } from '../src/redis/index.js';
import { TokenHand } from '../src/testing/index.js';
import { leasedMarket } from './leased-market.js';
import { START_MS, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';
import { ask, expectSpendAgrees, spendReader } from './spend-agrees.js';
import { tradedMarket } from './traded-market.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

describe('a market in which everything has happened', () => {
  let market: TestMarket;
  beforeAll(async () => {
    market = await tradedMarket(server);
  });

  it('agrees with the ledger to the last micro-credit, by whatever it is asked', async () => {
    await expectSpendAgrees(market, [...spendKeys.map((key) => [key]), [...spendKeys], ['project', 'resource']]);
  });

  it('says who paid whom for what', async () => {
    const { lines } = await ask(spendReader(market), { by: ['agent', 'resource', 'payee', 'contract'] });
    const paid = lines.filter(({ payments }) => payments > 0);
    // ann gave her lease back after a third of its minute; the pool pays for the lease that it took back.
    expect(paid).toContainEqual(
      expect.objectContaining({ agent: 'ann', resource: 'gpu', payee: 'pool-account', contract: 'c1-1', won: 1 }),
    );
    expect(paid).toContainEqual(expect.objectContaining({ agent: 'pool-account', payee: 'sys', contract: 'c7-1' }));
    expect(paid).toContainEqual({
      ...{ agent: 'dot', payee: 'cid', paidMicro: '3', payments: 1, won: 0, lost: 0, lostTo: [] },
    });
  });

  it('says who won, who lost and to whom', async () => {
    const { lines } = await ask(spendReader(market), { resource: 'gpu' });
    const of = (agent: string) => lines.find((line) => line.agent === agent);
    // Outbid by ann and ben in the first award, it won in the second one, and two tasks.
    expect(of('cid')).toMatchObject({ won: 3, lost: 1, lostTo: ['ann', 'ben'] });
    expect(of('sys')).toMatchObject({ won: 3, lost: 1, lostTo: ['ben', 'cid'] });
  });

  const narrowed: [string, Partial<SpendQuery>, (line: Record<string, unknown>) => boolean][] = [
    ['agent', { agent: 'ann' }, (line) => line.agent === 'ann'],
    ['resource', { resource: 'gpu' }, (line) => line.resource === 'gpu'],
    ['contract', { contract: 'c1-1' }, (line) => line.contract === 'c1-1'],
    ['owner', { owner: 'nobody' }, () => false],
  ];
  test.each(narrowed)('narrowed by %s it says what the whole says of it', async (_by, narrow, fits) => {
    const reader = spendReader(market);
    const by = ['agent', 'resource', 'contract', 'payee'] as const;
    const whole = await ask(reader, { by: [...by] });
    const part = await ask(reader, { by: [...by], ...narrow });
    expect(part.lines).toEqual(whole.lines.filter(fits));
    expect(part.linesInAll).toBe(part.lines.length);
  });

  // START_MS is forty seconds into a minute.
  it('tells windows apart, and leaves out what was before and after', async () => {
    const reader = spendReader(market);
    const { lines, totalMicro } = await ask(reader, { by: ['window'], per: 'minute' });
    expect(lines.map(({ window }) => window)).toEqual([START_MS + 20_000, START_MS - 40_000]);
    const at = START_MS + 20_000;
    const [before, since] = [await ask(reader, { to: at + 1 }), await ask(reader, { from: at + 1 })];
    expect(Number(before.totalMicro)).toBeGreaterThan(0);
    expect(Number(since.totalMicro)).toBeGreaterThan(0);
    expect(Number(before.totalMicro) + Number(since.totalMicro)).toBe(Number(totalMicro));
  });

  it('gives the dearest first, and the rest page by page', async () => {
    const reader = spendReader(market);
    const by: SpendQuery['by'] = ['agent', 'contract'];
    const whole = await ask(reader, { by });
    const paid = whole.lines.map(({ paidMicro }) => Number(paidMicro));
    expect(paid).toEqual([...paid].sort((a, b) => b - a));
    const pages = [];
    for (let skip = 0; skip < whole.linesInAll; skip += 3) pages.push(await ask(reader, { by, limit: 3, skip }));
    expect(pages.flatMap(({ lines }) => lines)).toEqual(whole.lines);
    expect(new Set(pages.map(({ totalMicro }) => totalMicro))).toEqual(new Set([whole.totalMicro]));
  });
});

describe('a market that goes on', () => {
  it('reads only what is new, for the questions that it knows', async () => {
    const market = await leasedMarket(server, { price: 100, durationMs: 1_000 });
    const reader = spendReader(market);
    const [seq] = (await market.redis.hmget(metaKey(market.market), 'seq')).map(Number);
    expect(await ask(reader)).toMatchObject({ totalMicro: '0', seq, at: START_MS });
    await market.setClock(START_MS + 500);
    await market.hand.release('ann', 'c1-1');
    // Where the journal's beginning is gone, whoever needed it would not know the accounts any more.
    await market.redis.xtrim(marketKey(market.market, 'journal'), 'MINID', `${seq}-0`);
    const after = await ask(reader);
    expect(after).toMatchObject({ totalMicro: '50', seq: seq! + 1, at: START_MS + 500 });
    expect(after.lines).toMatchObject([{ agent: 'ann', paidMicro: '50', payments: 1, won: 1 }]);
  });

  it('keeps eight questions up to date, and begins anew where the journal is another one', async () => {
    const market = await leasedMarket(server, { price: 100, durationMs: 1_000 });
    const reader = spendReader(market);
    for (const agent of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'ann']) await ask(reader, { agent });
    await market.setClock(START_MS + 500);
    await market.hand.release('ann', 'c1-1');
    const answers = await Promise.all(['ann', 'ann', 'j', 'a'].map((agent) => ask(reader, { agent })));
    expect(answers.map(({ totalMicro }) => totalMicro)).toEqual(['50', '50', '0', '0']);
    const other = await leasedMarket(server, { price: 100, durationMs: 1_000 });
    await market.redis.rename(marketKey(other.market, 'journal'), marketKey(market.market, 'journal'));
    await market.redis.rename(metaKey(other.market), metaKey(market.market));
    expect(await ask(reader, { agent: 'ann' })).toMatchObject({ totalMicro: '0', at: START_MS });
  });

  it('goes on after a refusal, and tells of an entry that cannot be read', async () => {
    const market = await leasedMarket(server, { price: 100, durationMs: 1_000 });
    const reader = spendReader(market);
    const seq = await market.redis.hincrby(metaKey(market.market), 'seq', 1);
    await market.redis.xadd(marketKey(market.market, 'journal'), `${seq}-0`, 'entry', '{"kind":"gift"}');
    await expect(ask(reader)).rejects.toThrow(/entry \d+/);
    await market.redis.xdel(marketKey(market.market, 'journal'), `${seq}-0`);
    expect((await ask(reader)).totalMicro).toBe('0');
  });
});

it('tells a payment under the labels of the account as they are when it is paid', async () => {
  const market = await leasedMarket(server, { price: 100, durationMs: 1_000 });
  const label = (key: string, labels: Omit<AccountChange, 'id'>) =>
    market.ledger.apply({ kind: 'set-account', by: 'operator', key, account: { id: 'ann', ...labels } });
  await label('label-1', { project: 'films', owner: 'acme' });
  await market.setClock(START_MS + 900);
  await market.hand.renew('ann', 'c1-1', '100');
  await label('label-2', { project: 'games', team: 'night' });
  await market.setClock(START_MS + 1_100);
  await market.hand.renew('ann', 'c1-1', '100');
  await label('label-3', { project: null });
  await market.setClock(START_MS + 2_500);
  await market.hand.release('ann', 'c1-1');
  const { lines } = await ask(spendReader(market), { by: ['owner', 'project', 'team'] });
  const told = lines.map(({ owner, project, team, paidMicro, won }) => [owner, project, team, paidMicro, won]);
  expect(told).toEqual([
    ['acme', undefined, 'night', '150', 0],
    ['acme', 'games', 'night', '100', 0],
    [undefined, undefined, undefined, '0', 1],
  ]);
  await expectSpendAgrees(market);
});

it('tells rate tokens by their hold: what was used, used beyond it, and sold on', async () => {
  const market = await server.market({ agents: ['ann', 'cid'].map((id) => ({ id })), pools: [] });
  await market.setClock(START_MS);
  const tokens = new TokenHand(market.redis, market.market);
  const requests = { name: 'requests', capacity: 10, refillPerSecond: 1, priceMicro: '10' };
  await tokens.openBucket({ bucket: 'api.model', limits: [requests], noiseMaxPermille: 1000 });
  const of = (count: number) => ({ amounts: { requests: count } });
  await tokens.take({ agent: 'ann', hold: 'h1', ...of(5) }, 'api.model');
  await tokens.offer('ann', 'h1', 'cid', of(2).amounts, 70);
  await tokens.buy({ agent: 'cid', of: 'h1', hold: 'b1', ...of(2) });
  await tokens.return('ann', 'h1', { requests: 4 });
  const { lines } = await ask(spendReader(market), { by: ['agent', 'payee', 'resource', 'contract'] });
  const paid = lines.map(({ agent, payee, contract, paidMicro, payments }) => [
    ...[agent, payee, contract, paidMicro, payments],
  ]);
  expect(paid).toEqual([
    ['cid', 'ann', 'b1', '70', 1],
    ['ann', 'pool-account', 'h1', '60', 3],
  ]);
  expect(new Set(lines.map(({ resource }) => resource))).toEqual(new Set(['api.model']));
  await expectSpendAgrees(market);
});

describe('one question', () => {
  const groups = (asking: Partial<SpendQuery> = {}) => {
    const { limit: _limit, skip: _skip, ...rest } = spendQuery.parse(asking);
    return rest;
  };

  it('sums beyond what a double can count', () => {
    const tally = new SpendTally(groups());
    for (let n = 0; n < 200; n += 1) tally.pay({ agent: 'ann', amount: 99_999_999_999_999, at: 1 });
    expect(tally.answer(10, 0)).toMatchObject({ totalMicro: '19999999999999800', lines: [{ payments: 200 }] });
  });

  it('names whom somebody mostly lost to, however many there are', () => {
    const tally = new SpendTally(groups());
    for (let n = 0; n < 1_000; n += 1) {
      const winners = [`one-off-${n}`, n % 2 === 0 ? 'often' : 'too', ...(n % 3 === 0 ? ['third', 'ann'] : [])];
      tally.bid({ agent: 'ann', won: false, winners, at: n });
    }
    expect(tally.answer(1, 0).lines).toMatchObject([{ lost: 1_000, lostTo: ['often', 'too', 'third'] }]);
  });

  it('with too many lines is given up, and its memory with it', () => {
    const tally = new SpendTally(groups({ by: ['contract'] }));
    for (let n = 0; n <= MAX_SPEND_LINES; n += 1) tally.pay({ contract: `c-${n}`, amount: 1, at: 1 });
    expect([tally.overflown, tally.lines]).toEqual([true, 0]);
    expect(new TooManyLines()).toBeInstanceOf(Error);
  });

  it('keeps apart what has no label and what is called like another label', () => {
    const tally = new SpendTally(groups({ by: ['project', 'team'] }));
    tally.pay({ project: 'a', amount: 1, at: 1 });
    tally.pay({ team: 'a', amount: 2, at: 1 });
    tally.pay({ amount: 4, at: 1 });
    expect(tally.answer(10, 0).lines.map(({ project, team, paidMicro }) => [project, team, paidMicro])).toEqual([
      [undefined, undefined, '4'],
      [undefined, 'a', '2'],
      ['a', undefined, '1'],
    ]);
  });
});
