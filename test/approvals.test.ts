// Rules, approvals and slots taken back, over the wire with two brokers: what a rule forbids is never committed, what it
// wants approved waits, and what is approved is engaged once, whichever broker lives to do it.
import { metaKey, runScript } from '@tender/credits/redis';
import type { Call } from '@tender/market';
import { newId } from '@tender/market/nats';
import { marketScripts } from '@tender/market/redis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type MarketUnderTest, startMarket, until } from './market-under-test.js';
import { type DealDraft, dealOf, engageOf, offerOf } from './task-client.js';
import type { WireClient } from './wire-client.js';

let market: MarketUnderTest;
let buyer: WireClient;
let ann: WireClient;
let ben: WireClient;
let seller: WireClient;

beforeAll(async () => {
  market = await startMarket(2);
  [buyer, seller] = await Promise.all([market.agent('buyer', 100), market.agent('seller', 0)]);
  [ann, ben] = await Promise.all([market.agent('ann', 10), market.agent('ben', 10)]);
  await market.pool('gpu.h100', 'seller', 8, { compensationPermille: 500 });
  await market.pool('gpu.strict', 'seller', 2, { graceMs: 300, idleMs: 500 });
});
afterEach(async () => {
  await rules();
});
afterAll(async () => {
  const breaches = await market.breaches();
  await market.stop();
  expect(breaches).toEqual([]);
});

const rules = (...list: Record<string, unknown>[]) => market.order('policy', { policy: { rules: list } });

const dear = (more: Record<string, unknown> = {}) => ({ id: 'dear', kind: 'approval', aboveMicro: '400000', ...more });
const pending = async (agent: WireClient) => Number((await agent.done('account', {})).pendingMicro);

/** What is asked to be approved; the filed proposal with the request, so that it can be asked again. */
async function filed(deal: DealDraft = dealOf(buyer)) {
  const body = engageOf(deal, [offerOf(ann, deal)]);
  const reply = await buyer.ask('engage', body);
  expect(reply.body, JSON.stringify(reply.body)).toMatchObject({ kind: 'pending', rule: 'dear' });
  return { deal, body, reply, proposal: reply.body.proposal as string };
}

const look = (proposal: string) => buyer.done('proposal', { proposal });

