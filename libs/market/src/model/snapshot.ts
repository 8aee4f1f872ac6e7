// All live state at one instant, in one shape for the model and for Redis: so that the two can be compared as they are.
import { createHash } from 'node:crypto';
import { canonicalJson, hasFaded, owedText, readUse } from '@tender/credits';
import { bucketFields, holdFields, takenFields } from './bucket-record.js';
import type { CallState, ContractState, MarketState, PoolState } from './market-state.js';
import { isOpen, type ProposalRecord } from './proposal-record.js';
import type { TaskRecord } from './task-record.js';
import { isPaymentOfHold } from './tokens-record.js';

type Fields = Readonly<Record<string, string>>;
type Records = Readonly<Record<string, Fields>>;

/**
 * What snapshot.lua replies: every account and pool, every slot as `<pool>:<n>`, and of contracts, tasks'
 * contracts, pending transfers, calls and proposals those that have not ended.
 */
export interface MarketSnapshot {
  readonly seq: number;
  /** The market's clock at the last change, in ms. */
  readonly clock: number;
  readonly minted: number;
  readonly burned: number;
  readonly accounts: Records;
  /** As they were stored with their last change. */
  readonly budgets: Records;
  readonly pools: Records;
  readonly slots: Readonly<Record<string, { readonly fence: number; readonly contract: string }>>;
  readonly free: Readonly<Record<string, string>>;
  /** Slots held in whose name, by pool; and what was bought of late: pools in which nobody counts are left out. */
  readonly owned: Records;
  readonly bought: Records;
  readonly contracts: Records;
  readonly tasks: Records;
  readonly transfers: Records;
  readonly calls: Records;
  readonly proposals: Records;
  /** As they were stored with their last change; recent use by bucket and owner; and holds that have not ended. */
  readonly buckets: Records;
  readonly taken: Records;
  readonly holds: Records;
  /** The market's rules: their version, and the sum of their text. */
  readonly policy: Fields;
}

/** The snapshot of a model; `seq` is how many changes its holder counted. */
export function snapshotOf(market: MarketState, seq: number): MarketSnapshot {
  const { ledger, pools, contracts, tasks, calls, proposals } = market;
  const slots: Record<string, { fence: number; contract: string }> = {};
  const free: Record<string, string> = {};
  for (const [id, pool] of pools) {
    pool.slots.forEach(({ fence, contract }, n) => {
      slots[`${id}:${n}`] = { fence, contract };
    });
    for (const n of pool.free) free[`${id}:${n}`] = '1';
  }
  return {
    ...{ seq, clock: ledger.clock, ...ledger.supply, slots, free },
    accounts: records([...ledger.accounts()].map(({ id, ...account }) => [id, account])),
    budgets: records(
      [...ledger.budgets.all()].map(({ id, owed, ...budget }) => [id, { ...budget, owed: owedText(owed) }]),
    ),
    pools: records([...pools].map(([id, pool]) => [id, poolFields(pool)])),
    owned: counters([...pools].map(([id, { owned }]) => [id, owned])),
    bought: counters([...pools].map(([id, { bought }]) => [id, bought])),
    contracts: records(
      [...contracts].filter(([, lease]) => lease.state !== 'settled').map(([id, lease]) => [id, leaseFields(lease)]),
    ),
    tasks: records(
      [...tasks].filter(([, task]) => task.state !== 'settled').map(([id, task]) => [id, taskFields(task)]),
    ),
    transfers: records(
      [...ledger.transfers()]
        .filter(({ id, state }) => state === 'pending' && !isPaymentOfHold(id))
        .map(({ id, ...transfer }) => [
          id,
          { ...transfer, expiresAt: transfer.expiresAt ?? '', tags: JSON.stringify(transfer.tags) },
        ]),
    ),
    calls: records(
      [...calls].filter(([, call]) => call.state === 'open').map(([cfp, call]) => [cfp, callFields(call)]),
    ),
    proposals: records(
      [...proposals].filter(([, proposal]) => isOpen(proposal)).map(([id, proposal]) => [id, proposalFields(proposal)]),
    ),
    buckets: records([...market.buckets].map(([id, bucket]) => [id, bucketFields(bucket)])),
    taken: records([...market.taken].map(([id, taken]) => [id, takenFields(taken)])),
    holds: records(
      [...market.holds].filter(([, { state }]) => state === 'held').map(([id, hold]) => [id, holdFields(hold)]),
    ),
    policy: { version: String(market.policyVersion), sum: sumOf(market.policyText) },
  };
}

type Value = string | number | undefined;

function poolFields(pool: PoolState): Record<string, Value> {
  const { account, seller, slots, reserve, reservePrice, seals, maxTerms, spot, spotDurationMs } = pool;
  const { graceMs, idleMs, compensationPermille, recent } = pool;
  const { lendMs, noiseMaxPermille, noiseWindowMs, ownerMax, standardHeld } = pool;
  const paid = recent.map(({ priceMicro, durationMs }) => `${priceMicro}/${durationMs}`).join(',');
  return {
    ...{ account, seller, slots: slots.length, reserve, reservePrice, seals: seals.join(','), maxTerms },
    ...{ graceMs, idleMs, compensationPermille, spot, spotDurationMs, recent: paid || undefined },
    ...{ lendMs, noiseMaxPermille, noiseWindowMs, ownerMax, standardHeld },
  };
}

