// The ledger's state in memory, and the only three ways in which it moves credits: the oracle of the Lua postings.
import type { Account, AccountChange, AccountSpec } from '../account.js';
import { TREASURY } from '../account.js';
import type { Supply } from '../ledger.js';
import type { Tags, Transfer, TransferState } from '../transfer.js';
import { BudgetBook } from './budget-book.js';
import { SavedResults } from './saved-results.js';

/** How long the ledger remembers a transfer that has ended; its id is free again after that. */
export const ENDED_TRANSFER_KEPT_MS = 24 * 3_600_000;

/** What an observer of a ledger may read; a `LedgerBook` seen through it does not change under its holder's hands. */
export interface LedgerState {
  /** The market's clock at the last change; rules are judged by it or by `nowMs`, whichever is later. */
  readonly clock: number;
  readonly supply: Supply;
  account(id: string): Account | undefined;
  /** Pending, or ended no longer than ENDED_TRANSFER_KEPT_MS before `nowMs` (by default, before `clock`). */
  transfer(id: string, nowMs?: number): Transfer | undefined;
  accounts(): IterableIterator<Account>;
  transfers(): IterableIterator<Transfer>;
  /** A book with the same content, to be changed apart from this one. */
  copy(): LedgerBook;
}

export interface Posting {
  readonly id: string;
  readonly debit: string;
  readonly credit: string;
  readonly amount: number;
  readonly tags: Tags;
}

/** Credits that changed hands: `amount` of what `id` set aside or paid at once, at the book's clock. */
export interface Moved extends Posting {
  readonly at: number;
}

/**
 * The mutable ledger, for replays and simulations of many commands. Its methods check nothing, as the Lua postings
 * do not: callers check first, then move the clock by `tick`, then post.
 */
export class LedgerBook implements LedgerState {
  readonly #accounts = new Map<string, Account>();
  readonly #transfers = new Map<string, Transfer>();
  /** When each ended transfer ended, oldest first. */
  readonly #ended = new Map<string, number>();
  readonly budgets = new BudgetBook();
  readonly saved = new SavedResults();
  /** Told of all that one account paid to another, once each and as it happens; a copy of the book has none. */
  observer?: (moved: Moved) => void;
  #minted = 0;
  #burned = 0;
  #clock = 0;

  get clock(): number {
    return this.#clock;
  }