describe('an engagement that a rule wants approved', () => {
  test('waits with nothing set aside, and is engaged once when an operator approves it', async () => {
    await rules(dear());
    const before = await pending(buyer);
    const { body, reply, proposal, deal } = await filed();
    expect(reply.headers?.get('Tender-Status')).toBe('261');
    expect(Number(reply.headers?.get('Tender-Expires'))).toBe(reply.body.expiresAt);
    expect(await pending(buyer)).toBe(before);
    expect((await buyer.ask('engage', body)).body).toEqual(reply.body);
    const listed = await market.say('approvals', {});
    expect(listed.body.proposals).toMatchObject([{ proposal, amountMicro: '500000', rule: 'dear', by: 'buyer' }]);
    expect(listed.body.proposals[0].message).toContain(deal.frame.task.summary);
    const key = `decide-${newId()}`;
    const decided = await market.say('decide', { key, proposal, verdict: 'approve' });
    expect(decided.body.proposal).toMatchObject({
      state: 'engaged',
      decidedBy: 'op',
      contracts: [{ provider: 'ann' }],
    });
    expect(await pending(buyer)).toBe(before + 500_000);
    expect((await market.say('decide', { key, proposal, verdict: 'approve' })).body).toEqual(decided.body);
    expect(await look(proposal)).toEqual(decided.body.proposal);
    expect((await market.say('approvals', {})).body.proposals).toEqual([]);
    expect((await market.say('decide', { proposal, verdict: 'deny' })).body.detail).toBe('expired');
  });

  test('is its asker’s and its buyer’s to look at', async () => {
    await rules(dear());
    const { proposal } = await filed();
    expect((await ann.ask('proposal', { proposal })).body.detail).toBe('not-permitted');
    expect((await buyer.ask('proposal', { proposal: 'p9999' })).body.detail).toBe('unknown');
  });

  test('is filed by the latest rules, whichever broker is asked', async () => {
    for (let withinMs = 60_000; withinMs < 60_010; withinMs += 1) {
      await rules(dear({ withinMs }));
      const before = Date.now();
      const { proposal, reply } = await filed();
      // By rules that a broker had not heard of yet it would be a millisecond less.
      const { filedAt, expiresAt } = await look(proposal);
      expect(expiresAt - filedAt).toBe(withinMs);
      expect(reply.body.expiresAt).toBeGreaterThanOrEqual(before + withinMs - 1_000);
      await market.say('decide', { proposal, verdict: 'deny' });
    }
  });

  test('is denied, or nobody decides in time', async () => {
    await rules(dear());
    const denied = await filed();
    expect((await market.say('decide', { proposal: denied.proposal, verdict: 'deny' })).body.status).toBe('denied');
    await rules(dear({ withinMs: 200 }));
    const late = await filed();
    await until('the proposal expires', async () => (await look(late.proposal)).state === 'expired');
    expect((await market.say('decide', { proposal: late.proposal, verdict: 'approve' })).body.detail).toBe('expired');
    expect(await look(denied.proposal)).toMatchObject({ state: 'denied', decidedBy: 'op' });
  });

  test('is approved by no operator against the other rules', async () => {
    await rules(dear());
    const { proposal } = await filed();
    await rules({ id: 'no-ann', kind: 'deny', agents: ['ann'] });
    const { body } = await market.say('decide', { proposal, verdict: 'approve' });
    expect(body.proposal).toMatchObject({ state: 'failed', detail: 'not-permitted' });
    expect(body.proposal.message).toContain('no-ann');
  });

  test('says what failed where the buyer’s credits are gone by then', async () => {
    const poor = await market.agent(`poor-${newId()}`, 1);
    await rules(dear());
    const deal = dealOf(poor, {}, { priceMicro: '900000' });
    const { body } = await poor.ask('engage', engageOf(deal, [offerOf(ann, deal)]));
    await market.say('retire', { from: poor.id, amountMicro: '500000' });
    await market.say('decide', { proposal: body.proposal, verdict: 'approve' });
    const view = await poor.done('proposal', { proposal: body.proposal });
    expect(view).toMatchObject({ state: 'failed', detail: 'insufficient-credits' });
  });

  test('is engaged by another broker where the one that took the decision died', async () => {
    await rules(dear());
    const { proposal } = await filed();
    // The decision as a script commits it, and nobody there to go on.
    const decision = { by: 'op', key: `dead-${newId()}`, digest: 'd', kind: 'approve' as const, proposal };
    await runScript(market.redis, marketScripts.decideProposal, metaKey(market.market), decision);
    await until('another broker engages', async () => (await look(proposal)).state === 'engaged');
    expect((await look(proposal)).contracts).toHaveLength(1);
  });

  test('and its runners-up too: the best alone is asked about, a dearer one does not stand by unapproved', async () => {
    await rules(dear());
    const deal = dealOf(buyer);
    const cheap = offerOf(ann, deal, { priceMicro: '300000' });
    const reply = await buyer.ask('engage', engageOf(deal, [cheap, offerOf(ben, deal)]));
    expect(reply.body).toMatchObject({ kind: 'contracts', contracts: [{ provider: 'ann', standbys: 0 }] });
    const verdict = reply.body.verdicts.find(({ participant }: { participant: string }) => participant === 'ben');
    expect(verdict).toMatchObject({ outcome: 'barred', detail: 'authorization-required' });
  });
});

