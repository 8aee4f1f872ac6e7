// The rate tokens of the market in which everything has happened once, and what mutations of them the checker must find.
import type { Invariant } from '../src/index.js';
import { TokenHand } from '../src/testing/index.js';
import { START_MS, type TestMarket } from './market-under-test.js';
import { append, type Evidence, find } from './traded-market.js';

/**
 * Hold `t1` is Ben's, one request of it sold to Cid as `t5`; `t2` was given back, more used than held, after the
 * upstream had said 429; `t3` is the system agent's, `t4` has expired; `t6` had to wait for its turn.
 */
export async function tradeTokens({ redis, market, setClock }: TestMarket): Promise<void> {
  const tokens = new TokenHand(redis, market);
  await tokens.openBucket({ limits: [{ name: 'requests', capacity: 20, refillPerSecond: 1, reserve: 2 }] });
  await tokens.takes([
    { agent: 'ben', hold: 't1', amounts: { requests: 3 }, maxPrice: 100 },
    { agent: 'ann', hold: 't2', amounts: { requests: 2 }, maxPrice: 100 },
    { agent: 'sys', hold: 't3', amounts: { requests: 4 }, maxPrice: 100 },
  ]);
  await tokens.return('ann', 't2', { requests: 3 }, { status: 429, retryAfterMs: 50, remaining: { requests: 9 } });
  await setClock(START_MS + 22_100);
  await tokens.take({ agent: 'sys', hold: 't4', amounts: { requests: 2 }, maxPrice: 100, ttlMs: 10 });
  await tokens.take({ agent: 'ann', hold: 't6', amounts: { requests: 19 }, maxPrice: 500 });
  await setClock(START_MS + 22_110);
  await tokens.expire('t4');
  await tokens.offer('ben', 't1', 'cid', { requests: 1 }, 5);
  await tokens.buy({ agent: 'cid', of: 't1', hold: 't5' });
}

type Tampering = [name: string, tamper: (evidence: Evidence) => void, broken: Invariant[]];

const takeOf = (evidence: Evidence, id: string) => find(evidence, 'take', ({ hold }) => hold === id);

/** One more than there was. */
function more<K extends string>(of: Record<K, number>, field: K): void {
  of[field] += 1;
}

export const tokenStateTamperings: Tampering[] = [
  ['a hold is lost', ({ snapshot }) => void delete snapshot.holds.t1, ['I3', 'I9']],
  [
    'a hold has more set aside',
    ({ snapshot }) => void Object.assign(snapshot.holds.t1!, { amount: '9' }),
    ['I3', 'I9'],
  ],
  ['a hold is sold again', ({ snapshot }) => void Object.assign(snapshot.holds.t1!, { since: '{}' }), ['I9']],
  ['a bucket is fuller', ({ snapshot }) => void Object.assign(snapshot.buckets.api!, { levels: '20000000' }), ['I9']],
  ['a cut is forgotten', ({ snapshot }) => void Object.assign(snapshot.buckets.api!, { factor: '1000' }), ['I9']],
  ['what somebody took is forgotten', ({ snapshot }) => void delete snapshot.taken.api!.ben, ['I9']],
];

export const tokenJournalTamperings: Tampering[] = [
  [
    'a hold is taken again under its id',
    (e) => append(e, { ...takeOf(e, 't2'), at: e.entries.at(-1)!.entry.at }),
    // Whoever takes twice has taken more of late, and would have paid for it.
    ['I7', 'I12'],
  ],
  ['a take costs less', (e) => void Object.assign(takeOf(e, 't1'), { amountMicro: '1' }), ['I9']],
  ['a token costs less', (e) => void Object.assign(takeOf(e, 't1'), { unitsMicro: { requests: '0' } }), ['I9']],
  ['a return pays more', (e) => void Object.assign(find(e, 'return'), { paid: 3 }), ['I9']],
  ['what was used beyond the hold is free', (e) => void Object.assign(find(e, 'return'), { extra: 0 }), ['I9']],
  ['tokens are sold for less than was offered', (e) => void Object.assign(find(e, 'buy-tokens'), { price: 4 }), ['I9']],
  ['a hold expires before its time', (e) => more(takeOf(e, 't4'), 'expiresAt'), ['I9']],
  ['a taker passes for a system agent', (e) => void Object.assign(takeOf(e, 't2'), { class: 'system' }), ['I10']],
  ["what was taken counts as somebody else's", (e) => void Object.assign(takeOf(e, 't2'), { who: 'dot' }), ['I10']],
  ['somebody else gave a hold back', (e) => void Object.assign(find(e, 'return'), { by: 'cid' }), ['I10']],
  ["somebody bought on another's account", (e) => void Object.assign(find(e, 'buy-tokens'), { by: 'dot' }), ['I10']],
  [
    'the reserve of a bucket was larger than what was left',
    (e) => {
      find(e, 'open-bucket').bucket.limits[0]!.reserve = 16;
    },
    ['I11'],
  ],
  ['a taker pays more than the clearing rate', (e) => more(takeOf(e, 't1'), 'ratePermille'), ['I9', 'I12']],
  [
    'tokens are given while the upstream asked for a pause',
    (e) => void Object.assign(find(e, 'return').upstream!, { retryAfterMs: 5_000 }),
    ['I12'],
  ],
  [
    'more is taken than was there',
    (e) => {
      Object.assign(takeOf(e, 't4'), { amounts: { requests: 12 }, amountMicro: '24', left: undefined });
      find(e, 'expire-hold').paid = 24;
    },
    ['I14'],
  ],
  [
    'a clearing is said to have left more than it did',
    (e) => void Object.assign(takeOf(e, 't4').left!, { requests: 9 }),
    ['I9'],
  ],
];
