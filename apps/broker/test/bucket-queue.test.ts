// Who waits for tokens, and who is tried with whom: the desk's queue in virtual time, with a bank that says what the test wants.
import type { TakeAsked } from '@tender/market';
import type { TakeReply } from '@tender/market/redis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MAX_WAITING, MAX_WAITING_EACH } from '../src/bucket-queue.js';
import { TokenDesk } from '../src/token-desk.js';

const wait = (ms: number, priceMicro = '10'): TakeReply => ({
  ...{ ok: false, detail: 'token-limit', message: 'others come first' },
  wait: { ms, priceMicro },
});
const given = ({ hold, agent, amounts }: TakeAsked): TakeReply => ({
  ...{
    ok: true,
    hold,
    bucket: 'api',
    agent,
    class: 'standard',
    amounts,
    unitsMicro: {},
    amountMicro: '1',
    ratePermille: 1000,
  },
  ...{ noisePermille: 1000, expiresAt: 1, at: 0 },
});
const sleep = (ms: number) => new Promise((resume) => setTimeout(resume, ms));

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] }));
afterEach(() => void vi.useRealTimers());
/** So much time passes, and all that is due in it happens. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** A desk before a bank that decides by `decide`, and the calls that reached it. */
function deskBefore(decide: (take: TakeAsked, call: number) => TakeReply | Promise<TakeReply>) {
  const calls: { readonly at: number; readonly holds: readonly string[] }[] = [];
  const desk = new TokenDesk(async (_bucket, takes) => {
    calls.push({ at: performance.now(), holds: takes.map(({ hold }) => hold) });
    const call = calls.length;
    return Promise.all(takes.map((take) => decide(take, call)));
  });
  const take = (hold: string, waitMs = 0, more: Partial<TakeAsked> = {}) =>
    desk.take('api', { ...takeOf(hold), ...more }, waitMs);
  /** Between one call and the next. */
  const gaps = () => calls.slice(1).map(({ at }, index) => at - calls[index]!.at);
  return { desk, calls, take, gaps };
}

function takeOf(hold: string): TakeAsked {
  return { by: 'ann', hold, digest: 'd', agent: 'ann', amounts: { requests: 1 }, maxPrice: 10, ttlMs: 1000 };
}

test('takes of one turn share a call, 64 at most', async () => {
  const { take, calls } = deskBefore(given);
  const replies = Promise.all(Array.from({ length: 100 }, (_, n) => take(`h${n}`)));
  await pass(1);
  expect((await replies).every(({ ok }) => ok)).toBe(true);
  expect(calls.flatMap(({ holds }) => holds)).toHaveLength(100);
  expect(calls.length).toBeLessThan(10);
  expect(Math.max(...calls.map(({ holds }) => holds.length))).toBeLessThanOrEqual(64);
});

test('who waits is tried when it could pass, and not before', async () => {
  const { take, gaps } = deskBefore((one, call) => (call === 1 ? wait(80) : given(one)));
  const reply = take('slow', 1000);
  await pass(100);
  expect(await reply).toMatchObject({ ok: true });
  expect(gaps()).toEqual([80]);
});

test('who comes while others wait is cleared with them, at most 25 ms later, and never before them', async () => {
  const { take, calls } = deskBefore((one) => (one.hold.startsWith('first') ? wait(10_000) : given(one)));
  const waiting = take('first', 300);
  await pass(50);
  const later = take('later');
  await pass(1);
  expect(await later).toMatchObject({ ok: true });
  const last = take('last');
  await pass(23);
  expect(calls.map(({ holds }) => holds)).toEqual([['first'], ['first', 'later']]);
  await pass(2);
  expect(await last).toMatchObject({ ok: true });
  expect(calls.at(-1)!.holds).toEqual(['first', 'last']);
  await pass(300);
  expect(await waiting).toMatchObject({ ok: false, detail: 'token-limit', wait: { ms: 10_000, priceMicro: '10' } });
});

test('clearings keep their distance, however many come', async () => {
  const { take, gaps } = deskBefore((one) => (one.hold === 'first' ? wait(10_000) : given(one)));
  const waiting = take('first', 250);
  for (let ms = 0; ms < 200; ms += 1) {
    void take(`h${ms}`);
    await pass(1);
  }
  await pass(100);
  await waiting;
  expect(Math.min(...gaps().slice(1))).toBe(25);
  expect(gaps().length).toBeGreaterThan(6);
});

test('what comes back is given out without waiting for the refill', async () => {
  let back = false;
  const { desk, take } = deskBefore((one) => (back ? given(one) : wait(60_000)));
  const waiting = take('patient', 30_000);
  await pass(30);
  back = true;
  desk.stir('api');
  await pass(25);
  expect(await waiting).toMatchObject({ ok: true });
});

test('whoever asks again under the same hold waits once, and both hear the answer', async () => {
  const { take, calls } = deskBefore((one, call) => (call === 1 ? wait(50) : given(one)));
  const asked = [take('same', 1000), take('same', 1000)];
  await pass(1);
  asked.push(take('same', 1000));
  expect(await take('same', 1000, { digest: 'other' })).toMatchObject({ ok: false, detail: 'duplicate' });
  await pass(100);
  expect((await Promise.all(asked)).map(({ ok }) => ok)).toEqual([true, true, true]);
  expect(calls.map(({ holds }) => holds)).toEqual([['same'], ['same']]);
});

