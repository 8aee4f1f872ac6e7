// What arrives together shares a script call: how much, in which order, and who hears when it fails.
import { expect, it } from 'vitest';
import { MAX_BATCH, ScriptBatch } from '../src/redis/index.js';

it('asked in one turn shares calls, 64 in one at most and four under way; each hears its own answer', async () => {
  const calls: (readonly number[])[] = [];
  const open: (() => void)[] = [];
  const batch = new ScriptBatch(async (inputs: readonly number[]) => {
    calls.push(inputs);
    await new Promise<void>((resolve) => open.push(resolve));
    return inputs.map((n) => 2 * n);
  });
  const replies = Promise.all(Array.from({ length: 500 }, (_, n) => batch.ask(n)));
  // Sixteen are worth sending before the turn ends; the rest gathers while these are under way.
  expect(calls.map((inputs) => inputs.length)).toEqual([16, 16, 16, 16]);
  let answered = 0;
  while (answered < 500) {
    await expect.poll(() => open.length, { interval: 1 }).toBeGreaterThan(0);
    expect(open.length).toBeLessThanOrEqual(4);
    answered += calls[calls.length - open.length]!.length;
    open.shift()!();
  }
  expect(await replies).toEqual(Array.from({ length: 500 }, (_, n) => 2 * n));
  expect(calls.flat()).toEqual(Array.from({ length: 500 }, (_, n) => n));
  expect(Math.max(...calls.map((inputs) => inputs.length))).toBe(MAX_BATCH);
});

it('that fails is told to all who shared the call, and to nobody else', async () => {
  const batch = new ScriptBatch((inputs: readonly string[]) =>
    inputs.includes('bad') ? Promise.reject(new Error('away')) : Promise.resolve(inputs),
  );
  const together = [batch.ask('good'), batch.ask('bad')];
  for (const { status } of await Promise.allSettled(together)) expect(status).toBe('rejected');
  expect(await batch.ask('good')).toBe('good');
});
