// The agent's side of the market: connect, listen, bid, call, hold leases.
export { type Agent, type AgentKeys, connectAgent } from './agent.js';
export type { CallOptions, CallOutcome } from './call.js';
export { type BidDecision, bid, type CallView, type Decision, type RefuseDecision, refuse } from './decision.js';
export type { ListenHandlers, Listening } from './handlers.js';
export { connectHost, type Host } from './host.js';
export { type Heard, Lease, type LeaseEnd, type Renewed, type Settled } from './lease.js';
export type { Counts, LinkOptions } from './link.js';
export type { Log } from './log.js';
export { type AdminAnswer, connectOperator, type Decided, type Operator } from './operator.js';
export type { LostBid } from './participation.js';
export { RefusedError } from './refused-error.js';
export { createSeed } from './seed.js';
export type { WinOptions } from './win.js';