test('of those who ask for one hold again and again the last ones are answered', async () => {
  const { desk, take } = deskBefore((one, call) => (call === 1 ? wait(200) : given(one)));
  const asked = [take('again', 5000)];
  await pass(1);
  for (let n = 0; n < 40; n += 1) asked.push(take('again', 5000));
  expect(desk.asleep).toBe(16);
  await pass(250);
  const answers = await Promise.all(asked);
  expect(answers.filter(({ ok }) => ok)).toHaveLength(16);
  expect(answers[0]).toMatchObject({ detail: 'unavailable' });
  expect(desk.asleep).toBe(0);
});

test('who waits no more is not tried any more', async () => {
  const { desk, take, calls } = deskBefore(() => wait(40));
  const waiting = take('gone', 10_000);
  await pass(1);
  expect(desk.forget('bob', 'gone')).toBe(false);
  expect(desk.forget('ann', 'gone')).toBe(true);
  expect(await waiting).toMatchObject({ detail: 'token-limit' });
  await pass(1000);
  expect(calls).toHaveLength(1);
  expect(desk.waiting().size).toBe(0);
});

test('of one agent and for one bucket only so many wait; a newcomer of class system does all the same', async () => {
  let there = false;
  const { desk, take, calls } = deskBefore((one) => {
    if (one.agent !== 'system') return wait(60_000);
    return there ? given(one) : { ...wait(20), wait: { ms: 20, priceMicro: '10', system: true } };
  });
  const mine = Array.from({ length: MAX_WAITING_EACH + 1 }, (_, n) => take(`mine${n}`, 60_000));
  await pass(100);
  expect(await mine.at(-1)).toMatchObject({ ok: false, wait: { ms: 60_000 } });
  const crowd = Array.from({ length: MAX_WAITING }, (_, n) => take(`h${n}`, 60_000, { agent: `a${n}`, by: `a${n}` }));
  await pass(1000);
  expect(desk.waiting().get('api')).toBe(MAX_WAITING);
  const late = crowd.slice(-MAX_WAITING_EACH);
  expect((await Promise.all(late)).every((reply) => !reply.ok && reply.wait !== undefined)).toBe(true);
  const urgent = take('urgent', 10_000, { agent: 'system', by: 'system' });
  await pass(100);
  expect(desk.waiting().get('api')).toBe(MAX_WAITING + 1);
  there = true;
  await pass(100);
  expect(await urgent).toMatchObject({ ok: true });
  expect(Math.max(...calls.map(({ holds }) => holds.length))).toBeLessThanOrEqual(256);
  desk.close();
  expect(await crowd[0]).toMatchObject({ ok: false, detail: 'unavailable' });
  expect(await take('after', 1000)).toMatchObject({ detail: 'unavailable' });
});

test('among more than a clearing takes, those that offer most are tried', async () => {
  const price = (one: TakeAsked): TakeReply => {
    const told = { ms: 60_000, priceMicro: String(100 + (one.maxPrice % 7)) };
    const system = one.agent === 'system' ? ({ system: true } as const) : {};
    return { ok: false, detail: 'token-limit', message: 'others come first', wait: { ...told, ...system } };
  };
  const { desk, take, calls } = deskBefore(price);
  for (let n = 0; n < 1000; n += 1) void take(`h${n}`, 60_000, { agent: `a${n}`, maxPrice: 1000 + n });
  await pass(1000);
  expect(desk.waiting().get('api')).toBe(1000);
  expect(calls.at(-1)!.holds).toHaveLength(256);
  const dearest = new Set(calls.at(-1)!.holds);
  expect(dearest.has('h999')).toBe(true);
  expect(dearest.has('h0')).toBe(false);
  // Of class system, it is among them whatever it offers.
  const urgent = take('urgent', 60_000, { agent: 'system', maxPrice: 1 });
  await pass(1000);
  expect(calls.filter(({ holds }) => holds.includes('urgent')).length).toBeGreaterThan(2);
  desk.forget('ann', 'urgent');
  expect(await urgent).toMatchObject({ detail: 'token-limit' });
  desk.close();
});

test('where the store is away whoever was being tried hears it', async () => {
  const { take } = deskBefore((_one, call) => (call === 1 ? wait(30) : Promise.reject(new Error('away'))));
  const refused = expect(take('unlucky', 1000)).rejects.toThrow('away');
  await pass(100);
  await refused;
});

test('who has waited long enough is tried once more: another broker may have served it meanwhile', async () => {
  const { take, gaps } = deskBefore((one, call) => (call === 1 ? wait(60_000) : given(one)));
  const reply = take('elsewhere', 60);
  await pass(100);
  expect(await reply).toMatchObject({ ok: true });
  expect(gaps()).toEqual([60]);
});

test('clearings that take long leave the store to others in between', async () => {
  const { desk, take, gaps } = deskBefore(async () => {
    await sleep(40);
    return wait(60_000);
  });
  void take('first', 10_000);
  for (let ms = 0; ms < 660; ms += 5) {
    await pass(5);
    desk.stir('api');
  }
  desk.close();
  // Each takes 40 ms, and they begin 100 ms apart; the first one's length was not known.
  expect(gaps().slice(2)).toEqual([100, 100, 100, 100]);
});
