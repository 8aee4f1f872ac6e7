// Random orders of an operator on budgets: a small tree from which the agents of a random market spend, lent and lowered.
import type { AccountChange, BudgetSpec } from '@tender/credits';
import fc from 'fast-check';
import { AGENTS, SYSTEM_AGENT } from './drawn.js';

export type Order =
  | { readonly kind: 'open-budget'; readonly budget: BudgetSpec }
  | { readonly kind: 'set-account'; readonly account: AccountChange };

const IDS = ['all', 'left', 'right'] as const;
const share = fc.constantFrom(0, 500, 1_000);

/** Siblings turn every minute; what is above them mostly has room. */
function spec(id: (typeof IDS)[number]): fc.Arbitrary<BudgetSpec> {
  const amount = id === 'all' ? fc.constantFrom(30, 100, 1_000) : fc.integer({ min: 0, max: 60 });
  return fc
    .record({
      ...{ amount, keepPermille: share, lendPermille: share, borrows: share, cap: fc.constantFrom(0, 20) },
      window: id === 'all' ? fc.constantFrom('minute' as const, 'life' as const) : fc.constant('minute' as const),
    })
    .map(({ amount, keepPermille, lendPermille, borrows, cap, window }) => ({
      ...{ id, window, amountMicro: String(amount), keepPermille, lendPermille, carryCapMicro: String(cap) },
      borrowMicro: String(Math.floor((amount * borrows) / 1_000)),
      ...(id === 'all' ? {} : { parent: 'all' }),
    }));
}

const spender = fc.constantFrom(...AGENTS, SYSTEM_AGENT, 'seller');
const labelled: fc.Arbitrary<Order> = fc
  .record({
    id: spender,
    budget: fc.constantFrom(...IDS, 'left', 'right', null),
    owner: fc.constantFrom('acme', null, undefined),
  })
  .map((account) => ({ kind: 'set-account', account }));

export const order: fc.Arbitrary<Order> = fc.oneof(
  { weight: 3, arbitrary: labelled },
  {
    weight: 2,
    arbitrary: fc.oneof(...IDS.map(spec)).map((budget): Order => ({ kind: 'open-budget', budget })),
  },
);

/** A tree of three, and three who spend from it. */
export const allotted: fc.Arbitrary<Order[]> = fc
  .tuple(fc.tuple(...IDS.map(spec)), fc.array(labelled, { minLength: 3, maxLength: 5 }))
  .map(([specs, labels]) => [...specs.map((budget): Order => ({ kind: 'open-budget', budget })), ...labels]);