describe('the market’s rules', () => {
  test('refuse by name, with what would pass and the missing authorization', async () => {
    await rules(
      { id: 'eu-only', kind: 'region', regions: ['eu'] },
      { id: 'secrets', kind: 'data-class', from: 'confidential', cleared: ['ben'] },
    );
    const far = dealOf(buyer, {}, { region: 'us' });
    const reply = await buyer.ask('engage', engageOf(far, [offerOf(ann, far)]));
    expect(reply.body).toMatchObject({ detail: 'region', reason: 'policy-refused', rule: 'eu-only', status: 455 });
    expect(reply.headers?.get('Tender-Reason')).toBe('policy-refused/region');
    const deal = dealOf(buyer);
    const secret = {
      ...deal,
      frame: { ...deal.frame, task: { ...deal.frame.task, dataClass: 'restricted' as const } },
    };
    const uncleared = await buyer.ask('engage', engageOf(secret, [offerOf(ann, secret)]));
    expect(uncleared.body).toMatchObject({ status: 262, authorization: 'clearance:confidential', rule: 'secrets' });
    const next = await buyer.ask('engage', engageOf(secret, [offerOf(ann, secret), offerOf(ben, secret)]));
    expect(next.body.contracts).toMatchObject([{ provider: 'ben' }]);
    const { version, policy } = await ann.done('policy', {});
    expect(policy.rules.map(({ id }: { id: string }) => id)).toEqual(['eu-only', 'secrets']);
    expect(version).toBeGreaterThan(0);
  });

  test('bind at every broker as soon as they are set', async () => {
    for (let round = 0; round < 5; round += 1) {
      const deals = Array.from({ length: 8 }, () => dealOf(buyer, {}, { priceMicro: '1000' }));
      const offers = deals.map((deal) => offerOf(ann, deal));
      await rules({ id: 'nobody', kind: 'deny', agents: ['*'] });
      const replies = await Promise.all(deals.map((deal, n) => buyer.ask('engage', engageOf(deal, [offers[n]!]))));
      expect(replies.map(({ body }) => body.rule)).toEqual(deals.map(() => 'nobody'));
      await rules();
    }
  });

  test('cap what a payer has set aside, over all of its contracts', async () => {
    const capped = await market.agent(`capped-${newId()}`, 10);
    await rules({ id: 'cap', kind: 'budget-cap', per: 'payer', maxMicro: '800000', scope: { payers: [capped.id] } });
    const deals = [dealOf(capped), dealOf(capped)];
    const replies = await Promise.all(deals.map((deal) => capped.ask('engage', engageOf(deal, [offerOf(ann, deal)]))));
    expect(replies.map(({ body }) => body.detail ?? body.kind).sort()).toEqual(['contracts', 'over-budget']);
    expect(await pending(capped)).toBe(500_000);
  });

  test('bar a bid from an auction, and ask nobody to approve one', async () => {
    await rules(dear({ aboveMicro: '0' }), {
      id: 'no-ann',
      kind: 'deny',
      agents: ['ann'],
      scope: { resources: ['gpu.*'] },
    });
    const call: Call = await seller.done('lock', seller.offer('gpu.h100'));
    const reply = await seller.ask('award', seller.award(call, [ann.cheque(call, 900), ben.cheque(call, 500)]));
    expect(reply.body.winners).toMatchObject([{ participant: 'ben', priceMicro: '0' }]);
    expect(reply.body.verdicts).toContainEqual(
      expect.objectContaining({ participant: 'ann', outcome: 'barred', detail: 'not-permitted' }),
    );
    const other: Call = await seller.done('lock', seller.offer('gpu.h100'));
    const refused = await seller.ask('award', seller.award(other, [ann.cheque(other, 900)]));
    expect(refused.body).toMatchObject({ detail: 'not-permitted', rule: 'no-ann' });
  });

  test('that come after something was committed change nothing of the answer to who asks again', async () => {
    const deal = dealOf(buyer);
    const body = engageOf(deal, [offerOf(ann, deal)]);
    const engaged = await buyer.done('engage', body);
    const call: Call = await seller.done('lock', seller.offer('gpu.h100'));
    const award = seller.award(call, [ann.cheque(call, 900)]);
    const awarded = await seller.done('award', award);
    await rules({ id: 'no-ann', kind: 'deny', agents: ['ann'] });
    expect(await seller.done('award', award)).toEqual(awarded);
    expect(await buyer.done('engage', body)).toEqual(engaged);
    await rules(dear());
    expect(await buyer.done('engage', body)).toEqual(engaged);
  });

  test('come from an operator, whole and well-formed', async () => {
    const key = `policy-${newId()}`;
    const forged = await buyer.admin('policy', { key, policy: { rules: [] } });
    expect(forged.body.detail).toBe('bad-signature');
    const twice = await market.say('policy', { policy: { rules: [dear(), dear()] } });
    expect(twice.body.detail).toBe('malformed');
  });
});

