// Inputs that only a broken or hostile caller sends, each with the status that must meet it.
import type { LedgerCommand } from '../ledger.js';
import type { LedgerStatus } from '../transfer-status.js';
import { grant, hold, pay, post, retire } from './commands.js';

/** Values that are no amount, whatever the command. */
const badAmounts: readonly unknown[] = [
  ...['', '0', '00', '01', '-1', '+1', '1.5', '1.', '.5', '1e3', '1E3', 'nan', 'inf', '-nan', '0x10', ' 1', '1 '],
  ...['1\n', '1\u0000', '１', '1,000', '1_000', '100000000000000', '9'.repeat(400), 'true'],
  ...[5, 0, 1.5, true, false, null, [], ['5'], {}],
];

/** Values that are no time limit. A false or a null must not be taken for "no limit": the transfer would be final. */
const badTtls: readonly unknown[] = [
  ...[0, -1, 1.5, 2_592_000_000.5, 2_592_000_001, 1e15, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN],
  ...['1000', '', 'nan', true, false, null, [], {}],
];

/** Values of `operator` that are not the operator's right. */
const badOperators: readonly unknown[] = [null, 0, 1, '', 'true', 'false', [], {}];

export interface BadInput {
  readonly name: string;
  readonly command: LedgerCommand;
  readonly status: LedgerStatus;
}

/** Each bad value in each command that takes it, against the standing of the contract with `t9` pending (a1 to b1). */
export function badInputs(): readonly BadInput[] {
  const rows: BadInput[] = [];
  const add = (command: object, value: unknown, status: LedgerStatus) => {
    const typed = command as LedgerCommand;
    rows.push({ name: `${typed.kind} ${show(value)}`, command: typed, status });
  };
  for (const amount of badAmounts) {
    add({ ...grant('a1', '1'), key: 'bad', amount }, amount, 'amount-invalid');
    add({ ...retire('a1', '1'), key: 'bad', amount }, amount, 'amount-invalid');
    add({ ...pay('1'), key: 'bad', amount }, amount, 'amount-invalid');
    add({ ...hold('1'), key: 'bad', amount }, amount, 'amount-invalid');
    add({ ...post(), id: 't9', key: 'bad', amount }, amount, 'amount-invalid');
  }
  for (const ttlMs of badTtls) add({ ...pay('1'), key: 'bad', ttlMs }, ttlMs, 'ttl-invalid');
  for (const operator of badOperators) {
    add({ ...post(), id: 't9', by: 'op', key: 'bad', operator }, operator, 'not-party');
    add({ ...post(), kind: 'void', id: 't9', by: 'op', key: 'bad', operator }, operator, 'not-party');
  }
  return rows;
}

function show(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > 24 ? `${text.slice(0, 20)}…` : text;
}
