// Who waits for tokens, and who is tried with whom: the desk's queue, with a bank that says what the test wants.
import type { TakeAsked } from '@tender/market';
import type { TakeReply } from '@tender/market/redis';
import { expect, test } from 'vitest';
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

/** A desk before a bank that decides by `decide`, and the calls that reached it. */
function deskBefore(decide: (take: TakeAsked, call: number) => TakeReply | Promise<TakeReply>) {
  const calls: { readonly at: number; readonly holds: readonly string[] }[] = [];
  const desk = new TokenDesk(async (_bucket, takes) => {
    calls.push({ at: performance.now(), holds: takes.map(({ hold }) => hold) });
    const call = calls.length;
    return Promise.all(takes.map((take) => decide(take, call)));
  });
  const reached = (times: number) => expect.poll(() => calls.length, { interval: 1 }).toBe(times);
  const take = (hold: string, waitMs = 0, more: Partial<TakeAsked> = {}) =>
    desk.take('api', { ...takeOf(hold), ...more }, waitMs);
  return { desk, calls, take, reached };
}

function takeOf(hold: string): TakeAsked {
  return { by: 'ann', hold, digest: 'd', agent: 'ann', amounts: { requests: 1 }, maxPrice: 10, ttlMs: 1000 };
}

test('takes of one turn share a call, 64 at most', async () => {
  const { take, calls } = deskBefore(given);
  const replies = await Promise.all(Array.from({ length: 100 }, (_, n) => take(`h${n}`)));
  expect(replies.every(({ ok }) => ok)).toBe(true);
  expect(calls.flatMap(({ holds }) => holds)).toHaveLength(100);
  expect(calls.length).toBeLessThan(10);
  expect(Math.max(...calls.map(({ holds }) => holds.length))).toBeLessThanOrEqual(64);
});

test('who waits is tried when it could pass, and not before', async () => {
  const { take, calls } = deskBefore((one, call) => (call === 1 ? wait(80) : given(one)));
  const reply = await take('slow', 1000);
  expect(reply.ok).toBe(true);
  expect(calls).toHaveLength(2);
  expect(calls[1]!.at - calls[0]!.at).toBeGreaterThanOrEqual(78);
});

test('who comes while others wait is cleared with them, at most 25 ms later, and never before them', async () => {
  const { take, calls, reached } = deskBefore((one) => (one.hold.startsWith('first') ? wait(10_000) : given(one)));
  const waiting = take('first', 300);
  await reached(1);
  await sleep(50);
  const asked = performance.now();
  expect((await take('later')).ok).toBe(true);
  expect(performance.now() - asked).toBeLessThan(60);
  expect(calls.at(-1)!.holds).toEqual(['first', 'later']);
  expect(await waiting).toMatchObject({ ok: false, detail: 'token-limit', wait: { ms: 10_000, priceMicro: '10' } });
});

test('clearings keep their distance, however many come', async () => {
  const { take, calls, reached } = deskBefore((one) => (one.hold === 'first' ? wait(10_000) : given(one)));
  const waiting = take('first', 250);
  await reached(1);
  const started = performance.now();
  while (performance.now() - started < 200) {
    void take(`h${performance.now()}`);
    await sleep(1);
  }
  await waiting;
  const gaps = calls.slice(2).map(({ at }, index) => at - calls[index + 1]!.at);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(24);
});

test('what comes back is given out without waiting for the refill', async () => {
  let back = false;
  const { desk, take, reached } = deskBefore((one) => (back ? given(one) : wait(60_000)));
  const waiting = take('patient', 30_000);
  await reached(1);
  await sleep(30);
  back = true;
  desk.stir('api');
  const asked = performance.now();
  expect((await waiting).ok).toBe(true);
  expect(performance.now() - asked).toBeLessThan(60);
});

test('whoever asks again under the same hold waits once, and both hear the answer', async () => {
  const { take, calls, reached } = deskBefore((one, call) => (call === 1 ? wait(50) : given(one)));
  const both = [take('same', 1000), take('same', 1000)];
  await reached(1);
  both.push(take('same', 1000));
  expect(await take('same', 1000, { digest: 'other' })).toMatchObject({ ok: false, detail: 'duplicate' });
  expect((await Promise.all(both)).map(({ ok }) => ok)).toEqual([true, true, true]);
  expect(calls.map(({ holds }) => holds)).toEqual([['same'], ['same']]);
});

test('of those who ask for one hold again and again the last ones are answered', async () => {
  const { desk, take, reached } = deskBefore((one, call) => (call === 1 ? wait(200) : given(one)));
  const first = [take('again', 5000)];
  await reached(1);
  for (let n = 0; n < 40; n += 1) first.push(take('again', 5000));
  expect(desk.asleep).toBe(16);
  const answers = await Promise.all(first);
  expect(answers.filter(({ ok }) => ok)).toHaveLength(16);
  expect(answers[0]).toMatchObject({ detail: 'unavailable' });
  expect(desk.asleep).toBe(0);
});

