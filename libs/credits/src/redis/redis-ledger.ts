// The ledger on Redis: one script per command, so that no two processes ever see half of one.
import type { Redis } from 'ioredis';
import type { Account, AccountClass, AccountKind } from '../account.js';
import { bodyDigest } from '../body-digest.js';
import type { Budget, BudgetWindow } from '../budget.js';
import { owedOf } from '../budget-window.js';
import type { Ledger, LedgerCommand, LedgerResult, Supply } from '../ledger.js';
import type { Transfer, TransferState } from '../transfer.js';
import { marketKey, metaKey } from './keys.js';
import { runScript } from './script.js';
import { ledgerScripts } from './scripts.js';

/** A ledger over one Redis connection; commands reject where Redis is away (the outcome is then unknown: ask again). */
export class RedisLedger implements Ledger {
  readonly #redis: Redis;
  readonly #market: string;
  readonly #meta: string;

  constructor(redis: Redis, market: string) {
    this.#redis = redis;
    this.#market = market;
    this.#meta = metaKey(market);
  }

  apply(command: LedgerCommand): Promise<LedgerResult> {
    if (command.kind === 'expire') return runScript(this.#redis, ledgerScripts.endTransfer, this.#meta, command);
    const { kind, by, key, ...body } = command;
    const asked = { by, key, digest: bodyDigest(kind, body) };
    switch (command.kind) {
      case 'open-account':
        return runScript(this.#redis, ledgerScripts.openAccount, this.#meta, { ...command, ...asked });
      case 'set-account':
        return runScript(this.#redis, ledgerScripts.setAccount, this.#meta, { ...command, ...asked });
      case 'open-budget':
        return runScript(this.#redis, ledgerScripts.openBudget, this.#meta, { ...command, ...asked });
      case 'grant':
        return runScript(this.#redis, ledgerScripts.grant, this.#meta, { ...command, ...asked });
      case 'retire':
        return runScript(this.#redis, ledgerScripts.retire, this.#meta, { ...command, ...asked });
      case 'transfer':
        return runScript(this.#redis, ledgerScripts.transfer, this.#meta, { ...command, ...asked });
      case 'post':
      case 'void':
        return runScript(this.#redis, ledgerScripts.endTransfer, this.#meta, { ...command, ...asked });
    }
  }

  async account(id: string): Promise<Account | undefined> {
    const fields = await this.#redis.hgetall(marketKey(this.#market, 'acct', id));
    return fields.kind === undefined ? undefined : readAccount(id, fields);
  }

  /** All accounts, the treasury among them, in the order of their ids. */
  async accounts(): Promise<Account[]> {
    const ids = await this.#redis.smembers(marketKey(this.#market, 'accounts'));
    const found = await Promise.all(ids.sort().map((id) => this.account(id)));
    return found.filter((account) => account !== undefined);
  }

  async transfer(id: string): Promise<Transfer | undefined> {
    const fields = await this.#redis.hgetall(marketKey(this.#market, 'xfer', id));
    if (fields.debit === undefined) return undefined;
    return {
      id,
      debit: fields.debit,
      credit: fields.credit!,
      amount: Number(fields.amount),
      state: fields.state as TransferState,
      posted: Number(fields.posted),
      expiresAt: fields.expiresAt ? Number(fields.expiresAt) : undefined,
      budgets: fields.budgets,
      tags: JSON.parse(fields.tags!),
    };
  }

  async budget(id: string): Promise<Budget | undefined> {
    const fields = await this.#redis.hgetall(marketKey(this.#market, 'budget', id));
    return fields.window === undefined ? undefined : readBudget(id, fields);
  }

  /** All budgets as they are stored, in the order of their ids. */
  async budgets(): Promise<Budget[]> {
    const ids = await this.#redis.smembers(marketKey(this.#market, 'budgets'));
    const found = await Promise.all(ids.sort().map((id) => this.budget(id)));
    return found.filter((budget) => budget !== undefined);
  }

  async supply(): Promise<Supply> {
    const [minted, burned] = await this.#redis.hmget(this.#meta, 'minted', 'burned');
    return { minted: Number(minted ?? 0), burned: Number(burned ?? 0) };
  }
}

/** An account from the fields of its hash. */
function readAccount(id: string, fields: Record<string, string>): Account {
  return {
    id,
    kind: fields.kind as AccountKind,
    class: fields.class as AccountClass,
    nkey: fields.nkey,
    host: fields.host,
    owner: fields.owner,
    project: fields.project,
    team: fields.team,
    budget: fields.budget,
    available: Number(fields.available),
    pending: Number(fields.pending),
  };
}

/** A budget from the fields of its hash. */
export function readBudget(id: string, fields: Record<string, string>): Budget {
  return {
    id,
    parent: fields.parent,
    window: fields.window as BudgetWindow,
    amount: Number(fields.amount),
    keepPermille: Number(fields.keepPermille),
    carryCap: Number(fields.carryCap),
    borrow: Number(fields.borrow),
    lendPermille: Number(fields.lendPermille),
    windowStart: Number(fields.windowStart),
    allowance: Number(fields.allowance),
    used: Number(fields.used),
    lent: Number(fields.lent),
    cut: Number(fields.cut),
    owed: owedOf(fields.owed ?? ''),
    total: Number(fields.total),
    direct: Number(fields.direct),
  };
}
