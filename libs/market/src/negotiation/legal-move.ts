// Whether a proposal may be made at all: its place, its bounds, its seal, and that it is no step back.
import type { Detail } from '../refusal.js';
import { type DealSide, isStepBack, sameButPrice, sameIssues } from '../task/compare.js';
import { type Bounds, firstOutOfBounds, type IssueName, type Issues, issueValue } from '../task/issues.js';
import type { Offer } from '../task/offer.js';
import { MAX_UNCHANGED_ROUNDS } from '../task/protocol.js';
import type { HaggleContext, Haggled, Proposal } from './haggle-types.js';
import { issueDetails } from './offers-seen.js';

export interface Fault {
  readonly detail: Detail;
  /** What would pass. */
  readonly message: string;
}

/** Both sides count alike, so that they end an impasse together: so many moves in a row, of both, changed nothing. */
export const IMPASSE = 2 * MAX_UNCHANGED_ROUNDS;

export interface Made {
  readonly round: number;
  readonly issues: Issues;
  readonly offer?: Offer | undefined;
}

/** Why a side may not propose this now, by what both know. `hint`: within a rejection it need not be sealed. */
export function faultOf(state: Haggled, by: DealSide, made: Made, nowMs: number, hint = false): Fault | undefined {
  const { context } = state;
  const { ask, bounds, protocol } = context;
  if (nowMs >= protocol.endsAt) return { detail: 'late', message: `the negotiation ended at ${protocol.endsAt}` };
  const own = by === context.side;
  const before = own ? state.ours : state.theirs;
  const place = 1 + (own ? state.ourMoves : state.theirMoves);
  if (made.round !== place) return misplaced(made, place, before.at(-1));
  if (place > protocol.maxRounds) {
    return { detail: 'round-limit', message: `the negotiation has ${protocol.maxRounds} rounds` };
  }
  return (
    boundsFault(made.issues, ask, bounds) ??
    (by === 'buyer' ? unsealed(made) : sealFault(state, made, nowMs, hint)) ??
    stepFault(by, before, made.issues, protocol.minImprovementPermille)
  );
}

function misplaced(made: Made, place: number, last: Proposal | undefined): Fault {
  if (made.round > place) return { detail: 'malformed', message: `round ${made.round} before round ${place}` };
  const again = made.round === last?.round && sameIssues(made.issues, last.issues);
  return { detail: again ? 'duplicate' : 'stale', message: `round ${place} is next, ${made.round} is over` };
}

/** A detail for each issue, and what the negotiation is about instead. */
export function boundsFault(issues: Issues, ask: Issues, bounds: Bounds): Fault | undefined {
  const name = firstOutOfBounds(issues, ask, bounds);
  return name === undefined
    ? undefined
    : { detail: detailOf(name, issues, ask, bounds), message: allowed(name, ask, bounds) };
}

function detailOf(name: IssueName, issues: Issues, ask: Issues, bounds: Bounds): Detail {
  if (name !== 'priceMicro') return issueDetails[name];
  const least = Number(bounds.priceMicro?.min ?? ask.priceMicro);
  return issueValue(issues, name) < least ? 'below-reserve-price' : 'over-budget';
}

function allowed(name: IssueName, ask: Issues, bounds: Bounds): string {
  if (name === 'region') return `region: ${(bounds.region ?? [ask.region]).join(' or ')}`;
  const range = bounds[name];
  return `${name}: ${range === undefined ? ask[name] : `${range.min} to ${range.max}`}`;
}

function unsealed({ offer }: Made): Fault | undefined {
  return offer && { detail: 'malformed', message: 'a buyer closes on offers, and makes none' };
}

/** Why a provider's seal does not stand for what it proposes. Whether it is genuine, the bank will say. */
export function sealFault(
  { context, sealed, theirs }: Haggled,
  { issues, offer }: Omit<Made, 'round'>,
  nowMs: number,
  hint = false,
): Fault | undefined {
  if (offer === undefined) {
    return hint ? undefined : { detail: 'malformed', message: 'a provider seals what it proposes' };
  }
  const { seal } = offer;
  if (!sameIssues(offer.issues, issues)) return { detail: 'malformed', message: 'the offer is for other issues' };
  if (seal.participant !== context.provider) {
    return { detail: 'bad-signature', message: `an offer of ${context.provider}, not of ${seal.participant}` };
  }
  // One intent for all, so that the bank closes on one of them at most.
  const known = (context.side === 'provider' ? sealed : theirs.findLast((one) => one.offer)?.offer)?.seal.intent;
  if (known !== undefined && seal.intent !== known) {
    return { detail: 'malformed', message: `all offers of a negotiation have one intent, here ${known}` };
  }
  return seal.until > nowMs ? undefined : { detail: 'expired', message: 'the offer is over' };
}

/** No step back from anything that one has proposed, and where only the price moves, far enough. */
function stepFault(by: DealSide, before: readonly Proposal[], issues: Issues, permille: number): Fault | undefined {
  const last = before.at(-1)?.issues;
  if (last === undefined || sameIssues(last, issues)) return undefined;
  if (before.some((one) => isStepBack(by, one.issues, issues))) {
    return { detail: 'no-improvement', message: 'nobody steps back from what it has proposed' };
  }
  if (!sameButPrice(last, issues)) return undefined;
  const price = issueValue(last, 'priceMicro');
  const least = leastStep(price, permille);
  if (Math.abs(issueValue(issues, 'priceMicro') - price) >= least) return undefined;
  return { detail: 'no-improvement', message: `the price moves by ${least} at least, or stays` };
}

/** By how much a price that moves alone must move, in micro-credits. */
export function leastStep(priceMicro: number, permille: number): number {
  // Whole thousands and the rest apart: no product leaves the 53 bits of a double.
  const rest = priceMicro % 1000;
  return Math.max(1, ((priceMicro - rest) / 1000) * permille + Math.ceil((rest * permille) / 1000));
}

/** Why a side must not go that far by what only it knows. */
export function beyondLimit({ side, limitMicro }: HaggleContext, issues: Issues): Detail | undefined {
  if (limitMicro === undefined) return undefined;
  const price = issueValue(issues, 'priceMicro');
  if (side === 'buyer') return price > Number(limitMicro) ? 'over-budget' : undefined;
  return price < Number(limitMicro) ? 'below-reserve-price' : undefined;
}
