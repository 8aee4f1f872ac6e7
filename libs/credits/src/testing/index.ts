// The testing door: the contract that any ledger must meet, and the table of its rows.
export { type BadInput, badInputs } from './bad-input.js';
export * from './commands.js';
export type { GivenStep, LedgerCase } from './ledger-case.js';
export { ledgerCases } from './ledger-cases.js';
export { CASE_START_MS, type LedgerHarness, runLedgerContract, standing } from './ledger-contract.js';