  get supply(): Supply {
    return { minted: this.#minted, burned: this.#burned };
  }

  account(id: string): Account | undefined {
    return this.#accounts.get(id);
  }

  transfer(id: string, nowMs = this.#clock): Transfer | undefined {
    const endedAt = this.#ended.get(id);
    if (endedAt !== undefined && nowMs > endedAt + ENDED_TRANSFER_KEPT_MS) return undefined;
    return this.#transfers.get(id);
  }

  accounts(): IterableIterator<Account> {
    return this.#accounts.values();
  }

  transfers(): IterableIterator<Transfer> {
    return this.#transfers.values();
  }

  copy(): LedgerBook {
    const book = new LedgerBook();
    for (const [id, account] of this.#accounts) book.#accounts.set(id, account);
    for (const [id, transfer] of this.#transfers) book.#transfers.set(id, transfer);
    for (const [id, endedAt] of this.#ended) book.#ended.set(id, endedAt);
    book.budgets.copyFrom(this.budgets);
    book.saved.copyFrom(this.saved);
    book.#minted = this.#minted;
    book.#burned = this.#burned;
    book.#clock = this.#clock;
    return book;
  }

  /** Moves the clock on, never back, and forgets what is past its time. Every change begins with it. */
  tick(nowMs: number): void {
    this.#clock = Math.max(this.#clock, nowMs);
    for (const [id, endedAt] of this.#ended) {
      if (this.#clock <= endedAt + ENDED_TRANSFER_KEPT_MS) break;
      this.forget(id);
    }
  }

  /** Drops an ended transfer before its time: what Redis does when its own clock runs ahead of the market's. */
  forget(id: string): void {
    if (this.#ended.delete(id)) this.#transfers.delete(id);
  }

  openAccount({ kind, class: accountClass, ...labels }: AccountSpec): void {
    this.#accounts.set(labels.id, { ...labels, kind, class: accountClass, available: 0, pending: 0 });
  }

  /** Absent fields stay, null takes away. */
  setAccount({ id, class: accountClass, ...labels }: AccountChange): void {
    const account = this.#known(id);
    const changed: Record<string, unknown> = { ...account, class: accountClass ?? account.class };
    for (const [label, value] of Object.entries(labels)) {
      if (value !== undefined) changed[label] = value ?? undefined;
    }
    this.#accounts.set(id, changed as unknown as Account);
  }

  mint(to: string, amount: number): void {
    if (!this.#accounts.has(TREASURY)) {
      this.#accounts.set(TREASURY, { id: TREASURY, kind: 'treasury', class: 'standard', available: 0, pending: 0 });
    }
    this.#move(TREASURY, -amount, 0);
    this.#move(to, amount, 0);
    this.#minted += amount;
  }

  burn(from: string, amount: number): void {
    this.#move(from, -amount, 0);
    this.#move(TREASURY, amount, 0);
    this.#burned += amount;
  }

  /** Moves credits at once. */
  postSingle(posting: Posting): void {
    this.#move(posting.debit, -posting.amount, 0);
    this.#move(posting.credit, posting.amount, 0);
    const budgets = this.#charge(posting);
    this.#transfers.set(posting.id, {
      ...{ ...posting, state: 'posted', posted: posting.amount, expiresAt: undefined },
      ...(budgets === undefined ? {} : { budgets }),
    });
    this.#ended.set(posting.id, this.#clock);
    this.observer?.({ ...posting, at: this.#clock });
  }

  /** Sets credits aside until `endPending`; without `expiresAt` only a lease's end settles them. */
  openPending(posting: Posting, expiresAt: number | undefined): void {
    this.#move(posting.debit, -posting.amount, posting.amount);
    const budgets = this.#charge(posting);
    this.#transfers.set(posting.id, {
      ...{ ...posting, state: 'pending', posted: 0, expiresAt },
      ...(budgets === undefined ? {} : { budgets }),
    });
  }

  /** Counts what an account pays or sets aside against its budgets; undefined where it has none. */
  #charge({ debit, amount }: Posting): string | undefined {
    const { budget } = this.#known(debit);
    return budget === undefined ? undefined : this.budgets.charge(budget, amount, this.#clock);
  }

  /** Ends a pending transfer: `posted` of its amount goes to the credited account, the rest back. */
  endPending(id: string, posted: number, state: Exclude<TransferState, 'pending'>): void {
    const transfer = this.#transfers.get(id);
    if (transfer?.state !== 'pending') throw new Error(`not a pending transfer: ${id}`);
    this.#move(transfer.debit, transfer.amount - posted, -transfer.amount);
    this.#move(transfer.credit, posted, 0);
    const back = transfer.amount - posted;
    if (back > 0 && transfer.budgets !== undefined) this.budgets.giveBack(transfer.budgets, back, this.#clock);
    this.#transfers.set(id, { ...transfer, state, posted });
    this.#ended.set(id, this.#clock);
    const { debit, credit, tags } = transfer;
    if (posted > 0) this.observer?.({ id, debit, credit, amount: posted, tags, at: this.#clock });
  }

  /** Pays a part of a pending transfer at once; the rest stays set aside. */
  postPart(id: string, amount: number): void {
    const transfer = this.#transfers.get(id);
    if (transfer?.state !== 'pending') throw new Error(`not a pending transfer: ${id}`);
    const { debit, credit, tags } = transfer;
    this.#move(debit, 0, -amount);
    this.#move(credit, amount, 0);
    this.#transfers.set(id, { ...transfer, amount: transfer.amount - amount });
    this.observer?.({ id, debit, credit, amount, tags, at: this.#clock });
  }

  #known(id: string): Account {
    const account = this.#accounts.get(id);
    if (account === undefined) throw new Error(`unknown account: ${id}`);
    return account;
  }

  #move(id: string, available: number, pending: number): void {
    const account = this.#known(id);
    this.#accounts.set(id, {
      ...account,
      available: account.available + available,
      pending: account.pending + pending,
    });
  }
}
