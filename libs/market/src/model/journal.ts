// The journal's entries: a closed union, so that whatever the scripts append is either known here or a finding.
import { idText, type LedgerEntry, ledgerEntry, microText, positiveMicroText } from '@tender/credits';
import { z } from 'zod';
import { contractIdText, poolIdText, timeMs } from '../ids.js';
import { winnerSpec } from '../messages.js';
import { leaseOutcomes, poolSpec } from '../operations.js';
import { details } from '../refusal.js';
import { conditionsSpec } from '../task/deal.js';
import { permille } from '../task/issues.js';
import { keptStates, type TaskStep, taskOutcomes, taskSteps } from '../task/life-cycle.js';
import { buyRules, weightsSpec } from '../task/offer.js';
import { fillSpec } from '../task/task-call.js';
import { auctionRules, sealKinds } from '../terms.js';
import { tokenEntries } from './token-journal.js';

const at = { at: timeMs };
/** Who asked, under which idempotency key, with which body; what the sweeper does has none. */
const keyed = { ...at, by: idText, key: z.string().min(1), digest: z.string().min(1) };
const amount = z.int().min(0);
const slots = z.array(z.int().min(0)).min(1);

/** A bid as the award script judged it: `price` and `pays` in micro-credits per unit, `class` the account's. */
export const judgedBidSpec = z.strictObject({
  participant: idText,
  intent: idText,
  units: z.int().min(1),
  price: amount,
  until: timeMs,
  nkey: z.string().optional(),
  /** The hold of rate tokens without which the bid does not stand. */
  tokens: idText.optional(),
  outcome: z.enum(['won', 'lost', 'barred']),
  detail: z.enum(details).optional(),
  pays: amount.optional(),
  class: z.enum(['system', 'standard']).optional(),
  /** Where noise has a price: the price that clears, and what the winner's share of late made of it, in thousandths. */
  clears: amount.optional(),
  noise: z.int().min(1000).optional(),
});
export type JudgedBid = z.infer<typeof judgedBidSpec>;

const openCall = z.strictObject({
  kind: z.literal('open-call'),
  cfp: idText,
  pool: poolIdText,
  slots,
  fences: slots,
  rule: z.enum(auctionRules),
  reservePriceMicro: microText,
  durationMs: z.int().min(1),
  windowMs: z.int().min(1),
  ttlMs: z.int().min(1),
  seals: z.array(z.enum(sealKinds)).min(1),
  termsDigest: z.string(),
  depositMicro: positiveMicroText.optional(),
  ...keyed,
});
const award = z.strictObject({
  kind: z.literal('award'),
  cfp: idText,
  bids: z.array(judgedBidSpec).min(1),
  winners: z.array(winnerSpec).min(1),
  ...keyed,
});

/** An offer as the engage script judged it; the issues as JSON, as they were sealed. */
export const judgedOfferSpec = z.strictObject({
  participant: idText,
  intent: idText,
  until: timeMs,
  nkey: z.string().optional(),
  /** The call whose locked slots back it; empty where there is none. */
  hold: z.string(),
  completesAt: timeMs,
  quality: permille,
  risk: permille,
  issues: z.string(),
  outcome: z.enum(['won', 'lost', 'barred']),
  detail: z.enum(details).optional(),
});
export type JudgedOfferEntry = z.infer<typeof judgedOfferSpec>;

/** Slots that a hold named, and their fences; absent where a provider holds none. */
const taken = { slots: slots.optional(), fences: slots.optional() };
const engage = z.strictObject({
  kind: z.literal('engage'),
  buyer: idText,
  /** Of the buyer's account. */
  class: z.enum(['system', 'standard']),
  conversation: idText,
  task: idText,
  resource: poolIdText,
  policy: z.int().min(0),
  limitMicro: microText.optional(),
  approved: z.literal(true).optional(),
  /** The buyer's hold of rate tokens that the work may use. */
  tokens: idText.optional(),
  /** The frame as JSON. */
  frame: z.string(),
  fill: fillSpec.shape.kind,
  counts: fillSpec.shape.by,
  total: z.int().min(1),
  conditions: conditionsSpec,
  rule: z.enum(buyRules),
  weights: weightsSpec.optional(),
  offers: z.array(judgedOfferSpec).min(1),
  winners: z.array(z.strictObject({ contract: contractIdText, participant: idText, intent: idText, ...taken })).min(1),
  ...keyed,
});

const brokenRule = { rule: idText, detail: z.enum(details) };
const standbyRuling = z.strictObject({
  barred: z.strictObject(brokenRule).optional(),
  bounds: z.array(z.strictObject({ rule: idText, of: z.literal('payer'), most: amount })).optional(),
});

