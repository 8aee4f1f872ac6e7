// A market in which one agent holds one lease, for the tests of what becomes of it.
import type { openPool } from '../src/testing/index.js';
import { START_MS, type TestMarket, type TestRedis } from './market-under-test.js';

export interface Leased {
  readonly price: number;
  readonly durationMs: number;
  readonly units?: number;
  readonly pool?: Partial<Parameters<typeof openPool>[2]>;
  readonly grantMicro?: number;
}

/** A market at START_MS in which ann holds the lease `c1-1`, won at its own price; zed is its host. */
export async function leasedMarket(
  server: TestRedis,
  { price, durationMs, units = 1, pool = {}, grantMicro = 1_000 }: Leased,
): Promise<TestMarket> {
  const others = [{ id: 'ben', host: 'zed' }, { id: 'cid' }];
  const market = await server.market({
    // All the credits that there can be are ann's alone.
    agents: [{ id: 'ann', host: 'zed' }, ...(grantMicro > 1e12 ? [] : others)],
    grantMicro,
    pools: [{ pool: 'gpu', slots: 8, ...pool }],
  });
  await market.setClock(START_MS);
  const slots = Array.from({ length: units }, (_, n) => n);
  const reservePriceMicro = String(price);
  await market.hand.call({ cfp: 'c1', slots, durationMs, reservePriceMicro, rule: 'uniform-price' });
  const reply = await market.hand.award('c1', [
    { participant: 'ann', price: Math.max(price, 1), units, until_ms: START_MS },
  ]);
  if (!reply.ok) throw new Error(reply.message);
  return market;
}
