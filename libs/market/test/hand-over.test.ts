// Hand-over: who is turned down, who takes over, whom a pool's slots earn for and when they are free.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OfferDraft } from '../src/testing/index.js';
import { START_MS, startTestRedis, type TestRedis } from './market-under-test.js';
import { taskMarket } from './task-market.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

const ben: OfferDraft = { participant: 'ben' };
const cid: OfferDraft = { participant: 'cid', price: 120 };
const dot: OfferDraft = { participant: 'dot', price: 140 };
const holding: OfferDraft = { ...ben, hold: 'h1', units: 2 };

describe('who is turned down', () => {
  it('loses nothing; the next standby that can takes over with its own terms, slots and time', async () => {
    const { tasks, hand, at, reader, available, pending, check } = await taskMarket(server);
    await hand.call({ cfp: 'h1', slots: [0, 1], by: 'ben' });
    await hand.call({ cfp: 'h2', slots: [2, 3], by: 'ben' });
    const offers = [
      { ...holding, price: 50 },
      { ...cid, until_ms: START_MS + 400 },
      { ...dot, price: 10_001 },
      { ...holding, intent: 'again', hold: 'h2', price: 200 },
      dot,
    ];
    await tasks.engage({ conversation: 'k1', offers });
    await at(5_000);
    // Whoever comes late finds the contract violated: nothing to hand over.
    expect((await reader.task('k1-t1'))?.dueAt).toBe(START_MS + 2_000);
    await at(1_500);
    const reply = await tasks.report('ben', 'k1-t1', 'turn-down', { text: 'no driver' });
    const second = { state: 'awarded', attempt: 2, participant: 'ben', dueAt: START_MS + 2_500 };
    expect(reply).toMatchObject({ ok: true, ...second });
    expect(await reader.task('k1-t1')).toMatchObject({ intent: 'again', slots: [2, 3], fences: [1, 1], standbys: 1 });
    expect(await reader.freeCount('gpu')).toBe(6);
    expect([await pending('ann'), await pending('ben')]).toEqual([200, 10]);
    expect(await tasks.report('ben', 'k1-t1', 'turn-down')).toMatchObject({ attempt: 3, participant: 'dot' });
    expect(await tasks.report('ben', 'k1-t1', 'take')).toMatchObject({ detail: 'not-permitted' });
    expect(await tasks.report('zed', 'k1-t1', 'turn-down')).toMatchObject({ state: 'settled', outcome: 'failed' });
    for (const agent of ['ann', 'ben', 'dot']) expect(await available(agent)).toBe(10_000);
    expect(await reader.freeCount('gpu')).toBe(8);
    await check();
  });

  it('leaves its part to who makes up for it', async () => {
    const { tasks, check } = await taskMarket(server);
    const offers = [
      { ...ben, units: 2 },
      cid,
      { ...dot, intent: 'small' },
      { ...dot, intent: 'large', units: 2, price: 150 },
    ];
    await tasks.engage({ conversation: 'k1', fill: 'all', total: 3, offers });
    expect(await tasks.report('ben', 'k1-t1', 'turn-down')).toMatchObject({ state: 'awarded', participant: 'dot' });
    // What was passed over once may still do for another part.
    expect(await tasks.report('cid', 'k1-t2', 'turn-down')).toMatchObject({ state: 'awarded', participant: 'dot' });
    await check();
  });
});

