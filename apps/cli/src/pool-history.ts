// `tender pool get <id> --history [count]`: the pool's last clearing prices, as the broker that answers remembers them.
import type { Operator } from '@tender/agent';
import type { PoolRow } from '@tender/market';
import { refusedByBank } from './as-operator.js';
import type { CliConfig } from './config.js';
import { type Kind, present, type Shown } from './listing.js';
import { showDuration, showMicro } from './quantities.js';
import { showTable } from './table.js';

/** The pool and what was sold of it of late, the latest first. */
export async function poolWithHistory(
  operator: Operator,
  { market }: CliConfig,
  pools: Kind<PoolRow>,
  { pool, count, text }: { readonly pool: string; readonly count: number; readonly text: (row: PoolRow) => string },
): Promise<Shown> {
  const row = await present(operator, market, pools, pool);
  const quoted = await operator.quote(pool, count);
  if (!quoted.ok) throw refusedByBank(quoted, market);
  const history = quoted.history ?? [];
  const lines = history.map(({ at, priceMicro, durationMs, units }) => [
    ...[new Date(at).toISOString(), showMicro(priceMicro), showDuration(durationMs), String(units)],
  ]);
  const told = lines.length === 0 ? 'Nothing is known to have been sold of it.' : showTable(HEAD, lines);
  return { json: { ...row, history }, text: `${text(row)}\n\n${told}` };
}

const HEAD = ['AWARDED', 'PRICE', 'FOR', 'UNITS'];
