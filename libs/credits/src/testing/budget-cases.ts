// The contract's rows for budgets: what is charged and given back, what is lent, and how a window turns.
import { budget, cancel, expire, hold, open, pay, post, set } from './commands.js';
import { type GivenStep, type LedgerCase, refuses, replays, succeeds } from './ledger-case.js';

const HOUR = 3_600_000;
/** 500 an hour, and `a1` spends from it. */
const CAPPED: readonly GivenStep[] = [budget('team', '500'), set({ id: 'a1', budget: 'team' })];
/** `a1` spends from `mine`, 200 an hour, under `all` with 300 an hour. */
const NESTED: readonly GivenStep[] = [
  budget('all', '300'),
  budget('mine', '200', { parent: 'all' }),
  budget('other', '200', { parent: 'all' }),
  set({ id: 'a1', budget: 'mine' }),
];
const IDLE = { lendPermille: 500 };
/** The same with a sibling that lends half of its 200, and an `all` with room. */
const LENT: readonly GivenStep[] = [
  budget('all', '900'),
  budget('mine', '200', { parent: 'all', borrowMicro: '150' }),
  budget('idle', '200', { parent: 'all', ...IDLE }),
  set({ id: 'a1', budget: 'mine' }),
];
const LEND_AGAIN = budget('idle', '200', { parent: 'all' });
const KEPT: readonly GivenStep[] = [
  budget('team', '500', { keepPermille: 500, carryCapMicro: '100' }),
  set({ id: 'a1', budget: 'team' }),
];
const second = { id: 't2' };

