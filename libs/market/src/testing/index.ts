// The testing door: a market seeded, driven and dumped, for the tests of every part and for the benches.
export { dumpMarket } from './dump-market.js';
export { type BidDraft, type CallDraft, MarketHand } from './market-hand.js';
export { ProposalHand } from './proposal-hand.js';
export { type MarketSeed, openPool, POOL_ACCOUNT, SELLER, seedMarket } from './seed-market.js';
export { seeded } from './seeded.js';
export { type EngageDraft, type OfferDraft, TaskHand, testReceipt } from './task-hand.js';
export { type BucketDraft, type TakeDraft, TokenHand } from './token-hand.js';
