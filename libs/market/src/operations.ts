// The bank's operations: the body that each takes and the result that it gives, in one table.
import {
  accountClasses,
  accountKinds,
  accountLabels,
  accountSpec,
  microText,
  positiveMicroText,
  tagsSpec,
} from '@tender/credits';
import { z } from 'zod';
import { bankAdminRequests, bankAdminResult, budgetChain } from './bank-views.js';
import { chequeSpec } from './cheque.js';
import { depositRequests, depositResults } from './deposits.js';
import { askingEnvelopeOf, type Envelope } from './envelope.js';
import { contractIdText, idemKeyText, idText, poolIdText, timeMs } from './ids.js';
import { winnerSpec } from './messages.js';
import { policySpec } from './policy/policy.js';
import { verdictSpec } from './refusal.js';
import type { AdminOperation, BankOperation } from './subjects.js';
import { frameSpec } from './task/deal.js';
import { issuesSpec, permille } from './task/issues.js';
import { buyRules, offerSpec, weightsSpec } from './task/offer.js';
import { reportSpec } from './task/report.js';
import { fillSpec } from './task/task-call.js';
import { taskListed, taskSeen, taskView } from './task/task-view.js';
import { auctionRules, callSpec, MAX_DURATION_MS, MAX_SHOWN_BIDS, MAX_UNITS, sealKinds } from './terms.js';
import { tokenRequests, tokenResults } from './tokens.js';

const ttlMs = z.int().min(50).max(3_600_000);

/** At most this many offers are shown to the bank: the winners and their runners-up. */
export const MAX_SHOWN_OFFERS = 32;

/** What a buyer closes on: sealed offers of one conversation, and the rule by which the bank ranks them anew. */
export const engageSpec = z.strictObject({
  key: idemKeyText,
  frame: frameSpec,
  /** What the call asked: `units` and `scope` say how much there is to fill. */
  ask: issuesSpec,
  rule: z.enum(buyRules),
  weights: weightsSpec.optional(),
  fill: fillSpec,
  offers: z.array(offerSpec).min(1).max(MAX_SHOWN_OFFERS),
});
export type Engage = z.infer<typeof engageSpec>;

