// Having tasks done and doing them: announced calls, negotiations between two, counter-proposals; a real broker.
import type { Issues } from '@tender/market';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Agent,
  type Appraisal,
  type CapabilityOptions,
  type HireOptions,
  type LostOffer,
  longerDeadline,
  type ProvideOptions,
} from '../src/index.js';
import { CREDIT, hiredBy, offer, PATIENT, type SdkMarket, sdkMarket, sold, wiretap } from './support.js';
import { order as orderOne, provide as provideAnything } from './task-support.js';

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

/** Provides until the test is over, for a credit at least: doubles the input. */
function provide(
  agent: Agent,
  resource: string,
  more: { readonly [K in keyof ProvideOptions]?: ProvideOptions[K] | undefined } = {},
): Promise<void> {
  const doubled: ProvideOptions['run'] = ({ inputs }) => ({ doubled: Number(inputs.n) * 2 });
  return provideAnything(agent, resource, { run: doubled, ...more } as Partial<ProvideOptions>);
}

function order(resource: string, more: Partial<HireOptions> = {}): HireOptions {
  return orderOne(resource, { task: { resource, inputs: { n: 21 } }, ...more });
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
  const won = ben.win('gpu.both', { maxPriceMicro: CREDIT });
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
    appraise: ({ issues, bounds, nowMs }) => {
      const passes = (one: Issues) => one.deadline >= needs;
      if (passes(issues)) return { ok: true, costMicro: CREDIT, completesAt: needs };
      const counter = longerDeadline(issues, { bounds, regions: [], passes, nowMs });
      return { ok: false, detail: 'deadline-infeasible', message: 'it takes 72 hours', counter };
    },
  });
  const outcome = await buyer.negotiate('ann', {
    ...PATIENT,
    task: { resource: 'gpu.slow', inputs: { n: 1 } },
    ask: { priceMicro: 2 * CREDIT, deadline: now + 48 * HOUR },
    bounds: { deadline: { min: now + 48 * HOUR, max: now + 96 * HOUR } },
    decide: ({ theirs }) => ({ kind: 'propose', issues: theirs.at(-1)!.issues }),
  });
  const [task] = hiredBy(outcome);
  expect(task!.view.issues.deadline).toBe(needs);
  expect(await task!.receipt).toMatchObject({ ok: true });
  await expect.poll(() => tap.heard.some(({ message }) => message.performative === 'inform')).toBe(true);
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

const machine: CapabilityOptions = {
  ...{ units: 4, memoryMb: 80_000, batch: 8, regions: ['eu', 'us'], dataClass: 'internal', dependencies: ['cuda-12'] },
  tokens: { most: 1000, perHour: 60 },
  effort: { setupMs: 1000, workMs: 60_000, setupMicro: 1000, unitHourMicro: 3_600_000 },
};

