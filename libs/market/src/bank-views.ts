// What operators set and see of the bank's side of the market: accounts, budgets, buckets, spending.
import {
  accountChange,
  accountClasses,
  accountKinds,
  bucketHears,
  bucketSpec,
  budgetSpec,
  budgetWindows,
  MAX_BUDGET_DEPTH,
  microText,
} from '@tender/credits';
import { z } from 'zod';
import { contractIdText, idemKeyText, idText, poolIdText, timeMs } from './ids.js';
import { sealKinds } from './terms.js';
import { bucketView } from './tokens.js';

/** A sum of payments, in micro-credits: credits change hands more than once, so that it may exceed the supply. */
const sumText = z.string().regex(/^(0|[1-9][0-9]{0,23})$/, 'a sum is a string of digits, in micro-credits');

export const accountRow = z.object({
  id: idText,
  kind: z.enum(accountKinds),
  class: z.enum(accountClasses),
  availableMicro: z.string(),
  pendingMicro: z.string(),
  host: idText.optional(),
  owner: idText.optional(),
  project: idText.optional(),
  team: idText.optional(),
  budget: idText.optional(),
});
export type AccountRow = z.infer<typeof accountRow>;

/** A budget as it stands now, its window turned if it is time. */
export const budgetView = z.object({
  id: idText,
  parent: idText.optional(),
  window: z.enum(budgetWindows),
  amountMicro: microText,
  keepPermille: z.int(),
  carryCapMicro: microText,
  borrowMicro: microText,
  lendPermille: z.int(),
  windowStart: timeMs,
  /** When the next window begins; absent for a project's life. */
  nextWindowAt: timeMs.optional(),
  allowanceMicro: sumText,
  usedMicro: sumText,
  leftMicro: sumText,
  lentMicro: sumText,
  owedMicro: sumText,
  /** Since its creation, what is set aside included. */
  totalMicro: sumText,
});
export type BudgetView = z.infer<typeof budgetView>;

/** The budgets that one account spends from: its own first, then all above; none where it names none. */
export const budgetChain = z.object({
  agent: idText,
  /** The market's clock as it stood then: windows turn by it. */
  at: timeMs,
  budgets: z.array(budgetView).max(MAX_BUDGET_DEPTH),
  /** The least that is left of any of them, borrowing left aside; absent where there is none. */
  leftMicro: sumText.optional(),
});
export type BudgetChain = z.infer<typeof budgetChain>;

export const poolRow = z.object({
  pool: poolIdText,
  account: idText,
  seller: idText,
  slots: z.int(),
  free: z.int(),
  reserve: z.int(),
  /** Slots that accounts of class standard hold. */
  standardHeld: z.int(),
  seals: z.array(z.enum(sealKinds)),
  lendMs: z.int(),
  noiseMaxPermille: z.int(),
  noiseWindowMs: z.int(),
  ownerMax: z.int(),
  reservePriceMicro: microText,
  spotMicro: microText.optional(),
  spotDurationMs: z.int().optional(),
  maxTerms: z.int(),
  graceMs: z.int(),
  idleMs: z.int(),
  compensationPermille: z.int(),
});
export type PoolRow = z.infer<typeof poolRow>;

/** A bucket as it stands, with all that an operator set. */
export const bucketRow = bucketView.extend({
  lendAfterMs: z.int(),
  noiseMaxPermille: z.int(),
  noiseWindowMs: z.int(),
  ownerMaxPermille: z.int(),
  maxTtlMs: z.int(),
  decreasePermille: z.int(),
  backOffMs: z.int(),
  increasePermille: z.int(),
  leastPermille: z.int(),
  maxPauseMs: z.int(),
  hears: z.enum(bucketHears),
});
export type BucketRow = z.infer<typeof bucketRow>;

/** By what spending can be told apart. `window` is the hour in which it was paid. */
export const spendKeys = ['agent', 'owner', 'project', 'team', 'resource', 'payee', 'contract', 'window'] as const;
export type SpendKey = (typeof spendKeys)[number];

/** Which spending: all that is named must fit; times by the market's clock, `from` included, `to` not. */
export const spendQuery = z.strictObject({
  by: z.array(z.enum(spendKeys)).min(1).max(spendKeys.length).default(['agent']),
  agent: idText.optional(),
  owner: idText.optional(),
  project: idText.optional(),
  team: idText.optional(),
  resource: poolIdText.optional(),
  contract: contractIdText.optional(),
  from: timeMs.optional(),
  to: timeMs.optional(),
  /** The window's length, for `window`. */
  per: z.enum(['minute', 'hour', 'day']).default('hour'),
  /** At most so many lines, the dearest first; fewer where one message does not hold them. */
  limit: z.int().min(1).max(10_000).default(1000),
  /** So many of the dearest are left out: with `to` in the past, what a message did not hold comes with the next ones. */
  skip: z.int().min(0).max(10_000_000).default(0),
});
export type SpendQuery = z.infer<typeof spendQuery>;

/** One line of spending: the fields that were asked for, what was paid, what came in, and how often it won and lost. */
export const spendLine = z.object({
  agent: idText.optional(),
  owner: idText.optional(),
  project: idText.optional(),
  team: idText.optional(),
  resource: poolIdText.optional(),
  payee: idText.optional(),
  contract: contractIdText.optional(),
  window: timeMs.optional(),
  paidMicro: sumText,
  payments: z.int(),
  /** Bids and offers shown to the bank that won, and that were outbid; `lostTo` names who won, most often first, three at most. */
  won: z.int(),
  lost: z.int(),
  lostTo: z.array(idText),
});
export type SpendLine = z.infer<typeof spendLine>;

export const spendAnswer = z.object({
  lines: z.array(spendLine),
  /** Of everything that fits the query, lines left out by `limit` included: equals what the ledger moved. */
  totalMicro: sumText,
  linesInAll: z.int(),
  /** The journal's last entry that is counted, and the market's clock there. */
  seq: z.int(),
  at: timeMs,
});
export type SpendAnswer = z.infer<typeof spendAnswer>;

const read = { key: idemKeyText };
export const listings = ['accounts', 'pools', 'buckets', 'budgets'] as const;
export type Listing = (typeof listings)[number];

export const bankAdminRequests = {
  /** Changes labels, class, host and budget of an account. */
  'set-account': z.strictObject({ key: idemKeyText, account: accountChange }),
  /** Opens a budget, or changes the figures of one that exists: what was spent in this window stays spent. */
  budget: z.strictObject({ key: idemKeyText, budget: budgetSpec }),
  /** Opens a bucket, or changes one that exists: what was taken stays taken. */
  bucket: z.strictObject({ key: idemKeyText, bucket: bucketSpec }),
  /** Lists accounts, pools, buckets or budgets in the order of their ids: all, those after an id, or the one named. */
  list: z.strictObject({ ...read, of: z.enum(listings), id: poolIdText.optional(), after: poolIdText.optional() }),
  spend: z.strictObject({ ...read, query: spendQuery }),
} as const;

export const bankAdminResult = {
  /** Of a listing: how many rows one message did not hold; they come `after` the last one. */
  more: z.int().optional(),
  accounts: z.array(accountRow).optional(),
  pools: z.array(poolRow).optional(),
  buckets: z.array(bucketRow).optional(),
  budgets: z.array(budgetView).optional(),
  spend: spendAnswer.optional(),
  /** The journal is still being read for `spend`, in entries: ask again. */
  reading: z.object({ read: z.int(), of: z.int() }).optional(),
};
