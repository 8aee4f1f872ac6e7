// A market with a clock that a test moves and a hand on its tasks: ann buys, ben, cid and dot do the work.
import { TaskHand } from '../src/testing/index.js';
import { START_MS, type TestMarket, type TestRedis } from './market-under-test.js';

export interface TaskMarket extends TestMarket {
  readonly tasks: TaskHand;
  /** So long after the start. */
  at(ms: number): Promise<void>;
}

/** Eight slots of pool `gpu`, sold by ben; zed speaks for ann and for dot. */
export async function taskMarket(
  server: TestRedis,
  seed: Parameters<TestRedis['market']>[0] = {},
): Promise<TaskMarket> {
  const market = await server.market({
    agents: [{ id: 'ann', host: 'zed' }, { id: 'ben' }, { id: 'cid' }, { id: 'dot', host: 'zed' }],
    grantMicro: 10_000,
    pools: [{ pool: 'gpu', slots: 8, seller: 'ben' }],
    ...seed,
  });
  let nowMs = START_MS;
  await market.setClock(nowMs);
  const at = async (ms: number) => {
    nowMs = START_MS + ms;
    await market.setClock(nowMs);
  };
  return { ...market, at, tasks: new TaskHand(market.redis, market.market, () => nowMs) };
}
