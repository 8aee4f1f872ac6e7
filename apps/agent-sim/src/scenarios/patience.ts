// Alternating offers: buyers say how patient they are, truly or not, to providers who believe it or go by experience.
import type { Agent, HireOutcome, ProvideOptions } from '@tender/agent';
import { CREDIT } from '@tender/credits';
import { decideRubinstein, shareBefore, type TaskView } from '@tender/market';
import type { Prng } from '../prng.js';
import { priceOf } from './bargain.js';
import { provideFor, seenThrough } from './cast.js';
import type { Move } from './move.js';
import { firstShare } from './rubinstein.js';

/** Between which prices both gain: known to both, as Rubinstein's sides know it. */
const WORTH = 20 * CREDIT;
const COST = 8 * CREDIT;
export const PIE = WORTH - COST;
/** What a sceptic takes anybody's patience to be. */
const USUAL_PERMILLE = 850;
/** What a bluffer says of itself. */
const CLAIMED_PERMILLE = 995;
/** So many that the last one hardly matters. */
const ROUNDS = 20;

export interface Impatience {
  /** In thousandths: what is left of a gain a proposal later. */
  readonly buyer: number;
  readonly provider: number;
}

export type Play = 'truthful' | 'bluff believed' | 'bluff doubted';

export interface Split {
  readonly play: Play;
  readonly truth: Impatience;
  readonly outcome: HireOutcome;
  readonly views: readonly TaskView[];
}

export function drawImpatience(prng: Prng, count: number): Impatience[] {
  return Array.from({ length: count }, () => ({ buyer: 700 + prng.int(200), provider: 700 + prng.int(200) }));
}

/** Believes what it is told of patience, or takes it to be the usual; its own it knows. */
export async function sitDown(provider: Agent, resource: string, own: number, sceptical: boolean): Promise<void> {
  const [buyerLimitMicro, providerLimitMicro] = [String(WORTH), String(COST)];
  const doubting: Partial<ProvideOptions> = {
    decide: (turn) => {
      const discounts = { buyer: USUAL_PERMILLE, provider: own };
      return decideRubinstein({ buyerLimitMicro, providerLimitMicro, discounts, horizon: 'rounds' }, turn);
    },
  };
  await provideFor(provider, resource, () => ({ ok: true, costMicro: COST, wishMicro: WORTH }), {
    theirLimitMicro: () => WORTH,
    ...(sceptical ? doubting : {}),
  });
}

/** Opens with what is rational for the patience that it claims, and goes on by the one that it has. */
export async function split(
  buyer: Agent,
  provider: string,
  resource: string,
  truth: Impatience,
  play: Play,
): Promise<Split> {
  const claimed = { ...truth, ...(play === 'truthful' ? {} : { buyer: CLAIMED_PERMILLE }) };
  const share = shareBefore(PIE, 2 * ROUNDS, claimed.buyer, claimed.provider);
  const outcome = await buyer.negotiate(provider, {
    task: { resource, summary: `a day of work, ${play}` },
    ask: { priceMicro: WORTH - share },
    bounds: { priceMicro: { min: String(COST), max: String(WORTH) } },
    limitMicro: WORTH,
    theirLimitMicro: COST,
    protocol: 'alternating-offers',
    discountPermille: claimed,
    maxRounds: ROUNDS,
    decide: (turn) => {
      const limits = { buyerLimitMicro: String(WORTH), providerLimitMicro: String(COST) };
      return decideRubinstein({ ...limits, discounts: truth, horizon: 'rounds' }, turn);
    },
  });
  return { play, truth, outcome, views: await seenThrough(outcome) };
}

/** The buyer's share of what there was to divide, nothing where nothing was agreed. */
export function shareOf({ views: [view] }: Split): number {
  return view === undefined ? 0 : (WORTH - priceOf(view.issues)) / PIE;
}

/** How far that is from Rubinstein's split for the patience that both truly have. */
export function distanceOf(one: Split): number {
  const { buyer, provider } = one.truth;
  return Math.abs(shareOf(one) - firstShare({ first: buyer / 1000, second: provider / 1000 }));
}

/** What the share is still worth to the buyer, each proposal after the first having cost it some of it. */
export function worthOf(one: Split, moves: readonly Move[]): number {
  const { conversation } = one.outcome;
  const proposals = moves.filter((move) => {
    return move.conversation === conversation && /^(propose|counter-propose)/.test(move.what);
  }).length;
  return shareOf(one) * (one.truth.buyer / 1000) ** Math.max(0, proposals - 1);
}
