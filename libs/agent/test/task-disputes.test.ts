// Where two do not agree by themselves: rejections, escalation to agents and operators, approvals, aborted negotiations.
import { issueValue } from '@tender/market';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  type Agent,
  connectOperator,
  type HireOptions,
  type NegotiateOptions,
  type Operator,
  type ProvideOptions,
} from '../src/index.js';
import { CREDIT, hiredBy, PATIENT, type SdkMarket, sdkMarket, sleep, wiretap } from './support.js';
import { provide } from './task-support.js';

let m: SdkMarket;
let operator: Operator;
let buyer: Agent;
let ann: Agent;
let judge: Agent;

beforeAll(async () => {
  m = await sdkMarket({ name: 'sdk-disputes' });
  const servers = m.stack.natsUrl;
  operator = await connectOperator({ servers, market: m.market, id: 'op', seed: m.operator.seed });
  [buyer, ann, judge] = await Promise.all([m.sdkAgent('buyer'), m.sdkAgent('ann'), m.sdkAgent('judge')]);
});
afterAll(async () => {
  await operator.close();
  await m.stop();
});

/** A provider that says no to everything, and what would pass with it. */
const stubborn: Partial<ProvideOptions> = {
  decide: ({ theirs }) => {
    const last = theirs.at(-1)!.issues;
    return {
      kind: 'reject',
      move: {
        ...{ kind: 'reject', status: 463, reason: 'policy-refused', detail: 'below-reserve-price', final: false },
        ...{ message: 'two credits at least', counter: { ...last, priceMicro: String(2 * CREDIT) } },
      },
    };
  },
};

/** Goes up a little each time, however often it is refused. */
function haggle(resource: string, more: Partial<NegotiateOptions> = {}): NegotiateOptions {
  return {
    task: { resource },
    ask: { priceMicro: CREDIT },
    limitMicro: 3 * CREDIT,
    ...PATIENT,
    decide: ({ ours }) => {
      const last = ours.at(-1)!.issues;
      return { kind: 'propose', issues: { ...last, priceMicro: String(issueValue(last, 'priceMicro') + 1000) } };
    },
    ...more,
  };
}

test('after three rejections nobody proposes any more', async () => {
  const tap = await wiretap(m);
  await provide(ann, 'gpu.no', stubborn);
  const outcome = await buyer.negotiate('ann', haggle('gpu.no'));
  expect(outcome).toMatchObject({ ok: false, detail: 'round-limit' });
  expect(outcome.trail.filter(({ what }) => what === 'reject-proposal')).toHaveLength(3);
  // A fourth one is refused, whoever makes it.
  const rounds = () =>
    tap.heard.flatMap(({ message }) => (message.performative === 'counter-propose' ? [message.body.round] : []));
  await expect.poll(rounds).toEqual([2, 3]);
  tap.stop();
});

test.each([
  ['says how far to go', 2 * CREDIT, { ok: true }],
  ['would go less far than what is offered', 1.5 * CREDIT, { ok: false, detail: 'denied' }],
  ['says no', undefined, { ok: false, detail: 'denied' }],
] as const)('an agent that is named for it decides: it %s', async (name, priceMicro, expected) => {
  const asked: unknown[] = [];
  const stop = judge.onEscalation(({ from, rejections, ours, theirs }) => {
    asked.push([from, rejections, ours?.priceMicro, theirs?.priceMicro]);
    if (priceMicro === undefined) return { kind: 'reject', message: 'leave it' };
    return { kind: 'accept', issues: { ...theirs!, priceMicro: String(priceMicro) } };
  });
  onTestFinished(stop);
  const resource = `gpu.judged-${name.length}`;
  await provide(ann, resource, stubborn);
  const outcome = await buyer.negotiate('ann', haggle(resource, { escalateTo: 'judge' }));
  expect(outcome).toMatchObject(expected);
  expect(asked).toEqual([['buyer', 3, String(CREDIT + 2000), String(2 * CREDIT)]]);
  if (outcome.ok) expect(outcome.tasks[0]!.view.issues.priceMicro).toBe(String(2 * CREDIT));
});

test('a provider escalates too', async () => {
  const stop = judge.onEscalation(({ theirs }) => ({ kind: 'accept', issues: theirs! }));
  onTestFinished(stop);
  await provide(ann, 'gpu.both-ways', { ...stubborn, escalateTo: 'judge' });
  const outcome = await buyer.negotiate('ann', haggle('gpu.both-ways', { escalateTo: 'nobody' }));
  expect(outcome).toMatchObject({ ok: true });
});