test('who waits no more is not tried any more', async () => {
  const { desk, take, calls, reached } = deskBefore(() => wait(40));
  const waiting = take('gone', 10_000);
  await reached(1);
  expect(desk.forget('bob', 'gone')).toBe(false);
  expect(desk.forget('ann', 'gone')).toBe(true);
  expect(await waiting).toMatchObject({ detail: 'token-limit' });
  const before = calls.length;
  await sleep(100);
  expect(calls.length).toBe(before);
  expect(desk.waiting().size).toBe(0);
});

test('of one agent and for one bucket only so many wait; a newcomer of class system does all the same', async () => {
  let there = false;
  const { desk, take, calls } = deskBefore((one) => {
    if (one.agent !== 'system') return wait(60_000);
    return there ? given(one) : { ...wait(20), wait: { ms: 20, priceMicro: '10', system: true } };
  });
  const mine = Array.from({ length: MAX_WAITING_EACH + 1 }, (_, n) => take(`mine${n}`, 60_000));
  expect(await mine.at(-1)).toMatchObject({ ok: false, wait: { ms: 60_000 } });
  const crowd = Array.from({ length: MAX_WAITING }, (_, n) => take(`h${n}`, 60_000, { agent: `a${n}`, by: `a${n}` }));
  await expect.poll(() => desk.waiting().get('api')).toBe(MAX_WAITING);
  const late = crowd.slice(-MAX_WAITING_EACH);
  expect((await Promise.all(late)).every((reply) => !reply.ok && reply.wait !== undefined)).toBe(true);
  const urgent = take('urgent', 10_000, { agent: 'system', by: 'system' });
  await expect.poll(() => desk.waiting().get('api')).toBe(MAX_WAITING + 1);
  there = true;
  const asked = performance.now();
  expect((await urgent).ok).toBe(true);
  expect(performance.now() - asked).toBeLessThan(2_000);
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
  await expect.poll(() => desk.waiting().get('api')).toBe(1000);
  await expect.poll(() => calls.at(-1)!.holds.length).toBe(256);
  const dearest = new Set(calls.at(-1)!.holds);
  expect(dearest.has('h999')).toBe(true);
  expect(dearest.has('h0')).toBe(false);
  // Of class system, it is among them whatever it offers.
  const urgent = take('urgent', 60_000, { agent: 'system', maxPrice: 1 });
  await expect.poll(() => calls.filter(({ holds }) => holds.includes('urgent')).length).toBeGreaterThan(2);
  desk.forget('ann', 'urgent');
  expect(await urgent).toMatchObject({ detail: 'token-limit' });
  desk.close();
});

test('where the store is away whoever was being tried hears it', async () => {
  const { take } = deskBefore((_one, call) => (call === 1 ? wait(30) : Promise.reject(new Error('away'))));
  await expect(take('unlucky', 1000)).rejects.toThrow('away');
});

test('who has waited long enough is tried once more: another broker may have served it meanwhile', async () => {
  const { take, calls } = deskBefore((one, call) => (call === 1 ? wait(60_000) : given(one)));
  expect((await take('elsewhere', 60)).ok).toBe(true);
  expect(calls).toHaveLength(2);
  expect(calls[1]!.at - calls[0]!.at).toBeGreaterThanOrEqual(58);
});

test('clearings that take long leave the store to others in between', async () => {
  const slow = async () => {
    await sleep(40);
    return wait(60_000);
  };
  const { desk, take, calls } = deskBefore(slow);
  void take('first', 10_000);
  await sleep(60);
  const stirring = setInterval(() => desk.stir('api'), 5);
  await sleep(600);
  clearInterval(stirring);
  desk.close();
  // Each takes 40 ms, and they begin 100 ms apart.
  expect(calls.length).toBeGreaterThanOrEqual(4);
  expect(calls.length).toBeLessThanOrEqual(8);
});

test('what those want who come before a take is told: class system, and who offers as much', async () => {
  const offers: Record<string, object> = {
    high: { offeredPermille: 3_000 },
    low: { offeredPermille: 1_500 },
    urgent: { offeredPermille: 1_000, system: true },
    noisy: {},
  };
  const { desk, take } = deskBefore(({ hold }) => {
    return { ...wait(60_000), wait: { ms: 60_000, priceMicro: '10', ...offers[hold] } } as TakeReply;
  });
  void take('high', 60_000, { amounts: { requests: 1, tokens: 500 }, atLeast: { tokens: 200 } });
  void take('low', 60_000, { amounts: { requests: 4 } });
  void take('urgent', 60_000, { amounts: { requests: 10 }, agent: 'system' });
  void take('noisy', 60_000, { amounts: { requests: 100 }, agent: 'loud' });
  await expect.poll(() => desk.waiting().get('api')).toBe(4);
  const ahead = (rate: number, system = false) => desk.ahead('api', { rate, system });
  expect(ahead(3_001)).toEqual({ requests: 10 });
  expect(ahead(3_000)).toEqual({ requests: 11, tokens: 200 });
  expect(ahead(1_500)).toEqual({ requests: 15, tokens: 200 });
  expect(ahead(1_001, true)).toEqual({});
  expect(ahead(1_000, true)).toEqual({ requests: 10 });
  expect(desk.ahead('other', { rate: 1_000, system: false })).toEqual({});
  desk.close();
});
