// Every row of the ledger's contract, in one table.
import { accountCases } from './account-cases.js';
import { budgetCases } from './budget-cases.js';
import { endingCases } from './ending-cases.js';
import { idempotencyCases } from './idempotency-cases.js';
import type { LedgerCase } from './ledger-case.js';
import { transferCases } from './transfer-cases.js';

export const ledgerCases: readonly LedgerCase[] = [
  ...accountCases,
  ...transferCases,
  ...endingCases,
  ...idempotencyCases,
  ...budgetCases,
];
