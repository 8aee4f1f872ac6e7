// The pure ledger behind the port: what the contract test and the simulator run instead of Redis.
import type { Account } from '../account.js';
import type { Budget } from '../budget.js';
import type { Ledger, LedgerCommand, LedgerResult, Supply } from '../ledger.js';
import type { Transfer } from '../transfer.js';
import { LedgerBook } from './ledger-book.js';
import { applyToBook } from './pure-ledger.js';

export class ModelLedger implements Ledger {
  readonly book = new LedgerBook();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  async apply(command: LedgerCommand): Promise<LedgerResult> {
    return applyToBook(this.book, command, this.#nowMs());
  }

  async account(id: string): Promise<Account | undefined> {
    return this.book.account(id);
  }

  async transfer(id: string): Promise<Transfer | undefined> {
    return this.book.transfer(id, Math.max(this.book.clock, this.#nowMs()));
  }

  async budget(id: string): Promise<Budget | undefined> {
    return this.book.budgets.get(id);
  }

  async supply(): Promise<Supply> {
    return this.book.supply;
  }
}
