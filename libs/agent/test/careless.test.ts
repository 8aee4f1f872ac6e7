// What a careless user of the SDK does to others, and to itself: nothing that cannot be mended.
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  type Agent,
  bid,
  connectAgent,
  connectHost,
  connectOperator,
  createSeed,
  type Decision,
  type HireOptions,
} from '../src/index.js';
import { after } from '../src/timer.js';
import { CREDIT, gate, listen, offer, type SdkMarket, sdkMarket, sold } from './support.js';

let m: SdkMarket;
const unhandled: unknown[] = [];
const note = (error: unknown) => unhandled.push(error);

beforeAll(async () => {
  process.on('unhandledRejection', note);
  m = await sdkMarket({ name: 'sdk-careless' });
});
afterAll(() => m.stop());
afterEach(() => {
  expect(unhandled).toEqual([]);
});

test('one agent of a host that answers nonsense is silent and counted; the others bid', async () => {
  const seller = await m.sdkAgent('seller');
  await m.pool('gpu.c', 'seller', 32);
  const host = await connectHost({ servers: m.stack.natsUrl, market: m.market, id: 'host-c' });
  const [careless, ...others] = await Promise.all(['c-0', 'c-1', 'c-2'].map((id) => m.hosted(host, id)));
  const nonsense: (() => unknown)[] = [
    () => null,
    async () => null,
    () => Promise.reject(new Error('later')),
    () => 'bid',
    () => bid({ price: 5, intent: 'Train_42' }),
    () => [bid({ price: 5 }), null],
    () => ({ kind: 'bid', units: 1, priceMicro: '1e3' }),
    () => ({ kind: 'bid', units: 1, priceMicro: 1000 }),
    () => ({ kind: 'refuse', detail: 'busy' }),
    () => ({ kind: 'refuse', detail: 'late', retryAfterMs: 0.5 }),
    () => ({
      get kind() {
        throw new Error('a getter');
      },
    }),
  ];
  let turn = 0;
  careless!.listen('gpu.c', { evaluate: () => nonsense[turn++]!() as Decision, onLease: () => undefined });
  for (const agent of others) await listen(agent, 'gpu.c');
  for (const [index] of nonsense.entries()) {
    const sale = sold(await seller.call(offer('gpu.c', { units: 2, closeAfterBids: 2 })));
    expect([index, sale.ranked.length]).toEqual([index, 2]);
    await expect.poll(() => host.counts.callbackErrors).toBe(index + 1);
  }
  await host.close();
});

test('win rejects where its options make no sense, and takes any time', async () => {
  const agent = await m.sdkAgent('careless');
  for (const maxPriceMicro of [0, -1, 0.5, Number.NaN, 2 ** 60]) {
    await expect(agent.win('gpu.none', { maxPriceMicro })).rejects.toThrow(RangeError);
  }
  await expect(agent.win('gpu.none', { maxPriceMicro: 1, units: 0 })).rejects.toThrow(RangeError);
  await expect(agent.win('gpu.none', { maxPriceMicro: 1, deadlineMs: Number.NaN })).rejects.toThrow(RangeError);
  const aborting = new AbortController();
  const outcomes: string[] = [];
  for (const deadlineMs of [2 ** 31, Number.POSITIVE_INFINITY]) {
    void agent
      .win('gpu.none', { maxPriceMicro: 1, deadlineMs, signal: aborting.signal })
      .catch((error: Error) => outcomes.push(error.message));
  }
  // A timer that were due at once would fire before this one.
  await new Promise((resume) => setTimeout(resume, 20));
  expect(outcomes).toEqual([]);
  aborting.abort(new Error('enough'));
  await expect.poll(() => outcomes).toEqual(['enough', 'enough']);
});

