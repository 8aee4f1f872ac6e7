// A provider's offer for a task: issues, sealed as a cheque is, and what a buyer ranks it by.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { chequeSpec } from '../cheque.js';
import { idText, timeMs } from '../ids.js';
import { type Issues, issuesSpec, issueValue, permille } from './issues.js';

/** The seal's `units` and `priceMicro` repeat the issues'; the digest that it covers is `dealDigest`. */
export const offerSpec = z
  .strictObject({
    issues: issuesSpec,
    seal: chequeSpec,
    /** A call of the provider's own, not announced, whose locked slots do the work. */
    hold: idText.optional(),
    /** When the provider expects to be done. */
    completesAt: timeMs,
    /** What the offer takes for granted, for people. */
    assumptions: z.array(z.string().max(256)).max(16),
    /** What the provider in turn waits for. */
    dependencies: z.array(idText).max(32),
    /** How good, and how uncertain, the provider says the work will be. */
    quality: permille,
    risk: permille,
  })
  .refine(({ issues, seal }) => issues.units === seal.units && issues.priceMicro === seal.priceMicro, {
    message: 'the seal names other units or another price than the issues',
    path: ['seal'],
  })
  // Work may begin much later, and another take it over: a condition that nobody keeps to must not be sealed.
  .refine(({ seal }) => seal.tokens === undefined, {
    message: 'a bid may stand on rate tokens, an offer for a task may not',
    path: ['seal', 'tokens'],
  });
export type Offer = z.infer<typeof offerSpec>;

/** Thousandths of the score; they need not sum to anything. */
export const weightsSpec = z.strictObject({ cost: permille, speed: permille, quality: permille, risk: permille });
export type Weights = z.infer<typeof weightsSpec>;

/** `lowest-price`, or `best-score` by the call's weights. */
export const buyRules = ['lowest-price', 'best-score'] as const;
export type BuyRule = (typeof buyRules)[number];

/** What ranking needs of an offer. */
export interface RankedOffer {
  readonly participant: string;
  readonly intent: string;
  readonly issues: Issues;
  readonly completesAt: number;
  readonly quality: number;
  readonly risk: number;
}

/** The field of offers that a score is relative to. */
export interface Field {
  readonly price: readonly [number, number];
  readonly completesAt: readonly [number, number];
}

export function fieldOf(offers: readonly RankedOffer[]): Field {
  const range = (values: readonly number[]): [number, number] => [Math.min(...values), Math.max(...values)];
  return {
    price: range(offers.map(({ issues }) => issueValue(issues, 'priceMicro'))),
    completesAt: range(offers.map(({ completesAt }) => completesAt)),
  };
}

/**
 * The weighted sum (Keeney and Raiffa, Decisions with Multiple Objectives, 1976) in whole numbers, higher is better:
 *
 *     cost × (1000 − price) + speed × (1000 − completion) + quality × quality + risk × (1000 − risk)
 *
 * price and completion in thousandths of the way from the field's best to its worst (0 where all are equal).
 */
export function scoreOf(offer: RankedOffer, weights: Weights, field: Field): number {
  const along = (value: number, [best, worst]: readonly [number, number]) =>
    worst === best ? 0 : Math.round(((value - best) * 1000) / (worst - best));
  const price = along(issueValue(offer.issues, 'priceMicro'), field.price);
  const completion = along(offer.completesAt, field.completesAt);
  return (
    weights.cost * (1000 - price) +
    weights.speed * (1000 - completion) +
    weights.quality * offer.quality +
    weights.risk * (1000 - offer.risk)
  );
}

/** Best first; ties by SHA-256 of the seed (the conversation) and the participant, then by intent. */
export function rankOffers<T extends RankedOffer>(
  seed: string,
  rule: BuyRule,
  weights: Weights | undefined,
  offers: readonly T[],
): T[] {
  const field = fieldOf(offers);
  const merit = (offer: T) =>
    rule === 'best-score' && weights !== undefined
      ? scoreOf(offer, weights, field)
      : -issueValue(offer.issues, 'priceMicro');
  const lot = (offer: T) => createHash('sha256').update(`${seed}|${offer.participant}`).digest('hex');
  return offers
    .map((offer) => ({ offer, merit: merit(offer), lot: lot(offer) }))
    .sort((a, b) => {
      if (a.merit !== b.merit) return b.merit - a.merit;
      if (a.lot !== b.lot) return a.lot < b.lot ? -1 : 1;
      return a.offer.intent < b.offer.intent ? -1 : a.offer.intent > b.offer.intent ? 1 : 0;
    })
    .map(({ offer }) => offer);
}
