// A hold as the model keeps it: its journal entry, and what became of it since.
import type { Use } from '@tender/credits';
import type { HoldEnd, TokenAmounts } from '../tokens.js';
import type { BuyEntry, TakeEntry } from './token-journal.js';
import type { Returned } from './tokens-command.js';

/** How long a hold that has ended is remembered, in ms: so long whoever returned it gets the same answer again. */
export const HOLD_KEPT_MS = 600_000;

export interface TokenOffer {
  readonly to: string;
  readonly amounts: TokenAmounts;
  /** In micro-credits, for all of them. */
  readonly price: number;
}

export interface HoldState {
  readonly taken: TakeEntry | BuyEntry;
  state: 'held' | HoldEnd;
  /** Of what was set aside, in micro-credits: for what was sold, and in the end for what was used. */
  paid: number;
  sold?: Readonly<Record<string, number>>;
  offer?: TokenOffer | undefined;
  /** The contracts whose work has these tokens: until it is over they are neither given back nor sold. */
  tasks?: readonly string[] | undefined;
  endedAt?: number;
  /** Who ended it by giving it back, and what it was told. */
  end?: { readonly key: string; readonly digest: string; readonly answer: Returned };
}

/** Recent use of each bucket, by owner (or agent). */
export type TakenBook = Map<string, Map<string, Use>>;

/** What a hold's holder still has of a limit. */
export function inHand({ taken, sold }: HoldState, name: string): number {
  return (taken.amounts[name] ?? 0) - (sold?.[name] ?? 0);
}

/** Notes that a contract's work has the tokens from now on, or no longer. */
export function noteAtWork(hold: HoldState, contract: string, atWork: boolean): void {
  const { tasks = [] } = hold;
  if (tasks.includes(contract) === atWork) return;
  const left = atWork ? [...tasks, contract] : tasks.filter((other) => other !== contract);
  hold.tasks = left.length === 0 ? undefined : left;
}

/** What of a hold's payment is still set aside. */
export function setAside({ taken, paid }: HoldState): number {
  return Number(taken.amountMicro) - paid;
}

/** The payment's id in the ledger's book: no transfer has a colon in its own. */
export function paymentId(hold: string): string {
  return `hold:${hold}`;
}

/** A hold is its own payment: it is not told among the transfers. */
export function isPaymentOfHold(transfer: string): boolean {
  return transfer.startsWith('hold:');
}

export function isForgotten({ endedAt }: HoldState, nowMs: number): boolean {
  return endedAt !== undefined && nowMs >= endedAt + HOLD_KEPT_MS;
}
