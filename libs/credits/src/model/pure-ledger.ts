// The ledger's rules without Redis: the oracle that the Lua scripts are tested against, and the engine of replay.
import { type AccountKind, TREASURY } from '../account.js';
import { MAX_MICRO } from '../amount.js';
import { bodyDigest } from '../body-digest.js';
import { type BudgetSpec, budgetWindows, MAX_BUDGET_DEPTH, MAX_SIBLINGS } from '../budget.js';
import { type LedgerCommand, type LedgerResult, MAX_TTL_MS } from '../ledger.js';
import type { Transfer } from '../transfer.js';
import { isSuccess, type LedgerStatus } from '../transfer-status.js';
import { type BudgetBook, misplaced, type Shortage } from './budget-book.js';
import { LedgerBook, type LedgerState } from './ledger-book.js';

export type Keyed = Exclude<LedgerCommand, { kind: 'expire' }>;
type Command<Kind extends LedgerCommand['kind']> = Extract<LedgerCommand, { kind: Kind }>;

/** What a command would come to: its status, and for a success the change that `apply` then makes. */
type Verdict = LedgerResult & { readonly change?: () => void };

export function emptyLedger(): LedgerState {
  return new LedgerBook();
}

/** Applies one command and leaves the given state as it was; copies it whole, so for long runs take `applyToBook`. */
export function applyToLedger(
  state: LedgerState,
  command: LedgerCommand,
  nowMs: number,
): { state: LedgerState; result: LedgerResult } {
  const book = state.copy();
  const result = applyToBook(book, command, nowMs);
  return { state: isSuccess(result.status) && !result.replayed ? book : state, result };
}

/** Applies one command to the book itself; a refusal or a replay leaves it untouched, its clock included. */
export function applyToBook(book: LedgerBook, command: LedgerCommand, nowMs: number): LedgerResult {
  if (command.kind === 'expire') return commit(book, judge(book, command, later(book, nowMs)), later(book, nowMs));
  const { kind, by, key, ...body } = command;
  return applyKeyed(book, command, bodyDigest(kind, body), nowMs);
}

/** The same where the body's digest is known already: a replay takes it from the journal. */
export function applyKeyed(book: LedgerBook, command: Keyed, digest: string, nowMs: number): LedgerResult {
  const now = later(book, nowMs);
  const saved = book.saved.recall(command.by, command.key, now);
  if (saved) {
    if (saved.digest === digest) return { status: saved.status, replayed: true };
    return { status: 'key-reused', detail: 'this key was used with another body: take a new key' };
  }
  const verdict = judge(book, command, now);
  const result = commit(book, verdict, now);
  if (verdict.change) book.saved.remember(command.by, command.key, now, { digest, status: result.status });
  return result;
}

function later(book: LedgerBook, nowMs: number): number {
  return Math.max(book.clock, nowMs);
}

function commit(book: LedgerBook, { change, ...result }: Verdict, now: number): LedgerResult {
  if (change) {
    book.tick(now);
    change();
  }
  return result;
}

function judge(book: LedgerBook, command: LedgerCommand, now: number): Verdict {
  switch (command.kind) {
    case 'open-account':
      return openAccount(book, command);
    case 'set-account':
      return setAccount(book, command);
    case 'open-budget':
      return openBudget(book, command, now);
    case 'grant':
      return grant(book, command);
    case 'retire':
      return retire(book, command);
    case 'transfer':
      return transfer(book, command, now);
    case 'post':
    case 'void':
    case 'expire':
      return endTransfer(book, command, now);
  }
}

function openAccount(book: LedgerBook, { account }: Command<'open-account'>): Verdict {
  if (account.id === TREASURY) return refused('account-exists', 'the treasury opens itself');
  if (book.account(account.id)) return refused('account-exists', 'choose another id');
  const misfit = budgetMisfit(book, account.kind, account.budget);
  return misfit ?? { status: 'done', change: () => book.openAccount(account) };
}

function setAccount(book: LedgerBook, { account: change }: Command<'set-account'>): Verdict {
  if (change.id === TREASURY) return refused('account-kind', 'the treasury stays as it is');
  const account = book.account(change.id);
  if (!account) return refused('unknown-account', change.id);
  const misfit = budgetMisfit(book, account.kind, change.budget);
  return misfit ?? { status: 'done', change: () => book.setAccount(change) };
}

/** Why an account of this kind may not spend from the budget that it is to name. */
function budgetMisfit(book: LedgerBook, kind: AccountKind, budget: string | null | undefined): Verdict | undefined {
  if (!budget) return undefined;
  if (kind !== 'agent') return refused('account-kind', 'only agents spend from a budget');
  return book.budgets.get(budget) === undefined ? refused('unknown-budget', budget) : undefined;
}

function openBudget(book: LedgerBook, { budget: spec }: Command<'open-budget'>, now: number): Verdict {
  const misfit = specMisfit(spec) ?? placeMisfit(book.budgets, spec);
  return misfit ?? { status: 'done', change: () => book.budgets.open(spec, now) };
}

function specMisfit({ amountMicro, carryCapMicro, borrowMicro, ...spec }: BudgetSpec): Verdict | undefined {
  const [amount, carryCap, borrow] = [amountMicro, carryCapMicro, borrowMicro].map(micro);
  if (amount === undefined || carryCap === undefined || borrow === undefined) {
    return refused('amount-invalid', '0, or 1 to 14 digits');
  }
  if (!isPermille(spec.keepPermille) || !isPermille(spec.lendPermille)) {
    return refused('budget-invalid', 'shares are 0 to 1000 thousandths');
  }
  if (!budgetWindows.includes(spec.window)) return refused('budget-invalid', 'a window is minute, hour, day or life');
  return borrow > amount ? refused('budget-invalid', 'a budget borrows at most its own amount') : undefined;
}

