// The contract's rows for idempotency: what counts as the same request, and for how long.
import { grant, pay, post } from './commands.js';
import { type LedgerCase, refuses, replays, succeeds } from './ledger-case.js';

const HOUR = 3_600_000;
const GRANT = grant('b1', '7');

export const idempotencyCases: readonly LedgerCase[] = [
  replays('an hour later, in the next window', [GRANT, { waitMs: HOUR }], GRANT, 'done'),
  replays('in the last millisecond of the next window', [GRANT, { waitMs: 2 * HOUR - 1 }], GRANT, 'done'),
  replays(
    'saved in the last millisecond of a window, asked an hour later',
    [{ waitMs: HOUR - 1 }, GRANT, { waitMs: HOUR }],
    GRANT,
    'done',
  ),
  refuses(
    'key-reused holds in the next window too',
    [GRANT, { waitMs: HOUR }],
    grant('b1', '8', { key: GRANT.key }),
    'key-reused',
  ),
  succeeds(
    'two windows later the key is new',
    [GRANT, { waitMs: 2 * HOUR }],
    GRANT,
    { treasury: [-1014, 0], b1: [14, 0] },
    'done',
  ),
  refuses(
    'two windows later the id of the transfer still guards',
    [pay('300'), { waitMs: 2 * HOUR }],
    pay('300'),
    'transfer-exists',
  ),
  replays(
    'the same fields in another order',
    [pay('300', { tags: { agent: 'a1', project: 'x' } })],
    { ...pay('300'), tags: { project: 'x', agent: 'a1' } },
    'posted',
  ),
  replays('an absent field is an undefined one', [pay('300', { tags: undefined })], pay('300'), 'posted'),
  refuses('other tags are another body', [pay('300')], pay('300', { tags: { agent: 'a1' } }), 'key-reused'),
  refuses('the same key for another command', [pay('300', { key: 'k' })], post({ by: 'a1', key: 'k' }), 'key-reused'),
  succeeds(
    'the same key of another asker is new',
    [GRANT],
    { ...GRANT, by: 'op2' },
    { treasury: [-1014, 0], b1: [14, 0] },
    'done',
  ),
];
