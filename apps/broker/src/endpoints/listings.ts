// list: all accounts, pools, buckets or budgets as they stand now, or the one that is named.
import { type Account, type Budget, budgetLeft, nextWindowAt, owedInAll, turnedBudget } from '@tender/credits';
import { marketKey } from '@tender/credits/redis';
import { type AccountRow, type BudgetView, type Listing, type PoolRow, refusal } from '@tender/market';
import type { Bank } from '../bank.js';
import { ok } from '../outcome.js';
import type { AdminDone, AdminRequested } from './admin-done.js';
import { bucketRows } from './buckets.js';

/** What one answer holds of rows; more would not fit into a message. */
const MAX_ROWS_BYTES = 400_000;

type Rows = readonly object[];

/** Each in the order of its ids; none where there is none of that name. */
const listingTable: { readonly [L in Listing]: (bank: Bank, id?: string) => Promise<Rows> } = {
  accounts: async ({ ledger }, id) => {
    const found = id === undefined ? await ledger.accounts() : present(await ledger.account(id));
    return found.map(accountRowOf);
  },
  budgets: async ({ ledger, reader }, id) => {
    const [found, now] = await Promise.all([
      id === undefined ? ledger.budgets() : ledger.budget(id).then(present),
      reader.clock(),
    ]);
    return found.map((budget) => budgetViewOf(turnedBudget(budget, now)));
  },
  buckets: bucketRows,
  pools: poolRows,
};

export async function list(
  bank: Bank,
  { of, id, after }: Pick<AdminRequested<'list'>, 'of' | 'id' | 'after'>,
): Promise<AdminDone> {
  const found = await listingTable[of](bank, id);
  if (id !== undefined && found.length === 0) return refusal('unknown', `there is no ${of.slice(0, -1)} ${id}`);
  const rows = after === undefined ? found : found.filter((row) => idOf(row) > after);
  const told = fitting(rows);
  return ok({ status: 'done', [of]: told, ...(told.length < rows.length ? { more: rows.length - told.length } : {}) });
}

function idOf(row: { readonly id?: string; readonly pool?: string; readonly bucket?: string }): string {
  return row.id ?? row.pool ?? row.bucket ?? '';
}

function fitting(rows: Rows): Rows {
  let bytes = 0;
  const end = rows.findIndex((row) => {
    bytes += JSON.stringify(row).length;
    return bytes > MAX_ROWS_BYTES;
  });
  return end < 0 ? rows : rows.slice(0, end);
}

function present<T>(found: T | undefined): T[] {
  return found === undefined ? [] : [found];
}

/** An account for people and agents: everything but its nkey. */
export function accountRowOf(account: Account): AccountRow {
  const { available, pending, nkey: _nkey, ...labels } = account;
  const said = Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== undefined));
  return { ...(said as typeof labels), availableMicro: String(available), pendingMicro: String(pending) };
}

/** All pools in the order of their names, or the one named. */
async function poolRows({ redis, market }: Bank, id?: string): Promise<PoolRow[]> {
  const ids = id === undefined ? await redis.smembers(marketKey(market, 'pools')) : [id];
  const rows = await Promise.all(
    ids.sort().map(async (pool) => {
      const [fields, free] = await Promise.all([
        redis.hgetall(marketKey(market, 'pool', pool)),
        redis.scard(marketKey(market, 'free', pool)),
      ]);
      return fields.account === undefined ? [] : [poolRowOf(pool, fields, free)];
    }),
  );
  return rows.flat();
}

/** A pool from the fields of its hash; one that was opened before there was a field has what the scripts take for it. */
function poolRowOf(pool: string, fields: Readonly<Record<string, string>>, free: number): PoolRow {
  const number = (field: string, otherwise = 0) => Number(fields[field] ?? otherwise);
  const { spot, spotDurationMs } = fields;
  return {
    pool,
    account: fields.account!,
    seller: fields.seller!,
    slots: number('slots'),
    free,
    reserve: number('reserve'),
    standardHeld: number('standardHeld'),
    lendMs: number('lendMs'),
    seals: fields.seals!.split(',') as PoolRow['seals'],
    noiseMaxPermille: number('noiseMaxPermille', 1000),
    noiseWindowMs: number('noiseWindowMs', 3_600_000),
    ownerMax: number('ownerMax'),
    reservePriceMicro: fields.reservePrice!,
    ...(spot === undefined ? {} : { spotMicro: spot }),
    ...(spotDurationMs === undefined ? {} : { spotDurationMs: Number(spotDurationMs) }),
    maxTerms: number('maxTerms'),
    graceMs: number('graceMs'),
    idleMs: number('idleMs'),
    compensationPermille: number('compensationPermille'),
  };
}

/** A budget whose window has been turned. */
export function budgetViewOf(budget: Budget): BudgetView {
  const { id, parent, window, keepPermille, lendPermille, windowStart } = budget;
  const next = nextWindowAt(budget);
  return {
    id,
    window,
    keepPermille,
    lendPermille,
    windowStart,
    ...(parent === undefined ? {} : { parent }),
    ...(next === 0 ? {} : { nextWindowAt: next }),
    amountMicro: String(budget.amount),
    carryCapMicro: String(budget.carryCap),
    borrowMicro: String(budget.borrow),
    allowanceMicro: String(budget.allowance),
    usedMicro: String(budget.used),
    leftMicro: String(budgetLeft(budget)),
    lentMicro: String(budget.lent),
    owedMicro: String(owedInAll(budget)),
    totalMicro: String(budget.total),
  };
}
