// What operators set and read of accounts, budgets, buckets and spending, each a function of its own.

import type { AdminOperation } from '@tender/market';
import { type bankAdminRequests, refusal } from '@tender/market';
import type { Bank } from '../bank.js';
import type { AdminDone, AdminRequested } from './admin-operations.js';

type BankAdmin = keyof typeof bankAdminRequests & AdminOperation;
type Operation<O extends AdminOperation> = (bank: Bank, by: string, request: AdminRequested<O>) => Promise<AdminDone>;

const soon = () => Promise.resolve(refusal('unavailable', 'not served yet'));

export const bankAdminTable: { readonly [O in BankAdmin]: Operation<O> } = {
  'set-account': soon,
  budget: soon,
  bucket: soon,
  list: soon,
  spend: soon,
};