function leaseFields(lease: ContractState): Record<string, Value> {
  const { id: _id, forgottenAt: _forgottenAt, slots, fences, ...fields } = lease;
  return { ...fields, slots: slots.join(','), fences: fences.join(',') };
}

function taskFields(task: TaskRecord): Record<string, Value> {
  const { id: _id, forgottenAt: _forgottenAt, slots, fences, standbys, frame, receipt, ...fields } = task;
  return {
    ...{ kind: 'task', ...fields, slots: slots.join(','), fences: fences.join(',') },
    standbys: JSON.stringify(standbys),
    frame: sumOf(frame),
    receipt: receipt === undefined ? undefined : sumOf(receipt),
  };
}

/** What an open proposal has: contracts and detail come with its end. */
function proposalFields(proposal: ProposalRecord): Record<string, Value> {
  const { id: _id, forgottenAt: _forgottenAt, contracts: _contracts, detail: _detail, text, ...fields } = proposal;
  return { ...fields, text: Buffer.byteLength(text) };
}

/** Long texts are compared by their sums. */
function sumOf(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

function callFields(call: CallState): Record<string, Value> {
  const { cfp: _cfp, leases: _leases, forgottenAt: _forgottenAt, deposits: _deposits, ...record } = call;
  const { termsDigest, slots, fences, seals, ...fields } = record;
  return {
    ...fields,
    ...{ slots: slots.join(','), fences: fences.join(','), seals: seals.join(','), digest: termsDigest },
  };
}

function counters(entries: readonly (readonly [string, ReadonlyMap<string, Value>])[]): Records {
  return records(entries.filter(([, map]) => map.size > 0).map(([id, map]) => [id, Object.fromEntries(map)]));
}

function records(entries: readonly (readonly [string, object])[]): Record<string, Record<string, string>> {
  return Object.fromEntries(
    entries.map(([id, fields]) => [
      id,
      Object.fromEntries(
        Object.entries(fields)
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => [name, String(value)]),
      ),
    ]),
  );
}

/** Fields that a journal does not tell: a lock's value is redlock's affair. */
const untold: ReadonlySet<string> = new Set(['lockValue']);

const recordParts = [
  ...(['buckets', 'taken', 'holds'] as const),
  ...([
    'accounts',
    'budgets',
    'pools',
    'owned',
    'bought',
    'slots',
    'free',
    'contracts',
    'tasks',
    'transfers',
    'calls',
    'proposals',
  ] as const),
];

/**
 * The first fact in which two snapshots differ (but for `seq`, which only counts), in words, or undefined; and how
 * many facts were compared. A fact is a record's field. With `ignore` those fields are left out (by default what no journal tells).
 */
export function compareSnapshots(
  expected: MarketSnapshot,
  found: MarketSnapshot,
  ignore: ReadonlySet<string> = untold,
): { readonly compared: number; readonly difference?: string } {
  let compared = 0;
  let difference: string | undefined;
  const fact = (where: string, wanted: unknown, is: unknown) => {
    compared += 1;
    if (difference === undefined && !sameValue(wanted, is)) {
      difference = `${where}: the journal gives ${show(wanted)}, Redis has ${show(is)}`;
    }
  };
  for (const part of ['minted', 'burned'] as const) fact(part, expected[part], found[part]);
  // A clock that waits for the real time to catch up may be ahead of the last entry, never behind.
  fact('clock', Math.max(expected.clock, found.clock), found.clock);
  for (const part of ['version', 'sum']) fact(`policy ${part}`, expected.policy[part], found.policy[part]);
  for (const part of recordParts) {
    const wanted = unfaded(expected, part, found.clock) as Readonly<Record<string, unknown>>;
    const is = unfaded(found, part, found.clock) as Readonly<Record<string, unknown>>;
    for (const id of union(wanted, is)) {
      const [a, b] = [wanted[id], is[id]];
      if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) fact(`${part} ${id}`, a, b);
      else {
        for (const field of union(a, b)) {
          if (!ignore.has(field)) fact(`${part} ${id} ${field}`, a[field as never], b[field as never]);
        }
      }
    }
  }
  return difference === undefined ? { compared } : { compared, difference };
}

/** A part without what has faded of recent use: Redis drops it now and then, and nothing hangs on when. */
function unfaded(snapshot: MarketSnapshot, part: (typeof recordParts)[number], nowMs: number): object {
  if (part !== 'taken' && part !== 'bought') return snapshot[part];
  const left = Object.entries(snapshot[part]).map(([id, uses]) => {
    const { noiseWindowMs } =
      part === 'bought' ? (snapshot.pools[id] ?? {}) : JSON.parse(snapshot.buckets[id]?.spec ?? '{}');
    const live = Object.entries(uses).filter(([, use]) => !hasFaded(readUse(use), Number(noiseWindowMs), nowMs));
    return [id, Object.fromEntries(live)] as const;
  });
  return Object.fromEntries(left.filter(([, uses]) => Object.keys(uses).length > 0));
}

function union(a: object, b: object): Set<string> {
  return new Set([...Object.keys(a), ...Object.keys(b)]);
}

/** Attribution tags and standbys are JSON, whose order is cjson's own. */
function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'string' || typeof b !== 'string' || !/^[{[]/.test(a) || !/^[{[]/.test(b)) return false;
  try {
    return canonicalJson(JSON.parse(a)) === canonicalJson(JSON.parse(b));
  } catch {
    return false;
  }
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