export const budgetCases: readonly LedgerCase[] = [
  succeeds('new', [], budget('team', '500'), {}, 'done'),
  succeeds('under another', [budget('all', '1')], budget('team', '500', { parent: 'all' }), {}, 'done'),
  succeeds('of nothing', [], budget('team', '0'), {}, 'done'),
  refuses('an amount that is none', [], budget('team', '1e3'), 'amount-invalid'),
  refuses('a carry cap that is none', [], budget('team', '1', { carryCapMicro: '' }), 'amount-invalid'),
  refuses('a share beyond all', [], budget('team', '1', { keepPermille: 1001 }), 'budget-invalid'),
  refuses('a share below none', [], budget('team', '1', { lendPermille: -1 }), 'budget-invalid'),
  refuses('borrowing more than its own', [], budget('team', '5', { borrowMicro: '6' }), 'budget-invalid'),
  refuses('no such window', [], budget('team', '5', { window: 'week' as 'day' }), 'budget-invalid'),
  refuses('under nothing', [], budget('team', '5', { parent: 'none' }), 'unknown-budget'),
  refuses('under itself', [], budget('team', '5', { parent: 'team' }), 'unknown-budget'),
  refuses('another window', [budget('team', '5')], budget('team', '5', { window: 'day' }), 'budget-fixed'),
  refuses('another parent', NESTED, budget('mine', '5', { parent: 'other' }), 'budget-fixed'),
  refuses('no parent any more', NESTED, budget('mine', '5'), 'budget-fixed'),
  refuses(
    'a fifth below the first',
    [...NESTED, budget('c', '1', { parent: 'mine' }), budget('d', '1', { parent: 'c' })],
    budget('e', '1', { parent: 'd' }),
    'budget-depth',
  ),
  refuses(
    'a 65th under one',
    [budget('all', '1'), ...Array.from({ length: 64 }, (_, n) => budget(`b${n}`, '1', { parent: 'all' }))],
    budget('b64', '1', { parent: 'all' }),
    'budget-siblings',
  ),
  replays('asked again', [budget('team', '500')], budget('team', '500'), 'done'),
  refuses('amount-invalid before budget-invalid', [], budget('team', 'x', { keepPermille: -1 }), 'amount-invalid'),
  refuses(
    'budget-invalid before budget-fixed',
    [budget('team', '5')],
    budget('team', '5', { window: 'day', keepPermille: -1 }),
    'budget-invalid',
  ),

  succeeds('all labels', [], set({ id: 'a1', owner: 'o', project: 'p', team: 't', host: 'h' }), {}, 'done'),
  succeeds('taken away', [...CAPPED], set({ id: 'a1', budget: null }), {}, 'done'),
  succeeds('a class', [], set({ id: 'a1', class: 'system' }), {}, 'done'),
  refuses('nobody', [], set({ id: 'nobody', team: 't' }), 'unknown-account'),
  refuses('the treasury', [], set({ id: 'treasury', team: 't' }), 'account-kind'),
  refuses('a budget of a pool', [budget('team', '5')], set({ id: 'p1', budget: 'team' }), 'account-kind'),
  refuses('a budget that is none', [], set({ id: 'a1', budget: 'none' }), 'unknown-budget'),
  replays('asked again', [set({ id: 'a1', team: 't' })], set({ id: 'a1', team: 't' }), 'done'),
  refuses('unknown-account before unknown-budget', [], set({ id: 'nobody', budget: 'none' }), 'unknown-account'),
  succeeds(
    'with a budget',
    [budget('team', '5')],
    open('c1', 'agent', { account: { id: 'c1', kind: 'agent', class: 'standard', budget: 'team' } }),
    { c1: [0, 0] },
    'done',
  ),
  refuses(
    'with a budget that is none',
    [],
    open('c1', 'agent', { account: { id: 'c1', kind: 'agent', class: 'standard', budget: 'none' } }),
    'unknown-budget',
  ),
  refuses(
    'a pool with a budget',
    [budget('team', '5')],
    open('c1', 'pool', { account: { id: 'c1', kind: 'pool', class: 'standard', budget: 'team' } }),
    'account-kind',
  ),

  succeeds('all that a budget has', CAPPED, pay('500'), { a1: [500, 0], b1: [500, 0] }, 'posted'),
  refuses('more than a budget has', CAPPED, pay('501'), 'over-budget'),
  refuses('pending, more than a budget has', CAPPED, hold('501'), 'over-budget'),
  refuses('beside what is pending', [...CAPPED, hold('500')], pay('1', second), 'over-budget'),
  refuses('insufficient-credits before over-budget', CAPPED, pay('1001'), 'insufficient-credits'),
  replays('asked again when the budget is spent', [...CAPPED, pay('500')], pay('500'), 'posted'),
  succeeds(
    'what came back',
    [...CAPPED, hold('500'), cancel()],
    pay('500', second),
    { a1: [500, 0], b1: [500, 0] },
    'posted',
  ),
  refuses('what was posted', [...CAPPED, hold('500'), post({ amount: '200' })], pay('301', second), 'over-budget'),
  succeeds(
    'what was not posted',
    [...CAPPED, hold('500'), post({ amount: '200' })],
    pay('300', second),
    { a1: [500, 0], b1: [500, 0] },
    'posted',
  ),
  succeeds(
    'what was received gives a budget nothing back, and takes nothing of it',
    [...CAPPED, set({ id: 'b1', budget: 'team' }), pay('300')],
    pay('200', { ...second, from: 'b1', to: 'p1' }),
    { b1: [100, 0], p1: [200, 0] },
    'posted',
  ),
  refuses(
    'what another has spent of it',
    [...CAPPED, set({ id: 'b1', budget: 'team' }), pay('300')],
    pay('201', { ...second, from: 'b1', to: 'p1' }),
    'over-budget',
  ),
  refuses(
    'just before the window turns',
    [...CAPPED, pay('500'), { waitMs: HOUR - 1 }],
    pay('1', second),
    'over-budget',
  ),
  succeeds(
    'when the window turns',
    [...CAPPED, pay('500'), { waitMs: HOUR }],
    pay('500', second),
    { a1: [0, 0], b1: [1000, 0] },
    'posted',
  ),
  refuses(
    'what comes back after the window turned',
    [...CAPPED, hold('500', { ttlMs: HOUR }), { waitMs: HOUR }, pay('500', second), expire()],
    pay('1', { id: 't3' }),
    'over-budget',
  ),
  refuses(
    "what a project's life has had",
    [budget('team', '500', { window: 'life' }), set({ id: 'a1', budget: 'team' }), pay('500'), { waitMs: 9 * HOUR }],
    pay('1', second),
    'over-budget',
  ),

  refuses('more than the budget below has', NESTED, pay('201'), 'over-budget'),
  refuses(
    'more than the one above has',
    [...NESTED, pay('200'), set({ id: 'a1', budget: 'other' })],
    pay('101', second),
    'over-budget',
  ),
  succeeds(
    'what came back above, too',
    [...NESTED, hold('200'), set({ id: 'a1', budget: 'other' }), cancel()],
    pay('200', second),
    { a1: [800, 0], b1: [200, 0] },
    'posted',
  ),
  succeeds(
    'more, as soon as an operator gives more',
    [...CAPPED, pay('500'), budget('team', '600')],
    pay('100', second),
    { a1: [400, 0], b1: [600, 0] },
    'posted',
  ),
  refuses(
    'what came back of an amount that was lowered',
    [...CAPPED, hold('500'), budget('team', '200'), cancel()],
    pay('201', second),
    'over-budget',
  ),
  succeeds(
    'what a lowered amount leaves',
    [...CAPPED, hold('500'), budget('team', '200'), cancel()],
    pay('200', second),
    { a1: [800, 0], b1: [200, 0] },
    'posted',
  ),

  succeeds('borrowed from one that is idle', LENT, pay('300'), { a1: [700, 0], b1: [300, 0] }, 'posted'),
  refuses('more than is lent', LENT, pay('301'), 'over-budget'),
  refuses(
    'more than it may owe',
    [...LENT, budget('idle', '200', { parent: 'all', lendPermille: 1000 })],
    pay('351'),
    'over-budget',
  ),
  refuses(
    'from one that has spent',
    [...LENT, set({ id: 'a1', budget: 'idle' }), pay('1', second), set({ id: 'a1', budget: 'mine', team: 't' })],
    pay('201'),
    'over-budget',
  ),
  succeeds(
    'what was lent is back with its lender',
    [...LENT, hold('300'), cancel(), set({ id: 'a1', budget: 'idle' })],
    pay('200', second),
    { a1: [800, 0], b1: [200, 0] },
    'posted',
  ),
  refuses('what is lent', [...LENT, hold('300'), set({ id: 'a1', budget: 'idle' })], pay('101', second), 'over-budget'),
  refuses(
    'what came back to a lender whose amount was lowered meanwhile',
    [...LENT, hold('300'), budget('idle', '0', { parent: 'all' }), cancel(), set({ id: 'a1', budget: 'idle' })],
    pay('1', second),
    'over-budget',
  ),
  refuses(
    'what a lender has lent, though its amount was lowered and raised again',
    [...LENT, hold('300'), budget('idle', '0', { parent: 'all' }), LEND_AGAIN, set({ id: 'a1', budget: 'idle' })],
    pay('101', second),
    'over-budget',
  ),
  refuses(
    'what was owed when the window turned',
    [...LENT, pay('300'), budget('idle', '200', { parent: 'all' }), { waitMs: HOUR }],
    pay('101', second),
    'over-budget',
  ),
  succeeds(
    'what was lent when the window turned',
    [...LENT, pay('300'), { waitMs: HOUR }, set({ id: 'a1', budget: 'idle' })],
    pay('300', second),
    { a1: [400, 0], b1: [600, 0] },
    'posted',
  ),

  succeeds(
    'half of what was left, carried over',
    [...KEPT, pay('400'), { waitMs: HOUR }],
    pay('550', second),
    { a1: [50, 0], b1: [950, 0] },
    'posted',
  ),
  refuses('more than is carried over', [...KEPT, pay('400'), { waitMs: HOUR }], pay('551', second), 'over-budget'),
  refuses('more than the cap of what is carried', [...KEPT, { waitMs: HOUR }], pay('601'), 'over-budget'),
  succeeds(
    'carried again and again',
    [...KEPT, { waitMs: 99 * HOUR }],
    pay('600'),
    { a1: [400, 0], b1: [600, 0] },
    'posted',
  ),
];