/** Each operation's body. `key` is the idempotency key: asked again with the same key and body, the saved result. */
export const bankRequests = {
  /** Proves the agent's nkey over `sessionText`; a host logs each of its agents in by the agent's own token. */
  session: z.strictObject({
    nkey: z.string().regex(/^U[A-Z2-7]{55}$/),
    nonce: idemKeyText,
    at: timeMs,
    /** A fresh X25519 public key: the session's key comes back encrypted to it (see session-key.ts). */
    ephemeral: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
    /** The agent that logs in, where the sender is its host. */
    agent: idText.optional(),
  }),
  account: z.strictObject({ agent: idText.optional() }),
  /** The budgets that an account spends from, as they stand; `agent` where its host asks. */
  budget: z.strictObject({ agent: idText.optional() }),
  /** By its id, or by the intent that won it (a winner whose initiator died asks so); `agent` where a host asks. */
  contract: z
    .strictObject({ contract: contractIdText.optional(), intent: idText.optional(), agent: idText.optional() })
    .refine((body) => (body.contract === undefined) !== (body.intent === undefined), 'name the contract or the intent'),
  /** What a pool has and asks; with a bid (price per unit and `durationMs`) also how it would fare. */
  quote: z.strictObject({
    pool: poolIdText,
    priceMicro: positiveMicroText.optional(),
    units: z.int().min(1).max(MAX_UNITS).optional(),
    durationMs: z.int().min(10).max(MAX_DURATION_MS).optional(),
    /** So many of the last clearing prices, the latest first. */
    history: z.int().min(0).max(256).optional(),
    /** Who would bid, where a host asks. */
    agent: idText.optional(),
  }),
  /** Opens a call: takes the negotiation lock on `units` free slots for `ttlMs` and registers the terms. */
  lock: z.strictObject({
    key: idemKeyText,
    cfp: idText,
    pool: poolIdText,
    units: z.int().min(1).max(MAX_UNITS),
    /** Open the call with fewer slots, but at least so many, where `units` are not free; all of them when absent. */
    atLeast: z.int().min(1).max(MAX_UNITS).optional(),
    rule: z.enum(auctionRules),
    reservePriceMicro: microText.optional(),
    durationMs: z.int().min(10).max(MAX_DURATION_MS),
    windowMs: z.int().min(1).max(3_600_000),
    ttlMs,
    seals: z.array(z.enum(sealKinds)).min(1).max(2),
    /** Particular slots instead of any free ones. */
    slots: z.array(z.int().min(0).max(4095)).min(1).max(MAX_UNITS).optional(),
    /** What each bidder lays down before it bids; the pool must have a `graceMs` by which a lease begins. */
    depositMicro: positiveMicroText.optional(),
  }),
  extend: z.strictObject({ key: idemKeyText, cfp: idText, ttlMs }),
  release: z.strictObject({ key: idemKeyText, cfp: idText }),
  award: z.strictObject({
    key: idemKeyText,
    cfp: idText,
    digest: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    bids: z.array(chequeSpec).min(1).max(MAX_SHOWN_BIDS),
  }),
  renew: z.strictObject({ key: idemKeyText, contract: contractIdText, maxPriceMicro: positiveMicroText }),
  settle: z.strictObject({ key: idemKeyText, contract: contractIdText }),
  engage: engageSpec,
  report: reportSpec,
  /** A task's contract: by its id, or by the intent of the offer that won it; `agent` where a host asks. */
  task: z
    .strictObject({ contract: contractIdText.optional(), intent: idText.optional(), agent: idText.optional() })
    .refine((body) => (body.contract === undefined) !== (body.intent === undefined), 'name the contract or the intent'),
  /**
   * Tasks' contracts under way that the agent pays for or works on, by their ids, at most 256 of them and those beyond
   * `after`; `agent` where a host asks.
   */
  contracts: z.strictObject({ after: contractIdText.optional(), agent: idText.optional() }),
  /** What became of something that waits for approval. */
  proposal: z.strictObject({ proposal: idText }),
  /** Puts a negotiation that got stuck before the operators, with what the asker would close on, if anything. */
  escalate: z.strictObject({
    key: idemKeyText,
    frame: frameSpec,
    message: z.string().min(1).max(1024),
    withinMs: z
      .int()
      .min(100)
      .max(7 * 86_400_000),
    engage: engageSpec.optional(),
  }),
  /** The market's rules, for whoever would rather not be refused. */
  policy: z.strictObject({}),
  /** The seller of a pool takes back the slots of a lease; its holder pays for the time used and is compensated. */
  preempt: z.strictObject({ key: idemKeyText, contract: contractIdText }),
  ...tokenRequests,
  ...depositRequests,
} satisfies Record<BankOperation, z.ZodType>;

export const accountView = z.object({
  id: idText,
  kind: z.enum(accountKinds),
  class: z.enum(accountClasses),
  availableMicro: z.string(),
  pendingMicro: z.string(),
  host: idText.optional(),
  ...accountLabels,
});

/**
 * How a lease ends: given back, over, taken back by the seller, never begun within the pool's grace, or begun and then
 * silent for longer than the pool allows.
 */
export const leaseOutcomes = ['released', 'expired', 'preempted', 'unstarted', 'idle'] as const;
export type LeaseOutcome = (typeof leaseOutcomes)[number];

export const contractView = z.object({
  contract: contractIdText,
  cfp: idText,
  pool: poolIdText,
  participant: idText,
  units: z.int(),
  slots: z.array(z.int()),
  fences: z.array(z.int()),
  priceMicro: microText,
  startedAt: timeMs,
  until: timeMs,
  terms: z.int(),
  /** `running` once its holder has said so (`report` run, progress). */
  state: z.enum(['awarded', 'running', 'settled']),
  outcome: z.enum(leaseOutcomes).optional(),
  /** What was or will at most be paid, over all terms. */
  amountMicro: microText,
  paidMicro: microText,
});
export type ContractView = z.infer<typeof contractView>;

