// The pure door of the bank: types and rules, no I/O, no clock, no randomness.
export * from './account.js';
export * from './amount.js';
export * from './body-digest.js';
export * from './bucket-flow.js';
export * from './budget.js';
export * from './budget-window.js';
export * from './journal.js';
export * from './ledger.js';
export { BudgetBook, type BudgetDesk, type Shortage } from './model/budget-book.js';
export * from './model/ledger-book.js';
export * from './model/model-ledger.js';
export { applyToBook, applyToLedger, emptyLedger } from './model/pure-ledger.js';
export { replayLedgerEntry } from './model/replay.js';
export * from './noise.js';
export * from './token-bucket.js';
export * from './token-clearing.js';
export * from './transfer.js';
export * from './transfer-status.js';
