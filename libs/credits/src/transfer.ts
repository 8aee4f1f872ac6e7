// Transfers: one debit, one credit, at once or in two phases.
import { z } from 'zod';
import { idText } from './account.js';

/** A two-phase transfer goes from pending to exactly one of the others, once; a single one is born posted. */
export const transferStates = ['pending', 'posted', 'voided', 'expired'] as const;
export type TransferState = (typeof transferStates)[number];

/** An id of a transfer or contract: as other ids, 64 characters at most, because it may extend a call's id. */
export const transferIdText = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a transfer id has 1 to 64 of a-z, 0-9 and -, and starts with a letter or digit');

/** An id of a pool or bucket: ids joined by dots, 64 characters at most. */
export const dottedIdText = z
  .string()
  .max(64)
  .regex(
    /^(?!constructor$)[a-z0-9][a-z0-9-]{0,47}(\.[a-z0-9][a-z0-9-]{0,47})*$/,
    'a pool id has ids of a-z, 0-9 and - joined by dots, 64 characters at most',
  );

/** Whom and what a transfer is attributed to; every transfer carries one, the posting parties are known anyway. */
export const tagsSpec = z.strictObject({
  agent: idText.optional(),
  project: idText.optional(),
  team: idText.optional(),
  pool: dottedIdText.optional(),
  bucket: dottedIdText.optional(),
  contract: transferIdText.optional(),
});
export type Tags = z.infer<typeof tagsSpec>;

/** A two-phase or single transfer as the ledger keeps it; amounts in micro-credits, times in ms since the epoch. */
export interface Transfer {
  readonly id: string;
  readonly debit: string;
  readonly credit: string;
  readonly amount: number;
  readonly state: TransferState;
  /** What was moved in the end: `amount` or less when posted, 0 when voided or expired. */
  readonly posted: number;
  /** When a pending transfer lapses; absent on a single one. */
  readonly expiresAt?: number | undefined;
  /** The budgets that it was charged to and their windows then, `<id>:<windowStart>,…`; absent where there was none. */
  readonly budgets?: string | undefined;
  readonly tags: Tags;
}
