// Policies and approvals in Redis: versions that only rise, and a proposal's life from filing to its end.
import { marketKey } from '@tender/credits/redis';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { CLOSED_WITHIN_MS, MAX_ASKED, shareOf } from '../src/model/proposal.js';
import { ProposalHand } from '../src/testing/index.js';
import { START_MS, specRows, startTestRedis, type TestMarket, type TestRedis } from './market-under-test.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

const WITHIN_MS = 1_000;

async function started(): Promise<TestMarket> {
  const market = await server.market();
  await market.setClock(START_MS);
  return market;
}

const handOn = ({ redis, market }: TestMarket) => new ProposalHand(redis, market);
const ends = {
  engaged: { contracts: ['c1-t1'] },
  failed: { detail: 'insufficient-credits' as const, message: 'too poor' },
};

test('a policy’s version rises with each, and its text is kept as it is', async () => {
  const market = await started();
  const hand = handOn(market);
  expect(await market.reader.policy()).toEqual({ version: 0, text: undefined });
  const text = '{"rules":[{"id":"deny-x",  "kind":"deny","agents":["x"]}]}';
  expect(await hand.setPolicy('{"rules":[]}', 'policy-key')).toMatchObject({ version: 1 });
  expect(await hand.setPolicy(text)).toMatchObject({ version: 2 });
  expect(await hand.setPolicy('{"rules":[]}', 'policy-key')).toMatchObject({ version: 1, replayed: true });
  expect(await market.reader.policy()).toEqual({ version: 2, text });
  await market.check();
});

test('what was asked is shown as it was filed', async () => {
  const market = await started();
  const hand = handOn(market);
  await hand.file();
  await hand.file({ about: 'escalation', by: 'ben', rule: undefined, amountMicro: undefined, text: undefined });
  const times = { filedAt: START_MS, expiresAt: START_MS + WITHIN_MS };
  const common = { state: 'pending', conversation: 'c1', message: 'too dear', ...times };
  expect(await market.reader.proposal('p1')).toEqual({
    view: { proposal: 'p1', kind: 'engage', by: 'ann', rule: 'dear', amountMicro: '500', ...common },
    ...{ buyer: 'ann', contracts: [], text: '{"offers":[]}' },
  });
  expect((await market.reader.proposal('p2'))?.view).toEqual({
    ...{ proposal: 'p2', kind: 'escalation', by: 'ben' },
    ...common,
  });
  expect(await market.reader.proposal('p3')).toBeUndefined();
  await market.check();
});

test('the most urgent is looked at first, and what is decided waits no more', async () => {
  const market = await started();
  const hand = handOn(market);
  for (const withinMs of [900, 300, 600]) await hand.file({ withinMs });
  const waiting = async () => (await market.reader.waiting(10)).map(({ view }) => view.proposal);
  expect(await waiting()).toEqual(['p2', 'p3', 'p1']);
  await hand.decide('p2', 'deny');
  expect(await waiting()).toEqual(['p3', 'p1']);
  await market.check();
});

test('the list goes on after the last one that was shown, in the order of urgency, those of one instant too', async () => {
  const market = await started();
  const hand = handOn(market);
  for (const withinMs of [900, 300, 600, 600, 600, 100]) await hand.file({ withinMs });
  const shown: string[] = [];
  for (let after: Parameters<typeof market.reader.waiting>[1]; ; ) {
    const page = await market.reader.waiting(2, after);
    shown.push(...page.map(({ view }) => view.proposal));
    if (page.length < 2) break;
    after = page.at(-1)!.view;
    // What is decided between two pages hides nothing.
    await hand.decide(after.proposal, 'deny');
  }
  expect(shown).toEqual(['p6', 'p2', 'p3', 'p4', 'p5', 'p1']);
  await hand.file({ by: 'ben' });
  expect(await market.reader.asking()).toEqual([
    { by: 'ann', waiting: 3 },
    { by: 'ben', waiting: 1 },
  ]);
});

test.each([
  [0, 64],
  [5_904, 64],
  [5_905, 64],
  [6_000, 63],
  [9_000, 16],
  [9_936, 1],
  [9_999, 1],
  [10_000, 0],
])('with %i waiting in all one asker may have %i', async (waiting, share) => {
  expect(shareOf(waiting)).toBe(share);
  const market = await started();
  const hand = handOn(market);
  // Others', by name alone.
  const others = Array.from({ length: waiting - Math.max(0, share - 1) }, (_, n) => ['1', `q${n}`]).flat();
  const queue = marketKey(market.market, 'proposals');
  for (let n = 0; n < others.length; n += 10_000) await market.redis.zadd(queue, ...others.slice(n, n + 10_000));
  if (share > 1) await market.redis.hset(marketKey(market.market, 'asking'), 'ann', share - 1);
  if (share > 1) await market.redis.zadd(queue, ...Array.from({ length: share - 1 }, (_, n) => ['1', `a${n}`]).flat());
  const first = await hand.file();
  expect(first.ok).toBe(share > 0);
  const next = await hand.file();
  expect(next).toMatchObject({ ok: false, detail: 'no-capacity' });
});