export const lockResult = callSpec.extend({ slots: z.array(z.int()), fences: z.array(z.int()), lockUntil: timeMs });
export const awardResult = z.object({
  cfp: idText,
  clearingPriceMicro: microText,
  winners: z.array(winnerSpec),
  verdicts: z.array(verdictSpec),
});
export const renewResult = z.object({
  contract: contractIdText,
  until: timeMs,
  priceMicro: microText,
  amountMicro: microText,
  terms: z.int(),
});
export const settleResult = z.object({
  contract: contractIdText,
  outcome: z.enum(leaseOutcomes),
  paidMicro: microText,
  refundedMicro: microText,
});
export const quoteResult = z.object({
  pool: poolIdText,
  /** The one agent whose calls on this pool the bank opens. */
  seller: idText,
  slots: z.int(),
  free: z.int(),
  reserve: z.int(),
  reservePriceMicro: microText,
  /** The last clearing price per unit, the reserve price before the first award. */
  spotMicro: microText,
  /** Per unit and this duration: prices of calls of another length compare by it. */
  spotDurationMs: z.int(),
  /** What the asker's own share of the recent sales multiplies a clearing price with, in thousandths. */
  noisePermille: z.int().optional(),
  /**
   * When the next call can be expected to have been awarded, or where a bid was asked about the one that it wins, in ms
   * from now; absent before the second award, and where slots are not known to come back.
   */
  startInMs: z.int().optional(),
  /** Of the bid that was asked about, in the next call that is awarded; absent where nothing was sold yet. */
  winProbability: z.number().min(0).max(1).optional(),
  /** What was sold at which clearing price. */
  history: z.array(z.object({ at: timeMs, priceMicro: microText, durationMs: z.int(), units: z.int() })).optional(),
});
export const sessionResult = z.object({
  agent: idText,
  session: idText,
  until: timeMs,
  /** The bank's X25519 public key for this login, and the session's 32 bytes under AES-256-GCM, base64url. */
  ephemeral: z.string(),
  sealedKey: z.string(),
  clock: timeMs,
});

export const proposalStates = ['pending', 'approved', 'engaged', 'denied', 'expired', 'failed'] as const;
export const proposalView = z.object({
  proposal: idText,
  kind: z.enum(['engage', 'escalation']),
  /** `approved` until the bank has engaged; `failed` where that was refused (`detail` and `message` say why). */
  state: z.enum(proposalStates),
  by: idText,
  conversation: idText,
  /** The rule that asks for approval. */
  rule: idText.optional(),
  message: z.string(),
  amountMicro: microText.optional(),
  filedAt: timeMs,
  expiresAt: timeMs,
  decidedBy: idText.optional(),
  contracts: z.array(taskView).optional(),
  detail: z.string().optional(),
});
export type ProposalView = z.infer<typeof proposalView>;

/** 263 with the contracts, or 261 with the proposal that an operator must approve. */
export const engageResult = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('contracts'), contracts: z.array(taskView), verdicts: z.array(verdictSpec) }),
  z.object({ kind: z.literal('pending'), proposal: idText, rule: idText, expiresAt: timeMs }),
]);
/** A task's contract as it stands after the step; of a lease (`run` and `progress` of its holder) when to speak again. */
export const reportResult = z.union([taskView, z.object({ contract: contractIdText, dueAt: timeMs })]);

export const bankResults = {
  session: sessionResult,
  account: accountView,
  budget: budgetChain,
  contract: contractView,
  quote: quoteResult,
  lock: lockResult,
  extend: z.object({ cfp: idText, awardBy: timeMs }),
  release: z.object({ cfp: idText }),
  award: awardResult,
  renew: renewResult,
  settle: settleResult,
  engage: engageResult,
  report: reportResult,
  task: taskSeen,
  /** `more`: there are some beyond the last. */
  contracts: z.object({ contracts: z.array(taskListed), more: z.boolean() }),
  proposal: proposalView,
  escalate: z.object({ proposal: idText, expiresAt: timeMs }),
  policy: z.object({ version: z.int(), policy: policySpec }),
  preempt: settleResult.extend({ compensationMicro: microText }),
  ...tokenResults,
  ...depositResults,
} satisfies Record<BankOperation, z.ZodType>;

export type BankRequest<O extends BankOperation> = z.infer<(typeof bankRequests)[O]>;
export type BankResult<O extends BankOperation> = z.infer<(typeof bankResults)[O]>;

