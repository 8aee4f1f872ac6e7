// What prices remember of a bucket's clearing: who was served at which rate, who was turned away, and what was left.
import { parseMicro } from '@tender/credits';
import type { TakeEntry } from '../model/token-journal.js';
import type { TokenAmounts } from '../tokens.js';

/** Of those who were served the lowest so many, of those who were not the highest. */
const MAX_RUNGS = 16;

/** Whole tokens by limit. */
type Tokens = Readonly<Record<string, number>>;

/** Who is served before whom: class system first, then the higher rate, in thousandths of the reserve prices. */
export interface TakeRank {
  readonly rate: number;
  readonly system: boolean;
}

export interface TakeRung extends TakeRank {
  /** What it got, or the least that it was content with; absent where nothing is known of it but its rate. */
  readonly amounts?: Tokens | undefined;
  /** It had been turned away by the clearing before. */
  readonly waited: boolean;
}

export interface BucketPoint {
  /** Of its kind, in the order of time. */
  readonly seq: number;
  /** ms since the epoch. */
  readonly at: number;
  /** To all who had just come. */
  readonly given: Tokens;
  /** In the bucket thereafter; of no limit where it was paused. */
  readonly left: Tokens;
  /** The lowest first. */
  readonly served: readonly TakeRung[];
  /** The highest first. */
  readonly lost: readonly TakeRung[];
  /** More lost than `lost` names. */
  readonly lostMore: boolean;
}

/** A take that somebody thinks about. */
export interface ImaginedTake extends TakeRank {
  /** What must be there of each limit that it names: its amounts, and what its class leaves. */
  readonly needs: Tokens;
}

/** As the script answers a take. */
export type TakeOutcome =
  | {
      readonly ok: true;
      readonly replayed?: boolean | undefined;
      readonly class: TakeEntry['class'];
      readonly amounts: Tokens;
      readonly amountMicro: string;
      readonly ratePermille: number;
    }
  | {
      readonly ok: false;
      readonly wait?: { readonly system?: true | undefined; readonly offeredPermille?: number | undefined } | undefined;
    };

interface Asked {
  readonly amounts: TokenAmounts;
  readonly atLeast?: TokenAmounts | undefined;
  readonly maxPrice: number;
  readonly waited?: boolean | undefined;
}

/**
 * What a clearing leaves behind; undefined where it neither served nor turned away anybody: who waits for its own noise or
 * share to pass lost to nobody.
 *
 * @param takes with `maxPrice` in micro-credits, in the order of the answers
 */
export function bucketPoint(
  when: Pick<BucketPoint, 'seq' | 'at'>,
  takes: readonly Asked[],
  { answers, left }: { readonly answers: readonly TakeOutcome[]; readonly left: Tokens },
): BucketPoint | undefined {
  const served: (TakeRung & { readonly amounts: Tokens })[] = [];
  const lost: TakeRung[] = [];
  answers.forEach((answer, n) => {
    const { amounts, atLeast, maxPrice, waited = false } = takes[n]!;
    if (answer.ok) {
      if (answer.replayed !== true) served.push({ ...servedRung(answer, maxPrice, amounts), waited });
    } else if (answer.wait?.offeredPermille !== undefined) {
      const { offeredPermille: rate, system = false } = answer.wait;
      lost.push({ rate, system, amounts: { ...amounts, ...atLeast }, waited });
    }
  });
  return pointOf(when, served, lost, left);
}

/**
 * What the journal tells of a clearing: its takes, the last of them with what was left. Of who was turned away it knows
 * the rate that the others paid for, and nothing of clearings in which nobody was served.
 */
export function journaledPoint(seq: number, takes: readonly TakeEntry[]): BucketPoint | undefined {
  const { at, clearingPermille, left = {} } = takes.at(-1)!;
  const served = takes.map((take) => ({ ...servedRung(take, take.maxPrice, take.amounts), waited: false }));
  return pointOf(
    { seq, at },
    served,
    clearingPermille > 1000 ? [{ rate: clearingPermille, system: false, waited: false }] : [],
    left,
  );
}

