// The testing door: the contract that any ledger must meet.
export {};
