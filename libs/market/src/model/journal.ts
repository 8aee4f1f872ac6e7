// The journal's entries: a closed union, so that whatever the scripts append is either known here or a finding.
import { idText, type LedgerEntry, ledgerEntry, microText, positiveMicroText } from '@tender/credits';
import { z } from 'zod';
import { contractIdText, poolIdText, timeMs } from '../ids.js';
import { winnerSpec } from '../messages.js';
import { poolSpec } from '../operations.js';
import { details } from '../refusal.js';
import { auctionRules, sealKinds } from '../terms.js';

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
  outcome: z.enum(['won', 'lost', 'barred']),
  detail: z.enum(details).optional(),
  pays: amount.optional(),
  class: z.enum(['system', 'standard']).optional(),
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
  ...keyed,
});
const award = z.strictObject({
  kind: z.literal('award'),
  cfp: idText,
  bids: z.array(judgedBidSpec).min(1),
  winners: z.array(winnerSpec).min(1),
  ...keyed,
});
const settled = { contract: contractIdText, outcome: z.enum(['released', 'expired']), paid: amount };

const marketEntries = [
  z.strictObject({ kind: z.literal('open-pool'), pool: poolSpec, ...keyed }),
  openCall,
  z.strictObject({ kind: z.literal('extend-call'), cfp: idText, ttlMs: z.int().min(1), ...keyed }),
  award,
  z.strictObject({
    kind: z.literal('renew'),
    contract: contractIdText,
    maxPriceMicro: positiveMicroText,
    price: amount,
    ...keyed,
  }),
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
