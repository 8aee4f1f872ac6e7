// What operators set and read of accounts, budgets, buckets and spending, each a function of its own.

import type { AdminOperation, bankAdminRequests } from '@tender/market';
import { ledgerOutcome } from '../outcome.js';
import type { AdminPerform } from './admin-done.js';
import { setBucket } from './buckets.js';
import { list } from './listings.js';
import { spend } from './spend.js';

type BankAdmin = keyof typeof bankAdminRequests & AdminOperation;

export const bankAdminTable: { readonly [O in BankAdmin]: AdminPerform<O> } = {
  'set-account': async (bank, by, { key, account }) =>
    ledgerOutcome(await bank.ledger.apply({ kind: 'set-account', by, key, account })),
  budget: async (bank, by, { key, budget }) =>
    ledgerOutcome(await bank.ledger.apply({ kind: 'open-budget', by, key, budget })),
  bucket: setBucket,
  list: (bank, _by, request) => list(bank, request),
  spend: (bank, _by, { query }) => spend(bank, query),
};
