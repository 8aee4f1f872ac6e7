// The pure door of the market: messages, rules and state machines; no I/O, no clock, no randomness.
export * from './auction/clear.js';
export * from './auction/rank.js';
export * from './cheque.js';
export * from './codec.js';
export * from './envelope.js';
export * from './events.js';
export * from './ids.js';
export * from './messages.js';
export * from './nkey.js';
export * from './operations.js';
export * from './refusal.js';
export * from './subjects.js';
export * from './terms.js';
