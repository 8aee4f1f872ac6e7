// What a careless user of the SDK does to others, and to itself: nothing that cannot be mended.
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { bid, connectAgent, connectHost, connectOperator, createSeed, type Decision } from '../src/index.js';
import { after } from '../src/timer.js';
import { gate, listen, offer, type SdkMarket, sdkMarket, sold } from './support.js';

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
