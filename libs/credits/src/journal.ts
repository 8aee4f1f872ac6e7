// The ledger's journal entries, as the scripts write them: what audit and replay may rely on.
import { z } from 'zod';
import { accountChange, accountSpec } from './account.js';
import { positiveMicroText } from './amount.js';
import { budgetSpec } from './budget.js';
import { MAX_TTL_MS } from './ledger.js';
import { tagsSpec } from './transfer.js';

/** The market's clock when it happened, in ms since the epoch; never falls from one entry to the next. */
const at = z.int().positive();

/** Who asked, under which key, and the digest of the body: from these a replay restores the idempotency records. */
const asked = { by: z.string(), key: z.string(), digest: z.string().length(22), at };

const id = z.string();
const amount = positiveMicroText;
const operator = z.literal(true).optional();

/** One entry per state change; the market's other kinds stand beside these in the same stream. */
export const ledgerEntry = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('open-account'), ...asked, account: accountSpec }),
  z.strictObject({ kind: z.literal('set-account'), ...asked, account: accountChange }),
  z.strictObject({ kind: z.literal('open-budget'), ...asked, budget: budgetSpec }),
  z.strictObject({ kind: z.literal('grant'), ...asked, to: id, amount, tags: tagsSpec.optional() }),
  z.strictObject({ kind: z.literal('retire'), ...asked, from: id, amount, tags: tagsSpec.optional() }),
  z.strictObject({
    kind: z.literal('transfer'),
    ...asked,
    id,
    from: id,
    to: id,
    amount,
    ttlMs: z.int().positive().max(MAX_TTL_MS).optional(),
    tags: tagsSpec,
  }),
  z.strictObject({ kind: z.literal('post'), ...asked, id, amount: amount.optional(), operator }),
  z.strictObject({ kind: z.literal('void'), ...asked, id, operator }),
  z.strictObject({ kind: z.literal('expire'), id, at }),
]);
export type LedgerEntry = z.infer<typeof ledgerEntry>;
