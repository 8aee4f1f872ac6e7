// The effect door to Redis: scripts, lock, reader, checker.
export { AwardBatch, MAX_BATCH } from './award-batch.js';
export { MarketReader } from './market-reader.js';
export { type HeldLock, type LockOutcome, NegotiationLock } from './negotiation-lock.js';
export {
  type AwardInput,
  type AwardReply,
  type Keyed,
  marketScripts,
  type OpenCallInput,
  type OpenCallReply,
  type RankedBid,
  type ScriptRefusal,
  type SettleReply,
  type Snapshot,
} from './scripts.js';