describe('the rules of then', () => {
  const barred = { rule: 'no-cid', detail: 'not-permitted' } as const;
  const capAt = (most: number) => ({ bounds: [{ rule: 'purse', of: 'payer' as const, most }] });
  const engaged = async () => {
    const market = await taskMarket(server);
    await market.tasks.engage({ conversation: 'k1', limitMicro: '100', offers: [ben, cid, dot] });
    return market;
  };

  it('bar a standby, and the next one takes over; whom they barred is told, by the rule’s name', async () => {
    const { tasks, check } = await engaged();
    const reply = await tasks.report('ben', 'k1-t1', 'turn-down', { rulings: [{ barred }, {}] });
    expect(reply).toMatchObject({ state: 'awarded', participant: 'dot' });
    expect(reply).toMatchObject({ passedOver: [{ participant: 'cid', intent: 'intent-1', ...barred }] });
    await check();
  });

  it('bar all of them, and the contract has failed to nobody’s fault', async () => {
    const { tasks, available, check } = await engaged();
    const rulings = [{ barred }, capAt(139)];
    const reply = await tasks.report('ben', 'k1-t1', 'turn-down', { rulings });
    expect(reply).toMatchObject({ state: 'settled', outcome: 'failed', bondTo: 'provider', passedOver: [{}, {}] });
    for (const agent of ['ann', 'ben']) expect(await available(agent)).toBe(10_000);
    await check();
  });

  it('cap what the buyer has set aside with it, without what its forerunner gives back', async () => {
    const { tasks, check } = await engaged();
    const reply = await tasks.report('ben', 'k1-t1', 'turn-down', { rulings: [capAt(119), capAt(140)] });
    expect(reply).toMatchObject({ participant: 'dot', passedOver: [{ rule: 'purse', detail: 'over-budget' }] });
    await check();
  });

  it('are those of now: judged by others nothing is handed over, and nothing has changed', async () => {
    const { tasks, dump, check } = await engaged();
    const before = await dump();
    const reply = await tasks.report('ben', 'k1-t1', 'turn-down', { policy: 1 });
    expect(reply).toMatchObject({ ok: false, detail: 'stale' });
    expect(await dump()).toEqual(before);
    await tasks.engage({ conversation: 'k2', task: 'alone', offers: [{ ...ben, intent: 'alone' }] });
    // Where nobody stands by there is nothing to judge.
    expect(await tasks.report('ben', 'k2-t1', 'turn-down', { policy: 1 })).toMatchObject({ outcome: 'failed' });
    await check();
  });

  it('find who stands by, what is to be judged, and whether an operator has approved it', async () => {
    const { tasks, reader } = await engaged();
    const found = await reader.standbys('k1-t1');
    expect(found).toMatchObject({ frame: { buyer: 'ann' }, approved: false });
    expect(found?.standbys.map(({ participant, price }) => [participant, price])).toEqual([
      ['cid', 120],
      ['dot', 140],
    ]);
    await tasks.engage({
      conversation: 'k2',
      task: 'dear',
      approved: true,
      offers: [
        { ...ben, intent: 'b' },
        { ...cid, intent: 'c' },
      ],
    });
    expect(await reader.standbys('k2-t1')).toMatchObject({ approved: true });
    expect(await reader.standbys('k9-t1')).toBeUndefined();
  });
});

describe('slots', () => {
  it.each([
    { first: dot, next: { ...ben, hold: 'h1' }, paid: { dot: 0, ben: 0, 'pool-account': 100 } },
    { first: { ...ben, hold: 'h1' }, next: dot, paid: { ben: 0, dot: 140, 'pool-account': 0 } },
  ])('earn for their pool, and for nobody after a turn-down: $paid', async ({ first, next, paid }) => {
    const { tasks, hand, available, check } = await taskMarket(server);
    await hand.call({ cfp: 'h1', slots: [0], by: 'ben', reservePriceMicro: '100', durationMs: 10_000 });
    await tasks.engage({ conversation: 'k1', offers: [first, next] });
    await tasks.report(first.participant, 'k1-t1', 'turn-down');
    for (const step of ['take', 'run', 'done'] as const) await tasks.report(next.participant, 'k1-t1', step);
    for (const [id, amount] of Object.entries(paid)) expect((await available(id)) % 10_000, id).toBe(amount);
    await check();
  });

  it('are free as soon as the work is done, before a dispute is over', async () => {
    const { tasks, hand, reader, check } = await taskMarket(server);
    await hand.call({ cfp: 'h1', slots: [0, 1], by: 'ben' });
    await tasks.engage({ conversation: 'k1', conditions: { disputeMs: 60_000 }, offers: [holding] });
    for (const step of ['take', 'run', 'done'] as const) await tasks.report('ben', 'k1-t1', step);
    expect(await reader.freeCount('gpu')).toBe(8);
    await hand.call({ cfp: 'h2', slots: [0], by: 'ben' });
    await tasks.engage({ conversation: 'k2', task: 'other', offers: [{ ...ben, intent: 'next', hold: 'h2' }] });
    expect(await tasks.report('ann', 'k1-t1', 'accept')).toMatchObject({ state: 'settled', outcome: 'done' });
    expect(await reader.task('k2-t1')).toMatchObject({ slots: [0], fences: [2] });
    expect(await reader.freeCount('gpu')).toBe(7);
    await check();
  });
});

