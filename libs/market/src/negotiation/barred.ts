// What the bank's verdicts on the bids shown say about those not shown, and about who handed them in.
import type { Detail, ShownVerdict } from '../refusal.js';
import type { BookedBid } from './bid-book.js';

/** Whose bids are not taken for a while: all of a sender's, of an account, or what one sender hands in for another. */
export interface Distrusted {
  readonly sender?: string | undefined;
  readonly participant?: string | undefined;
  readonly detail: Detail;
}

export interface Lesson {
  /** Why a bid cannot win this call any more; undefined where nothing speaks against it. */
  readonly faultOf: (bid: BookedBid) => Detail | undefined;
  /** When the fault of a bid that was shown passes, where the bank said so. */
  readonly retryAtOf: (bid: BookedBid) => number | undefined;
  /** Who made cheques up: it costs the bank a check and an honest bid its place. */
  readonly forgers: readonly Distrusted[];
  /** Accounts that cover none of what they bid. */
  readonly uncovered: readonly Distrusted[];
}

/** A sender of so many made-up cheques in one award is not heard at all; of fewer, not for those participants. */
const FORGERIES = 4;
const madeUp: ReadonlySet<Detail | undefined> = new Set<Detail | undefined>(['bad-signature', 'unknown']);

/** `detail`: the refusal's, where the bank gave no verdicts and it stands for all that was shown. */
export function lessonOf(
  shown: readonly BookedBid[],
  verdicts: readonly ShownVerdict[] | undefined,
  detail: Detail | undefined,
): Lesson {
  const said = verdicts === undefined ? undefined : verdictsBy(shown, verdicts);
  const faults = new Map(shown.map((bid) => [bid, said === undefined ? detail : said.get(bid)?.detail]));
  const bySender = new Map<string, number>();
  const uncovered = new Set<string>();
  const reserved = new Map<string, number>();
  const byPair = new Map<string, Distrusted>();
  for (const [{ sender, participant, units }, fault] of faults) {
    if (madeUp.has(fault)) {
      bySender.set(sender, (bySender.get(sender) ?? 0) + 1);
      byPair.set(pairOf(sender, participant), { sender, participant, detail: fault! });
    } else if (fault === 'insufficient-credits') {
      uncovered.add(participant);
    } else if (fault === 'reserved-for-system') {
      reserved.set(participant, Math.min(units, reserved.get(participant) ?? units));
    }
  }
  for (const { participant, outcome } of verdicts ?? []) if (outcome === 'won') uncovered.delete(participant);
  const forging = new Set([...bySender].flatMap(([sender, count]) => (count >= FORGERIES ? [sender] : [])));
  const faultOf = (bid: BookedBid): Detail | undefined => {
    const { sender, participant, units } = bid;
    if (faults.has(bid)) return faults.get(bid);
    if (forging.has(sender)) return 'bad-signature';
    if (uncovered.has(participant)) return 'insufficient-credits';
    // What the reserve keeps from one standard bid it keeps from each as large of the same account.
    if (units >= (reserved.get(participant) ?? Number.POSITIVE_INFINITY)) return 'reserved-for-system';
    return byPair.get(pairOf(sender, participant))?.detail;
  };
  const forgers: Distrusted[] = [...forging].map((sender) => ({ sender, detail: 'bad-signature' }));
  for (const pair of byPair.values()) if (!forging.has(pair.sender!)) forgers.push(pair);
  const poor = [...uncovered].map((participant): Distrusted => ({ participant, detail: 'insufficient-credits' }));
  return { faultOf, retryAtOf: (bid) => said?.get(bid)?.retryAt, forgers, uncovered: poor };
}

/** Each bid's verdict. Where two senders hand in one bid, a good seal among them speaks for both. */
function verdictsBy(
  shown: readonly BookedBid[],
  verdicts: readonly ShownVerdict[],
): Map<BookedBid, ShownVerdict | undefined> {
  const byName = new Map<string, ShownVerdict>();
  for (const one of verdicts) {
    const name = pairOf(one.participant, one.intent);
    if (byName.get(name) === undefined || one.detail !== 'bad-signature') byName.set(name, one);
  }
  return new Map(shown.map((bid) => [bid, byName.get(pairOf(bid.participant, bid.intent))]));
}

function pairOf(a: string, b: string): string {
  return `${a}|${b}`;
}
