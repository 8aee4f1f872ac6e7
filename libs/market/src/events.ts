// Facts that the broker publishes once they are committed: several of one pool travel in one message.
import { microText } from '@tender/credits';
import { z } from 'zod';
import { contractIdText, idText, poolIdText, timeMs } from './ids.js';
import { winnerSpec } from './messages.js';
import { leaseOutcomes, proposalStates } from './operations.js';
import { details } from './refusal.js';
import { keptStates, type TaskStep, taskOutcomes, taskSteps } from './task/life-cycle.js';
import { auctionRules } from './terms.js';
import { tokenAmounts } from './tokens.js';

/** Facts of one kind about one pool, or the resource that tasks run on. */
function poolEvent<K extends string, F extends z.ZodType>(kind: K, fact: F) {
  return z.object({ v: z.literal(1), kind: z.literal(kind), pool: poolIdText, facts: z.array(fact).min(1) });
}

export const awardedFact = z.object({
  cfp: idText,
  initiator: idText,
  at: timeMs,
  rule: z.enum(auctionRules),
  /** Offered; the winners' units may be fewer. */
  units: z.int(),
  durationMs: z.int(),
  clearingPriceMicro: microText,
  winners: z.array(winnerSpec),
  /** The highest bid that lost, price per unit. */
  outbid: z.object({ participant: idText, priceMicro: microText }).optional(),
});
export type AwardedFact = z.infer<typeof awardedFact>;

export const settledFact = z.object({
  contract: contractIdText,
  participant: idText,
  at: timeMs,
  outcome: z.enum(leaseOutcomes),
  slots: z.array(z.int()),
  paidMicro: microText,
  refundedMicro: microText,
  /** What the holder of a lease that was taken back got from the pool. */
  compensationMicro: microText.optional(),
});
export type SettledFact = z.infer<typeof settledFact>;

/** `tender.<market>.event.awarded.<pool>` */
export const awardedEvent = poolEvent('awarded', awardedFact);

/** `tender.<market>.event.settled.<pool>` */
export const settledEvent = poolEvent('settled', settledFact);

export const engagedFact = z.object({
  conversation: idText,
  contract: contractIdText,
  buyer: idText,
  provider: idText,
  at: timeMs,
  priceMicro: microText,
  bondMicro: microText,
  startBy: timeMs,
  deadline: timeMs,
  units: z.int(),
  slots: z.array(z.int()),
});
export type EngagedFact = z.infer<typeof engagedFact>;

/** A runner-up that a rule of the market kept from a contract that was turned down. */
export const passedOverSpec = z.object({ participant: idText, intent: idText, rule: idText, detail: z.enum(details) });

/** A step of a task's life; what was paid once it is settled. */
export const taskFact = z.object({
  contract: contractIdText,
  buyer: idText,
  provider: idText,
  at: timeMs,
  step: z.enum(Object.keys(taskSteps) as [TaskStep, ...TaskStep[]]),
  state: z.enum(keptStates),
  percent: z.int(),
  outcome: z.enum(taskOutcomes).optional(),
  paidMicro: microText.optional(),
  refundedMicro: microText.optional(),
  bondTo: z.enum(['buyer', 'provider']).optional(),
  passedOver: z.array(passedOverSpec).optional(),
});
export type TaskFact = z.infer<typeof taskFact>;

/** `tender.<market>.event.engaged.<resource>` */
export const engagedEvent = poolEvent('engaged', engagedFact);

/** `tender.<market>.event.task.<resource>` */
export const taskEvent = poolEvent('task', taskFact);

export const proposalFact = z.object({
  proposal: idText,
  about: z.enum(['engage', 'escalation']),
  state: z.enum(proposalStates),
  conversation: idText,
  at: timeMs,
});
export type ProposalFact = z.infer<typeof proposalFact>;

/** `tender.<market>.event.proposal.<asker>` */
export const proposalEvent = z.object({
  v: z.literal(1),
  kind: z.literal('proposal'),
  asker: idText,
  facts: z.array(proposalFact).min(1),
});

/** Tokens that an agent took: what it holds, and what each costs in thousandths of the reserve price. */
export const tokensFact = z.object({
  hold: idText,
  agent: idText,
  at: timeMs,
  amounts: tokenAmounts,
  /** Set aside; what is not used comes back. */
  amountMicro: microText,
  ratePermille: z.int(),
  noisePermille: z.int(),
});
export type TokensFact = z.infer<typeof tokensFact>;

/** `tender.<market>.event.tokens.<bucket>`: what one turn of the broker gave out. */
export const tokensEvent = z.object({
  v: z.literal(1),
  kind: z.literal('tokens'),
  bucket: poolIdText,
  facts: z.array(tokensFact).min(1),
});

/** What a bidder laid down for a call, and what became of it. */
export const depositFact = z.object({
  cfp: idText,
  agent: idText,
  at: timeMs,
  amountMicro: microText,
  /** Forfeited to the pool, by who won and did not begin. */
  state: z.enum(['set-aside', 'returned', 'forfeited']),
  /** Of what is set aside: it goes back then, unless its bidder has won. */
  until: timeMs.optional(),
});
export type DepositFact = z.infer<typeof depositFact>;

/** `tender.<market>.event.deposit.<pool>` */
export const depositEvent = poolEvent('deposit', depositFact);

/** `tender.<market>.event.policy.<market>`: the rules moved on. */
export const policyEvent = z.object({ v: z.literal(1), kind: z.literal('policy'), version: z.int(), at: timeMs });

export const marketEvent = z.discriminatedUnion('kind', [
  awardedEvent,
  settledEvent,
  engagedEvent,
  taskEvent,
  proposalEvent,
  policyEvent,
  tokensEvent,
  depositEvent,
]);
export type MarketEvent = z.infer<typeof marketEvent>;
