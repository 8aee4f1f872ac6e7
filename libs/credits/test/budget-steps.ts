// Random commands on a small tree of budgets, so that sharing, borrowing, lowering, windows and repeats happen all the time.
import fc from 'fast-check';
import { type BudgetSpec, type LedgerCommand, MAX_MICRO } from '../src/index.js';
import { grant, open, set } from '../src/testing/index.js';
import type { Step } from './both-ledgers.js';

export const BUDGETS = ['all', 'x', 'y', 'z', 'low'] as const;
export const SPENDERS = ['a1', 'a2', 'a3'] as const;
export const PAYMENTS = ['t1', 't2', 't3', 't4', 't5', 't6', 't7', 't8'] as const;

const PARENTS: Readonly<Record<string, string | undefined>> = { x: 'all', y: 'all', z: 'all', low: 'x' };

const permille = fc.oneof(fc.constantFrom(0, 500, 1000), fc.integer({ min: 0, max: 1000 }));
const amount = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 99_999_999_999_999 }) },
);
const windows = fc.constantFrom('minute', 'minute', 'minute', 'hour', 'life') as fc.Arbitrary<BudgetSpec['window']>;

/** Siblings that turn together, and may lend each other; `z` mostly does. */
const TOGETHER: ReadonlySet<string> = new Set(['x', 'y']);

interface Figures {
  readonly window: BudgetSpec['window'];
  readonly amount: number;
  readonly carryCap: number;
  readonly borrow: number;
  readonly keepPermille: number;
  readonly lendPermille: number;
}

const figures: fc.Arbitrary<Figures> = fc.record({
  ...{ window: windows, amount, keepPermille: permille, lendPermille: permille },
  ...{ carryCap: amount, borrow: fc.constantFrom(0, 500, 1000) },
});

/** A budget in its place; the one above all has room for what is below it, siblings mostly turn together. */
function sound(id: (typeof BUDGETS)[number], { window, amount, carryCap, borrow, ...shares }: Figures): BudgetSpec {
  return {
    ...{ id, parent: PARENTS[id], window: TOGETHER.has(id) ? 'minute' : window, ...shares },
    ...{
      amountMicro: String(id === 'all' ? Math.min(4 * amount, MAX_MICRO) : amount),
      carryCapMicro: String(carryCap),
    },
    borrowMicro: String(Math.floor((amount * borrow) / 1000)),
  };
}

/** What is wrong with one in three. */
const oddities: readonly Partial<BudgetSpec>[] = [
  ...[{ parent: 'none' }, { parent: undefined }, { window: 'hour' as const }, { window: 'week' as 'day' }],
  ...[{ borrowMicro: 'x' }, { borrowMicro: '99999999999999' }, { keepPermille: 1001 }, { id: 'new', parent: 'none' }],
];
const changed = fc
  .record({
    id: fc.constantFrom(...BUDGETS),
    figures,
    odd: fc.constantFrom(...Array<object>(16).fill({}), ...oddities),
  })
  .map(({ id, figures, odd }): BudgetSpec => ({ ...sound(id, figures), ...odd }));

/** A budget of each name, and each spender with credits for all of it and a budget to spend from. */
export const given: fc.Arbitrary<LedgerCommand[]> = fc
  .record({
    all: fc.tuple(...BUDGETS.map(() => figures)),
    spends: fc.tuple(...SPENDERS.map(() => fc.constantFrom(...BUDGETS))),
  })
  .map(({ all, spends }) => [
    ...BUDGETS.map((id, index): LedgerCommand => {
      return { kind: 'open-budget', by: 'op', key: `given-${id}`, budget: sound(id, all[index]!) };
    }),
    ...[open('a2'), open('a3'), ...SPENDERS.map((id) => grant(id, '5000000'))],
    ...SPENDERS.map((id, index) => set({ id, budget: spends[index]! })),
  ]);

/** Of payments: the how many last one. A payment itself takes the next id in turn. */
const id = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat({ max: 7 }) });
const paid = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1, max: 150 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('4000000', '', '1e3') },
);
const by = fc.constant('op');
const operator = fc.constant(true as const);

