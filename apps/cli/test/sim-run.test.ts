// A simulator that ends by itself, in a market that is sound and in one that has just broken down.
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { runSimulator } from '../src/sim-run.js';

afterEach(() => void vi.restoreAllMocks());

/** One that ends at its start: its options cannot be. */
async function failing(broken?: Promise<string>): Promise<{ code: number; said: string }> {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const interrupt = { signalled: new Promise<never>(() => undefined), off: () => undefined };
  const env = { ...process.env, NATS_URL: 'nats://127.0.0.1:1', TENDER_OPERATOR_SEED: 'none' };
  const code = await runSimulator({ args: ['run', '--agents', '0'], env, interrupt, broken });
  return { code, said: written.mock.calls.join('') };
}

test('its own exit code is told', async () => {
  expect(await failing()).toEqual({ code: 2, said: '' });
  expect(await failing(new Promise(() => undefined))).toEqual({ code: 2, said: '' });
});

test('where the market broke down under it that is told, though the news of it comes later', async () => {
  // A simulator with wrong options ends sooner than that, on most machines; on the others the news is simply first.
  const { code, said } = await failing(delay(1_000, 'nats-server (pid 7) died'));
  expect(code).toBe(1);
  expect(said).toContain('The run is over: nats-server (pid 7) died. No report was written.');
});
