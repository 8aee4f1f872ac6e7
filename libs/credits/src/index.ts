// The pure door of the bank: types and rules, no I/O, no clock, no randomness.
export * from './account.js';
export * from './amount.js';
export * from './ledger.js';
export * from './transfer.js';
export * from './transfer-status.js';
