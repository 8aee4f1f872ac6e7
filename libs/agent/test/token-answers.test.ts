// Answers that come too late: a hold that has ended by then is nobody's to work under.
import type { HeldTokens } from '@tender/market';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RefusedError } from '../src/index.js';
import type { Link } from '../src/link.js';
import { MarketClock } from '../src/market-clock.js';
import { Tokens } from '../src/tokens.js';

/** Of the broker's clock, which was compared with the machine's own over 40 ms. */
const AHEAD_MS = 5_000;
const UNCERTAIN_MS = 20;

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** An agent's tokens at a bank that gives any take, told so long before or after the hold's time is over. */
function told(leftMs: number, more: Partial<HeldTokens> = {}): Tokens {
  const clock = new MarketClock();
  const [wall, steady] = [Date.now(), performance.now()];
  clock.observe(wall + AHEAD_MS, steady - UNCERTAIN_MS, steady + UNCERTAIN_MS);
  const value = {
    hold: 'h1',
    bucket: 'api',
    amounts: { requests: 1 },
    unitsMicro: { requests: '1' },
    amountMicro: '1',
  };
  const rates = { ratePermille: 1000, noisePermille: 1000, expiresAt: wall + AHEAD_MS + leftMs, ...more };
  const ask = async () => ({ ok: true, value: { ...value, ...rates } });
  return new Tokens({ clock, bank: { ask }, sender: 'ann' } as unknown as Link, 'ann');
}

const order = { requests: 1, maxPriceMicro: 1 };
const late = { ok: false, detail: 'expired', final: true };

test.each(['settled', 'expired', 'sold'] as const)('of a hold that is %s: nothing is in hand', async (ended) => {
  // The bank's word counts, whatever the clocks say.
  const tokens = told(60_000, { ended });
  expect(await tokens.take('api', order)).toMatchObject({ ...late, message: expect.stringContaining(ended) });
  expect(await tokens.buy('h0', order)).toMatchObject(late);
  let worked = false;
  const work = () => {
    worked = true;
  };
  await expect(tokens.with('api', order, work)).rejects.toThrow(RefusedError);
  expect(worked).toBe(false);
});

test('of a hold whose time ran out on the way: nothing is in hand, unless the clocks may be that far apart', async () => {
  expect(await told(-UNCERTAIN_MS - 1).take('api', order)).toMatchObject(late);
  expect(await told(-UNCERTAIN_MS).take('api', order)).toMatchObject({ ok: true, held: { hold: 'h1' } });
});
