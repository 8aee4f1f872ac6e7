// The registry of the market's scripts: each with the type of its input and the schema of its reply.
import { defineScript } from '@tender/credits/redis';
import { z } from 'zod';
import { winnerSpec } from '../messages.js';
import type { CallTerms, DepositAsked, RenewAsked, ShownBid } from '../model/command.js';
import { leaseOutcomes, type PoolSpec } from '../operations.js';
import { verdictSpec } from '../refusal.js';
import { auctionRules } from '../terms.js';
import { proposalScriptFields, proposalScripts } from './proposal-scripts.js';
import { depositEnds, type FieldsOf, folders, type Keyed, replyOf } from './script-reply.js';
import { taskScriptFields, taskScripts } from './task-scripts.js';
import { tokenScriptFields, tokenScripts } from './token-scripts.js';

export interface AwardInput extends Keyed {
  readonly cfp: string;
  readonly termsDigest: string;
  readonly bids: readonly ShownBid[];
  /** The version of the policy by which the bids were judged. */
  readonly policy: number;
}

const numbers = z.array(z.number());
const offerReply = z.object({
  /** Whether a call of this id was opened before. */
  known: z.boolean(),
  /** Absent where there is no such pool. */
  seller: z.string().optional(),
  reservePriceMicro: z.string().optional(),
  /** Free and not under negotiation, as many as asked at most. */
  slots: z.string().transform((text) => (text === '' ? [] : text.split(',').map(Number))),
});
export type OfferReply = z.infer<typeof offerReply>;
const openPoolReply = replyOf({ pool: z.string() });
const openCallReply = replyOf({
  cfp: z.string(),
  slots: numbers,
  fences: numbers,
  openedAt: z.number(),
  closesAt: z.number(),
  awardBy: z.number(),
  reservePriceMicro: z.string(),
});
const extendCallReply = replyOf({ cfp: z.string(), awardBy: z.number() });
const deposits = depositEnds.optional();
const closeCallReply = replyOf({ cfp: z.string(), deposits });
const awardReply = replyOf({
  cfp: z.string(),
  pool: z.string(),
  initiator: z.string(),
  at: z.number(),
  rule: z.enum(auctionRules),
  units: z.number(),
  durationMs: z.number(),
  clearingPriceMicro: z.string(),
  winners: z.array(winnerSpec),
  verdicts: z.array(verdictSpec),
  outbid: z.object({ participant: z.string(), priceMicro: z.string() }).optional(),
  deposits,
});
const depositReply = replyOf({
  ...{ cfp: z.string(), agent: z.string(), amountMicro: z.string(), until: z.number(), pool: z.string() },
  at: z.number(),
});
const withdrawDepositReply = replyOf({ cfp: z.string(), agent: z.string(), deposits });
const renewReply = replyOf({
  contract: z.string(),
  until: z.number(),
  priceMicro: z.string(),
  amountMicro: z.string(),
  terms: z.number(),
});
const settleReply = replyOf({
  contract: z.string(),
  pool: z.string(),
  participant: z.string(),
  slots: numbers,
  outcome: z.enum(leaseOutcomes),
  paidMicro: z.string(),
  refundedMicro: z.string(),
  /** Of a lease that was taken back. */
  compensationMicro: z.string().optional(),
  at: z.number(),
  deposits,
});
const hearReply = replyOf({ contract: z.string(), dueAt: z.number(), deposits });
const fields = z.record(z.string(), z.string());
const snapshotReply = z.object({
  seq: z.coerce.number(),
  clock: z.coerce.number(),
  minted: z.coerce.number(),
  burned: z.coerce.number(),
  accounts: z.record(z.string(), fields),
  budgets: z.record(z.string(), fields),
  pools: z.record(z.string(), fields),
  slots: z.record(z.string(), z.object({ fence: z.coerce.number(), contract: z.string() })),
  free: z.record(z.string(), z.string()),
  owned: z.record(z.string(), fields),
  bought: z.record(z.string(), fields),
  contracts: z.record(z.string(), fields),
  tasks: z.record(z.string(), fields),
  transfers: z.record(z.string(), fields),
  calls: z.record(z.string(), fields),
  proposals: z.record(z.string(), fields),
  buckets: z.record(z.string(), fields),
  taken: z.record(z.string(), fields),
  holds: z.record(z.string(), fields),
  policy: fields,
});

