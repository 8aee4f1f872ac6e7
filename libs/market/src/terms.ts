// The terms of a call for proposals, and the digest by which a cheque names them: nobody can change a rule afterwards.
import { createHash } from 'node:crypto';
import { microText, positiveMicroText } from '@tender/credits';
import { z } from 'zod';
import { idText, poolIdText, timeMs } from './ids.js';

/**
 * How a call clears. `uniform-price`: every winner pays the highest losing bid or the reserve price.
 * `second-price`: each winner pays the next bid in rank (Vickrey for one unit, the generalised second price of
 * Edelman, Ostrovsky and Schwarz 2007 beyond). `first-price`: each pays its own bid.
 */
export const auctionRules = ['uniform-price', 'second-price', 'first-price'] as const;
export type AuctionRule = (typeof auctionRules)[number];

/** How a cheque is sealed: HMAC under a session key, or the agent's own nkey. */
export const sealKinds = ['mac', 'ed25519'] as const;
export type SealKind = (typeof sealKinds)[number];

/** At most this many slots in one call, bids in one award. */
export const MAX_UNITS = 64;
export const MAX_SHOWN_BIDS = 64;
export const MAX_DURATION_MS = 30 * 24 * 3_600_000;

/** What is for sale: `units` identical slots of a pool for `durationMs` each; prices are per unit for that time. */
export const termsSpec = z.strictObject({
  cfp: idText,
  market: idText,
  pool: poolIdText,
  initiator: idText,
  direction: z.literal('sell'),
  units: z.int().min(1).max(MAX_UNITS),
  rule: z.enum(auctionRules),
  reservePriceMicro: microText,
  durationMs: z.int().min(10).max(MAX_DURATION_MS),
  /** How long bids are taken, from the opening on. */
  windowMs: z.int().min(1).max(3_600_000),
  seals: z.array(z.enum(sealKinds)).min(1).max(2),
  /** What each bidder lays down before it bids; who wins and does not begin forfeits it. */
  depositMicro: positiveMicroText.optional(),
});
export type Terms = z.infer<typeof termsSpec>;

/** A call as it is announced: its terms and, by the broker's clock, when it opened, closes and must be awarded. */
export const callSpec = z.strictObject({
  terms: termsSpec,
  openedAt: timeMs,
  closesAt: timeMs,
  awardBy: timeMs,
});
export type Call = z.infer<typeof callSpec>;

/** 43 characters (SHA-256, base64url) of the terms in a fixed order. */
export function termsDigest(terms: Terms): string {
  const text = [
    'tender-terms-1',
    terms.market,
    terms.cfp,
    terms.pool,
    terms.initiator,
    terms.direction,
    terms.units,
    terms.rule,
    terms.reservePriceMicro,
    terms.durationMs,
    terms.windowMs,
    [...terms.seals].sort().join(','),
    ...(terms.depositMicro === undefined ? [] : [terms.depositMicro]),
  ].join('|');
  return createHash('sha256').update(text).digest('base64url');
}
