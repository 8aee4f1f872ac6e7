// The market's time as an agent knows it: what an answer proves, and no more, whatever it took to come.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { connectAgent, createSeed } from '../src/index.js';
import { MarketClock } from '../src/market-clock.js';
import { type SdkMarket, sdkMarket } from './support.js';

describe('a clock', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  /**
   * Answers as [how far this machine's clock is behind the broker's, ms until the broker looked at its clock, ms from
   * then until the answer was here], taken in one after the other.
   */
  type Answer = readonly [behind: number, there: number, back: number];
  test.each<readonly [string, readonly Answer[], off: number, uncertainty: number]>([
    ['a right clock stays, however long the answer was in a queue', [[0, 4000, 0]], 0, 4000],
    ['wherever it was in one', [[0, 1, 4000]], 0, 4000],
    ['a quick answer finds it right', [[0, 1, 3]], 0, 3],
    ['one that is a little off moves as little as will do', [[5, 2000, 1]], -1, 2001],
    ['and the other way', [[-5, 0, 2000]], 0, 2000],
    ['one that is far off moves into the middle', [[60_000, 30, 10]], 10, 20],
    ['and the other way', [[-60_000, 10, 30]], -10, 20],
    [
      'a slow answer takes nothing from a quick one',
      [
        [60_000, 10, 10],
        [60_000, 0, 3000],
      ],
      0,
      10,
    ],
    [
      'a quick one after a slow one mends it',
      [
        [60_000, 0, 3000],
        [60_000, 1, 3],
      ],
      -1,
      2,
    ],
  ])('%s', (_, answers, off, uncertainty) => {
    const clock = new MarketClock();
    let behind = 0;
    for (const [by, there, back] of answers) {
      behind = by;
      const sent = performance.now();
      vi.advanceTimersByTime(there);
      const brokerMs = Date.now() + behind;
      vi.advanceTimersByTime(back);
      clock.observe(brokerMs, sent, performance.now());
    }
    expect([clock.now() - (Date.now() + behind), clock.uncertaintyMs]).toEqual([off, uncertainty]);
  });

  test('knows nothing before the first answer', () => {
    expect(new MarketClock().uncertaintyMs).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('an agent', () => {
  let m: SdkMarket;
  beforeAll(async () => {
    m = await sdkMarket();
  });
  afterAll(() => m?.stop());

  test('that logs in while the bank is busy keeps the time: it would be deaf, or late, for the whole session', async () => {
    const seed = createSeed();
    await (await m.sdkAgent('early', { seed })).close();
    await m.stack.redis.kill('SIGSTOP');
    const login = connectAgent({ servers: m.stack.natsUrl, market: m.market, id: 'early', seed });
    await delay(700);
    await m.stack.redis.kill('SIGCONT');
    const agent = await login;
    const before = Date.now();
    const now = agent.now();
    // Between two looks at the same clock; a ms for each rounding.
    expect(now).toBeGreaterThanOrEqual(before - 2);
    expect(now).toBeLessThanOrEqual(Date.now() + 2);
    await agent.close();
  });
});