test('a call whose rounds lead nowhere is escalated to the operators, who decide', async () => {
  await provide(ann, 'gpu.stuck', {
    appraise: ({ issues }) =>
      issueValue(issues, 'priceMicro') >= 2 * CREDIT
        ? { ok: true, costMicro: CREDIT }
        : {
            ...{ ok: false, detail: 'below-reserve-price', message: 'two credits' },
            counter: { ...issues, priceMicro: String(2 * CREDIT) },
          },
  });
  const ask: HireOptions = {
    ...{
      task: { resource: 'gpu.stuck' },
      ask: { priceMicro: CREDIT },
      closeAfterAnswers: 1,
      windowMs: 20_000,
      maxRounds: 2,
    },
    choose: ({ call }) => ({ kind: 'revise', ask: { priceMicro: Number(call.ask.priceMicro) + 1 }, bounds: {} }),
    escalateTo: 'operators',
  };
  const decided = async (verdict: 'approve' | 'deny') => {
    const outcome = buyer.hire({ ...ask, task: { resource: 'gpu.stuck' } });
    const waits = async () => {
      const listed = await operator.approvals();
      return listed.ok ? listed.proposals.filter(({ state }) => state === 'pending') : [];
    };
    await expect.poll(async () => (await waits()).length).toBe(1);
    const [proposal] = await waits();
    expect(proposal).toMatchObject({ kind: 'escalation', by: 'buyer' });
    await operator.decide(proposal!.proposal, verdict);
    return outcome;
  };
  expect(await decided('deny')).toMatchObject({ ok: false, detail: 'denied' });
  const [task] = hiredBy(await decided('approve'));
  expect(task!.view.issues.priceMicro).toBe(String(2 * CREDIT));
});

test('what is dear waits for an operator: approved, denied, not decided in time, given up', async () => {
  const approval = { id: 'dear', scope: {}, kind: 'approval' as const, aboveMicro: String(CREDIT) };
  const within = (withinMs: number) => operator.setPolicy({ rules: [{ ...approval, withinMs }] });
  await within(60_000);
  onTestFinished(async () => void (await operator.setPolicy({ rules: [] })));
  await provide(ann, 'gpu.dear');
  const waiting = (more: Partial<HireOptions> = {}) => {
    let filed: (proposal: string) => void = () => undefined;
    const proposal = new Promise<string>((resolve) => {
      filed = resolve;
    });
    const outcome = buyer.hire({
      ...{ task: { resource: 'gpu.dear' }, ask: { priceMicro: 2 * CREDIT }, closeAfterAnswers: 1, windowMs: 20_000 },
      onPending: (id) => filed(id),
      ...more,
    });
    return { proposal, outcome };
  };
  const approved = waiting();
  expect(await operator.decide(await approved.proposal, 'approve')).toMatchObject({ ok: true });
  const [task] = hiredBy(await approved.outcome);
  expect(await task!.receipt).toMatchObject({ ok: true });
  const denied = waiting();
  await operator.decide(await denied.proposal, 'deny');
  expect(await denied.outcome).toMatchObject({ ok: false, detail: 'denied' });
  await within(100);
  const timedOut = waiting();
  expect(await timedOut.outcome).toMatchObject({ ok: false, detail: 'expired' });
  await within(60_000);
  const controller = new AbortController();
  const aborted = waiting({ signal: controller.signal });
  const proposal = await aborted.proposal;
  controller.abort();
  expect(await aborted.outcome).toMatchObject({ ok: false, detail: 'expired' });
  // Approved all the same: nobody wants it any more, and it is left at once.
  const engaged = await operator.decide(proposal, 'approve');
  const contract = engaged.ok ? engaged.proposal.contracts![0]!.contract : '';
  await expect
    .poll(async () => (await m.redis.hget(`{${m.market}}:contract:${contract}`, 'outcome')) ?? '')
    .toBe('decommitted');
});

test('a bilateral negotiation waits for approval as well; a cheap one does not', async () => {
  const approval = { id: 'dear', scope: {}, kind: 'approval' as const, aboveMicro: String(CREDIT) };
  await operator.setPolicy({ rules: [approval] });
  onTestFinished(async () => void (await operator.setPolicy({ rules: [] })));
  await provide(ann, 'gpu.dear-2', { appraise: () => ({ ok: true, costMicro: 1000 }) });
  const pending: string[] = [];
  const options = (priceMicro: number): NegotiateOptions => ({
    ...{ task: { resource: 'gpu.dear-2' }, ask: { priceMicro }, bounds: {}, ...PATIENT },
    decide: () => ({ kind: 'accept' }),
    onPending: (proposal) => {
      pending.push(proposal);
      void operator.decide(proposal, 'approve');
    },
  });
  hiredBy(await buyer.negotiate('ann', options(CREDIT / 2)));
  expect(pending).toEqual([]);
  hiredBy(await buyer.negotiate('ann', options(2 * CREDIT)));
  expect(pending).toHaveLength(1);
});

test('an aborted negotiation and a closed agent leave nothing behind', async () => {
  await provide(ann, 'gpu.aborted', { appraise: () => ({ ok: true, costMicro: CREDIT }), ...stubborn });
  const slow = haggle('gpu.aborted', { decide: () => sleep(60_000).then(() => ({ kind: 'accept' as const })) });
  const aborted = buyer.negotiate('ann', { ...slow, signal: AbortSignal.timeout(200) });
  expect(await aborted).toMatchObject({ ok: false, detail: 'expired' });
  const leaving = await m.sdkAgent('leaving');
  const closed = leaving.negotiate('ann', slow);
  const called = leaving.hire({ task: { resource: 'gpu.nobody' }, ask: { priceMicro: 1 } });
  await leaving.close();
  expect(await closed).toMatchObject({ ok: false, detail: 'unavailable' });
  expect(await called).toMatchObject({ ok: false, detail: 'unavailable' });
  expect(await leaving.hire({ task: { resource: 'gpu.nobody' }, ask: { priceMicro: 1 } })).toMatchObject({
    detail: 'unavailable',
  });
});