/** What an operator asks; each travels with a signature of the operator's nkey (see `adminText`). */
export const poolSpec = z.strictObject({
  pool: poolIdText,
  /** The account that is paid; opened before. */
  account: idText,
  /** The agent (the steward) that may call for proposals on it. */
  seller: idText,
  slots: z.int().min(1).max(4096),
  /** Slots that only accounts of class system may take. */
  reserve: z.int().min(0).max(4096).default(0),
  reservePriceMicro: microText.default('0'),
  seals: z.array(z.enum(sealKinds)).min(1).max(2).default(['mac', 'ed25519']),
  /** How often a lease may be prolonged, the first term included. */
  maxTerms: z.int().min(1).max(10_000).default(64),
  /** A lease whose holder has not said within this time that it runs ends as `unstarted`; 0: nobody asks. */
  graceMs: z.int().min(0).max(86_400_000).default(0),
  /** A lease that runs and is not heard of for so long ends as `idle`; 0: nobody asks. */
  idleMs: z.int().min(0).max(86_400_000).default(0),
  /** The share of a term's price that a holder gets from the pool where the seller takes its slots back. */
  compensationPermille: permille.default(100),
  /** 0: the reserve is walled off. Above: idle slots of it are lent for leases of so many ms at most, one term each. */
  lendMs: z.int().min(0).max(86_400_000).default(0),
  /** How far an agent's own share of the recent sales raises the price that it pays: 1000 not at all, 4000 up to fourfold. */
  noiseMaxPermille: z.int().min(1000).max(100_000).default(1000),
  /** What counts as recent, in ms. */
  noiseWindowMs: z.int().min(1000).max(86_400_000).default(3_600_000),
  /** The most slots that the agents of one owner hold together; 0: nobody counts. */
  ownerMax: z.int().min(0).max(4096).default(0),
});
export type PoolSpec = z.infer<typeof poolSpec>;

/** Where a list of what waits goes on. */
const waitingSince = z.strictObject({ expiresAt: timeMs, proposal: idText });

export const adminRequests = {
  account: z.strictObject({ key: idemKeyText, account: accountSpec }),
  grant: z.strictObject({ key: idemKeyText, to: idText, amountMicro: positiveMicroText, tags: tagsSpec.optional() }),
  retire: z.strictObject({ key: idemKeyText, from: idText, amountMicro: positiveMicroText, tags: tagsSpec.optional() }),
  pool: z.strictObject({ key: idemKeyText, pool: poolSpec }),
  /** Replaces all rules. */
  policy: z.strictObject({ key: idemKeyText, policy: policySpec }),
  /** Approves or denies what waits. */
  decide: z.strictObject({ key: idemKeyText, proposal: idText, verdict: z.enum(['approve', 'deny']) }),
  /** Lists what waits, the most urgent first, as much as a message holds; `after` the last one that was shown. */
  approvals: z.strictObject({ key: idemKeyText, after: waitingSince.optional() }),
  /** Ends a task or a lease for reasons that are nobody's fault. */
  preempt: z.strictObject({ key: idemKeyText, contract: contractIdText }),
  /** Decides a dispute. */
  resolve: z.strictObject({
    key: idemKeyText,
    contract: contractIdText,
    paidMicro: microText,
    bondTo: z.enum(['buyer', 'provider']),
  }),
  ...bankAdminRequests,
} satisfies Record<AdminOperation, z.ZodType>;
export type AdminRequest<O extends AdminOperation> = z.input<(typeof adminRequests)[O]>;

export const adminBody = z.strictObject({
  nkey: z.string().regex(/^U[A-Z2-7]{55}$/),
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
  request: z.unknown(),
});
/** `proposals` answers `approvals`, `proposal` a decision. */
export const adminResult = z.object({
  status: z.string(),
  /** Where there are `more` they come `after` the last one. */
  proposals: z.array(proposalView).optional(),
  /** How many wait in all, and of whom most: with the first page. */
  waiting: z.int().optional(),
  asking: z.array(z.object({ by: idText, waiting: z.int() })).optional(),
  proposal: proposalView.optional(),
  ...bankAdminResult,
});

/** Each operation's whole message. */
export const bankEnvelopes = Object.fromEntries(
  Object.entries(bankRequests).map(([operation, body]) => [operation, askingEnvelopeOf('request', body)]),
) as unknown as { readonly [O in BankOperation]: z.ZodType<Envelope<'request', BankRequest<O>> & { replyBy: number }> };
export const adminEnvelope = askingEnvelopeOf('request', adminBody);

/** What an agent signs to log in. */
export function sessionText(market: string, agent: string, nonce: string, at: number, ephemeral: string): string {
  return `tender-login-2|${market}|${agent}|${nonce}|${at}|${ephemeral}`;
}

/** What an operator signs: `requestDigest` is SHA-256 (base64url) of the request's JSON without white space,
 * its fields in the order in which they are sent. */
export function adminText(
  market: string,
  operator: string,
  operation: string,
  id: string,
  sentAt: number,
  requestDigest: string,
): string {
  return `tender-admin-1|${market}|${operator}|${operation}|${id}|${sentAt}|${requestDigest}`;
}
