// The invariant checker: green on a market in order, and for each invariant red exactly where something broke it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckReport, checkMarket, type Invariant, invariants, showReport } from '../src/index.js';
import { checkRedis } from '../src/redis/index.js';
import { startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';
import { journalTamperings, stateTamperings } from './tamperings.js';
import { tokenJournalTamperings, tokenStateTamperings, tradeTokens } from './token-trade.js';
import { type Evidence, evidenceOf, find, followJournal, tradedMarket } from './traded-market.js';

let server: TestRedis;
let good: TestMarket;
let evidence: Evidence;
beforeAll(async () => {
  server = await startTestRedis();
  good = await traded();
  evidence = await evidenceOf(good);
});
afterAll(() => server.stop());

async function traded(): Promise<TestMarket> {
  const market = await tradedMarket(server);
  await tradeTokens(market);
  return market;
}

function broken(report: CheckReport): Invariant[] {
  return report.findings.filter((finding) => !finding.ok).map((finding) => finding.invariant);
}

describe('a market in order', () => {
  it('is green, and every invariant had facts to judge', async () => {
    const report = await checkRedis(good.redis, good.market);
    expect(broken(report), showReport(report)).toEqual([]);
    for (const { invariant, checked } of report.findings) expect(checked, invariant).toBeGreaterThan(0);
    expect(report.findings.map(({ invariant }) => invariant)).toEqual(Object.keys(invariants));
  });

  it('is told to people line by line', async () => {
    const lines = showReport(await checkRedis(good.redis, good.market)).split('\n');
    expect(lines).toHaveLength(1 + Object.keys(invariants).length);
    expect(lines[0]).toMatch(/^\d+ journal entries: every invariant holds$/);
  });

  it('that is empty is green, and the report says that there was nothing to check', async () => {
    const report = await checkRedis(server.redis, 'nobody-traded-here');
    expect(report).toMatchObject({ ok: true, seq: 0 });
    expect(showReport(report)).toContain(
      'I12  winners and prices are what the rule names for the bids shown (nothing to check)',
    );
  });

  it('has every acknowledged operation once', async () => {
    const acknowledged = [
      { by: 'seller', key: find(evidence, 'award').key },
      { by: 'dot', key: 'void-1' },
    ];
    expect((await checkRedis(good.redis, good.market, { acknowledged })).ok).toBe(true);
    const lost = [...acknowledged, { by: 'dot', key: 'void-2' }];
    const report = await checkRedis(good.redis, good.market, { acknowledged: lost });
    expect(broken(report)).toEqual(['I7']);
    expect(showReport(report)).toContain('acknowledged dot void-2 is 0 times in the journal');
  });
});

describe('tampering with the state', () => {
  it.each([...stateTamperings, ...tokenStateTamperings])('%s', (_name, tamper, expected) => {
    const tampered = structuredClone(evidence);
    tamper(tampered);
    const report = checkMarket(tampered.snapshot, tampered.entries);
    expect(broken(report), showReport(report)).toEqual(expected);
  });
});

describe('tampering with the journal, and the state with it', () => {
  it.each([...journalTamperings, ...tokenJournalTamperings])('%s', (_name, tamper, expected) => {
    const tampered = structuredClone(evidence);
    tamper(tampered);
    const seq = tampered.entries.at(-1)!.seq;
    followJournal(tampered);
    tampered.snapshot.seq = seq;
    const report = checkMarket(tampered.snapshot, tampered.entries);
    expect(broken(report), showReport(report)).toEqual(expected);
  });

  it('a fence is given twice: the replay knows better too', () => {
    const tampered = structuredClone(evidence);
    find(tampered, 'award', ({ cfp }) => cfp === 'c2').winners[0]!.fences = [1];
    expect(broken(checkMarket(tampered.snapshot, tampered.entries))).toEqual(['I5', 'I9']);
  });
});

describe('tampering in Redis itself', () => {
  const tamperings: [name: string, command: string, broken: Invariant[]][] = [
    ['a balance', 'hincrby acct:ann available 1', ['I1', 'I9']],
    ['what is set aside', 'hincrby acct:ben pending 1', ['I1', 'I3', 'I9']],
    ['a free slot', 'sadd free:gpu 1', ['I4', 'I9']],
    ['the holder of a slot', 'hset slot:gpu:1 contract c2-1', ['I4', 'I9']],
    ['a fence', 'hset slot:gpu:0 fence 7', ['I5', 'I9']],
    ['a deadline', 'zrem deadlines lease:c1-2', ['I3', 'I9']],
    ['a task', 'hset contract:k1-t1 price 1', ['I9']],
    ['a lease', 'del contract:c1-2', ['I3', 'I9']],
    ['the rules', 'set policy {}', ['I9']],
    ['a hold', 'set hold:t1 {}', ['I3', 'I9']],
    ['a level', 'hset bucket:api levels 1', ['I9']],
    ['what waits', 'hset proposal:p1 expiresAt 1', ['I9']],
    ['the last entry', 'xtrim journal MAXLEN 0', ['I4', 'I5', 'I8', 'I9']],
    ['an entry nobody can read', 'xadd journal 99-0 entry {}', ['I8']],
    ['an account', 'del acct:ann', ['I1', 'I2', 'I3', 'I9']],
  ];
  it.each(tamperings)('%s', async (_name, command, expected) => {
    const { redis, market } = await traded();
    const [verb = '', name = '', ...rest] = command.split(' ');
    if (verb === 'xadd') await redis.hset(`{${market}}:meta`, 'seq', 99);
    await redis.call(verb, `{${market}}:${name}`, ...rest);
    const report = await checkRedis(redis, market);
    expect(broken(report), showReport(report)).toEqual(expected);
    expect(report.ok).toBe(false);
  });
});