/** A step of a task's contract, and what it led to; with `tried` it went to the standby that is named. */
const report = z.strictObject({
  kind: z.literal('report'),
  contract: contractIdText,
  step: z.enum(Object.keys(taskSteps) as [TaskStep, ...TaskStep[]]),
  /** Whose step it was; `clock` where somebody or nobody asked past the contract's time. */
  side: z.enum(['buyer', 'provider', 'operator', 'clock']),
  state: z.enum(keptStates),
  percent: z.int().min(0).max(100).optional(),
  /** Of a process that takes the contract, or takes it over; what it takes over has other fences then. */
  process: z.string().optional(),
  deadline: timeMs.optional(),
  /** The receipt as JSON, or what people were told. */
  text: z.string().optional(),
  tried: z.int().min(1).optional(),
  participant: idText.optional(),
  intent: idText.optional(),
  ...taken,
  outcome: z.enum(taskOutcomes).optional(),
  paid: amount.optional(),
  bondTo: z.enum(['buyer', 'provider']).optional(),
  /** Of a turn-down: by which rules the standbys were judged, and what they said of each. */
  policy: z.int().min(0).optional(),
  rulings: z.array(standbyRuling).optional(),
  ...keyed,
  by: idText.optional(),
  key: z.string().optional(),
  digest: z.string().optional(),
});
/** What the sweeper and the brokers do by themselves is asked by nobody. */
const unkeyed = { by: idText.optional(), key: z.string().optional(), digest: z.string().optional() };
const proposalEntries = [
  z.strictObject({ kind: z.literal('set-policy'), version: z.int().min(1), text: z.string(), ...keyed }),
  z.strictObject({
    kind: z.literal('file-proposal'),
    proposal: idText,
    about: z.enum(['engage', 'escalation']),
    buyer: idText,
    conversation: idText,
    rule: idText.optional(),
    message: z.string(),
    amountMicro: microText.optional(),
    withinMs: z.int().min(1),
    /** The request to engage as JSON. */
    text: z.string().optional(),
    ...keyed,
  }),
  z.strictObject({
    kind: z.literal('decide-proposal'),
    proposal: idText,
    state: z.enum(['approved', 'denied', 'expired']),
    ...keyed,
    ...unkeyed,
  }),
  z.strictObject({
    kind: z.literal('close-proposal'),
    proposal: idText,
    state: z.enum(['engaged', 'failed']),
    contracts: z.array(contractIdText).min(1).optional(),
    detail: z.enum(details).optional(),
    message: z.string().optional(),
    ...at,
  }),
] as const;
const settled = {
  contract: contractIdText,
  outcome: z.enum(leaseOutcomes),
  paid: amount,
  /** Of a lease that was taken back: what its holder got from the pool. */
  compensation: amount.optional(),
};

const marketEntries = [
  ...tokenEntries,
  ...proposalEntries,
  engage,
  report,
  z.strictObject({ kind: z.literal('open-pool'), pool: poolSpec, ...keyed }),
  openCall,
  z.strictObject({ kind: z.literal('extend-call'), cfp: idText, ttlMs: z.int().min(1), ...keyed }),
  award,
  z.strictObject({
    ...{ kind: z.literal('deposit'), cfp: idText, agent: idText, amount: z.int().min(1) },
    policy: z.int().min(0).optional(),
    ...keyed,
  }),
  z.strictObject({ kind: z.literal('withdraw-deposit'), cfp: idText, agent: idText, ...keyed }),
  // The sweeper's.
  z.strictObject({ kind: z.literal('return-deposits'), cfp: idText, at: timeMs }),
  z.strictObject({
    kind: z.literal('renew'),
    contract: contractIdText,
    maxPriceMicro: positiveMicroText,
    price: amount,
    /** The rules by which it was judged; renewals of before 2026-11-21 were not. */
    policy: z.int().min(0).optional(),
    ...keyed,
  }),
  z.strictObject({ kind: z.literal('hear'), contract: contractIdText, step: z.enum(['run', 'progress']), ...keyed }),
  // The sweeper asks for nobody, so that these two may come without a key.
  z.strictObject({
    kind: z.literal('close-call'),
    cfp: idText,
    outcome: z.enum(['released', 'lapsed']),
    ...keyed,
    by: idText.optional(),
    key: z.string().optional(),
    digest: z.string().optional(),
  }),
  z.strictObject({
    kind: z.literal('settle'),
    ...settled,
    ...keyed,
    by: idText.optional(),
    key: z.string().optional(),
    digest: z.string().optional(),
  }),
] as const;

/** One entry of the journal, as every state change appends it. */
export const journalEntrySpec = z.discriminatedUnion('kind', [...ledgerEntry.options, ...marketEntries]);
export type JournalEntry = z.infer<typeof journalEntrySpec>;
export type JournalKind = JournalEntry['kind'];
export type EntryOf<K extends JournalKind> = Extract<JournalEntry, { kind: K }>;

const ledgerKinds: ReadonlySet<string> = new Set(ledgerEntry.options.map((spec) => spec.shape.kind.value));

export function isLedgerEntry(entry: JournalEntry): entry is LedgerEntry {
  return ledgerKinds.has(entry.kind);
}

/** An entry with its number: the stream's id is `<seq>-0`. */
export interface Journaled {
  readonly seq: number;
  readonly entry: JournalEntry;
}