const command: fc.Arbitrary<object> = fc.oneof(
  {
    weight: 22,
    arbitrary: fc.record({
      kind: fc.constant('transfer'),
      ...{
        by,
        id,
        from: fc.constantFrom(...SPENDERS),
        to: fc.constantFrom('b1', 'b1', 'b1', 'p1', 'p1', 'a2'),
        amount: paid,
      },
      ttlMs: fc.constantFrom(undefined, 1_000, 30_000, 90_000, 7_200_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('post'), by, id, amount: fc.option(paid, { nil: undefined }), operator }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('void'), by, id, operator }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('expire'), id }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('open-budget'), by, budget: changed }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('set-account'),
      by,
      account: fc.record({
        id: fc.constantFrom(...SPENDERS, ...SPENDERS, 'p1', 'nobody', 'treasury'),
        budget: fc.constantFrom(...BUDGETS, ...BUDGETS, null, undefined, 'none'),
        team: fc.constantFrom(undefined, 'red', null),
      }),
    }),
  },
);

const waits = [...Array<number>(9).fill(0), 1, 1_000, 59_999, 60_000, 60_001, 180_000, 3_600_000];
/** Below a day in all: Redis forgets ended transfers by its own clock, the model by the market's. */
const shortWaits = fc.constantFrom(...waits);
const longWaits = fc.constantFrom(...waits, 5 * 86_400_000);

const payment = fc.record({ from: fc.constantFrom(...SPENDERS), amount: fc.integer({ min: 40, max: 250 }) });
/** A large payment is set aside, of what may have to be borrowed; its budget may be lowered; all or a part comes back. */
const episode: fc.Arbitrary<object[]> = fc
  .record({
    payment,
    id: fc.constantFrom('x', 'y', 'z'),
    lowered: fc.option(figures),
    back: fc.constantFrom('1', '30', undefined),
  })
  .map(({ payment: { from, amount }, id, lowered, back }) => [
    { kind: 'set-account', by: 'op', account: { id: from, budget: id } },
    { kind: 'transfer', by: 'op', id: 0, from, to: 'b1', amount: String(amount), ttlMs: 90_000 },
    ...(lowered === null
      ? []
      : [{ kind: 'open-budget', by: 'op', budget: sound(id, { ...lowered, amount: lowered.amount % 90 }) }]),
    { kind: back === undefined ? 'void' : 'post', by: 'op', id: 0, operator: true, ...(back && { amount: back }) },
  ]);

/** Each under a key of its own, but for those that ask again what was asked before, as after a crash. */
const stepsWith = (waitMs: fc.Arbitrary<number>): fc.Arbitrary<Step[]> => {
  const single = fc.record({ waitMs, command, again: fc.integer({ min: -30, max: 4 }) }).map((drawn) => [drawn]);
  const several = episode.map((commands) => commands.map((each) => ({ waitMs: 0, command: each, again: -1 })));
  return fc
    .array(fc.oneof({ weight: 12, arbitrary: single }, { weight: 1, arbitrary: several }), {
      ...{ minLength: 1, maxLength: 20, size: 'max' },
    })
    .map((parts) => {
      const steps: Step[] = [];
      let payments = 0;
      for (const [index, { waitMs, command, again }] of parts.flat().entries()) {
        const before = again < 0 ? undefined : steps[index - 1 - again];
        steps.push({ waitMs, command: before?.command ?? named(command as Drawn, index, payments) });
        if (before === undefined && (command as Drawn).kind === 'transfer') payments += 1;
      }
      return steps;
    });
};

type Drawn = { readonly kind: LedgerCommand['kind']; readonly id?: number };

function named(command: Drawn, index: number, payments: number): LedgerCommand {
  const key = `n${index}`;
  if (command.id === undefined) return { key, ...command } as LedgerCommand;
  const number = command.kind === 'transfer' ? payments : Math.max(0, payments - 1 - command.id);
  return { key, ...command, id: PAYMENTS[number % PAYMENTS.length]! } as LedgerCommand;
}

export const budgetSteps = stepsWith(shortWaits);
export const longBudgetSteps = stepsWith(longWaits);
