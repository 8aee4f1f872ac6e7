// Having tasks done and doing them: announced calls, negotiations between two, counter-proposals; a real broker.
import type { Issues } from '@tender/market';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Agent, HireOptions, LostOffer, ProvideOptions } from '../src/index.js';
import { CREDIT, hiredBy, offer, type SdkMarket, sdkMarket, sold, wiretap } from './support.js';

const HOUR = 3_600_000;
let m: SdkMarket;
let buyer: Agent;
let ann: Agent;
let ben: Agent;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-tasks' });
  [buyer, ann, ben] = await Promise.all([m.sdkAgent('buyer'), m.sdkAgent('ann'), m.sdkAgent('ben')]);
});
afterAll(() => m.stop());

/** Provides until the test is over, for a credit at least. */
async function provide(agent: Agent, resource: string, more: Partial<ProvideOptions> = {}): Promise<void> {
  const providing = agent.provide(resource, {
    appraise: () => ({ ok: true, costMicro: CREDIT }),
    run: ({ inputs }) => ({ doubled: Number(inputs.n) * 2 }),
    ...more,
  });
  onTestFinished(() => providing.stop());
  await providing.ready;
}

function order(resource: string, more: Partial<HireOptions> = {}): HireOptions {
  return { task: { resource, inputs: { n: 21 } }, ask: { priceMicro: 2 * CREDIT }, closeAfterAnswers: 1, ...more };
}

test('an announced task is offered, engaged, run and paid; each step says in headers what it is', async () => {
  const tap = await wiretap(m);
  const lost: LostOffer[] = [];
  await provide(ann, 'gpu.a', { appraise: () => ({ ok: true, costMicro: CREDIT, wishMicro: CREDIT }) });
  await provide(ben, 'gpu.a', { onLost: (one) => lost.push(one) });
  const outcome = await buyer.hire(order('gpu.a', { closeAfterAnswers: 2 }));
  const [task] = hiredBy(outcome);
  expect(task!.provider).toBe('ann');
  expect(await task!.receipt).toMatchObject({ ok: true, outcome: 'done', receipt: { outputs: { doubled: 42 } } });
  expect(await task!.settled).toMatchObject({ outcome: 'done', paidMicro: String(CREDIT), refundedMicro: '0' });
  await expect.poll(() => lost.map(({ detail, buyer: whose }) => [detail, whose])).toEqual([['outbid', 'buyer']]);
  expect(outcome.trail.map(({ by, what, issues }) => [by, what, issues?.priceMicro]).slice(0, 1)).toEqual([
    ['buyer', 'cfp', String(2 * CREDIT)],
  ]);
  await expect.poll(() => tap.heard.some(({ message }) => message.performative === 'task-done')).toBe(true);
  tap.stop();
  const steps = tap.heard
    .filter(({ message }) => message.sender !== 'ben')
    .map(({ message, headers }) => [message.performative, headers['Tender-Status'], headers['Tender-Scope']]);
  expect(steps).toEqual(
    expect.arrayContaining([
      ['cfp', '261', 'gpu.a'],
      ['propose', '261', 'gpu.a'],
      ['reject-proposal', '463', 'gpu.a'],
      ['inform', '263', 'gpu.a'],
      ['task-start', '202', 'gpu.a'],
      ['task-done', '200', 'gpu.a'],
    ]),
  );
  for (const { headers, message } of tap.heard) expect(headers['Tender-Conversation']).toBe(message.conversation);
  const call = tap.heard.find(({ message }) => message.performative === 'cfp')!;
  expect(call.headers).toMatchObject({ 'Tender-Round': '1', 'Tender-Budget': String(2 * CREDIT) });
  expect(Number(call.headers['Tender-Expires'])).toBe(call.message.body.closesAt);
});

test('slots are sold and work is hired under one name: neither listener minds the other', async () => {
  const seller = await m.sdkAgent('seller');
  await m.pool('gpu.both', 'seller', 2);
  const won = ben.win('gpu.both', { maxPriceMicro: CREDIT, deadlineMs: 20_000 });
  await provide(ann, 'gpu.both');
  await provide(ben, 'gpu.both');
  const before = [ann.counts.malformed, ben.counts.malformed];
  const [task] = hiredBy(await buyer.hire(order('gpu.both')));
  sold(await seller.call(offer('gpu.both')));
  await (await won).release();
  expect(await task!.receipt).toMatchObject({ ok: true });
  expect([ann.counts.malformed, ben.counts.malformed]).toEqual(before);
});

test('48 hours are asked, 463 with a counter at 72; resubmitted and approved, 263 on turn two', async () => {
  const tap = await wiretap(m);
  const now = buyer.now();
  const needs = now + 72 * HOUR;
  await provide(ann, 'gpu.slow', {
    appraise: ({ issues }) =>
      issues.deadline >= needs
        ? { ok: true, costMicro: CREDIT, completesAt: needs }
        : {
            ok: false,
            detail: 'deadline-infeasible',
            message: 'it takes 72 hours',
            counter: { ...issues, deadline: needs },
          },
  });
  const outcome = await buyer.negotiate('ann', {
    task: { resource: 'gpu.slow', inputs: { n: 1 } },
    ask: { priceMicro: 2 * CREDIT, deadline: now + 48 * HOUR },
    bounds: { deadline: { min: now + 48 * HOUR, max: now + 96 * HOUR } },
    decide: ({ theirs }) => ({ kind: 'propose', issues: theirs.at(-1)!.issues }),
  });
  const [task] = hiredBy(outcome);
  expect(task!.view.issues.deadline).toBe(needs);
  expect(await task!.receipt).toMatchObject({ ok: true });
  const moves = tap.heard.map(({ message, headers }) => {
    const { round, issues, counter } = message.body as { round?: number; issues?: Issues; counter?: Issues };
    const deadline = (issues ?? counter)?.deadline;
    const hours = deadline === undefined ? undefined : Math.round((deadline - now) / HOUR);
    return [message.sender, message.performative, headers['Tender-Status'], round, hours];
  });
  tap.stop();
  expect(moves.slice(0, 5)).toEqual([
    ['buyer', 'propose', '261', 1, 48],
    ['ann', 'reject-proposal', '463', 1, 72],
    ['buyer', 'counter-propose', '261', 2, 72],
    ['ann', 'accept-proposal', '263', 2, 72],
    ['buyer', 'inform', '263', undefined, undefined],
  ]);
  expect(tap.heard[1]!.headers['Tender-Reason']).toBe('composition-impossible/deadline-infeasible');
});
