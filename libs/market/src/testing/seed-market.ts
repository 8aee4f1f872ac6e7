// A market ready to trade, for tests and benches: accounts, grants and pools, every answer asserted.
import { type AccountSpec, isSuccess } from '@tender/credits';
import { bodyDigest, metaKey, RedisLedger, runScript } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import type { PoolSpec } from '../operations.js';
import { marketScripts } from '../redis/scripts.js';

export interface MarketSeed {
  /** Agents by id; each is an account of kind agent. */
  readonly agents: readonly (Partial<Omit<AccountSpec, 'kind'>> & { readonly id: string })[];
  /** What every agent is granted, in micro-credits; nothing when 0. */
  readonly grantMicro?: number;
  /** Defaults: sold by `seller`, paid to `<pool's account>`, no reserve, reserve price 0, both seals. */
  readonly pools?: readonly (Partial<PoolSpec> & { readonly pool: string; readonly slots: number })[];
}

/** The agent that sells the seeded pools, and the account that is paid for them, where a seed names no others. */
export const SELLER = 'seller';
export const POOL_ACCOUNT = 'pool-account';

/** Opens the accounts (the seller's and the pool's too), grants, and opens the pools. Throws where one is refused. */
export async function seedMarket(redis: Redis, market: string, seed: MarketSeed): Promise<void> {
  const ledger = new RedisLedger(redis, market);
  const asked = (key: string) => ({ by: 'operator', key: `seed-${key}` });
  const done = async (what: string, status: Promise<{ status: Parameters<typeof isSuccess>[0] }>) => {
    const result = await status;
    if (!isSuccess(result.status)) throw new Error(`${what}: ${result.status}`);
  };
  const open = (account: AccountSpec) =>
    done(`account ${account.id}`, ledger.apply({ kind: 'open-account', ...asked(`account-${account.id}`), account }));
  await Promise.all([
    open({ id: SELLER, kind: 'agent', class: 'standard' }),
    open({ id: POOL_ACCOUNT, kind: 'pool', class: 'standard' }),
    ...seed.agents.map((agent) => open({ class: 'standard', ...agent, kind: 'agent' })),
  ]);
  const amount = seed.grantMicro ?? 0;
  if (amount > 0) {
    await Promise.all(
      seed.agents.map(({ id }) =>
        done(`grant ${id}`, ledger.apply({ kind: 'grant', ...asked(`grant-${id}`), to: id, amount: String(amount) })),
      ),
    );
  }
  for (const pool of seed.pools ?? []) await openPool(redis, market, pool);
}

/** Opens or changes one pool. */
export async function openPool(
  redis: Redis,
  market: string,
  pool: Partial<PoolSpec> & { readonly pool: string; readonly slots: number },
): Promise<void> {
  const spec: PoolSpec = {
    ...{ account: POOL_ACCOUNT, seller: SELLER, reserve: 0, reservePriceMicro: '0', maxTerms: 64 },
    ...{ seals: ['mac', 'ed25519'], graceMs: 0, idleMs: 0, compensationPermille: 100 },
    ...{ lendMs: 0, noiseMaxPermille: 1000, noiseWindowMs: 3_600_000, ownerMax: 0 },
    ...pool,
  };
  const digest = bodyDigest('open-pool', spec);
  const asked = { by: 'operator', key: `seed-pool-${digest}`, digest };
  const reply = await runScript(redis, marketScripts.openPool, metaKey(market), { ...asked, pool: spec });
  if (!reply.ok) throw new Error(`pool ${pool.pool}: ${reply.detail}, ${reply.message}`);
}
