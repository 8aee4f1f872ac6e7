// Random ledger commands from few accounts, ids and keys, so that reuse, clashes and expiry happen all the time.
import fc from 'fast-check';
import { type LedgerCommand, MAX_TTL_MS } from '../src/index.js';
import type { Step } from './both-ledgers.js';

export const ACCOUNTS = ['a1', 'b1', 'c1', 'p1', 'nobody', 'treasury'] as const;
export const TRANSFERS = ['t1', 't2', 't3'] as const;

/** Mostly the one who has credits pays the one who has none; the others are there for the refusals. */
const payer = fc.oneof(
  { weight: 12, arbitrary: fc.constant('a1') },
  { weight: 4, arbitrary: fc.constantFrom('b1', 'p1') },
  { weight: 1, arbitrary: fc.constantFrom('c1', 'nobody', 'treasury') },
);
const payee = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('b1', 'p1') },
  { weight: 2, arbitrary: fc.constant('a1') },
  { weight: 1, arbitrary: fc.constantFrom('c1', 'nobody', 'treasury') },
);
const id = fc.constantFrom(...TRANSFERS);
const by = fc.constantFrom('a1', 'a1', 'b1', 'op');
const key = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 1e9 }).map((n) => `n${n}`) },
  { weight: 1, arbitrary: fc.constantFrom('k1', 'k2') },
);
const amount = fc.oneof(
  { weight: 16, arbitrary: fc.integer({ min: 1, max: 400 }).map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '99999999999999',
      '99999999998999',
      '100000000000000',
      '',
      '0',
      '-1',
      '007',
      '1e3',
      'nan',
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 3 }) },
);
const granted = fc.oneof(
  { weight: 3, arbitrary: amount },
  { weight: 1, arbitrary: fc.constantFrom('99999999999999', '99999999998999') },
);
const ttlMs = fc.oneof(
  { weight: 2, arbitrary: fc.constant(undefined) },
  { weight: 6, arbitrary: fc.constantFrom(1, 10, 60_000, 3_600_000, MAX_TTL_MS) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, 1.5, MAX_TTL_MS + 1, Number.NaN, Number.POSITIVE_INFINITY) },
);
const tags = fc.constantFrom(undefined, {}, { agent: 'a1' }, { project: 'x', pool: 'gpu.h100', contract: 'c-1' });
const operator = fc.constantFrom(undefined, undefined, false, true);

const command: fc.Arbitrary<LedgerCommand> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('open-account' as const),
      by,
      key,
      account: fc.record({
        id: fc.constantFrom('a1', 'c1', 'treasury'),
        kind: fc.constantFrom('agent' as const, 'pool' as const),
        class: fc.constantFrom('system' as const, 'standard' as const),
        host: fc.constantFrom(undefined, 'h1'),
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('grant' as const), by, key, to: payee, amount: granted, tags }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('retire' as const), by, key, from: payer, amount, tags }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('transfer' as const),
      ...{ by, key, id, from: payer, to: payee, amount, ttlMs, tags },
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('post' as const),
      ...{ by, key, id, amount: fc.option(amount, { nil: undefined, freq: 2 }), operator },
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('void' as const), by, key, id, operator }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('expire' as const), id }) },
) as fc.Arbitrary<LedgerCommand>;

/** At most an hour a step: a whole run stays below the day for which ended transfers are kept. */
const waitMs = fc.constantFrom(...Array<number>(18).fill(0), 1, 9, 10, 60_000, 1_800_000, 3_600_000);

export const steps: fc.Arbitrary<Step[]> = fc.array(fc.record({ waitMs, command }), {
  minLength: 1,
  maxLength: 22,
  size: 'max',
});
