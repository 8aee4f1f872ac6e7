// Short ways to write ledger commands in tables of cases; keys are unique to what is asked unless given.
import type { AccountChange, AccountSpec } from '../account.js';
import type { BudgetSpec } from '../budget.js';
import type { LedgerCommand } from '../ledger.js';

type Command<Kind extends LedgerCommand['kind']> = Extract<LedgerCommand, { kind: Kind }>;
type Extra<Kind extends LedgerCommand['kind']> = Partial<Omit<Command<Kind>, 'kind'>>;

export function open(id: string, kind: AccountSpec['kind'] = 'agent', extra: Extra<'open-account'> = {}) {
  const account: AccountSpec = { id, kind, class: 'standard' };
  return { kind: 'open-account', by: 'op', key: `open-${id}`, account, ...extra } satisfies LedgerCommand;
}

/** Keys tell one change of an account or budget from another by what it says. */
export function set(account: AccountChange, extra: Extra<'set-account'> = {}) {
  const key = `set-${JSON.stringify(account)}`;
  return { kind: 'set-account', by: 'op', key, account, ...extra } satisfies LedgerCommand;
}

/** By the hour, nothing kept, lent or borrowed, unless said otherwise. */
export function budget(
  id: string,
  amountMicro: string,
  more: Partial<BudgetSpec> = {},
  extra: Extra<'open-budget'> = {},
) {
  const none = { keepPermille: 0, carryCapMicro: '0', borrowMicro: '0', lendPermille: 0 };
  const spec: BudgetSpec = { id, window: 'hour', amountMicro, ...none, ...more };
  return {
    kind: 'open-budget',
    by: 'op',
    key: `budget-${JSON.stringify(spec)}`,
    budget: spec,
    ...extra,
  } satisfies LedgerCommand;
}

export function grant(to: string, amount: string, extra: Extra<'grant'> = {}) {
  return { kind: 'grant', by: 'op', key: `grant-${to}-${amount}`, to, amount, ...extra } satisfies LedgerCommand;
}

export function retire(from: string, amount: string, extra: Extra<'retire'> = {}) {
  return { kind: 'retire', by: 'op', key: `retire-${from}-${amount}`, from, amount, ...extra } satisfies LedgerCommand;
}

/** `a1` pays `b1`, under the id `t1`. */
export function pay(amount: string, extra: Extra<'transfer'> = {}) {
  const body = { id: 't1', from: 'a1', to: 'b1', amount };
  return { kind: 'transfer', by: 'a1', key: `pay-${extra.id ?? 't1'}`, ...body, ...extra } satisfies LedgerCommand;
}

/** The same, pending for one second. */
export function hold(amount: string, extra: Extra<'transfer'> = {}) {
  return pay(amount, { ttlMs: 1000, ...extra });
}

export function post(extra: Extra<'post'> = {}) {
  return { kind: 'post', by: 'b1', key: 'post-t1', id: 't1', ...extra } satisfies LedgerCommand;
}

export function cancel(extra: Extra<'void'> = {}) {
  return { kind: 'void', by: 'b1', key: 'void-t1', id: 't1', ...extra } satisfies LedgerCommand;
}

export function expire(id = 't1') {
  return { kind: 'expire', id } satisfies LedgerCommand;
}