describe('having a task done', () => {
  const task = { resource: 'cpu.none' };
  const ask = { priceMicro: 1 };
  const brief = { task, ask, windowMs: 20, maxRounds: 1 };
  let agent: Agent;
  beforeAll(async () => {
    agent = await m.sdkAgent('impatient');
  });

  const nonsense: [string, Partial<HireOptions>][] = [
    ['withinMs', { withinMs: Number.NaN }],
    ['withinMs', { withinMs: Number.POSITIVE_INFINITY }],
    ['protocol.endsAt', { withinMs: 1e15 }],
    ['windowMs', { windowMs: -1 }],
    ['protocol.roundMs', { windowMs: 1 }],
    ['protocol.maxRounds', { maxRounds: 1.5 }],
    ['escalateWithinMs', { escalateWithinMs: Number.NaN }],
    ['ask.durationMs', { ask: { ...ask, durationMs: 1.5, deadline: 9e12 } }],
    ['ask.deadline', { ask: { ...ask, startBy: 1, durationMs: Number.NaN, deadline: Number.NaN } }],
    ['bounds.units.max', { bounds: { units: { min: 1, max: 1.5 } } }],
    ['frame.conditions.graceMs', { conditions: { graceMs: -1 } }],
    ['frame.task.resource', { task: { resource: 'no resource' } }],
  ];
  test.each(nonsense)('where %s makes no sense nobody is asked', async (name, options) => {
    const started = async () => agent.hire({ ...brief, ...options });
    await expect(started()).rejects.toThrow(RangeError);
    await expect(started()).rejects.toThrow(new RegExp(`^${name}`));
  });

  test('times that were measured are read', async () => {
    const provider = await m.sdkAgent('reader');
    let asked = 0;
    const providing = provider.provide('cpu.read', {
      appraise: () => {
        asked += 1;
        return { ok: true, costMicro: CREDIT };
      },
      run: () => ({}),
    });
    onTestFinished(() => providing.stop());
    await providing.ready;
    const read = {
      task: { resource: 'cpu.read', inputs: { left: undefined as never } },
      ask: { priceMicro: 2 * CREDIT },
      closeAfterAnswers: 1,
    };
    const outcome = await agent.hire({ ...read, windowMs: 20_000.5, withinMs: 30_000.9, escalateWithinMs: 0.5 });
    expect(outcome).toMatchObject({ ok: true });
    expect(asked).toBe(1);
    const talked = {
      ...read,
      roundMs: 5_000.5,
      withinMs: 30_000.1,
      escalateWithinMs: 1e9 + 0.1,
    };
    expect(await agent.negotiate(provider.id, talked)).toMatchObject({ ok: true });
    expect(() => agent.negotiate(provider.id, { ...talked, roundMs: 1 })).toThrow(/^roundMs/);
    expect(() => agent.negotiate(provider.id, { ...talked, ask: { ...ask, units: 0 } })).toThrow(/^ask.units/);
  });

  test('what a chooser makes up is told as its fault, and it is revised without it', async () => {
    const before = agent.counts.callbackErrors;
    const choose = () => ({ kind: 'revise' as const, ask: { durationMs: 1.5 } });
    const outcome = await agent.hire({ ...brief, mode: 'optimal', maxRounds: 2, choose });
    expect(outcome.ok).toBe(false);
    expect(agent.counts.callbackErrors).toBe(before + 1);
  });
});

test('a timer for a month', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  let fired = 0;
  after(2 ** 32, () => fired++);
  const stop = after(2 ** 32, () => fired++);
  vi.advanceTimersByTime(2 ** 32 - 1);
  expect(fired).toBe(0);
  stop();
  vi.advanceTimersByTime(1);
  expect(fired).toBe(1);
});

test('an agent that closes while its call opens leaves no lock', async () => {
  const seed = createSeed();
  await (await m.sdkAgent('hasty', { seed })).close();
  await m.pool('gpu.l', 'hasty', 2);
  for (const isOpen of [false, true]) {
    const agent = await connectAgent({ servers: m.stack.natsUrl, market: m.market, id: 'hasty', seed });
    const opened = gate();
    const outcome = agent.call(offer('gpu.l', { units: 2, ttlMs: 600_000, onOpen: opened.open }));
    if (isOpen) await opened.opened;
    await agent.close();
    expect(await outcome).toMatchObject({ ok: false, detail: 'expired' });
    // Closing waits for the bank, but a busy one it leaves to itself.
    await expect.poll(() => m.redis.keys('*:lock:gpu.l:*')).toEqual([]);
  }
});

test('an operator whose clock is ten minutes off is heard all the same', async () => {
  const now = Date.now;
  vi.spyOn(Date, 'now').mockImplementation(() => now() - 600_000);
  const { seed, id } = m.operator;
  const operator = await connectOperator({ servers: m.stack.natsUrl, market: m.market, id, seed });
  vi.restoreAllMocks();
  const granted = await operator.grant({ to: 'seller', amountMicro: '1' });
  expect(granted).toEqual({ ok: true, status: 'done' });
  await operator.close();
});

test('what nobody set in the environment is named, at once', async () => {
  const { stack, market } = m;
  const whole = { servers: stack.natsUrl, market, id: 'forgetful', seed: createSeed() };
  for (const [missing, why] of [
    ['servers', /servers/],
    ['market', /^market: undefined/],
    ['id', /^id: undefined/],
    ['seed', /not a user seed/],
  ] as const) {
    await expect(connectAgent({ ...whole, [missing]: undefined } as never)).rejects.toThrow(why);
  }
});
