// Policies and approvals in Redis: versions that only rise, and a proposal's life from filing to its end.
import { bodyDigest, marketKey, metaKey, runScript } from '@tender/credits/redis';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { CLOSED_WITHIN_MS, MAX_ASKED } from '../src/model/proposal.js';
import type { FileProposalInput } from '../src/redis/proposal-scripts.js';
import { marketScripts } from '../src/redis/scripts.js';
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

let keys = 0;
const newKey = () => {
  keys += 1;
  return `approval-${keys}`;
};

function file({ redis, market }: TestMarket, draft: Partial<FileProposalInput> = {}) {
  const { by = 'ann', key = newKey(), digest: _digest, ...body } = draft;
  const asked = {
    ...{ about: 'engage' as const, buyer: 'ann', conversation: 'c1', rule: 'dear', message: 'too dear' },
    ...{ amountMicro: '500', withinMs: WITHIN_MS, text: '{"offers":[]}' },
    ...body,
  };
  const input = { by, key, digest: bodyDigest('file-proposal', asked), ...asked };
  return runScript(redis, marketScripts.fileProposal, metaKey(market), input);
}

function decide({ redis, market }: TestMarket, verdict: 'approve' | 'deny', proposal = 'p1', key = newKey()) {
  const input = { by: 'operator', key, digest: bodyDigest('decide', { proposal, verdict }), kind: verdict, proposal };
  return runScript(redis, marketScripts.decideProposal, metaKey(market), input);
}

function expire({ redis, market }: TestMarket, proposal = 'p1') {
  return runScript(redis, marketScripts.decideProposal, metaKey(market), { kind: 'expire', proposal });
}

function close({ redis, market }: TestMarket, engaged: boolean, proposal = 'p1') {
  const end = engaged ? { contracts: ['c1-t1'] } : { detail: 'insufficient-credits', message: 'too poor' };
  return runScript(redis, marketScripts.closeProposal, metaKey(market), { proposal, ...end });
}

function setPolicy({ redis, market }: TestMarket, text: string, key = newKey()) {
  const input = { by: 'operator', key, digest: bodyDigest('policy', text), text };
  return runScript(redis, marketScripts.setPolicy, metaKey(market), input);
}

test('a policy’s version rises with each, and its text is kept as it is', async () => {
  const market = await started();
  expect(await market.reader.policy()).toEqual({ version: 0, text: undefined });
  const text = '{"rules":[{"id":"deny-x",  "kind":"deny","agents":["x"]}]}';
  expect(await setPolicy(market, '{"rules":[]}', 'policy-key')).toMatchObject({ version: 1 });
  expect(await setPolicy(market, text)).toMatchObject({ version: 2 });
  expect(await setPolicy(market, '{"rules":[]}', 'policy-key')).toMatchObject({ version: 1, replayed: true });
  expect(await market.reader.policy()).toEqual({ version: 2, text });
  await market.check();
});

test('what was asked is shown as it was filed', async () => {
  const market = await started();
  await file(market);
  await file(market, { about: 'escalation', by: 'ben', rule: undefined, amountMicro: undefined, text: undefined });
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
  for (const withinMs of [900, 300, 600]) await file(market, { withinMs });
  const waiting = async () => (await market.reader.waiting(10)).map(({ view }) => view.proposal);
  expect(await waiting()).toEqual(['p2', 'p3', 'p1']);
  await decide(market, 'deny', 'p2');
  expect(await waiting()).toEqual(['p3', 'p1']);
  await market.check();
});

test('one asker has so many waiting at most, others are not kept out', async () => {
  const market = await started();
  await Promise.all(Array.from({ length: MAX_ASKED }, () => file(market)));
  expect(await file(market)).toMatchObject({ ok: false, detail: 'no-capacity' });
  expect(await file(market, { by: 'ben' })).toMatchObject({ ok: true });
  await decide(market, 'approve');
  expect(await file(market)).toMatchObject({ ok: true });
  await market.check();
});

test('an approved engagement that nobody closes is due again, a decided one never', async () => {
  const market = await started();
  const due = async () => market.redis.zrange(marketKey(market.market, 'deadlines'), '0', '-1', 'WITHSCORES');
  await file(market);
  expect(await due()).toEqual(['proposal:p1', String(START_MS + WITHIN_MS)]);
  await decide(market, 'approve');
  expect(await due()).toEqual(['proposal:p1', String(START_MS + CLOSED_WITHIN_MS)]);
  await close(market, true);
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
  const FILING = 'filing-key';
  const text = (state: State) => (state === 'noted' ? { text: undefined } : {});
  const fileAs = (market: TestMarket, state: State) => file(market, { key: FILING, ...text(state) });
  const past = (market: TestMarket) => market.setClock(START_MS + WITHIN_MS);
  const enter: Record<State, (market: TestMarket) => Promise<unknown>> = {
    none: async () => {},
    waiting: async () => {},
    over: past,
    approved: (market) => decide(market, 'approve'),
    noted: (market) => decide(market, 'approve'),
    engaged: async (market) => [await decide(market, 'approve'), await close(market, true)],
    denied: (market) => decide(market, 'deny'),
    expired: async (market) => [await past(market), await expire(market)],
    failed: async (market) => [await decide(market, 'approve'), await close(market, false)],
  };
  const take: Record<Event, (market: TestMarket, state: State) => ReturnType<typeof decide>> = {
    file: fileAs,
    approve: (market) => decide(market, 'approve'),
    deny: (market) => decide(market, 'deny'),
    expire: (market) => expire(market),
    engaged: (market) => close(market, true),
    failed: (market) => close(market, false),
  };
  const rows = (Object.keys(transitions) as State[]).flatMap((state) =>
    events.map((event, index) => [state, event, transitions[state][index]!] as const),
  );

  it.each(rows)('%s, %s: %s', async (state, event, expected) => {
    const market = await started();
    if (state !== 'none') expect(await fileAs(market, state)).toMatchObject({ ok: true, state: 'pending' });
    await enter[state](market);
    const before = await market.dump();
    const reply = await take[event](market, state);
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
