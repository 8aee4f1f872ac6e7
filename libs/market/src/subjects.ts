// The subjects of a market: the sender is a token of each, so that NATS permissions say who is speaking.
import { idText, poolToken } from './ids.js';

/** Operations of the bank, each a subject's last token. */
export const bankOperations = [
  'session',
  'account',
  'budget',
  'contract',
  'quote',
  'lock',
  'extend',
  'release',
  'award',
  'renew',
  'settle',
  'engage',
  'report',
  'task',
  'contracts',
  'proposal',
  'escalate',
  'policy',
  'preempt',
  'tokens',
  'return',
  'offer-tokens',
  'buy-tokens',
  'bucket',
  'deposit',
  'withdraw-deposit',
] as const;
export type BankOperation = (typeof bankOperations)[number];

/** Operations for operators, signed with an operator's nkey. */
export const adminOperations = [
  'account',
  'grant',
  'retire',
  'pool',
  'policy',
  'decide',
  'approvals',
  'preempt',
  'resolve',
  'set-account',
  'budget',
  'bucket',
  'list',
  'spend',
] as const;
export type AdminOperation = (typeof adminOperations)[number];

/** Facts that the broker publishes after they are committed. */
export const eventKinds = ['awarded', 'settled', 'engaged', 'task', 'proposal', 'policy', 'tokens', 'deposit'] as const;
export type EventKind = (typeof eventKinds)[number];

export const subjects = {
  cfp: (market: string, pool: string, initiator: string) => `tender.${market}.cfp.${poolToken(pool)}.${initiator}`,
  cfps: (market: string, pool: string) => `tender.${market}.cfp.${poolToken(pool)}.*`,
  bid: (market: string, initiator: string, cfp: string, sender: string) =>
    `tender.${market}.bid.${initiator}.${cfp}.${sender}`,
  bids: (market: string, initiator: string) => `tender.${market}.bid.${initiator}.*.*`,
  talk: (market: string, to: string, from: string) => `tender.${market}.talk.${to}.${from}`,
  talks: (market: string, to: string) => `tender.${market}.talk.${to}.*`,
  bank: (market: string, sender: string, operation: BankOperation) => `tender.${market}.bank.${sender}.${operation}`,
  banks: (market: string, operation: BankOperation) => `tender.${market}.bank.*.${operation}`,
  admin: (market: string, operator: string, operation: AdminOperation) =>
    `tender.${market}.admin.${operator}.${operation}`,
  admins: (market: string, operation: AdminOperation) => `tender.${market}.admin.*.${operation}`,
  event: (market: string, kind: EventKind, id: string) => `tender.${market}.event.${kind}.${poolToken(id)}`,
  events: (market: string, kind: EventKind | '*' = '*') => `tender.${market}.event.${kind}.*`,
  /** From broker to broker, what agents have no business with: the bids that won. */
  prices: (market: string) => `tender.${market}.broker.prices`,
  /** From broker to broker: who waits for tokens no longer, wherever it was asked for them. */
  forgotten: (market: string) => `tender.${market}.broker.forgotten`,
  inbox: (sender: string) => `_INBOX_${sender}`,
};

/** The sender's token: the last of a bid, talk or cfp subject, the one before the last of a bank or admin subject. */
export function senderOf(subject: string): string | undefined {
  const tokens = subject.split('.');
  const kind = tokens[2];
  const token = kind === 'bank' || kind === 'admin' ? tokens[3] : tokens.at(-1);
  return token !== undefined && idText.safeParse(token).success ? token : undefined;
}

/** The call that a bid subject names. */
export function cfpOf(subject: string): string | undefined {
  const token = subject.split('.')[4];
  return token !== undefined && idText.safeParse(token).success ? token : undefined;
}

/** Whether a reply subject lies in the sender's own inbox; anything else would make the broker write anywhere. */
export function isOwnInbox(reply: string | undefined, sender: string): boolean {
  if (reply === undefined || !reply.startsWith(`_INBOX_${sender}.`)) return false;
  return !/[*>\s]/.test(reply);
}
