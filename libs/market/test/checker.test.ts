// The invariant checker: green on a market in order, and for each invariant red exactly where something broke it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckReport, checkMarket, type Invariant, invariants, showReport } from '../src/index.js';
import { checkRedis } from '../src/redis/index.js';
import { startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';
import { append, type Evidence, evidenceOf, find, followJournal, tradedMarket } from './traded-market.js';

let server: TestRedis;
let good: TestMarket;
let evidence: Evidence;
beforeAll(async () => {
  server = await startTestRedis();
  good = await tradedMarket(server);
  evidence = await evidenceOf(good);
});
afterAll(() => server.stop());

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

type Tampering = [name: string, tamper: (evidence: Evidence) => void, broken: Invariant[]];

/** State alone: I9 compares all of it with the journal, and so goes red along with the invariant itself. */
const stateTamperings: Tampering[] = [
  ['credits appear', (e) => add(e, 'ann', 'available', 1), ['I1', 'I9']],
  [
    'a mint goes uncounted',
    ({ snapshot }) => {
      snapshot.minted -= 1;
    },
    ['I1', 'I9'],
  ],
  ['the treasury forgets a debt', (e) => add(e, 'treasury', 'available', 1), ['I1', 'I9']],
  [
    'an account falls below zero, another gains it',
    (e) => {
      add(e, 'dot', 'available', -2_000);
      add(e, 'ann', 'available', 2_000);
    },
    ['I2', 'I9'],
  ],
  [
    'credits are set aside for nothing',
    (e) => {
      add(e, 'ann', 'available', -1);
      add(e, 'ann', 'pending', 1);
    },
    ['I3', 'I9'],
  ],
  ['a pending transfer is lost', ({ snapshot }) => void delete snapshot.transfers.standing, ['I3', 'I9']],
  [
    'a slot forgets its holder',
    ({ snapshot }) => {
      snapshot.slots['gpu:1']!.contract = '';
    },
    ['I4', 'I9'],
  ],
  [
    'a held slot is free',
    ({ snapshot }) => {
      snapshot.free['gpu:1'] = '1';
    },
    ['I4', 'I9'],
  ],
  ['a free slot is not', ({ snapshot }) => void delete snapshot.free['gpu:7'], ['I4', 'I9']],
  [
    'a fence falls',
    ({ snapshot }) => {
      snapshot.slots['gpu:0']!.fence -= 1;
    },
    ['I5', 'I9'],
  ],
  [
    'the state counts more than the journal',
    ({ snapshot }) => {
      snapshot.seq += 1;
    },
    ['I8'],
  ],
  [
    'a price is forgotten',
    ({ snapshot }) => {
      snapshot.pools.gpu!.spot = '1';
    },
    ['I9'],
  ],
  [
    'a lease ends later',
    ({ snapshot }) => {
      snapshot.contracts['c1-2']!.until += '0';
    },
    ['I9'],
  ],
  ['a lease is lost', ({ snapshot }) => void delete snapshot.contracts['c1-2'], ['I9']],
  [
    'a call appears',
    ({ snapshot }) => {
      snapshot.calls.c9 = { ...snapshot.calls.c3! };
    },
    ['I9'],
  ],
  ['a bond is lost', ({ snapshot }) => void delete snapshot.transfers['k2-t2.b1'], ['I3', 'I9']],
  [
    'a task is due later',
    ({ snapshot }) => {
      snapshot.tasks['k1-t1']!.dueAt += '0';
    },
    ['I9'],
  ],
  [
    'another frame was agreed',
    ({ snapshot }) => {
      snapshot.tasks['k1-t1']!.frame = '0'.repeat(40);
    },
    ['I9'],
  ],
  [
    'an account changes its class',
    ({ snapshot }) => {
      snapshot.accounts.ann!.class = 'system';
    },
    ['I9'],
  ],
];

/** A journal and the state that it leads to: only the invariant that looks at the entry itself can tell. */
const journalTamperings: Tampering[] = [
  [
    'a held slot is sold again',
    (e) => {
      const at = e.entries.at(-1)!.entry.at;
      append(e, { ...find(e, 'open-call'), cfp: 'c9', slots: [1], fences: [1], key: 'forged-1', at });
      const award = structuredClone(find(e, 'award'));
      const { bids, winners } = award;
      const bid = { ...bids[0]!, participant: 'cid', intent: 'cid-9', pays: 0 };
      const winner = { ...winners[0]!, ...{ contract: 'c9-1', participant: 'cid', intent: 'cid-9', slots: [1] } };
      Object.assign(winner, { fences: [2], priceMicro: '0', amountMicro: '0', startedAt: at, until: at + 60_000 });
      append(e, { ...award, cfp: 'c9', bids: [bid], winners: [winner], key: 'forged-2', at });
    },
    ['I4'],
  ],
  [
    'an intent wins twice',
    (e) => {
      const award = find(e, 'award', ({ cfp }) => cfp === 'c2');
      award.bids[1]!.intent = award.winners[1]!.intent = 'same';
      const first = find(e, 'award', ({ cfp }) => cfp === 'c1');
      first.bids[0]!.intent = first.winners[0]!.intent = 'same';
      for (const { bids, winners } of [award, first]) {
        const at = bids === award.bids ? 1 : 0;
        bids[at]!.participant = winners[at]!.participant = 'ann';
      }
    },
    ['I6'],
  ],
  [
    'a key is used twice',
    (e) => {
      find(e, 'close-call').key = find(e, 'open-call').key;
    },
    ['I7'],
  ],
  [
    'an entry is missing',
    (e) => {
      e.entries = e.entries.filter(({ entry }) => entry.kind !== 'extend-call');
    },
    ['I8'],
  ],
  [
    'the clock runs back',
    (e) => {
      find(e, 'extend-call').at -= 100_000;
    },
    ['I8'],
  ],
  [
    'a lease is paid for longer than it ran',
    (e) => {
      find(e, 'settle').paid += 1;
    },
    ['I9'],
  ],
  [
    'a renewal is cheaper than the going price',
    (e) => {
      find(e, 'renew').price -= 1;
    },
    ['I9'],
  ],
  [
    'a loser is taken for a system agent',
    (e) => {
      find(e, 'award').bids[3]!.class = 'system';
    },
    ['I10'],
  ],
  [
    'a winner offers more than it has',
    (e) => {
      find(e, 'award').bids[0]!.price = 1_001;
    },
    ['I10'],
  ],
  [
    'a covered bid is barred for want of credits',
    (e) => void Object.assign(find(e, 'award').bids[4]!, { outcome: 'barred', detail: 'insufficient-credits' }),
    ['I10'],
  ],
  [
    'the reserve was larger than what was left',
    (e) => {
      find(e, 'open-pool').pool.reserve = 6;
    },
    ['I11'],
  ],
  [
    'the bids were not in rank order',
    (e) => void find(e, 'award').bids.splice(3, 2, ...find(e, 'award').bids.slice(3).reverse()),
    ['I12'],
  ],
  [
    'the winners pay less than the best loser offered',
    (e) => {
      const award = find(e, 'award', ({ cfp }) => cfp === 'c2');
      award.bids[1]!.pays = 9;
      Object.assign(award.winners[1]!, { priceMicro: '9', amountMicro: '9' });
    },
    ['I12'],
  ],
  [
    'two are engaged where one was asked for',
    (e) => {
      engagement(e).fill = 'one';
      engagement(e).total = 1;
    },
    ['I6', 'I12'],
  ],
  [
    'an offer is engaged under an intent that has won',
    (e) => {
      const first = find(e, 'engage', ({ conversation }) => conversation === 'k1');
      const again = find(e, 'engage', ({ conversation }) => conversation === 'k3');
      for (const { offers, winners } of [first, again]) offers[0]!.intent = winners[0]!.intent = 'same';
      again.offers[0]!.participant = again.winners[0]!.participant = 'seller';
      again.conditions.bondMicro = '0';
    },
    ['I6'],
  ],
  ['a buyer is taken for a system agent', (e) => void Object.assign(engagement(e), { class: 'system' }), ['I10']],
  [
    'somebody else took a step',
    (e) => {
      find(e, 'report', ({ step }) => step === 'run').by = 'dot';
    },
    ['I10'],
  ],
  [
    'a buyer engages beyond its limit',
    (e) =>
      void Object.assign(
        find(e, 'engage', ({ conversation }) => conversation === 'k3'),
        { limitMicro: '1' },
      ),
    ['I10'],
  ],
  [
    'the offers were not in rank order',
    (e) => void engagement(e).offers.splice(4, 2, ...engagement(e).offers.slice(4).reverse()),
    ['I12'],
  ],
  [
    'an offer that had run out takes over',
    (e) => {
      engagement(e).offers[2]!.until = 1;
    },
    ['I12'],
  ],
  [
    'who cancels pays less than was agreed',
    (e) => {
      find(e, 'report', ({ step }) => step === 'decommit').paid = 9;
    },
    ['I9'],
  ],
];

/** Six offers for two units, one after the other turned down. */
function engagement(evidence: Evidence) {
  return find(evidence, 'engage', ({ conversation }) => conversation === 'k2');
}

describe('tampering with the state', () => {
  it.each(stateTamperings)('%s', (_name, tamper, expected) => {
    const tampered = structuredClone(evidence);
    tamper(tampered);
    const report = checkMarket(tampered.snapshot, tampered.entries);
    expect(broken(report), showReport(report)).toEqual(expected);
  });
});

describe('tampering with the journal, and the state with it', () => {
  it.each(journalTamperings)('%s', (_name, tamper, expected) => {
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
    ['the last entry', 'xtrim journal MAXLEN 0', ['I4', 'I5', 'I8', 'I9']],
    ['an entry nobody can read', 'xadd journal 99-0 entry {}', ['I8']],
    ['an account', 'del acct:ann', ['I1', 'I2', 'I3', 'I9']],
  ];
  it.each(tamperings)('%s', async (_name, command, expected) => {
    const { redis, market } = await tradedMarket(server);
    const [verb = '', name = '', ...rest] = command.split(' ');
    if (verb === 'xadd') await redis.hset(`{${market}}:meta`, 'seq', 99);
    await redis.call(verb, `{${market}}:${name}`, ...rest);
    const report = await checkRedis(redis, market);
    expect(broken(report), showReport(report)).toEqual(expected);
    expect(report.ok).toBe(false);
  });
});

function add({ snapshot }: Evidence, account: string, field: 'available' | 'pending', amount: number): void {
  const fields = snapshot.accounts[account]!;
  fields[field] = String(Number(fields[field]) + amount);
}
