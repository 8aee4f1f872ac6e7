// The contract's rows for opening accounts and for minting and burning credits.
import { expire, grant, hold, open, pay, retire } from './commands.js';
import { type LedgerCase, refuses, replays, succeeds } from './ledger-case.js';

const MAX = '99999999999999';
/** What can still be minted beside the 1000 of `a1`. */
const ROOM = '99999999998999';

export const accountCases: readonly LedgerCase[] = [
  succeeds('an agent', [], open('c1'), { c1: [0, 0] }, 'done'),
  succeeds('a pool', [], open('c1', 'pool'), { c1: [0, 0] }, 'done'),
  refuses('an id that is taken', [], open('a1', 'pool', { key: 'k' }), 'account-exists'),
  refuses('the treasury, which opens itself', [], open('treasury'), 'account-exists'),
  replays('asked again', [open('c1')], open('c1'), 'done'),
  refuses('key-reused before account-exists', [], open('b1', 'agent', { key: 'open-a1' }), 'key-reused'),

  succeeds('to an agent', [], grant('b1', '7'), { treasury: [-1007, 0], b1: [7, 0] }, 'done'),
  succeeds('to a pool', [], grant('p1', '7'), { treasury: [-1007, 0], p1: [7, 0] }, 'done'),
  succeeds(
    'to the last micro-credit of the supply',
    [],
    grant('b1', ROOM),
    { treasury: [-Number(MAX), 0], b1: [Number(ROOM), 0] },
    'done',
  ),
  refuses('beyond the supply', [], grant('b1', '99999999999000'), 'supply-exceeded'),
  refuses('the largest amount beside others', [], grant('b1', MAX), 'supply-exceeded'),
  succeeds(
    'what was retired may be minted again',
    [retire('a1', '1000')],
    grant('b1', MAX),
    { treasury: [-Number(MAX), 0], b1: [Number(MAX), 0] },
    'done',
  ),
  refuses('to nobody', [], grant('nobody', '1'), 'unknown-account'),
  refuses('to the treasury', [], grant('treasury', '1'), 'same-account'),
  refuses('amount-invalid before same-account', [], grant('treasury', '0'), 'amount-invalid'),
  refuses('amount-invalid before unknown-account', [], grant('nobody', '0'), 'amount-invalid'),
  refuses('unknown-account before supply-exceeded', [], grant('nobody', MAX), 'unknown-account'),
  replays('asked again', [grant('b1', '7')], grant('b1', '7'), 'done'),
  refuses('key-reused before amount-invalid', [], grant('a1', '0', { key: 'grant-a1-1000' }), 'key-reused'),

  succeeds('a part', [], retire('a1', '400'), { treasury: [-600, 0], a1: [600, 0] }, 'done'),
  succeeds('all there is', [], retire('a1', '1000'), { treasury: [0, 0], a1: [0, 0] }, 'done'),
  refuses('more than there is', [], retire('a1', '1001'), 'insufficient-credits'),
  refuses('what is pending', [hold('600')], retire('a1', '401'), 'insufficient-credits'),
  succeeds(
    'what came back from an expired transfer',
    [hold('600'), { waitMs: 1000 }, expire()],
    retire('a1', '1000'),
    { treasury: [0, 0], a1: [0, 0] },
    'done',
  ),
  succeeds('what was received', [pay('5')], retire('b1', '5'), { treasury: [-995, 0], b1: [0, 0] }, 'done'),
  refuses('from nobody', [], retire('nobody', '1'), 'unknown-account'),
  refuses('from the treasury', [], retire('treasury', '1'), 'same-account'),
  refuses('amount-invalid before same-account', [], retire('treasury', '01'), 'amount-invalid'),
  refuses('amount-invalid before unknown-account', [], retire('nobody', '01'), 'amount-invalid'),
  replays('asked again', [retire('a1', '400')], retire('a1', '400'), 'done'),
  refuses('key-reused before amount-invalid', [], retire('a1', '0', { key: 'open-a1' }), 'key-reused'),
];
