// What an endpoint comes to: a result, or a refusal of the closed list.

import type { LedgerStatus } from '@tender/credits';
import type { LedgerReply } from '@tender/credits/redis';
import { type Detail, type Refusal, refusal } from '@tender/market';
import type { StepFacts } from '@tender/market/nats';

/** What a reply's headers say beside the conversation; the status is 200 where nothing else is said. */
export type Facts = Omit<Partial<StepFacts>, 'conversation'>;

export type Outcome<T> = { readonly ok: true; readonly result: T; readonly facts?: Facts } | Refusal;

export function ok<T>(result: T, facts?: Facts): Outcome<T> {
  return facts ? { ok: true, result, facts } : { ok: true, result };
}

const ledgerDetails: Readonly<Record<Exclude<LedgerStatus, 'done' | 'pending' | 'posted' | 'voided'>, Detail>> = {
  'amount-invalid': 'malformed',
  'ttl-invalid': 'malformed',
  'unknown-account': 'unknown',
  'account-exists': 'duplicate',
  'account-kind': 'not-permitted',
  'same-account': 'malformed',
  'insufficient-credits': 'insufficient-credits',
  'over-budget': 'over-budget',
  'unknown-budget': 'unknown',
  'budget-invalid': 'malformed',
  'budget-fixed': 'duplicate',
  'budget-depth': 'not-permitted',
  'budget-siblings': 'not-permitted',
  'supply-exceeded': 'over-budget',
  'transfer-exists': 'duplicate',
  'unknown-transfer': 'unknown',
  'already-posted': 'duplicate',
  'already-voided': 'duplicate',
  'already-expired': 'expired',
  'not-due': 'stale',
  'exceeds-pending': 'malformed',
  'not-party': 'not-permitted',
  'key-reused': 'duplicate',
};

/** Where the ledger names what is missing by its id alone, the sentence around it; the others' details are sentences. */
const sentences: Partial<Record<LedgerStatus, (detail: string) => string>> = {
  'unknown-account': (id) => `there is no account ${id}`,
  'unknown-budget': (id) => `there is no budget ${id}`,
  'account-exists': (more) => `there is such an account: ${more}`,
  'amount-invalid': (more) => `an amount has ${more}`,
};

/** A ledger's answer as an endpoint's. */
export function ledgerOutcome(reply: LedgerReply): Outcome<{ status: string }> {
  const { status } = reply;
  if (status === 'done' || status === 'pending' || status === 'posted' || status === 'voided') return ok({ status });
  const { detail } = reply;
  return refusal(ledgerDetails[status], detail === undefined ? status : (sentences[status]?.(detail) ?? detail));
}
