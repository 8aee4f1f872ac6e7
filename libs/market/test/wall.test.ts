// What a pool lets whom hold: the wall of its reserve, what is lent beyond it, owners' caps, and the price of noise.
import { metaKey, runScript } from '@tender/credits/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkMarket, noisy, type PoolSpec } from '../src/index.js';
import { marketScripts } from '../src/redis/scripts.js';
import { type BidDraft, openPool, TaskHand } from '../src/testing/index.js';
import { START_MS, specRows, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';
import { type Evidence, evidenceOf, find, followJournal } from './traded-market.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

const agents = [
  { id: 'ann', owner: 'acme' },
  { id: 'ben' },
  { id: 'cid', owner: 'acme' },
  { id: 'sys', class: 'system' as const },
];
const LONG = START_MS + 3_600_000;

/** Four slots at START_MS, and one sale after the other over all slots that are free. */
async function poolOf(rules: Partial<PoolSpec>) {
  const market = await server.market({ agents, grantMicro: 100_000, pools: [{ pool: 'gpu', slots: 4, ...rules }] });
  await market.setClock(START_MS);
  let calls = 0;
  const sell = async (bids: readonly [participant: string, units: number][], more: Partial<BidDraft> = {}) => {
    calls += 1;
    const cfp = `c${calls}`;
    const free = await market.redis.smembers(`{${market.market}}:free:gpu`);
    await market.hand.call({ cfp, slots: free.map(Number).sort(), durationMs: 1_000, rule: 'first-price' });
    const shown = bids.map(([participant, units], n) => ({
      participant,
      units,
      price: 90 - n,
      until_ms: LONG,
      ...more,
    }));
    return market.hand.award(cfp, shown);
  };
  const again = (changed: Partial<PoolSpec>) =>
    openPool(market.redis, market.market, { pool: 'gpu', slots: 4, ...rules, ...changed });
  const held = async () => Number(await market.redis.hget(`{${market.market}}:pool:gpu`, 'standardHeld'));
  const field = (contract: string, name: string) => market.redis.hget(`{${market.market}}:contract:${contract}`, name);
  return { ...market, sell, again, held, field };
}

describe('who may hold what', () => {
  const rows = specRows().filter((row) => /^\d, \d, \d+, \d\|/.test(row));
  it('is told in SPEC.md', () => expect(rows).toHaveLength(18));

  it.each(rows)('%s', async (row) => {
    const [rules = '', before = '', then = '', expected = ''] = row.split('|');
    const [slots, reserve, lendMs, ownerMax] = rules.split(', ').map(Number);
    const { sell, hand, field, held, check } = await poolOf({
      slots: slots!,
      reserve: reserve!,
      lendMs: lendMs!,
      ownerMax: ownerMax!,
    });
    const [, holder, units, gone] = /^(\w+) has (\d)( and lets go)?$/.exec(before) ?? [];
    if (holder !== undefined) {
      expect(await sell([[holder, Number(units)]])).toMatchObject({ ok: true });
      if (gone !== undefined) await hand.release(holder, 'c1-1');
    }
    const bids = [...then.matchAll(/(\w+)(?: bids)? for (\d)/g)].map(([, who, n]): [string, number] => [
      who!,
      Number(n),
    ]);
    const at = bids.findLastIndex(([who]) => who !== 'sys');
    const judged = at < 0 ? bids.length - 1 : at;
    const wasHeld = await held();
    const reply = await sell(bids);
    const verdict = reply.verdicts![judged]!;
    const contract = reply.ok ? reply.winners.find(({ intent }) => intent === verdict.intent)?.contract : undefined;
    const lent = contract === undefined ? null : await field(contract, 'lent');
    expect(verdict.detail ?? (lent === '1' ? 'lent' : verdict.outcome)).toBe(expected);
    const won = reply.ok ? reply.winners.filter(({ participant }) => participant !== 'sys') : [];
    expect(await held()).toBe(wasHeld + won.reduce((sum, winner) => sum + winner.units, 0));
    await check();
  });

  it('what is held stays where an operator raises the reserve; the next sales obey', async () => {
    const { sell, again, hand, held, check } = await poolOf({ reserve: 0 });
    await sell([['ann', 3]]);
    await again({ reserve: 2 });
    expect(await sell([['ben', 1]])).toMatchObject({ ok: false, detail: 'reserved-for-system' });
    expect(await hand.renew('ann', 'c1-1', '1000')).toMatchObject({ ok: true });
    await hand.release('ann', 'c1-1');
    expect(await held()).toBe(0);
    expect(await sell([['ben', 2]])).toMatchObject({ ok: true });
    await check();
  });

  it('slots count as of the class that the account had when they were taken', async () => {
    const { sell, ledger, hand, held, check } = await poolOf({ reserve: 2 });
    await sell([['ann', 2]]);
    const asked = { kind: 'set-account', by: 'operator' } as const;
    await ledger.apply({ ...asked, key: 'promote-ann', account: { id: 'ann', class: 'system' } });
    expect(await sell([['ben', 1]])).toMatchObject({ ok: false, detail: 'reserved-for-system' });
    expect(await sell([['ann', 2]])).toMatchObject({ ok: true });
    expect(await held()).toBe(2);
    await ledger.apply({ ...asked, key: 'demote-ann', account: { id: 'ann', class: 'standard' } });
    await hand.release('ann', 'c1-1');
    await hand.release('ann', 'c3-1');
    expect(await held()).toBe(0);
    await check();
  });
});

describe('what is lent', () => {
  it('is renewed only within the wall, and is lent no more then', async () => {
    const { sell, hand, field, setClock, check } = await poolOf({ reserve: 2, lendMs: 1_000 });
    await sell([['ann', 2]]);
    await sell([['ben', 1]]);
    await setClock(START_MS + 900);
    expect(await hand.renew('ben', 'c2-1', '1000')).toMatchObject({ ok: false, detail: 'reserved-for-system' });
    await hand.release('ann', 'c1-1');
    expect(await hand.renew('ben', 'c2-1', '1000')).toMatchObject({ ok: true });
    expect(await field('c2-1', 'lent')).toBeNull();
    expect(await sell([['ann', 2]])).toMatchObject({ ok: true });
    await setClock(START_MS + 1_950);
    // Renewed by right, it stays one.
    expect(await hand.renew('ben', 'c2-1', '1000')).toMatchObject({ ok: true });
    await check();
  });

  it('is back for a system agent when its term is over', async () => {
    const { sell, hand, setClock, check } = await poolOf({ reserve: 2, lendMs: 1_000 });
    await sell([
      ['ann', 2],
      ['ben', 2],
    ]);
    await setClock(START_MS + 1_000);
    await hand.expire('c1-1');
    await hand.expire('c1-2');
    const reply = await sell([
      ['ann', 2],
      ['ben', 2],
      ['sys', 2],
    ]);
    expect(reply.verdicts?.map(({ outcome, detail }) => detail ?? outcome)).toEqual([
      'won',
      'reserved-for-system',
      'won',
    ]);
    await check();
  });
});

describe('slots that work for a task', () => {
  it("count as of the buyer's class and in its owner's name, from one provider to the next", async () => {
    const market = await poolOf({ seller: 'ben', reserve: 2, ownerMax: 3 });
    const { hand, redis, held, check } = market;
    const tasks = new TaskHand(redis, market.market, () => START_MS);
    const owned = () => redis.hgetall(`{${market.market}}:owned:gpu`);
    const holds = async (cfp: string, slots: number[]) => {
      await hand.call({ cfp, slots, by: 'ben' });
      return { participant: 'ben', hold: cfp, units: slots.length, intent: cfp, until_ms: LONG };
    };
    const [two, one, other] = [await holds('h1', [0, 1]), await holds('h2', [2]), await holds('h3', [3])];
    const offers = [two, { ...one, price: 110 }];
    expect(await tasks.engage({ conversation: 'k1', buyer: 'ann', by: 'ann', offers })).toMatchObject({ ok: true });
    expect([await held(), await owned()]).toEqual([2, { acme: '2' }]);
    const again = { conversation: 'k2', task: 'task-2' };
    const refused = await tasks.engage({ ...again, buyer: 'cid', by: 'cid', offers: [other] });
    expect(refused).toMatchObject({ ok: false, detail: 'reserved-for-system' });
    expect(await tasks.engage({ ...again, buyer: 'sys', by: 'sys', offers: [other] })).toMatchObject({ ok: true });
    expect([await held(), await owned()]).toEqual([2, { acme: '2', sys: '1' }]);
    expect(await tasks.report('ben', 'k1-t1', 'turn-down')).toMatchObject({ state: 'awarded', attempt: 2 });
    expect([await held(), await owned()]).toEqual([1, { acme: '1', sys: '1' }]);
    await tasks.report('ben', 'k1-t1', 'turn-down');
    expect([await held(), await owned()]).toEqual([0, { sys: '1' }]);
    await check();
  });
});

describe('noise', () => {
  const rows = specRows()
    .filter((row) => /^\d+\|\d{4}\|\d{4}\|\d+\|\d+\|\d+$/.test(row))
    .map((row) => row.split('|').map(Number));
  it('is told in SPEC.md', () => expect(rows).toHaveLength(9));

  it.each(rows)('of %d slot-ms bought, up to %d: %d thousandths; %d clears, %d is bid, %d is paid', async (...row) => {
    const [bought, most, noise, clears, price, pays] = row as [number, number, number, number, number, number];
    const rules = { noiseMaxPermille: most, noiseWindowMs: 1_000 };
    const { hand, available, sell, check, setClock } = await poolOf(rules);
    if (bought > 0) {
      await hand.call({ cfp: 'c0', slots: [0], durationMs: bought, rule: 'second-price' });
      await hand.award('c0', [{ participant: 'ann', price: 1, until_ms: LONG }]);
    }
    const before = await available('ann');
    await hand.call({ cfp: 'c9', slots: [1], reservePriceMicro: String(clears) });
    const reply = await hand.award('c9', [{ participant: 'ann', price, until_ms: LONG }]);
    expect(reply).toMatchObject({ clearingPriceMicro: String(clears), winners: [{ priceMicro: String(pays) }] });
    expect(Math.min(price, noisy(clears, noise))).toBe(pays);
    expect(before - (await available('ann'))).toBe(pays);
    await check();
    // A renewal pays the going price with what noise there is by then, or not at all.
    await setClock(START_MS + 59_000);
    expect(await sell([['cid', 1]])).toMatchObject({ ok: true });
    await check();
  });

  it('is of the owner, fades with the window, and a renewal is bounded by what its holder would pay', async () => {
    const { sell, hand, redis, market, again, setClock, check } = await poolOf({
      noiseMaxPermille: 5_000,
      noiseWindowMs: 4_000,
    });
    await sell([['ann', 2]]);
    expect(await redis.hgetall(`{${market}}:bought:gpu`)).toEqual({ acme: `${START_MS},0,2000` });
    // 2000 of 16000 slot-ms: an eighth of the way to five times the price.
    const reply = await sell([['cid', 1]], { price: 100 });
    expect(reply).toMatchObject({ clearingPriceMicro: '100', winners: [{ priceMicro: '100' }] });
    await setClock(START_MS + 900);
    // The median of 90 and 100 is 90; by now 3000 are bought: a price of 1750 thousandths.
    expect(await hand.renew('ann', 'c1-1', '157')).toMatchObject({ ok: false, detail: 'below-reserve-price' });
    expect(await hand.renew('ann', 'c1-1', '158')).toMatchObject({ ok: true, priceMicro: '158' });
    expect(await redis.hgetall(`{${market}}:bought:gpu`)).toEqual({ acme: `${START_MS},0,5000` });
    await check();
    // In the middle of the next window half of it counts: 2500 of 16000, 156 thousandths.
    await setClock(START_MS + 6_000);
    await hand.expire('c1-1');
    await hand.expire('c2-1');
    await hand.call({ cfp: 'x1', slots: [0], reservePriceMicro: '1000' });
    const late = await hand.award('x1', [{ participant: 'cid', price: 9_000, until_ms: LONG }]);
    expect(late).toMatchObject({ winners: [{ priceMicro: '1624' }] });
    await again({ noiseMaxPermille: 1_000 });
    await hand.call({ cfp: 'x2', slots: [1], reservePriceMicro: '1000' });
    const quiet = await hand.award('x2', [{ participant: 'cid', price: 9_000, until_ms: LONG }]);
    expect(quiet).toMatchObject({ winners: [{ priceMicro: '1000' }] });
    await check();
  });
});

type Tampering = [why: string, tamper: (evidence: Evidence) => void, broken: string[]];

const callOf = (e: Evidence, cfp: string) => find(e, 'open-call', (entry) => entry.cfp === cfp);
/** Of a journal and the state that it leads to: the invariant that looks at the entry can tell, I9 where later entries follow from it. */
const tamperings: Tampering[] = [
  ['a larger reserve was in force', (e) => void Object.assign(find(e, 'open-pool').pool, { reserve: 4 }), ['I11']],
  ['nothing could be lent', (e) => void Object.assign(find(e, 'open-pool').pool, { lendMs: 0 }), ['I11']],
  [
    'nothing could be lent for so long',
    (e) => void Object.assign(callOf(e, 'c2'), { durationMs: 1_001 }),
    ['I9', 'I11'],
  ],
  ['the cap was lower', (e) => void Object.assign(find(e, 'open-pool').pool, { ownerMax: 1 }), ['I11']],
  [
    'a lease that is lent was renewed before another made room',
    (e) => {
      const [made, renewed] = ['settle', 'renew'].map((kind) =>
        e.entries.findIndex(({ entry }) => entry.kind === kind),
      );
      const { entry } = e.entries[made!]!;
      Object.assign(e.entries[made!]!, { entry: e.entries[renewed!]!.entry });
      Object.assign(e.entries[renewed!]!, { entry });
    },
    ['I11'],
  ],
  [
    'a winner paid less for its noise',
    (e) => void Object.assign(find(e, 'award', ({ cfp }) => cfp === 'c2').bids[0]!, { noise: 1_001 }),
    ['I12'],
  ],
  [
    'a winner paid for noise that it did not make',
    (e) => {
      const award = find(e, 'award', ({ cfp }) => cfp === 'c1');
      Object.assign(award.bids[0]!, { noise: 2_000, pays: 20 });
      Object.assign(award.winners[0]!, { priceMicro: '20', amountMicro: '40' });
    },
    ['I9', 'I12'],
  ],
];

describe('tampering with the journal, and the state with it', () => {
  let evidence: Evidence;
  beforeAll(async () => {
    const rules = { reserve: 2, lendMs: 1_000, ownerMax: 2, noiseMaxPermille: 3_000, noiseWindowMs: 10_000 };
    const { hand, sell: _sell, setClock, check, ...market } = await poolOf(rules);
    const sell = async (cfp: string, slots: number[], bid: BidDraft) => {
      await hand.call({ cfp, slots, durationMs: 1_000, reservePriceMicro: '10' });
      expect(await hand.award(cfp, [{ until_ms: LONG, ...bid }])).toMatchObject({ ok: true });
    };
    await sell('c1', [0, 1], { participant: 'ann', price: 90, units: 2 });
    await sell('c2', [2], { participant: 'ben', price: 90 });
    await setClock(START_MS + 500);
    await hand.release('ann', 'c1-1');
    expect(await hand.renew('ben', 'c2-1', '100')).toMatchObject({ ok: true });
    await sell('c3', [0], { participant: 'cid', price: 90 });
    await check();
    evidence = await evidenceOf({ ...market, hand, setClock, check } as unknown as TestMarket);
  });

  it.each(tamperings)('%s', (_why, tamper, expected) => {
    const tampered = structuredClone(evidence);
    tamper(tampered);
    followJournal(tampered);
    const report = checkMarket(tampered.snapshot, tampered.entries);
    const broken = report.findings.filter(({ ok }) => !ok).map(({ invariant }) => invariant);
    expect(broken, JSON.stringify(report.findings.filter(({ ok }) => !ok))).toEqual(expected);
  });

  it('a counter that is not what the journal says is found', async () => {
    const { sell, redis, market } = await poolOf({ ownerMax: 2, noiseMaxPermille: 2_000 });
    await sell([['ann', 1]]);
    for (const command of ['hincrby pool:gpu standardHeld 1', 'hset owned:gpu acme 7', 'hset bought:gpu acme 1,2,3']) {
      const [verb = '', name = '', ...rest] = command.split(' ');
      await redis.call(verb, `{${market}}:${name}`, ...rest);
      const snapshot = await runScript(redis, marketScripts.snapshot, metaKey(market), {});
      const { entries } = await evidenceOf({ redis, market } as TestMarket);
      const broken = checkMarket(snapshot as never, entries).findings.filter(({ ok }) => !ok);
      expect(
        broken.map(({ invariant }) => invariant),
        command,
      ).toEqual(['I9']);
    }
  });
});