test.each<[string, Partial<Issues>, Partial<HireOptions['task']>, string, Partial<Issues>]>([
  // The provider keeps two rounds' time for the talk itself.
  ['a later deadline', { deadline: 20_000 }, {}, 'deadline-infeasible', { deadline: 61_000 + 2 * PATIENT.roundMs }],
  ['a longer run', { durationMs: 30_000 }, {}, 'deadline-infeasible', { durationMs: 61_000 }],
  ['fewer units', { units: 6 }, {}, 'no-capacity', { units: 4 }],
  ['smaller batches', { batch: 64 }, {}, 'no-capacity', { batch: 8 }],
  ['less scope', {}, { tokens: 4000 }, 'token-limit', { scope: 250 }],
  ['another region', { region: 'asia' }, {}, 'region', { region: 'eu' }],
])('a counter-proposal: %s', async (name, issues, task, detail, counter) => {
  const resource = `gpu.counter-${name.replaceAll(' ', '-')}`;
  await provide(ann, resource, { appraise: undefined, capability: machine });
  const now = buyer.now();
  const at = (times: Partial<Issues>) =>
    times.deadline === undefined ? times : { ...times, deadline: now + times.deadline };
  const far = now + HOUR;
  const outcome = await buyer.negotiate('ann', {
    ...PATIENT,
    task: { resource, inputs: { n: 1 }, ...task },
    ask: { priceMicro: CREDIT, startBy: far, deadline: far, durationMs: 100_000, region: 'eu', ...at(issues) },
    bounds: {
      ...{ startBy: { min: now, max: far }, deadline: { min: now, max: far }, durationMs: { min: 1, max: 200_000 } },
      ...{ units: { min: 1, max: 8 }, batch: { min: 1, max: 64 }, scope: { min: 1, max: 1000 } },
      region: ['asia', 'eu', 'us'],
    },
    decide: () => ({ kind: 'accept' }),
  });
  const no = outcome.trail.find(({ what }) => what === 'reject-proposal');
  expect(no).toMatchObject({ detail });
  const [key] = Object.keys(counter) as (keyof Issues)[];
  const passes = Number(no!.issues![key!]) - (key === 'deadline' ? now : 0);
  if (key === 'region') expect(no!.issues!.region).toBe('eu');
  else expect(Math.abs(passes - Number(counter[key!]))).toBeLessThan(key === 'deadline' ? 6000 : 1);
  const [hired] = hiredBy(outcome);
  expect(hired!.view.issues).toEqual(no!.issues);
});

test('what nothing mends is refused for good: data of a higher class, dependencies, memory', async () => {
  await provide(ann, 'gpu.strict', { appraise: undefined, capability: machine });
  const negotiate = (task: Partial<HireOptions['task']>) =>
    buyer.negotiate('ann', {
      ...PATIENT,
      task: { resource: 'gpu.strict', ...task },
      ask: { priceMicro: CREDIT, durationMs: 100_000, region: 'eu' },
    });
  expect(await negotiate({ dataClass: 'restricted' })).toMatchObject({ ok: false, detail: 'not-permitted' });
  expect(await negotiate({ dependencies: ['cuda-13'] })).toMatchObject({ ok: false, detail: 'missing-dependency' });
  expect(await negotiate({ memoryMb: 90_000 })).toMatchObject({ ok: false, detail: 'no-capacity' });
});

test('a call that nobody can do as asked is revised within the limits, towards what was refused', async () => {
  await provide(ann, 'gpu.revised', { appraise: undefined, capability: machine });
  const now = buyer.now();
  const asked = order('gpu.revised', {
    windowMs: 5000,
    ask: { priceMicro: 10_000, startBy: now + 30_000, deadline: now + 40_000, durationMs: 100_000, region: 'eu' },
  });
  expect(await buyer.hire(asked)).toMatchObject({ ok: false, detail: 'deadline-infeasible' });
  const limits = {
    priceMicro: { min: '1', max: String(CREDIT) },
    deadline: { min: now, max: now + HOUR },
  };
  const outcome = await buyer.hire({ ...asked, limits, task: { ...asked.task, task: 'again' } });
  const [task] = hiredBy(outcome);
  // 61 s of a unit at a credit a hour and 1000 for the set-up, taken to the micro-credit.
  expect(task!.view.issues.priceMicro).toBe(String(1000 + Math.ceil((3_600_000 * 61_000) / HOUR)));
  expect(outcome.trail.filter(({ what }) => what === 'cfp').map(({ round }) => round)).toEqual([1, 2]);
});