function isPermille(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 1000;
}

function placeMisfit(budgets: BudgetBook, { id, parent, window }: BudgetSpec): Verdict | undefined {
  const known = budgets.get(id);
  if (known !== undefined) {
    if (known.parent === parent && known.window === window) return undefined;
    return refused('budget-fixed', 'parent and window stay as they were');
  }
  switch (misplaced(budgets, parent)) {
    case 'unknown':
      return refused('unknown-budget', parent!);
    case 'depth':
      return refused('budget-depth', `a chain has at most ${MAX_BUDGET_DEPTH} budgets`);
    case 'siblings':
      return refused('budget-siblings', `under a budget are at most ${MAX_SIBLINGS}`);
    case undefined:
      return undefined;
  }
}

function grant(book: LedgerBook, command: Command<'grant'>): Verdict {
  const amount = positive(command.amount);
  if (amount === undefined) return refused('amount-invalid', '1 to 14 digits, above zero');
  if (command.to === TREASURY) return refused('same-account', 'a grant goes to an agent or a pool');
  if (!book.account(command.to)) return refused('unknown-account', command.to);
  const { minted, burned } = book.supply;
  const room = Math.min(MAX_MICRO - (minted - burned), Number.MAX_SAFE_INTEGER - minted);
  if (amount > room) return refused('supply-exceeded', `at most ${room} micro-credits can still be minted`);
  return { status: 'done', change: () => book.mint(command.to, amount) };
}

function retire(book: LedgerBook, command: Command<'retire'>): Verdict {
  const amount = positive(command.amount);
  if (amount === undefined) return refused('amount-invalid', '1 to 14 digits, above zero');
  if (command.from === TREASURY) return refused('same-account', 'credits are retired from an agent or a pool');
  const account = book.account(command.from);
  if (!account) return refused('unknown-account', command.from);
  if (account.available < amount) return refused('insufficient-credits', `available: ${account.available}`);
  return { status: 'done', change: () => book.burn(command.from, amount) };
}

function transfer(book: LedgerBook, command: Command<'transfer'>, now: number): Verdict {
  const { id, from, to, ttlMs } = command;
  const amount = positive(command.amount);
  if (amount === undefined) return refused('amount-invalid', '1 to 14 digits, above zero');
  if (ttlMs !== undefined && !(Number.isInteger(ttlMs) && ttlMs >= 1 && ttlMs <= MAX_TTL_MS)) {
    return refused('ttl-invalid', `1 to ${MAX_TTL_MS} ms`);
  }
  if (from === to) return refused('same-account', 'debit and credit differ');
  if (from === TREASURY || to === TREASURY) {
    return refused('account-kind', 'the treasury takes part in grants and retirements alone');
  }
  const debit = book.account(from);
  if (!debit) return refused('unknown-account', from);
  if (!book.account(to)) return refused('unknown-account', to);
  if (book.transfer(id, now)) return refused('transfer-exists', 'choose another id');
  if (debit.available < amount) return refused('insufficient-credits', `available: ${debit.available}`);
  const short = book.budgets.desk(now).tryTake(debit.budget, amount);
  if (short) return overBudget(short);
  const posting = { id, debit: from, credit: to, amount, tags: command.tags ?? { agent: from } };
  if (ttlMs === undefined) return { status: 'posted', change: () => book.postSingle(posting) };
  return { status: 'pending', change: () => book.openPending(posting, now + ttlMs) };
}

function endTransfer(book: LedgerBook, command: Command<'post' | 'void' | 'expire'>, now: number): Verdict {
  const { id, kind } = command;
  const found = book.transfer(id, now);
  if (!found) return refused('unknown-transfer', id);
  if (found.state !== 'pending') return { status: `already-${found.state}` };
  if (found.expiresAt === undefined) return refused('not-party', 'a lease settles this transfer');
  const due = now >= found.expiresAt;
  if (kind === 'expire') {
    if (!due) return { status: 'not-due' };
    return { status: 'done', change: () => book.endPending(id, 0, 'expired') };
  }
  if (command.operator !== true && command.by !== found.debit && command.by !== found.credit) {
    return refused('not-party', 'the debited or the credited account may end it');
  }
  if (due) return { status: 'already-expired' };
  if (kind === 'void') return { status: 'voided', change: () => book.endPending(id, 0, 'voided') };
  return post(book, found, command);
}

function post(book: LedgerBook, found: Transfer, command: Command<'post'>): Verdict {
  const posted = command.amount === undefined ? found.amount : positive(command.amount);
  if (posted === undefined) return refused('amount-invalid', '1 to 14 digits, above zero');
  if (posted > found.amount) return refused('exceeds-pending', `pending: ${found.amount}`);
  return { status: 'posted', change: () => book.endPending(found.id, posted, 'posted') };
}

function overBudget({ budget, left, window, retryAt }: Shortage): Verdict {
  const detail = `the budget ${budget} has ${left} micro-credits left for its ${window}`;
  return { ...refused('over-budget', detail), ...(retryAt > 0 ? { retryAt } : {}) };
}

function refused(status: LedgerStatus, detail: string): Verdict {
  return { status, detail };
}

/** Reads an amount above zero; a number, though typed away, may still come from a careless caller. */
function positive(text: unknown): number | undefined {
  return typeof text === 'string' && /^[1-9][0-9]{0,13}$/.test(text) ? Number(text) : undefined;
}

/** The same, zero allowed. */
function micro(text: unknown): number | undefined {
  return text === '0' ? 0 : positive(text);
}
