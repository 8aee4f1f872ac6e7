// The contract's rows for the end of a pending transfer: posted, voided or expired, once.
import { cancel, expire, hold, open, pay, post } from './commands.js';
import { type GivenStep, type LedgerCase, refuses, replays, succeeds } from './ledger-case.js';

const PENDING: readonly GivenStep[] = [hold('300')];
const POSTED: readonly GivenStep[] = [hold('300'), post()];
const VOIDED: readonly GivenStep[] = [hold('300'), cancel()];
const LAPSED: readonly GivenStep[] = [hold('300'), { waitMs: 1000 }];
const EXPIRED: readonly GivenStep[] = [...LAPSED, expire()];
const ALMOST: readonly GivenStep[] = [hold('300'), { waitMs: 999 }];
/** An outsider to `t1`. */
const BY_C: readonly GivenStep[] = [open('c1')];

export const endingCases: readonly LedgerCase[] = [
  succeeds('all of it', PENDING, post(), { a1: [700, 0], b1: [300, 0] }, 'posted'),
  succeeds('all of it, by amount', PENDING, post({ amount: '300' }), { a1: [700, 0], b1: [300, 0] }, 'posted'),
  succeeds('a part, the rest back', PENDING, post({ amount: '1' }), { a1: [999, 0], b1: [1, 0] }, 'posted'),
  succeeds('by the debited account', PENDING, post({ by: 'a1' }), { a1: [700, 0], b1: [300, 0] }, 'posted'),
  succeeds('by an operator', PENDING, post({ by: 'op', operator: true }), { a1: [700, 0], b1: [300, 0] }, 'posted'),
  succeeds('in the last millisecond', ALMOST, post(), { a1: [700, 0], b1: [300, 0] }, 'posted'),
  refuses('more than is pending', PENDING, post({ amount: '301' }), 'exceeds-pending'),
  refuses('nothing', PENDING, post({ amount: '0' }), 'amount-invalid'),
  refuses('by an outsider', [...BY_C, ...PENDING], post({ by: 'c1' }), 'not-party'),
  refuses('by the operator without the right', PENDING, post({ by: 'op', operator: false }), 'not-party'),
  refuses('no such transfer', [], post(), 'unknown-transfer'),
  refuses('posted', POSTED, post({ key: 'k' }), 'already-posted'),
  refuses('posted at once', [pay('300')], post(), 'already-posted'),
  refuses('voided', VOIDED, post(), 'already-voided'),
  refuses('past its limit, though not yet marked', LAPSED, post(), 'already-expired'),
  refuses('past its limit, even for an operator', LAPSED, post({ operator: true }), 'already-expired'),
  refuses('expired', EXPIRED, post(), 'already-expired'),
  refuses('already-posted before not-party', [...BY_C, ...POSTED], post({ by: 'c1' }), 'already-posted'),
  refuses('not-party before already-expired', [...BY_C, ...LAPSED], post({ by: 'c1' }), 'not-party'),
  refuses('not-party before amount-invalid', [...BY_C, ...PENDING], post({ by: 'c1', amount: '' }), 'not-party'),
  refuses('already-expired before amount-invalid', LAPSED, post({ amount: '' }), 'already-expired'),
  replays('asked again', POSTED, post(), 'posted'),
  replays('asked again after its limit', [...POSTED, { waitMs: 5000 }], post(), 'posted'),
  refuses('key-reused before already-posted', POSTED, post({ amount: '1' }), 'key-reused'),

  succeeds('by the credited account', PENDING, cancel(), { a1: [1000, 0] }, 'voided'),
  succeeds('by the debited account', PENDING, cancel({ by: 'a1' }), { a1: [1000, 0] }, 'voided'),
  succeeds('by an operator', PENDING, cancel({ by: 'op', operator: true }), { a1: [1000, 0] }, 'voided'),
  succeeds('in the last millisecond', ALMOST, cancel(), { a1: [1000, 0] }, 'voided'),
  refuses('by an outsider', [...BY_C, ...PENDING], cancel({ by: 'c1' }), 'not-party'),
  refuses('no such transfer', [], cancel(), 'unknown-transfer'),
  refuses('posted', POSTED, cancel(), 'already-posted'),
  refuses('posted at once', [pay('300')], cancel(), 'already-posted'),
  refuses('voided', VOIDED, cancel({ key: 'k' }), 'already-voided'),
  refuses('past its limit, though not yet marked', LAPSED, cancel(), 'already-expired'),
  refuses('expired', EXPIRED, cancel(), 'already-expired'),
  refuses('not-party before already-expired', [...BY_C, ...LAPSED], cancel({ by: 'c1' }), 'not-party'),
  replays('asked again', VOIDED, cancel(), 'voided'),
  refuses('key-reused: a post is not a void', POSTED, cancel({ key: 'post-t1' }), 'key-reused'),

  succeeds('at its limit', LAPSED, expire(), { a1: [1000, 0] }, 'done'),
  refuses('a millisecond early', ALMOST, expire(), 'not-due'),
  refuses('no such transfer', [], expire(), 'unknown-transfer'),
  refuses('posted', POSTED, expire(), 'already-posted'),
  refuses('posted at once', [pay('300')], expire(), 'already-posted'),
  refuses('voided', VOIDED, expire(), 'already-voided'),
  refuses('expired', EXPIRED, expire(), 'already-expired'),
];