test('several make up one task: all of it or none', async () => {
  const part = (units: number): Partial<ProvideOptions> => ({
    appraise: ({ issues }) =>
      issues.units <= units
        ? { ok: true, costMicro: CREDIT }
        : { ok: false, detail: 'no-capacity', message: `${units} units`, counter: { ...issues, units } },
  });
  await provide(ann, 'gpu.split', part(3));
  await provide(ben, 'gpu.split', part(2));
  const split = order('gpu.split', {
    ...{ fill: { kind: 'all', by: 'units' }, closeAfterAnswers: 2 },
    ask: { priceMicro: 4 * CREDIT, units: 5 },
    bounds: { units: { min: 1, max: 5 }, priceMicro: { min: '1', max: String(4 * CREDIT) } },
  });
  const both = await buyer.hire(split);
  expect(hiredBy(both).map(({ provider, view }) => [provider, view.issues.units])).toEqual(
    expect.arrayContaining([
      ['ann', 3],
      ['ben', 2],
    ]),
  );
  const settled = await Promise.all(hiredBy(both).map((task) => task.settled));
  expect(settled.map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  const before = await buyer.account();
  const more = await buyer.hire({ ...split, ask: { ...split.ask, units: 6 }, maxRounds: 1 });
  expect(more).toMatchObject({ ok: false });
  expect(await buyer.account()).toEqual(before);
});

test('the best score wins, and as many as there are may share a task', async () => {
  const graded = (quality: number, wishMicro: number, units: number): Partial<ProvideOptions> => ({
    appraise: ({ issues }) =>
      ({
        ...{ ok: true, costMicro: CREDIT, wishMicro, quality },
        ...(issues.units > units
          ? { ok: false, detail: 'no-capacity', message: 'few', counter: { ...issues, units } }
          : {}),
      }) as Appraisal,
  });
  await provide(ann, 'gpu.scored', graded(100, CREDIT, 2));
  await provide(ben, 'gpu.scored', graded(900, 2 * CREDIT, 2));
  const weights = { cost: 100, speed: 0, quality: 900, risk: 0 };
  const scored = order('gpu.scored', { rule: 'best-score', weights, closeAfterAnswers: 2 });
  const [best] = hiredBy(await buyer.hire(scored));
  expect(best!.provider).toBe('ben');
  const some = order('gpu.scored', {
    ...{ fill: { kind: 'some', by: 'units' }, closeAfterAnswers: 2 },
    ask: { priceMicro: 2 * CREDIT, units: 5 },
    bounds: { units: { min: 1, max: 5 }, priceMicro: { min: '1', max: String(2 * CREDIT) } },
  });
  const both = hiredBy(await buyer.hire(some));
  expect(both.map(({ view }) => view.issues.units)).toEqual([2, 2]);
  await Promise.all([best!, ...both].map((task) => task.settled));
});

test('own rules are kept before anything is said: the buyer’s and the provider’s', async () => {
  const tap = await wiretap(m);
  await provide(ann, 'gpu.ruled', {
    policy: { rules: [{ id: 'margin', scope: {}, kind: 'minimum-margin', marginPermille: 200 }] },
  });
  const asked = { ...PATIENT, task: { resource: 'gpu.ruled' }, ask: { priceMicro: CREDIT } };
  expect(await buyer.negotiate('ann', asked)).toMatchObject({ ok: false, detail: 'below-reserve-price' });
  // The tap is a connection of its own: it may hear the last word later than the buyer.
  const last = () => tap.heard.at(-1)?.message.body;
  await expect.poll(last).toMatchObject({ kind: 'reject', rule: 'margin', reason: 'policy-refused' });
  const said = tap.heard.length;
  const policy = {
    rules: [{ id: 'cap', scope: {}, kind: 'budget-cap' as const, maxMicro: '1000', per: 'contract' as const }],
  };
  const capped = await buyer.negotiate('ann', { ...asked, policy });
  expect(capped).toMatchObject({ ok: false, detail: 'over-budget', rule: 'cap', status: 456 });
  expect(tap.heard).toHaveLength(said);
  const hired = await buyer.hire({ ...order('gpu.ruled'), policy });
  expect(hired).toMatchObject({ ok: false, detail: 'over-budget', rule: 'cap' });
  tap.stop();
});
