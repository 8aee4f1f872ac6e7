// The agent's side of the market: connect, listen, bid, call, hold leases; have tasks done and do them.

// The counter-proposal generator and what it works on, for providers that judge tasks by themselves.
export {
  appraise,
  type Capability,
  type Counter,
  type CounterFacts,
  type CounterKind,
  compose,
  counterFacts,
  counterFor,
  fewerUnits,
  higherPrice,
  laterStart,
  lessScope,
  longerDeadline,
  longerRun,
  otherRegion,
  type Preferences,
  smallerBatches,
} from '@tender/market';
export { type Agent, type AgentKeys, connectAgent, type QuoteOptions } from './agent.js';
export type { Bundle, BundleOptions } from './bundle.js';
export type { CallOptions, CallOutcome } from './call.js';
export type { CapabilityOptions } from './capability-options.js';
export type { Decide, HaggleChoice } from './decide.js';
export { type BidDecision, bid, type CallView, type Decision, type RefuseDecision, refuse } from './decision.js';
export type { Escalation, Ruling } from './escalations.js';
export type { MyTurn } from './haggle-run.js';
export type { ListenHandlers, Listening } from './handlers.js';
export type { Choice, HireOptions, HireOutcome } from './hire-options.js';
export { Hired, type Stepped, type TaskEnd } from './hired.js';
export { connectHost, type Host } from './host.js';
export { type Heard, Lease, type LeaseEnd } from './lease.js';
export type { Counts, LinkOptions } from './link.js';
export type { Log } from './log.js';
export type { LostBid } from './lost-bid.js';
export type { NegotiateOptions } from './negotiate.js';
export type { HoldSlots } from './offer-maker.js';
export {
  type AdminAnswer,
  connectOperator,
  type Decided,
  type Operator,
  type SpendOptions,
  type Spent,
  type Waiting,
} from './operator.js';
export type { Appraisal, Appraise, LostOffer, ProvideOptions, Providing, TaskRequest } from './provide-options.js';
export { RefusedError } from './refused-error.js';
export { createSeed } from './seed.js';
export type { HireBundleOptions, HiredBundle } from './task-bundle.js';
export type { IssuesDraft, OrderOptions, TaskDraft } from './task-order.js';
export { TokenHold } from './token-hold.js';
export type { Amounts, TokenOffer, TokenOrder } from './token-order.js';
export type { Taken, TakeOptions, WithTokensOptions } from './tokens.js';
export type { Told } from './told.js';
export type { Move } from './trail.js';
export type { UpstreamAnswer, UpstreamHeaders } from './upstream.js';
export type { WinOptions } from './win.js';
export type { Run, Workbench } from './work.js';
export type { WorkflowOptions, WorkflowRun, WorkflowTask } from './workflow-run.js';