function pointOf(
  when: Pick<BucketPoint, 'seq' | 'at'>,
  served: (TakeRung & { readonly amounts: Tokens })[],
  lost: TakeRung[],
  left: Tokens,
): BucketPoint | undefined {
  if (served.length + lost.length === 0) return undefined;
  served.sort(byRank);
  lost.sort((a, b) => byRank(b, a));
  return {
    ...{ ...when, left, given: sumOf(served.filter(({ waited }) => !waited)) },
    ...{ served: served.slice(0, MAX_RUNGS), lost: lost.slice(0, MAX_RUNGS), lostMore: lost.length > MAX_RUNGS },
  };
}

/**
 * What a winner offered is told by what it pays: `maxPrice / amount` times its rate, its own noise stands on both sides; of
 * a part that it was content with, by what the whole would have cost.
 */
function servedRung(
  taken: {
    readonly class: TakeEntry['class'];
    readonly amounts: Tokens;
    readonly amountMicro: string;
    readonly ratePermille: number;
  },
  maxPrice: number,
  asked: Tokens,
) {
  const { amounts, ratePermille } = taken;
  const part = Math.min(...Object.entries(asked).map(([limit, amount]) => (amounts[limit] ?? 0) / amount));
  const amount = parseMicro(taken.amountMicro) ?? 0;
  const offered = amount > 0 ? Math.floor((maxPrice / amount) * part * ratePermille) : 0;
  return { rate: Math.max(ratePermille, offered), system: taken.class === 'system', amounts };
}

function byRank(a: TakeRank, b: TakeRank): number {
  return a.system === b.system ? a.rate - b.rate : a.system ? 1 : -1;
}

/** Whether one is served after another for certain; who offers the same may have come first. */
function isBelow(one: TakeRank, other: TakeRank): boolean {
  return byRank(one, other) < 0;
}

function sumOf(rungs: readonly TakeRung[]): Tokens {
  const sum: Record<string, number> = {};
  for (const { amounts = {} } of rungs) {
    for (const [limit, amount] of Object.entries(amounts)) sum[limit] = (sum[limit] ?? 0) + amount;
  }
  return sum;
}

/**
 * Whether a take would have been served in a clearing, beside those who were there: whoever lost comes behind it, and what
 * was left, with what those behind it got, is enough. Where a clearing does not tell, the answer is no.
 */
export function wouldBeServed({ left, served, lost }: BucketPoint, take: ImaginedTake): boolean {
  if (lost[0] !== undefined && !isBelow(lost[0], take)) return false;
  const behind = sumOf(served.filter((one) => isBelow(one, take)));
  return Object.entries(take.needs).every(
    ([limit, need]) => left[limit] !== undefined && need <= left[limit] + (behind[limit] ?? 0),
  );
}

/**
 * Whether a take would be served of what is `there`, where those who wait before it want `ahead` together, and those come
 * again who had just come to a clearing. Where that does not tell how much they wanted, the answer is no.
 */
export function wouldFit(point: BucketPoint, take: ImaginedTake, there: Tokens, ahead: Tokens): boolean {
  const { given, served, lost, lostMore } = point;
  const lostBefore = lost.filter((one) => !isBelow(one, take));
  const unknown = lostBefore.some(({ amounts }) => amounts === undefined);
  if (unknown || (lostMore && lostBefore.length === lost.length)) return false;
  const come = (rungs: readonly TakeRung[]) => sumOf(rungs.filter(({ waited }) => !waited));
  const [behind, before] = [come(served.filter((one) => isBelow(one, take))), come(lostBefore)];
  return Object.entries(take.needs).every(([limit, need]) => {
    const first = (given[limit] ?? 0) - (behind[limit] ?? 0) + (before[limit] ?? 0);
    return need + first + (ahead[limit] ?? 0) <= (there[limit] ?? Number.NEGATIVE_INFINITY);
  });
}
