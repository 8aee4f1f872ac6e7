// The registry of the bank's scripts: each with the type of its input and the schema of its reply.
import { z } from 'zod';
import type { AccountSpec } from '../account.js';
import type { Tags } from '../transfer.js';
import { ledgerStatuses } from '../transfer-status.js';
import { creditsLua, defineScript } from './script.js';

const ledgerReply = z.object({
  status: z.enum(ledgerStatuses),
  replayed: z.boolean().optional(),
  detail: z.string().optional(),
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
