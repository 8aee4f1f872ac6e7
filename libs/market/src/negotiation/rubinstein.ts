// Alternating offers between two who lose by waiting: what the rational propose and take, by Rubinstein's model; pure.
import { type DealSide, otherSide } from '../task/compare.js';
import { type Issues, issueValue } from '../task/issues.js';
import type { Haggled } from './haggle-types.js';
import { leastStep } from './legal-move.js';
import type { HaggleMove } from './monotonic.js';
import { withPrice } from './utility-of-issues.js';

/** What a unit of the gain is still worth a proposal later, in thousandths. */
export interface Discounts {
  readonly buyer: number;
  readonly provider: number;
}

/** What both know of each other: the prices between which both gain, and how they suffer by waiting. */
export interface RubinsteinStrategy {
  /** The most that the buyer pays, and the least that the provider takes. */
  readonly buyerLimitMicro: string;
  readonly providerLimitMicro: string;
  /** Where absent, the protocol's; without those, waiting costs nothing. */
  readonly discounts?: Discounts | undefined;
  /** `rounds`: the negotiation's rounds are the end, and the last proposal is take it or leave it. */
  readonly horizon: 'infinite' | 'rounds';
}

/**
 * The proposer's share of what there is to divide, in micro-credits rounded down, where there is no last round
 * (Rubinstein, Perfect Equilibrium in a Bargaining Model, Econometrica 50, 1982): (1 − δ₂) / (1 − δ₁ δ₂), δ₁ the
 * proposer's discount. Halves where neither loses by waiting, which is the limit of equal discounts.
 */
export function proposersShare(pieMicro: number, proposer: number, responder: number): number {
  if (proposer === 1000 && responder === 1000) return Math.floor(pieMicro / 2);
  const [first, second] = [BigInt(proposer), BigInt(responder)];
  // In whole numbers, so that every machine comes to the same micro-credit.
  return Number((BigInt(pieMicro) * 1000n * (1000n - second)) / (1_000_000n - first * second));
}

/**
 * The same with so many proposals left, this one included (Ståhl, Bargaining Theory, 1972), from the last one back: the
 * last proposer takes all, each before it leaves the responder what waiting for its own proposal is worth.
 */
export function shareBefore(pieMicro: number, proposals: number, proposer: number, responder: number): number {
  let share = 0;
  for (let left = 1; left <= proposals; left += 1) {
    const discount = (proposals - left) % 2 === 0 ? responder : proposer;
    share = pieMicro - discounted(share, discount);
  }
  return share;
}

/** What so much is worth a proposal later, rounded up: whoever is offered it need not wait. */
export function discounted(shareMicro: number, permille: number): number {
  return Number((BigInt(shareMicro) * BigInt(permille) + 999n) / 1000n);
}

interface Known {
  readonly pie: number;
  readonly discounts: Discounts;
  /** A side's share at a price, and the price for it. */
  readonly shareOf: (side: DealSide, price: number) => number;
  readonly priceFor: (side: DealSide, share: number) => number;
}

function known(strategy: RubinsteinStrategy, { context }: Haggled): Known {
  const [most, least] = [Number(strategy.buyerLimitMicro), Number(strategy.providerLimitMicro)];
  return {
    pie: most - least,
    discounts: strategy.discounts ?? context.protocol.discountPermille ?? { buyer: 1000, provider: 1000 },
    shareOf: (side, price) => (side === 'buyer' ? most - price : price - least),
    priceFor: (side, share) => (side === 'buyer' ? most - share : least + share),
  };
}

/**
 * What the rational side says: it takes what is worth no less than its own next proposal is a proposal later, and else
 * proposes what leaves the other side just as much. Between two such the first proposal is taken at once. Nobody steps
 * back from what it has proposed, so that it can hope for no more than its last demand.
 */
export function decideRubinstein(strategy: RubinsteinStrategy, state: Haggled): HaggleMove {
  const { context, ours, theirs, ourMoves } = state;
  const { side, protocol, ask } = context;
  const facts = known(strategy, state);
  if (facts.pie < 0) return { kind: 'quit', detail: 'over-budget', message: 'the limits leave nothing to divide' };
  const offered = theirs.at(-1)?.issues;
  const share = offered === undefined ? -1 : facts.shareOf(side, issueValue(offered, 'priceMicro'));
  if (ourMoves >= protocol.maxRounds) {
    if (share >= 0) return { kind: 'accept' };
    return { kind: 'quit', detail: 'round-limit', message: 'no round is left' };
  }
  const demand = demandOf(strategy, facts, state);
  // Theirs is on the table now, one's own a proposal later.
  if (share >= 0 && share >= discounted(demand, facts.discounts[side])) return { kind: 'accept' };
  const last = ours.at(-1)?.issues;
  return { kind: 'propose', issues: proposable(state, last ?? offered ?? ask, facts.priceFor(side, demand), last) };
}

/** Within the bounds; and where it moves by too little to be proposed, it stays. */
function proposable({ context }: Haggled, from: Issues, price: number, last: Issues | undefined): Issues {
  const { bounds, protocol } = context;
  const { min, max } = bounds.priceMicro ?? { min: from.priceMicro, max: from.priceMicro };
  const within = Math.min(Number(max), Math.max(Number(min), price));
  if (last === undefined) return withPrice(from, within);
  const before = issueValue(last, 'priceMicro');
  return Math.abs(within - before) < leastStep(before, protocol.minImprovementPermille)
    ? last
    : withPrice(last, within);
}

/** The share that this side proposes for itself next. */
function demandOf(strategy: RubinsteinStrategy, { pie, discounts, shareOf }: Known, state: Haggled): number {
  const { context, ours, ourMoves, theirMoves } = state;
  const { side, protocol } = context;
  const [own, other] = [discounts[side], discounts[otherSide(side)]];
  const left = 2 * protocol.maxRounds - ourMoves - theirMoves;
  const demand = strategy.horizon === 'infinite' ? stationary(pie, own, other) : shareBefore(pie, left, own, other);
  const last = ours.at(-1);
  return last === undefined ? demand : Math.min(demand, shareOf(side, issueValue(last.issues, 'priceMicro')));
}

/** A micro-credit goes to the responder where the split is not whole, so that it has no reason to wait. */
function stationary(pie: number, own: number, other: number): number {
  const share = proposersShare(pie, own, other);
  const theirs = proposersShare(pie, other, own);
  return Math.min(share, pie - discounted(theirs, other));
}
