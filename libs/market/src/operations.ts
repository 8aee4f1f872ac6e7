// The bank's operations: the body that each takes and the result that it gives, in one table.
import { accountClasses, accountKinds, accountSpec, microText, positiveMicroText, tagsSpec } from '@tender/credits';
import { z } from 'zod';
import { chequeSpec } from './cheque.js';
import { askingEnvelopeOf, type Envelope } from './envelope.js';
import { contractIdText, idemKeyText, idText, poolIdText, timeMs } from './ids.js';
import { winnerSpec } from './messages.js';
import { verdictSpec } from './refusal.js';
import type { AdminOperation, BankOperation } from './subjects.js';
import { auctionRules, callSpec, MAX_DURATION_MS, MAX_SHOWN_BIDS, MAX_UNITS, sealKinds } from './terms.js';

const ttlMs = z.int().min(50).max(3_600_000);

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
  /** By its id, or by the intent that won it (a winner whose initiator died asks so); `agent` where a host asks. */
  contract: z
    .strictObject({ contract: contractIdText.optional(), intent: idText.optional(), agent: idText.optional() })
    .refine((body) => (body.contract === undefined) !== (body.intent === undefined), 'name the contract or the intent'),
  quote: z.strictObject({ pool: poolIdText }),
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
} satisfies Record<BankOperation, z.ZodType>;

export const accountView = z.object({
  id: idText,
  kind: z.enum(accountKinds),
  class: z.enum(accountClasses),
  availableMicro: z.string(),
  pendingMicro: z.string(),
  host: idText.optional(),
});

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
  state: z.enum(['awarded', 'settled']),
  outcome: z.enum(['released', 'expired']).optional(),
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
  outcome: z.enum(['released', 'expired']),
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

export const bankResults = {
  session: sessionResult,
  account: accountView,
  contract: contractView,
  quote: quoteResult,
  lock: lockResult,
  extend: z.object({ cfp: idText, awardBy: timeMs }),
  release: z.object({ cfp: idText }),
  award: awardResult,
  renew: renewResult,
  settle: settleResult,
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
});
export type PoolSpec = z.infer<typeof poolSpec>;

export const adminRequests = {
  account: z.strictObject({ key: idemKeyText, account: accountSpec }),
  grant: z.strictObject({ key: idemKeyText, to: idText, amountMicro: positiveMicroText, tags: tagsSpec.optional() }),
  retire: z.strictObject({ key: idemKeyText, from: idText, amountMicro: positiveMicroText, tags: tagsSpec.optional() }),
  pool: z.strictObject({ key: idemKeyText, pool: poolSpec }),
} satisfies Record<AdminOperation, z.ZodType>;
export type AdminRequest<O extends AdminOperation> = z.input<(typeof adminRequests)[O]>;

export const adminBody = z.strictObject({
  nkey: z.string().regex(/^U[A-Z2-7]{55}$/),
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
  request: z.unknown(),
});
export const adminResult = z.object({ status: z.string() });

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