export type OpenCallReply = z.infer<typeof openCallReply>;
export type AwardReply = z.infer<typeof awardReply>;
export type SettleReply = z.infer<typeof settleReply>;
export type DepositReply = z.infer<typeof depositReply>;
export type Snapshot = z.infer<typeof snapshotReply>;

export const marketScripts = {
  openPool: defineScript<Keyed & { pool: PoolSpec }, z.infer<typeof openPoolReply>>(
    folders,
    'open-pool',
    openPoolReply,
  ),
  offer: defineScript<{ cfp: string; pool: string; units: number }, OfferReply>(folders, 'offer', offerReply),
  openCall: defineScript<Keyed & CallTerms, OpenCallReply>(folders, 'open-call', openCallReply),
  extendCall: defineScript<Keyed & { cfp: string; ttlMs: number }, z.infer<typeof extendCallReply>>(
    folders,
    'extend-call',
    extendCallReply,
  ),
  closeCall: defineScript<
    (Keyed & { kind: 'release'; cfp: string }) | { kind: 'lapse'; cfp: string },
    z.infer<typeof closeCallReply>
  >(folders, 'close-call', closeCallReply),
  award: defineScript<{ awards: readonly AwardInput[] }, AwardReply[]>(folders, 'award', z.array(awardReply)),
  deposit: defineScript<Keyed & DepositAsked, z.infer<typeof depositReply>>(folders, 'deposit', depositReply),
  withdrawDeposit: defineScript<Keyed & { cfp: string; agent: string }, z.infer<typeof withdrawDepositReply>>(
    folders,
    'withdraw-deposit',
    withdrawDepositReply,
  ),
  returnDeposits: defineScript<{ cfp: string }, z.infer<typeof closeCallReply>>(
    folders,
    'return-deposits',
    closeCallReply,
  ),
  renew: defineScript<Keyed & RenewAsked, z.infer<typeof renewReply>>(folders, 'renew', renewReply),
  settle: defineScript<
    | (Keyed & { kind: 'release'; contract: string })
    /** `operator`: set where an operator's request was checked. */
    | (Keyed & { kind: 'preempt'; contract: string; operator?: true | undefined })
    | { kind: 'expire'; contract: string },
    SettleReply
  >(folders, 'settle', settleReply),
  hear: defineScript<Keyed & { contract: string; step: 'run' | 'progress' }, z.infer<typeof hearReply>>(
    folders,
    'hear',
    hearReply,
  ),
  snapshot: defineScript<Record<never, never>, Snapshot>(folders, 'snapshot', snapshotReply),
  ...taskScripts,
  ...proposalScripts,
  ...tokenScripts,
};

/** The input's field names at run time: the compiler holds them against the types, a test against the .lua headers. */
export const marketScriptFields = {
  openPool: { by: 1, key: 1, digest: 1, pool: 1 },
  offer: { cfp: 1, pool: 1, units: 1 },
  openCall: {
    ...{ by: 1, key: 1, digest: 1, cfp: 1, pool: 1, slots: 1, lockValue: 1, rule: 1, reservePriceMicro: 1 },
    ...{ durationMs: 1, windowMs: 1, ttlMs: 1, seals: 1, termsDigest: 1, depositMicro: 1 },
  },
  extendCall: { by: 1, key: 1, digest: 1, cfp: 1, ttlMs: 1 },
  closeCall: { kind: 1, by: 1, key: 1, digest: 1, cfp: 1 },
  award: { awards: 1 },
  deposit: { by: 1, key: 1, digest: 1, cfp: 1, agent: 1, amountMicro: 1, untilMs: 1, policy: 1, bounds: 1 },
  withdrawDeposit: { by: 1, key: 1, digest: 1, cfp: 1, agent: 1 },
  returnDeposits: { cfp: 1 },
  renew: { by: 1, key: 1, digest: 1, contract: 1, maxPriceMicro: 1, policy: 1, barred: 1, bounds: 1 },
  settle: { kind: 1, by: 1, key: 1, digest: 1, contract: 1, operator: 1 },
  hear: { by: 1, key: 1, digest: 1, contract: 1, step: 1 },
  snapshot: {},
  ...taskScriptFields,
  ...proposalScriptFields,
  ...tokenScriptFields,
} satisfies { [Name in keyof typeof marketScripts]: Record<FieldsOf<(typeof marketScripts)[Name]>, 1> };