test('one asker has so many waiting at most, others are not kept out', async () => {
  const market = await started();
  const hand = handOn(market);
  await Promise.all(Array.from({ length: MAX_ASKED }, () => hand.file()));
  expect(await hand.file()).toMatchObject({ ok: false, detail: 'no-capacity' });
  expect(await hand.file({ by: 'ben' })).toMatchObject({ ok: true });
  await hand.decide('p1', 'approve');
  expect(await hand.file()).toMatchObject({ ok: true });
  await market.check();
});

test('an approved engagement that nobody closes is due again, a decided one never', async () => {
  const market = await started();
  const hand = handOn(market);
  const due = async () => market.redis.zrange(marketKey(market.market, 'deadlines'), '0', '-1', 'WITHSCORES');
  await hand.file();
  expect(await due()).toEqual(['proposal:p1', String(START_MS + WITHIN_MS)]);
  await hand.decide('p1', 'approve');
  expect(await due()).toEqual(['proposal:p1', String(START_MS + CLOSED_WITHIN_MS)]);
  await hand.close('p1', ends.engaged);
  expect(await due()).toEqual([]);
  expect(await market.reader.proposal('p1')).toMatchObject({
    ...{ contracts: ['c1-t1'], view: { state: 'engaged', decidedBy: 'operator' } },
  });
  await market.check();
});

type State = 'none' | 'waiting' | 'over' | 'approved' | 'noted' | 'engaged' | 'denied' | 'expired' | 'failed';
const events = ['file', 'approve', 'deny', 'expire', 'engaged', 'failed'] as const;
type Event = (typeof events)[number];

/**
 * SPEC.md has the same table. `over` waits past its time, `noted` is an approved escalation with nothing to engage;
 * to file is to file again, under the same key.
 */
const transitions: Record<State, readonly string[]> = {
  none: ['→ pending', 'unknown', 'unknown', 'unknown', 'unknown', 'unknown'],
  waiting: ['again', '→ approved', '→ denied', 'stale', 'stale', 'stale'],
  over: ['again', 'expired', 'expired', '→ expired', 'stale', 'stale'],
  approved: ['again', 'duplicate', 'duplicate', 'duplicate', '→ engaged', '→ failed'],
  noted: ['again', 'duplicate', 'duplicate', 'duplicate', 'expired', 'expired'],
  engaged: ['again', 'expired', 'expired', 'expired', 'expired', 'expired'],
  denied: ['again', 'expired', 'expired', 'expired', 'expired', 'expired'],
  expired: ['again', 'expired', 'expired', 'expired', 'expired', 'expired'],
  failed: ['again', 'expired', 'expired', 'expired', '→ engaged', 'expired'],
};

describe('the states of a proposal', () => {
  type Put = { readonly market: TestMarket; readonly hand: ProposalHand };
  const FILING = 'filing-key';
  const fileAs = ({ hand }: Put, state: State) =>
    hand.file({ key: FILING, ...(state === 'noted' ? { text: undefined } : {}) });
  const past = ({ market }: Put) => market.setClock(START_MS + WITHIN_MS);
  const approve = ({ hand }: Put) => hand.decide('p1', 'approve');
  const enter: Record<State, (put: Put) => Promise<unknown>> = {
    none: async () => {},
    waiting: async () => {},
    over: past,
    approved: approve,
    noted: approve,
    engaged: async (put) => [await approve(put), await put.hand.close('p1', ends.engaged)],
    denied: ({ hand }) => hand.decide('p1', 'deny'),
    expired: async (put) => [await past(put), await put.hand.expire('p1')],
    failed: async (put) => [await approve(put), await put.hand.close('p1', ends.failed)],
  };
  const take: Record<Event, (put: Put, state: State) => ReturnType<ProposalHand['decide']>> = {
    file: fileAs,
    approve,
    deny: ({ hand }) => hand.decide('p1', 'deny'),
    expire: ({ hand }) => hand.expire('p1'),
    engaged: ({ hand }) => hand.close('p1', ends.engaged),
    failed: ({ hand }) => hand.close('p1', ends.failed),
  };
  const rows = (Object.keys(transitions) as State[]).flatMap((state) =>
    events.map((event, index) => [state, event, transitions[state][index]!] as const),
  );

  it.each(rows)('%s, %s: %s', async (state, event, expected) => {
    const market = await started();
    const put = { market, hand: handOn(market) };
    if (state !== 'none') expect(await fileAs(put, state)).toMatchObject({ ok: true, state: 'pending' });
    await enter[state](put);
    const before = await market.dump();
    const reply = await take[event](put, state);
    const shown = reply.ok ? (reply.replayed ? 'again' : `→ ${reply.state}`) : reply.detail;
    expect(shown).toBe(expected);
    if (!expected.startsWith('→')) expect(await market.dump()).toEqual(before);
    await market.check();
  });

  it('are told in SPEC.md', () => {
    const told = specRows();
    for (const [state, cells] of Object.entries(transitions)) expect(told).toContain([state, ...cells].join('|'));
  });
});
