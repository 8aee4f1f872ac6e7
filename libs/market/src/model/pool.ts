// Pools in the model: opening one, or changing the prices and rules of one that exists; open-pool.lua's rules.
import { parseMicro } from '@tender/credits';
import type { PoolSpec } from '../operations.js';
import { type Answer, type Done, refused } from './command.js';
import type { MarketState } from './market-state.js';

export function openPool(market: MarketState, spec: PoolSpec): Answer<Done['open-pool']> {
  if (market.ledger.account(spec.account)?.kind !== 'pool') return refused('unknown');
  if (market.ledger.account(spec.seller)?.kind !== 'agent') return refused('unknown');
  if (parseMicro(spec.reservePriceMicro) === undefined) return refused('malformed');
  if (spec.reserve > spec.slots) return refused('no-capacity');
  if ((market.pools.get(spec.pool)?.slots.length ?? 0) > spec.slots) return refused('no-capacity');
  commitPool(market, spec);
  return { ok: true, pool: spec.pool };
}

export function commitPool(market: MarketState, spec: PoolSpec): void {
  const had = market.pools.get(spec.pool);
  const slots = had?.slots ?? [];
  const free = had?.free ?? new Set<number>();
  for (let n = slots.length; n < spec.slots; n += 1) {
    slots.push({ fence: 0, contract: '' });
    free.add(n);
  }
  market.pools.set(spec.pool, {
    ...{ recent: [], standardHeld: 0, owned: new Map(), bought: new Map() },
    ...had,
    // Of another window's halves nothing could be told any more: what was bought of late counts anew.
    ...(had !== undefined && had.noiseWindowMs === spec.noiseWindowMs ? {} : { bought: new Map() }),
    account: spec.account,
    seller: spec.seller,
    reserve: spec.reserve,
    reservePrice: Number(spec.reservePriceMicro),
    seals: spec.seals,
    maxTerms: spec.maxTerms,
    graceMs: spec.graceMs,
    idleMs: spec.idleMs,
    compensationPermille: spec.compensationPermille,
    lendMs: spec.lendMs,
    noiseMaxPermille: spec.noiseMaxPermille,
    noiseWindowMs: spec.noiseWindowMs,
    ownerMax: spec.ownerMax,
    slots,
    free,
  });
}
