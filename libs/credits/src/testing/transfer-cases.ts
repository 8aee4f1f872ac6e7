// The contract's rows for transfers: posted at once, or set aside as pending.
import { MAX_TTL_MS } from '../ledger.js';
import { cancel, hold, pay, post } from './commands.js';
import { type LedgerCase, refuses, replays, succeeds } from './ledger-case.js';

export const transferCases: readonly LedgerCase[] = [
  succeeds('at once', [], pay('300'), { a1: [700, 0], b1: [300, 0] }, 'posted'),
  succeeds('at once, all there is', [], pay('1000'), { a1: [0, 0], b1: [1000, 0] }, 'posted'),
  succeeds('at once, to a pool', [], pay('1', { to: 'p1' }), { a1: [999, 0], p1: [1, 0] }, 'posted'),
  succeeds('pending', [], hold('300'), { a1: [700, 300] }, 'pending'),
  succeeds('pending beside another', [hold('300')], hold('700', { id: 't2' }), { a1: [0, 1000] }, 'pending'),
  succeeds('with the shortest limit', [], hold('1', { ttlMs: 1 }), { a1: [999, 1] }, 'pending'),
  succeeds('with the longest limit', [], hold('1', { ttlMs: MAX_TTL_MS }), { a1: [999, 1] }, 'pending'),
  refuses('more than there is', [], pay('1001'), 'insufficient-credits'),
  refuses('what is pending already', [hold('300')], pay('701', { id: 't2' }), 'insufficient-credits'),
  refuses('pending, more than there is', [], hold('1001'), 'insufficient-credits'),
  refuses('an id that is pending', [hold('300')], pay('1', { key: 'k' }), 'transfer-exists'),
  refuses('an id that was posted', [pay('300')], pay('300', { key: 'k' }), 'transfer-exists'),
  refuses('an id that was voided', [hold('300'), cancel()], hold('300', { key: 'k' }), 'transfer-exists'),
  refuses('to oneself', [], pay('1', { to: 'a1' }), 'same-account'),
  refuses('to the treasury', [], pay('1', { to: 'treasury' }), 'account-kind'),
  refuses('from the treasury', [], pay('1', { from: 'treasury' }), 'account-kind'),
  refuses('from nobody', [], pay('1', { from: 'nobody' }), 'unknown-account'),
  refuses('to nobody', [], pay('1', { to: 'nobody' }), 'unknown-account'),
  refuses('a limit too long', [], hold('1', { ttlMs: MAX_TTL_MS + 1 }), 'ttl-invalid'),
  refuses('amount-invalid before ttl-invalid', [], hold('0', { ttlMs: 0 }), 'amount-invalid'),
  refuses('ttl-invalid before same-account', [], hold('1', { ttlMs: 0, to: 'a1' }), 'ttl-invalid'),
  refuses('same-account before account-kind', [], pay('1', { from: 'treasury', to: 'treasury' }), 'same-account'),
  refuses('same-account before unknown-account', [], pay('1', { from: 'x', to: 'x' }), 'same-account'),
  refuses('account-kind before unknown-account', [], pay('1', { from: 'nobody', to: 'treasury' }), 'account-kind'),
  refuses(
    'unknown-account before transfer-exists',
    [hold('1')],
    pay('1', { to: 'nobody', key: 'k' }),
    'unknown-account',
  ),
  refuses('transfer-exists before insufficient-credits', [hold('1')], pay('5000', { key: 'k' }), 'transfer-exists'),
  replays('asked again, at once', [pay('300')], pay('300'), 'posted'),
  replays('asked again, pending', [hold('300')], hold('300'), 'pending'),
  replays('asked again after it was posted: still the first answer', [hold('300'), post()], hold('300'), 'pending'),
  refuses('key-reused before amount-invalid', [pay('300')], pay('0'), 'key-reused'),
  refuses('key-reused: at once is not pending', [hold('300')], pay('300'), 'key-reused'),
];
