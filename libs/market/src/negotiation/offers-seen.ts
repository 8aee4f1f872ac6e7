// What a buyer makes of the offers for its call: which fit, in what order, and whether they suffice.
import { createHash } from 'node:crypto';
import { canonicalJson } from '@tender/credits';
import { MAX_SHOWN_OFFERS } from '../operations.js';
import type { Detail, ShownVerdict } from '../refusal.js';
import { type IssueName, issueValue, outOfBounds } from '../task/issues.js';
import { type Offer, rankOffers } from '../task/offer.js';
import type { TaskCall } from '../task/task-call.js';
import { entriesOf } from './bid-book.js';
import type { BookedOffer, HireState, Seen } from './hire-types.js';

type Calling = Extract<HireState, { readonly name: 'calling' }>;
/** Everything that the states of a call which is not over have in common. */
export type OpenCall = Omit<Calling, 'name'>;

export interface Fault {
  readonly detail: Detail;
  /** What would pass. */
  readonly message: string;
}

export const issueDetails: Readonly<Record<IssueName, Detail>> = {
  priceMicro: 'over-budget',
  startBy: 'deadline-infeasible',
  deadline: 'deadline-infeasible',
  durationMs: 'deadline-infeasible',
  units: 'no-capacity',
  batch: 'no-capacity',
  scope: 'no-capacity',
  region: 'region',
};

/** Why an offer cannot win the call as it is, as far as a buyer can see. */
export function offerFault(call: TaskCall, offer: Offer): Fault | undefined {
  const { ask, bounds, fill, closesAt } = call;
  const [name] = outOfBounds(offer.issues, ask, bounds);
  if (name === 'region') {
    return { detail: 'region', message: `region: ${(bounds.region ?? [ask.region]).join(' or ')}` };
  }
  if (name !== undefined) {
    const range = bounds[name];
    const allowed = range === undefined ? String(ask[name]) : `${range.min} to ${range.max}`;
    return { detail: issueDetails[name], message: `${name}: ${allowed}` };
  }
  if (fill.kind === 'one' && offer.issues[fill.by] < ask[fill.by]) {
    return { detail: 'no-capacity', message: `one offer is to do all of it: ${fill.by} ${ask[fill.by]}` };
  }
  if (offer.seal.until < closesAt) {
    return { detail: 'expired', message: `a seal that holds until ${closesAt} at least, when the round closes` };
  }
  return undefined;
}

export function booked(call: TaskCall, sender: string, round: number, offer: Offer): BookedOffer {
  const { participant, intent } = offer.seal;
  return { sender, participant, intent, offer, round, fault: offerFault(call, offer)?.detail };
}

/** Best first, as the bank will rank them. */
export function rankBooked(call: TaskCall, offers: readonly BookedOffer[]): BookedOffer[] {
  const ranked = offers.map((entry) => {
    const { participant, intent } = entry;
    const { issues, completesAt, quality, risk } = entry.offer;
    return { entry, participant, intent, issues, completesAt, quality, risk };
  });
  return rankOffers(call.frame.conversation, call.rule, call.weights, ranked).map(({ entry }) => entry);
}

/** The best of these, as many as the bank looks at, in its own order: their ranks are relative to each other. */
export function shownOf(call: TaskCall, ranked: readonly BookedOffer[]): BookedOffer[] {
  return ranked.length <= MAX_SHOWN_OFFERS ? [...ranked] : rankBooked(call, ranked.slice(0, MAX_SHOWN_OFFERS));
}

/** Whether these fill the call. */
export function suffice({ ask, fill }: TaskCall, offers: readonly BookedOffer[]): boolean {
  if (fill.kind !== 'all') return offers.length > 0;
  return offers.reduce((sum, { offer }) => sum + offer.issues[fill.by], 0) >= ask[fill.by];
}

export function seenOf(state: OpenCall, nowMs: number): Seen {
  const { call, rejections, unchanged } = state;
  const usable = entriesOf(state.offers).filter(({ fault, offer }) => fault === undefined && offer.seal.until > nowMs);
  const counters = entriesOf(state.counters).filter(({ offer }) => offer.seal.until > nowMs);
  counters.sort((a, b) => issueValue(a.offer.issues, 'priceMicro') - issueValue(b.offer.issues, 'priceMicro'));
  const offers = rankBooked(call, usable);
  return { call, offers, counters, refusals: entriesOf(state.refusals), rejections, unchanged };
}

/** What a round came to, in 43 characters: two that are equal have moved nobody. */
export function markOf({ call, offers, counters }: Seen): string {
  const lines = [...offers, ...counters].map(({ participant, intent, offer }) => ({
    participant,
    intent,
    issues: offer.issues,
  }));
  const sorted = lines.map((line) => canonicalJson(line)).sort();
  const text = canonicalJson({ ask: call.ask, bounds: call.bounds, offers: sorted });
  return createHash('sha256').update(text).digest('base64url');
}

/** Each shown offer's verdict; where two senders handed in one intent, in the order in which they were shown. */
export function verdictsFor(
  shown: readonly BookedOffer[],
  verdicts: readonly ShownVerdict[],
): Map<BookedOffer, ShownVerdict> {
  const left = [...verdicts];
  const found = new Map<BookedOffer, ShownVerdict>();
  for (const entry of shown) {
    const index = left.findIndex((one) => one.participant === entry.participant && one.intent === entry.intent);
    if (index >= 0) found.set(entry, left.splice(index, 1)[0]!);
  }
  return found;
}
