// What counts as recent use: tokens that were taken before a window turned, and come back after it.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TokenHand } from '../src/testing/index.js';
import { START_MS, startTestRedis, type TestRedis } from './market-under-test.js';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.stop());

/** In which 600 requests flow, and when one begins. */
const WINDOW = 60_000;
const TURN_MS = Math.ceil(START_MS / WINDOW) * WINDOW;

it('what comes back counts no more where it was taken, and hides nothing that was taken since', async () => {
  const m = await server.market();
  const tokens = new TokenHand(m.redis, m.market);
  await m.setClock(TURN_MS - WINDOW);
  await tokens.openBucket({ noiseWindowMs: WINDOW, noiseMaxPermille: 4_000 });
  const use = async () => (await tokens.view('api', 'ann')).use?.split(',').slice(1).map(Number);
  await m.setClock(TURN_MS - 1_000);
  const early = await tokens.take({ agent: 'ann', amounts: { requests: 60 }, maxPrice: 400 });
  expect(await use()).toEqual([0, 100_000]);
  await m.setClock(TURN_MS + 9_000);
  const late = await tokens.take({ agent: 'ann', amounts: { requests: 30 }, maxPrice: 400 });
  if (!early.ok || !late.ok) throw new Error('no tokens');
  expect(await use()).toEqual([100_000, 50_000]);
  expect(await tokens.return('ann', early.hold, { requests: 0 })).toMatchObject({ ok: true });
  expect(await use()).toEqual([0, 50_000]);
  // What was used beyond the hold is used now.
  expect(await tokens.return('ann', late.hold, { requests: 36 })).toMatchObject({ ok: true });
  expect(await use()).toEqual([0, 60_000]);
  await m.check();
});
