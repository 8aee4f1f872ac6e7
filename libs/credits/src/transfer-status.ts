// The closed list of what a ledger command can come to; one table of cases gives each its row.

/** Every outcome of every ledger command. The first four are successes, the rest change nothing. */
export const ledgerStatuses = [
  'done',
  'pending',
  'posted',
  'voided',
  'amount-invalid',
  'ttl-invalid',
  'unknown-account',
  'account-exists',
  'account-kind',
  'same-account',
  'insufficient-credits',
  'over-budget',
  'unknown-budget',
  'budget-invalid',
  'budget-fixed',
  'budget-depth',
  'budget-siblings',
  'supply-exceeded',
  'transfer-exists',
  'unknown-transfer',
  'already-posted',
  'already-voided',
  'already-expired',
  'not-due',
  'exceeds-pending',
  'not-party',
  'key-reused',
] as const;
export type LedgerStatus = (typeof ledgerStatuses)[number];

const successes: ReadonlySet<LedgerStatus> = new Set(['done', 'pending', 'posted', 'voided']);

export function isSuccess(status: LedgerStatus): boolean {
  return successes.has(status);
}
