// A lease and its clocks: it ends before the bank takes the slot back, whatever became of the process meanwhile.
import type { Winner } from '@tender/market';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Lease } from '../src/lease.js';
import type { Link } from '../src/link.js';
import { MarketClock } from '../src/market-clock.js';

const TERM_MS = 60_000;
/** Of the broker's clock: the machine's own is that much off, and was compared with it over 40 ms. */
const AHEAD_MS = 5_000;
const UNCERTAIN_MS = 20;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] }));
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

interface Asked {
  readonly at: number;
  readonly operation: string;
  readonly body: { readonly maxPriceMicro?: string };
}

/** A lease of a minute, from now on, at a bank that answers as told. */
function leased(answer: (asked: Asked, nth: number) => object = () => ({ ok: false, detail: 'unavailable' })) {
  const clock = new MarketClock();
  const start = Date.now();
  clock.observe(start + AHEAD_MS, performance.now() - UNCERTAIN_MS, performance.now() + UNCERTAIN_MS);
  const asked: Asked[] = [];
  const ask = async (operation: string, body: Asked['body']) => {
    asked.push({ at: Date.now() - start, operation, body });
    return answer(asked.at(-1)!, asked.length);
  };
  const winner = { contract: 'c-1', slots: [0], fences: [1], units: 1, priceMicro: '1' };
  const term = { startedAt: start + AHEAD_MS, until: start + AHEAD_MS + TERM_MS };
  const lease = new Lease({ clock, bank: { ask } } as unknown as Link, 'gpu', 'c', { ...winner, ...term } as Winner);
  const heldFor = async () => {
    const end = await lease.lost;
    return { ...end, afterMs: Date.now() - start };
  };
  return { lease, asked, heldFor, term, at: () => Date.now() - start };
}

const renewed = (until: number) => ({ ok: true, value: { until, terms: 2, priceMicro: '1', amountMicro: '1' } });

test('it ends by the clock, before the bank takes the slot back, and says so', async () => {
  const { lease, heldFor } = leased();
  expect(lease.remainingMs).toBe(TERM_MS - UNCERTAIN_MS);
  expect(lease.until - Date.now()).toBe(TERM_MS);
  const aborted = vi.fn();
  lease.signal.addEventListener('abort', aborted);
  vi.advanceTimersByTime(TERM_MS - UNCERTAIN_MS - 1);
  expect([lease.held, aborted.mock.calls.length]).toEqual([true, 0]);
  vi.advanceTimersByTime(1);
  expect(aborted).toHaveBeenCalledOnce();
  expect(await heldFor()).toEqual({ reason: 'expired', refusal: undefined, afterMs: TERM_MS - UNCERTAIN_MS });
  expect(lease.held).toBe(false);
  expect(await lease.release()).toMatchObject({ ok: false, detail: 'expired' });
});

test('a process that slept past the end finds out when it asks', () => {
  const { lease } = leased();
  const [date, steady] = [Date.now(), performance.now()];
  // No timer could fire.
  vi.spyOn(Date, 'now').mockReturnValue(date + TERM_MS);
  vi.spyOn(performance, 'now').mockReturnValue(steady + TERM_MS);
  expect(lease.signal.aborted).toBe(false);
  expect(lease.held).toBe(false);
  expect(lease.signal.aborted).toBe(true);
});

test('a machine that was suspended: the wall clock has gone on while the steady one stood still', () => {
  const { lease } = leased();
  expect(lease.held).toBe(true);
  const date = Date.now();
  vi.spyOn(Date, 'now').mockReturnValue(date + TERM_MS);
  expect([lease.held, lease.signal.aborted, lease.remainingMs]).toEqual([false, true, 0]);
  // Set back, the wall clock prolongs nothing.
  vi.mocked(Date.now).mockReturnValue(date);
  const other = leased();
  vi.mocked(Date.now).mockReturnValue(date - 60_000);
  expect(other.lease.remainingMs).toBe(TERM_MS - UNCERTAIN_MS);
});

test('autoRenew goes on term by term, a fifth of one before the end, until it is refused', async () => {
  const { lease, asked, heldFor, term } = leased((_asked, nth) =>
    nth < 3 ? renewed(term.until + nth * TERM_MS) : { ok: false, detail: 'round-limit', final: true },
  );
  lease.autoRenew({ maxPriceMicro: 2 });
  await vi.advanceTimersByTimeAsync(3 * TERM_MS - UNCERTAIN_MS - 1);
  expect(lease.held).toBe(true);
  const lead = TERM_MS / 5 + UNCERTAIN_MS;
  expect(asked.map(({ operation, at }) => [operation, at])).toEqual([
    ['renew', TERM_MS - lead],
    ['renew', 2 * TERM_MS - lead],
    ['renew', 3 * TERM_MS - lead],
  ]);
  expect(asked[0]!.body).toMatchObject({ maxPriceMicro: '2' });
  await vi.advanceTimersByTimeAsync(1);
  const refusal = expect.objectContaining({ detail: 'round-limit' });
  expect(await heldFor()).toEqual({ reason: 'expired', refusal, afterMs: 3 * TERM_MS - UNCERTAIN_MS });
});

test('autoRenew stops where the price is above its limit, and tries again where nobody answered', async () => {
  const dear = leased(() => ({ ok: false, detail: 'below-reserve-price', final: true }));
  dear.lease.autoRenew({ maxPriceMicro: 2 });
  await vi.advanceTimersByTimeAsync(TERM_MS);
  expect(dear.asked).toHaveLength(1);
  expect(await dear.lease.lost).toMatchObject({ reason: 'expired', refusal: { detail: 'below-reserve-price' } });
  const deaf = leased((_asked, nth) =>
    nth === 1 ? { ok: false, detail: 'unavailable' } : renewed(deaf.term.until + TERM_MS),
  );
  deaf.lease.autoRenew({ maxPriceMicro: 2 });
  await vi.advanceTimersByTimeAsync(TERM_MS);
  expect(deaf.lease.held).toBe(true);
  // Under the key of the first, which may have been done.
  expect(deaf.asked.map(({ body }) => body)).toEqual([deaf.asked[0]!.body, deaf.asked[0]!.body]);
});
