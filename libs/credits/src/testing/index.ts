// The testing door: the contract that any ledger must meet, bad input for it, and commands in short.
export { badInputs } from './bad-input.js';
export * from './commands.js';
export { CASE_START_MS, type LedgerHarness, runLedgerContract, standing } from './ledger-contract.js';
