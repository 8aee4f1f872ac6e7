// Accounts: who can hold credits, and what the bank knows of them that no message may claim.
import { z } from 'zod';

/**
 * An id of an account, agent, operator, host, market: lower-case letters, digits and inner dashes, 48 at most. Ids are
 * keys of objects: `constructor` is the one that would find something in an empty one.
 */
export const idText = z
  .string()
  .regex(
    /^(?!constructor$)[a-z0-9][a-z0-9-]{0,47}$/,
    'an id has 1 to 48 of a-z, 0-9 and -, and starts with a letter or digit',
  );

/** The one account that may go below zero: every mint debits it. */
export const TREASURY = 'treasury';

export const accountKinds = ['agent', 'pool', 'treasury'] as const;
export type AccountKind = (typeof accountKinds)[number];

/** `system` may take a pool's priority reserve; an operator sets the class, a message never does. */
export const accountClasses = ['system', 'standard'] as const;
export type AccountClass = (typeof accountClasses)[number];

/**
 * What an operator says of an account beside its class: who owns it (caps and noise count by owner), to which project
 * and team its spending is attributed, and the budget that it spends from.
 */
export const accountLabels = {
  owner: idText.optional(),
  project: idText.optional(),
  team: idText.optional(),
  budget: idText.optional(),
};

/** What an operator changes of an account: absent stays, null is taken away. */
export const accountChange = z.strictObject({
  id: idText.refine((id) => id !== TREASURY, 'the treasury stays as it is'),
  class: z.enum(accountClasses).optional(),
  host: idText.nullish(),
  owner: idText.nullish(),
  project: idText.nullish(),
  team: idText.nullish(),
  budget: idText.nullish(),
});
export type AccountChange = z.infer<typeof accountChange>;

/** What opens an account. `nkey`: public user nkey (`U…`); `host`: the process that may speak for the agent. */
export const accountSpec = z.strictObject({
  id: idText.refine((id) => id !== TREASURY, 'the treasury opens itself'),
  kind: z.enum(['agent', 'pool']),
  class: z.enum(accountClasses).default('standard'),
  nkey: z
    .string()
    .regex(/^U[A-Z2-7]{55}$/, 'a public user nkey has 56 characters and starts with U')
    .optional(),
  host: idText.optional(),
  ...accountLabels,
});
export type AccountSpec = z.infer<typeof accountSpec>;

/** An account as the ledger keeps it; amounts in micro-credits, `available` below zero for the treasury only. */
export interface Account {
  readonly id: string;
  readonly kind: AccountKind;
  readonly class: AccountClass;
  readonly nkey?: string | undefined;
  readonly host?: string | undefined;
  readonly owner?: string | undefined;
  readonly project?: string | undefined;
  readonly team?: string | undefined;
  readonly budget?: string | undefined;
  /** Spendable now. */
  readonly available: number;
  /** Set aside by pending transfers that debit this account. */
  readonly pending: number;
}