describe('the noise of a pool', () => {
  const noisy = { pool: 'gpu', slots: 8, seller: 'ben', noiseMaxPermille: 3_000, noiseWindowMs: 100_000 };
  const agents = [{ id: 'ann', owner: 'acme' }, { id: 'ben' }, { id: 'cid', owner: 'acme' }, { id: 'dot' }];

  it('counts the slots of a task as its buyer’s, for as long as was agreed', async () => {
    const { tasks, hand, redis, market, check } = await taskMarket(server, { agents, pools: [noisy] });
    await hand.call({ cfp: 'h1', slots: [0, 1], by: 'ben' });
    await tasks.engage({ conversation: 'k1', offers: [{ ...holding, durationMs: 6_000 }, dot] });
    const bought = () => redis.hgetall(`{${market}}:bought:gpu`);
    expect(await bought()).toEqual({ acme: `${START_MS},0,12000` });
    // Two slots for six seconds, of eight for a hundred: fifteen thousandths of the way to three times the price.
    await hand.call({ cfp: 'c1', slots: [2], by: 'ben', durationMs: 1_000, reservePriceMicro: '1000' });
    const bids = [{ participant: 'cid', price: 9_000, until_ms: START_MS + 60_000 }];
    expect(await hand.award('c1', bids, { by: 'ben' })).toMatchObject({ winners: [{ priceMicro: '1030' }] });
    await check();
    // Who turns the work down is paid nothing, and was no purchase; the lease still is.
    expect(await tasks.report('ben', 'k1-t1', 'turn-down')).toMatchObject({ participant: 'dot' });
    expect(await bought()).toEqual({ acme: `${START_MS},0,1000` });
    await check();
  });

  it('takes back what nobody was paid for where it was counted: what was bought since stays', async () => {
    const pool = { ...noisy, noiseWindowMs: 2_000 };
    const { tasks, hand, redis, market, at, check } = await taskMarket(server, { agents, pools: [pool] });
    await hand.call({ cfp: 'h1', slots: [0, 1], by: 'ben' });
    await at(1_500);
    await tasks.engage({ conversation: 'k1', offers: [{ ...holding, durationMs: 6_000 }] });
    await at(2_100);
    await hand.call({ cfp: 'c1', slots: [2], by: 'ben', durationMs: 1_000 });
    await hand.award('c1', [{ participant: 'cid', price: 9_000, until_ms: START_MS + 60_000 }], { by: 'ben' });
    const bought = () => redis.hgetall(`{${market}}:bought:gpu`);
    expect(await bought()).toEqual({ acme: `${START_MS + 2_000},12000,1000` });
    expect(await tasks.report('ben', 'k1-t1', 'turn-down')).toMatchObject({ outcome: 'failed' });
    expect(await bought()).toEqual({ acme: `${START_MS + 2_000},0,1000` });
    await check();
  });

  it('keeps what was paid for: a buyer that calls it off has had the slots', async () => {
    const { tasks, hand, redis, market, at, check } = await taskMarket(server, { agents, pools: [noisy] });
    await hand.call({ cfp: 'h1', slots: [0, 1], by: 'ben' });
    await tasks.engage({ conversation: 'k1', offers: [{ ...holding, durationMs: 6_000 }] });
    await tasks.report('ben', 'k1-t1', 'take');
    await tasks.report('ben', 'k1-t1', 'run');
    await at(500);
    expect(await tasks.report('ann', 'k1-t1', 'decommit')).toMatchObject({ state: 'settled' });
    expect(await redis.hgetall(`{${market}}:bought:gpu`)).toEqual({ acme: `${START_MS},0,12000` });
    await check();
  });
});

describe('a process that resumes', () => {
  it('is heard in place of the one before, under higher fences; whoever takes over later begins afresh', async () => {
    const { tasks, hand, at, reader, check } = await taskMarket(server);
    await hand.call({ cfp: 'h1', slots: [0, 1], by: 'ben' });
    await tasks.engage({ conversation: 'k1', offers: [{ ...holding, price: 50 }, dot] });
    const say = (step: 'take' | 'run' | 'resume' | 'progress' | 'turn-down', process?: string, by = 'ben') =>
      tasks.report(by, 'k1-t1', step, { ...(process && { process }), ...(step === 'progress' && { percent: 10 }) });
    const stale = { ok: false, detail: 'stale' };
    expect(await say('resume', 'p-1')).toMatchObject({ ok: false, detail: 'not-your-turn' });
    expect(await say('take', 'p-1')).toMatchObject({ ok: true });
    expect(await say('resume')).toMatchObject({ ok: false, detail: 'malformed' });
    expect(await say('resume', 'p-2', 'dot')).toMatchObject({ ok: false, detail: 'not-permitted' });
    expect(await reader.task('k1-t1')).toMatchObject({ process: 'p-1', fences: [1, 1] });
    expect(await say('resume', 'p-2')).toMatchObject({ ok: true, state: 'starting' });
    expect(await reader.task('k1-t1')).toMatchObject({ process: 'p-2', fences: [2, 2], slots: [0, 1] });
    expect([await say('run', 'p-1'), await say('run')]).toMatchObject([stale, stale]);
    expect(await say('turn-down', 'p-2')).toMatchObject({ ok: true, participant: 'dot', attempt: 2 });
    expect((await reader.task('k1-t1'))?.process).toBeUndefined();
    // Who names no process is heard until one does: programs that know of none go on as before.
    expect(await say('take', undefined, 'dot')).toMatchObject({ ok: true });
    expect(await say('run', 'p-3', 'dot')).toMatchObject({ ok: true });
    await at(9_000);
    // Heard of, it need not speak again for as long as the conditions say.
    expect(await say('resume', 'p-4', 'dot')).toMatchObject({ ok: true, state: 'running', dueAt: START_MS + 19_000 });
    expect(await say('progress', 'p-3', 'dot')).toMatchObject(stale);
    await check();
  });
});