test('all that waits is listed, page by page, and whose it is: no crowd of proposals hides one', async () => {
  const escalated = { about: 'escalation' as const, digest: 'd', conversation: 'k1', message: 'stuck' };
  const filings = Array.from({ length: 300 }, (_, n) => {
    const by = `crowd-${n % 6}`;
    const asked = { ...escalated, by, buyer: by, key: `crowd-${newId()}`, withinMs: 3_600_000 + n };
    return runScript(market.redis, marketScripts.fileProposal, metaKey(market.market), asked);
  });
  const replies = await Promise.all(filings);
  const ids = replies.map((reply) => (reply.ok ? reply.proposal : reply.message));
  const first = (await market.say('approvals', {})).body;
  expect(first.proposals).toHaveLength(256);
  expect(first.more).toBe(1);
  expect(first.waiting).toBeGreaterThanOrEqual(300);
  expect(first.asking).toContainEqual({ by: 'crowd-5', waiting: 50 });
  const { expiresAt, proposal } = first.proposals.at(-1);
  const next = (await market.say('approvals', { after: { expiresAt, proposal } })).body;
  expect(next.more).toBeUndefined();
  const listed = [...first.proposals, ...next.proposals].map((one: { proposal: string }) => one.proposal);
  expect(new Set(listed).size).toBe(listed.length);
  expect(listed).toEqual(expect.arrayContaining(ids));
  await Promise.all(ids.map((id) => market.say('decide', { proposal: id, verdict: 'deny' })));
});

describe('a negotiation that is stuck', () => {
  test('is put before the operators, and closed on what its buyer would close on', async () => {
    const deal = dealOf(buyer);
    const body = {
      ...{ key: `stuck-${newId()}`, frame: deal.frame, message: 'three rejections', withinMs: 60_000 },
      engage: engageOf(deal, [offerOf(ann, deal)]),
    };
    const reply = await buyer.ask('escalate', body);
    expect(reply.headers?.get('Tender-Status')).toBe('261');
    const { proposal } = reply.body;
    // Whatever the message says, whoever decides sees the price.
    const listed = await market.say('approvals', {});
    const shown = expect.objectContaining({ proposal, amountMicro: deal.ask.priceMicro });
    expect(listed.body.proposals).toContainEqual(shown);
    expect((await ann.ask('escalate', { ...body, key: `stuck-${newId()}` })).body.detail).toBe('not-permitted');
    const decided = await market.say('decide', { proposal, verdict: 'approve' });
    expect(decided.body.proposal).toMatchObject({ kind: 'escalation', state: 'engaged', message: 'three rejections' });
  });

  test('by a provider is noted, since it cannot close', async () => {
    const deal = dealOf(buyer);
    const body = { key: `noted-${newId()}`, frame: deal.frame, message: 'no way to agree', withinMs: 60_000 };
    const { proposal } = await ann.done('escalate', body);
    const decided = await market.say('decide', { proposal, verdict: 'approve' });
    expect(decided.body.proposal).toMatchObject({ state: 'approved', by: 'ann' });
  });
});

