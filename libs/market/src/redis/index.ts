// The effect door to Redis: scripts, lock, reader, checker.
export type { CheckReport } from '../checker/finding.js';
export { showFinding, showReport } from '../checker/report.js';
export type { TaskOffer } from '../model/task-command.js';
export { AwardBatch } from './award-batch.js';
export { checkRedis } from './check.js';
export { type CallRecord, MarketReader } from './market-reader.js';
export { type HeldLock, NegotiationLock } from './negotiation-lock.js';
export { type RecentPrice, recentPrices } from './price-tail.js';
export type { StoredProposal } from './proposal-record.js';
export type { FileProposalInput, ProposalReply } from './proposal-scripts.js';
export { MAX_BATCH, ScriptBatch } from './script-batch.js';
export type { Keyed } from './script-reply.js';
export {
  type AwardInput,
  type AwardReply,
  type DepositReply,
  marketScripts,
  type OfferReply,
  type OpenCallReply,
  type SettleReply,
  type Snapshot,
} from './scripts.js';
export { SpendReader, TooManyLines } from './spend-reader.js';
export type { EngageInput, EngageReply, ReportInput, ReportReply } from './task-scripts.js';
export type { ReturnInput, ReturnReply, TakeReply, TakesReply } from './token-scripts.js';
