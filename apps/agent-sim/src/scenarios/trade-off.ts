// Trading issues against the price: the buyer tries what it would miss least, the provider says what that would save.
import { type Issues, isStepBack, issueValue, type NumericIssue, sameIssues } from '@tender/market';
import { type Gain, priceOf } from './bargain.js';

export interface Haggler {
  /** Its own gain: nobody knows the other's. */
  readonly gain: Gain;
  /** Between which prices. */
  readonly prices: readonly [number, number];
  /** So many proposals it makes at most. */
  readonly rounds: number;
}

export interface Explorer extends Haggler {
  /** What may be had instead of what it would like best, nearest first. */
  readonly ladders: Readonly<Partial<Record<NumericIssue, readonly number[]>>>;
}

export type HaggleMove = { readonly kind: 'propose'; readonly issues: Issues } | { readonly kind: 'accept' };

/**
 * What a side wants to gain in its n-th proposal: a little less at first, ever more less later, a twentieth of the first
 * at last. Both have the time to look around before the price matters.
 */
function wanted(first: number, round: number, rounds: number): number {
  return first * Math.max(0.05, 1 - ((round - 1) / Math.max(1, rounds - 1)) ** 2);
}

function within([least, most]: readonly [number, number], price: number): string {
  return String(Math.round(Math.min(most, Math.max(least, price))));
}

/** A provider's next move: whatever terms were proposed, at what they cost it and the margin that it wants by now. */
export function quote(who: Haggler, ours: readonly Issues[], theirs: readonly Issues[]): HaggleMove {
  const asked = theirs.at(-1)!;
  const costs = (terms: Issues) => priceOf(terms) - who.gain(terms);
  const first = ours[0];
  const start = first === undefined ? Math.max(1, (who.prices[1] - costs(asked)) / 2) : who.gain(first);
  const target = wanted(start, ours.length + 1, who.rounds);
  if (who.gain(asked) >= target) return { kind: 'accept' };
  const issues = { ...asked, priceMicro: within(who.prices, costs(asked) + target) };
  const backwards = ours.some((before) => isStepBack('provider', before, issues));
  return { kind: 'propose', issues: backwards ? ours.at(-1)! : issues };
}

/**
 * A buyer's next move: one issue a step away from what it likes best, the one that it would miss least first. It keeps
 * what lowered the price by more than it was worth, and takes the rest back.
 */
export function explore(who: Explorer, ours: readonly Issues[], theirs: readonly Issues[]): HaggleMove {
  const values = (terms: Issues) => who.gain(terms) + priceOf(terms);
  const first = ours[0]!;
  const target = wanted(who.gain(first), ours.length + 1, who.rounds);
  const last = theirs.at(-1);
  if (last !== undefined && who.gain(last) >= target) return { kind: 'accept' };
  const terms = nextTerms(who, values, ours, theirs);
  const issues = { ...terms, priceMicro: within(who.prices, values(terms) - target) };
  const backwards = ours.some((before) => isStepBack('buyer', before, issues));
  return { kind: 'propose', issues: backwards ? ours.at(-1)! : issues };
}

/** What the best quote so far was for, one step on; the same where no step is left. */
function nextTerms(who: Explorer, values: Gain, ours: readonly Issues[], theirs: readonly Issues[]): Issues {
  const best = bestQuoted(who, theirs) ?? ours[0]!;
  // Asked twice for the same: the difference is what time alone brings.
  if (theirs.length < 2) return best;
  const tried = (terms: Issues) => ours.some((one) => sameIssues({ ...one, priceMicro: terms.priceMicro }, terms));
  const steps = Object.entries(who.ladders).flatMap(([name, ladder]) => {
    const issue = name as Exclude<NumericIssue, 'priceMicro'>;
    const at = ladder.indexOf(issueValue(best, issue));
    const next = ladder[at + 1];
    return next === undefined ? [] : [{ ...best, [issue]: next }];
  });
  const open = steps.filter((terms) => !tried(terms)).sort((a, b) => values(b) - values(a));
  return open[0] ?? best;
}

/** The quote that would be worth most, had all been made in the last round: margins shrink from one to the next. */
function bestQuoted({ gain }: Explorer, theirs: readonly Issues[]): Issues | undefined {
  const [first, second] = theirs;
  if (first === undefined) return undefined;
  // The first two are for the same terms, and margins shrink by the square of time, as one's own do.
  const shrunk = second === undefined ? 0 : priceOf(first) - priceOf(second);
  const worth = (quoted: Issues, index: number) => gain(quoted) - shrunk * index ** 2;
  let best = 0;
  for (const [index, quoted] of theirs.entries()) if (worth(quoted, index) > worth(theirs[best]!, best)) best = index;
  return theirs[best];
}
