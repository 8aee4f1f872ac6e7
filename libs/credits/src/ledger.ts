// The ledger's port: the commands that any ledger (the pure model, the one on Redis) takes, and what it answers.
import type { Account, AccountChange, AccountSpec } from './account.js';
import type { Budget, BudgetSpec } from './budget.js';
import type { Tags, Transfer } from './transfer.js';
import type { LedgerStatus } from './transfer-status.js';

/** Who asks, and under which idempotency key: the same key and body gives the saved result, another body `key-reused`. */
export interface Asked {
  readonly by: string;
  readonly key: string;
}

/** The longest time limit of a pending transfer, in ms: 30 days. */
export const MAX_TTL_MS = 30 * 24 * 3_600_000;

/**
 * Commands; amounts are digit strings in micro-credits because they come from the wire unparsed.
 * - `open-account`: a second opening with the same id is `account-exists`.
 * - `set-account`: changes class, host, labels and budget; only agents spend from a budget.
 * - `open-budget`: opens a budget, or changes the figures of one that exists; its parent and window stay.
 * - `grant`: the only mint; debits the treasury, credits an agent or pool; what is minted and not burned
 *   stays within 14 digits.
 * - `retire`: the reverse, takes available credits out of the supply (burn).
 * - `transfer`: posted at once, or with `ttlMs` pending until posted, voided or expired. The treasury takes no part.
 * - `post`: moves `amount` (all of it when absent) and returns the rest to the debited account. A pending
 *   transfer past its limit is treated as `already-expired` even before the sweeper has marked it.
 * - `void`: returns all of it. Post and void are for the debited or credited account, or `operator: true`.
 * - `expire`: the sweeper's; marks a pending transfer whose limit is over; before that `not-due`.
 */
export type LedgerCommand =
  | ({ readonly kind: 'open-account' } & Asked & { readonly account: AccountSpec })
  | ({ readonly kind: 'set-account' } & Asked & { readonly account: AccountChange })
  | ({ readonly kind: 'open-budget' } & Asked & { readonly budget: BudgetSpec })
  | ({ readonly kind: 'grant' } & Asked & {
        readonly to: string;
        readonly amount: string;
        readonly tags?: Tags | undefined;
      })
  | ({ readonly kind: 'retire' } & Asked & {
        readonly from: string;
        readonly amount: string;
        readonly tags?: Tags | undefined;
      })
  | ({ readonly kind: 'transfer' } & Asked & {
        readonly id: string;
        readonly from: string;
        readonly to: string;
        readonly amount: string;
        readonly ttlMs?: number | undefined;
        readonly tags?: Tags | undefined;
      })
  | ({ readonly kind: 'post' } & Asked & {
        readonly id: string;
        readonly amount?: string | undefined;
        readonly operator?: boolean | undefined;
      })
  | ({ readonly kind: 'void' } & Asked & { readonly id: string; readonly operator?: boolean | undefined })
  | { readonly kind: 'expire'; readonly id: string };

/**
 * `replayed` is true where a saved result was returned; `detail` says for people what would have passed, `retryAt` of
 * `over-budget` when (ms since the epoch), absent where no window will turn.
 */
export interface LedgerResult {
  readonly status: LedgerStatus;
  readonly replayed?: boolean | undefined;
  readonly detail?: string | undefined;
  readonly retryAt?: number | undefined;
}

export interface Supply {
  readonly minted: number;
  readonly burned: number;
}

/** What both ledgers answer to; the contract test in testing/ runs against any of them. */
export interface Ledger {
  apply(command: LedgerCommand): Promise<LedgerResult>;
  account(id: string): Promise<Account | undefined>;
  transfer(id: string): Promise<Transfer | undefined>;
  /** As it was stored with its last change; `turnedBudget` says how it stands now. */
  budget(id: string): Promise<Budget | undefined>;
  supply(): Promise<Supply>;
}
