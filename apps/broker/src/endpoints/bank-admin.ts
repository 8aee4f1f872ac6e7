// What operators set and read of accounts, budgets, buckets and spending, each a function of its own.

import type { AdminOperation } from '@tender/market';
import { type bankAdminRequests, refusal } from '@tender/market';
import type { AdminPerform } from './admin-done.js';
import { setBucket } from './buckets.js';
import { spend } from './spend.js';

type BankAdmin = keyof typeof bankAdminRequests & AdminOperation;

const soon = () => Promise.resolve(refusal('unavailable', 'not served yet'));

export const bankAdminTable: { readonly [O in BankAdmin]: AdminPerform<O> } = {
  'set-account': soon,
  budget: soon,
  bucket: setBucket,
  list: soon,
  spend: (bank, _by, { query }) => spend(bank, query),
};
