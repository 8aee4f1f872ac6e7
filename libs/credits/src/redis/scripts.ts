// The registry of the bank's scripts: each with the type of its input and the schema of its reply.
import { z } from 'zod';
import type { AccountChange, AccountSpec } from '../account.js';
import type { BudgetSpec } from '../budget.js';
import type { Tags } from '../transfer.js';
import { ledgerStatuses } from '../transfer-status.js';
import { creditsLua, defineScript, type Script } from './script.js';

const ledgerReply = z.object({
  status: z.enum(ledgerStatuses),
  replayed: z.boolean().optional(),
  detail: z.string().optional(),
  retryAt: z.int().optional(),
});
export type LedgerReply = z.infer<typeof ledgerReply>;

interface Keyed {
  readonly by: string;
  readonly key: string;
  readonly digest: string;
}

const folders = [creditsLua];

export const ledgerScripts = {
  openAccount: defineScript<Keyed & { account: AccountSpec }, LedgerReply>(folders, 'open-account', ledgerReply),
  setAccount: defineScript<Keyed & { account: AccountChange }, LedgerReply>(folders, 'set-account', ledgerReply),
  openBudget: defineScript<Keyed & { budget: BudgetSpec }, LedgerReply>(folders, 'open-budget', ledgerReply),
  grant: defineScript<Keyed & { to: string; amount: string; tags?: Tags | undefined }, LedgerReply>(
    folders,
    'grant',
    ledgerReply,
  ),
  retire: defineScript<Keyed & { from: string; amount: string; tags?: Tags | undefined }, LedgerReply>(
    folders,
    'retire',
    ledgerReply,
  ),
  transfer: defineScript<
    Keyed & {
      id: string;
      from: string;
      to: string;
      amount: string;
      ttlMs?: number | undefined;
      tags?: Tags | undefined;
    },
    LedgerReply
  >(folders, 'transfer', ledgerReply),
  endTransfer: defineScript<
    | (Keyed & { kind: 'post' | 'void'; id: string; amount?: string | undefined; operator?: boolean | undefined })
    | { kind: 'expire'; id: string },
    LedgerReply
  >(folders, 'end-transfer', ledgerReply),
};

/** The input's field names at run time: the compiler holds them against the types, a test against the .lua headers. */
export const ledgerScriptFields = {
  openAccount: { by: 1, key: 1, digest: 1, account: 1 },
  setAccount: { by: 1, key: 1, digest: 1, account: 1 },
  openBudget: { by: 1, key: 1, digest: 1, budget: 1 },
  grant: { by: 1, key: 1, digest: 1, to: 1, amount: 1, tags: 1 },
  retire: { by: 1, key: 1, digest: 1, from: 1, amount: 1, tags: 1 },
  transfer: { by: 1, key: 1, digest: 1, id: 1, from: 1, to: 1, amount: 1, ttlMs: 1, tags: 1 },
  endTransfer: { kind: 1, by: 1, key: 1, digest: 1, id: 1, amount: 1, operator: 1 },
} satisfies { [Name in keyof typeof ledgerScripts]: Record<FieldsOf<(typeof ledgerScripts)[Name]>, 1> };

type FieldsOf<Of> = Of extends Script<infer Input, unknown> ? (Input extends unknown ? keyof Input : never) : never;