describe('a lease', () => {
  async function leased(pool: string, price = 1_000): Promise<string> {
    const call: Call = await seller.done('lock', seller.offer(pool, { reservePriceMicro: String(price) }));
    const { winners } = await seller.done('award', seller.award(call, [ben.cheque(call, price)]));
    return winners[0].contract;
  }
  const taken = (who: WireClient, contract: string) => who.ask('preempt', { key: `take-${newId()}`, contract });

  test('is taken back by the pool’s seller, who compensates its holder', async () => {
    const contract = await leased('gpu.h100', 600_000);
    expect((await taken(ben, contract)).body.detail).toBe('not-permitted');
    await new Promise((resume) => setTimeout(resume, 20));
    const { body } = await taken(seller, contract);
    expect(body).toMatchObject({ outcome: 'preempted' });
    // A sixtieth of a minute's price at most; the pool's account has no more to give than it was paid.
    expect(Number(body.paidMicro)).toBeGreaterThan(0);
    expect(Number(body.compensationMicro)).toBeGreaterThan(0);
    expect(Number(body.paidMicro) + Number(body.refundedMicro)).toBe(600_000);
    expect((await taken(seller, contract)).body.detail).toBe('expired');
  });

  test('and a task are ended by an operator', async () => {
    const contract = await leased('gpu.h100');
    expect((await market.say('preempt', { contract })).body.status).toBe('preempted');
    const deal = dealOf(buyer);
    const engaged = await buyer.done('engage', engageOf(deal, [offerOf(ann, deal)]));
    expect((await market.say('preempt', { contract: engaged.contracts[0].contract })).body.status).toBe('preempted');
    expect((await market.say('preempt', { contract: 'c9-1' })).body.detail).toBe('unknown');
  });

  test('that its pool asks about is heard of, and ends where it is not', async () => {
    const silent = await leased('gpu.strict');
    const contract = await leased('gpu.strict');
    const say = (step: string, more = {}) => ({ key: `say-${newId()}`, contract, step, ...more });
    const { dueAt } = await ben.done('report', say('run'));
    const later = await ben.done('report', say('progress', { percent: 10 }));
    expect(later.dueAt).toBeGreaterThanOrEqual(dueAt);
    expect((await ben.done('contract', { contract })).state).toBe('running');
    expect((await ann.ask('report', say('progress', { percent: 10 }))).body.detail).toBe('not-permitted');
    expect((await ben.ask('report', { key: `say-${newId()}`, contract, step: 'take' })).body.detail).toBe('unknown');
    const outcome = async (id: string) => (await ben.done('contract', { contract: id })).outcome;
    await until('the silent one ends', async () => (await outcome(silent)) === 'unstarted');
    await until('the one that fell silent ends', async () => (await outcome(contract)) === 'idle');
  });
});

test('an operator decides a dispute', async () => {
  const deal = dealOf(buyer);
  const disputed = { ...deal, frame: { ...deal.frame, conditions: { ...deal.frame.conditions, disputeMs: 60_000 } } };
  const { contracts } = await buyer.done('engage', engageOf(disputed, [offerOf(ann, disputed)]));
  const { contract } = contracts[0];
  const step = (who: WireClient, name: string, more = {}) =>
    who.done('report', { key: `step-${newId()}`, contract, step: name, ...more });
  const now = Date.now();
  const receipt = { outcome: 'done', startedAt: now, endedAt: now, outputs: {}, used: {}, warnings: [] };
  await step(ann, 'take');
  await step(ann, 'run');
  await step(ann, 'done', { receipt });
  await step(buyer, 'dispute', { message: 'half of it is missing' });
  const resolved = await market.say('resolve', { contract, paidMicro: '250000', bondTo: 'provider' });
  expect(resolved.body.status).toBe('done');
  expect(await buyer.done('task', { contract })).toMatchObject({ paidMicro: '250000', refundedMicro: '250000' });
});
