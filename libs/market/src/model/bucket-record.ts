// A bucket as Redis keeps it: its specification as JSON, and beside it what changes.
import { type Bucket, type BucketLimit, type BucketSpec, showUse, type Use } from '@tender/credits';
import { type HoldState, setAside } from './tokens-record.js';

type Fields = Readonly<Record<string, string>>;

export function bucketFields(bucket: Bucket): Record<string, string | number> {
  const { id: _id, account, limits, spec, factor, ...times } = bucket;
  return {
    spec: JSON.stringify({ ...spec, account, limits: limits.map(({ level: _level, ...limit }) => limit) }),
    ...{ factor, ...times, levels: limits.map(({ level }) => level).join(',') },
  };
}

/** A bucket from its fields, as it was at its last change. */
export function readBucket(id: string, fields: Fields): Bucket {
  const { account, limits, ...spec } = JSON.parse(fields.spec ?? '') as Omit<BucketSpec, 'bucket' | 'limits'> & {
    limits: Omit<BucketLimit, 'level'>[];
  };
  const levels = fields.levels?.split(',').map(Number) ?? [];
  const number = (name: string) => Number(fields[name]);
  return {
    ...{ id, account, spec, limits: limits.map((limit, index) => ({ ...limit, level: levels[index] ?? 0 })) },
    ...{ at: number('at'), factor: number('factor'), factorAt: number('factorAt'), cutAt: number('cutAt') },
    ...{ pausedUntil: number('pausedUntil'), systemAt: number('systemAt'), scarceAt: number('scarceAt') },
    spotPermille: number('spotPermille'),
  };
}

/** A hold that has not ended: its entry and what became of it, and whom it debits by how much. */
export function holdFields(hold: HoldState): Record<string, string | number> {
  const { taken, state, paid, sold, offer, tasks } = hold;
  return {
    ...{ taken: JSON.stringify(taken), since: JSON.stringify({ state, paid, sold, offer, tasks }) },
    ...{ debit: taken.agent, amount: setAside(hold) },
  };
}

export function takenFields(taken: ReadonlyMap<string, Use>): Record<string, string> {
  return Object.fromEntries([...taken].map(([who, use]) => [who, showUse(use)]));
}
