// The broker's memory of prices: the last awards of each pool and clearings of each bucket, what it forecast by them, and
// how right it was. Awards are noted as they are and worked up a little later, so that nobody who trades waits for it.
import { type Bucket, parseMicro } from '@tender/credits';
import {
  type AwardPoint,
  awardPoint,
  type BucketPoint,
  bucketPoint,
  type ForecastScore,
  type ImaginedBid,
  type ImaginedTake,
  PriceHistory,
  type PricesMessage,
  pricesMessage,
  type TakeAsked,
  takeProbability,
  wouldBeServed,
  wouldWin,
} from '@tender/market';
import type { AwardInput, AwardReply, RecentPrice, TakesReply } from '@tender/market/redis';

type Committed = Extract<AwardReply, { ok: true }>;

interface Clearing {
  readonly bucket: string;
  readonly takes: readonly TakeAsked[];
  readonly reply: TakesReply;
  /** ms since the epoch, by this broker's clock. */
  readonly at: number;
}

/** So long awards and clearings gather before they are worked up, and awards told to the other brokers. */
const GATHER_MS = 100;
/** In one message: a hundred kilobytes at most. */
const TOLD_AT_ONCE = 64;

export interface Judged {
  readonly id: string;
  /** Forecasts that were judged since the broker's start. */
  readonly forecasts: number;
  readonly score: ForecastScore;
}

export class PriceBook {
  readonly #self: string;
  readonly #tell: (message: PricesMessage) => void;
  readonly #pools = new Map<string, PriceHistory<AwardPoint, ImaginedBid>>();
  readonly #buckets = new Map<string, PriceHistory<BucketPoint, ImaginedTake>>();
  /** Whom the last clearing of each bucket turned away, by hold. */
  readonly #waited = new Map<string, ReadonlySet<string>>();
  #noted: { readonly award: AwardInput; readonly reply: Committed }[] = [];
  #cleared: Clearing[] = [];
  #timer: NodeJS.Timeout | undefined;
  #clearings = 0;

  /**
   * @param self tells this broker from the others
   * @param tell sends to all brokers; must not throw
   */
  constructor(self: string, tell: (message: PricesMessage) => void) {
    this.#self = self;
    this.#tell = tell;
  }

  /** An award that this broker committed. */
  awarded(award: AwardInput, reply: Committed): void {
    this.#noted.push({ award, reply });
    this.#workUpSoon();
  }

  /** An award, or a clearing, of before this broker's time. */
  remember(sold: RecentPrice): void {
    if ('pool' in sold) {
      this.#pool(sold.pool).add(sold.point);
      return;
    }
    this.#clearings += 1;
    this.#bucket(sold.bucket).add({ ...sold.point, seq: this.#clearings });
  }

  /** What another broker tells; its own words come back to it and are passed over. */
  heard(message: unknown): void {
    const read = pricesMessage.safeParse(message);
    if (!read.success || read.data.from === this.#self) return;
    for (const { pool, point } of read.data.points) this.#pool(pool).add(point);
  }

  /** A bucket's clearing as the script decided it; each broker remembers its own. */
  cleared(bucket: string, takes: readonly TakeAsked[], reply: TakesReply, nowMs: number): void {
    this.#cleared.push({ bucket, takes, reply, at: nowMs });
    this.#workUpSoon();
  }

  /** The last awards of a pool, the latest first. */
  awards(pool: string, most?: number): readonly AwardPoint[] {
    this.#workUp();
    return this.#pools.get(pool)?.latest(most) ?? [];
  }

  /**
   * How likely a bid is to win in the pool's next award; undefined where none is known. What is said here counts: the
   * next award judges it.
   */
  forecastBid(pool: string, bid: ImaginedBid, nowMs: number): number | undefined {
    this.#workUp();
    const history = this.#pools.get(pool);
    const probability = history?.probability(bid);
    if (probability !== undefined) history?.forecast(bid, probability, nowMs);
    return probability;
  }

  /**
   * How likely a take is to be served in the bucket's next clearing; undefined where none is known. What is said here
   * counts: the next one judges it.
   *
   * @param bucket brought to `nowMs`, by the market's clock
   * @param ahead what those want who wait here before it, by limit
   */
  forecastTake(
    bucket: Bucket,
    take: ImaginedTake,
    ahead: Readonly<Record<string, number>>,
    nowMs: number,
  ): number | undefined {
    this.#workUp();
    const history = this.#buckets.get(bucket.id);
    if (history === undefined) return undefined;
    const probability = takeProbability(history.latest(), take, bucket, ahead, nowMs);
    // Clearings are dated by this broker's clock.
    if (probability !== undefined) history.forecast(take, probability, Date.now());
    return probability;
  }

  /** How right the forecasts on pools and on buckets were. */
  judged(): { readonly pools: readonly Judged[]; readonly buckets: readonly Judged[] } {
    this.#workUp();
    return { pools: judgedOf(this.#pools), buckets: judgedOf(this.#buckets) };
  }

  /** Tells the others what is noted, then nothing more. */
  close(): void {
    this.#workUp();
  }

  #workUpSoon(): void {
    this.#timer ??= setTimeout(() => this.#workUp(), GATHER_MS).unref();
  }

  #workUp(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#workUpClearings();
    const points = this.#noted.map(({ award, reply }) => ({ pool: reply.pool, point: pointOf(award, reply) }));
    this.#noted = [];
    for (const { pool, point } of points) this.#pool(pool).add(point);
    for (let from = 0; from < points.length; from += TOLD_AT_ONCE) {
      this.#tell({ v: 1, from: this.#self, points: points.slice(from, from + TOLD_AT_ONCE) });
    }
  }

  #workUpClearings(): void {
    const clearings = this.#cleared;
    this.#cleared = [];
    for (const { bucket, takes, reply, at } of clearings) {
      this.#clearings += 1;
      const before = this.#waited.get(bucket);
      const asked = takes.map((take) => ({ ...take, waited: before?.has(take.hold) === true }));
      const point = bucketPoint({ seq: this.#clearings, at }, asked, reply);
      if (point !== undefined) this.#bucket(bucket).add(point);
      const lost = takes.filter((_, n) => reply.answers[n]?.ok === false);
      if (lost.length > 0) this.#waited.set(bucket, new Set(lost.map(({ hold }) => hold)));
      else this.#waited.delete(bucket);
    }
  }

  #pool(id: string): PriceHistory<AwardPoint, ImaginedBid> {
    return historyOf(this.#pools, id, () => new PriceHistory(wouldWin, ({ cfp, at }) => `${cfp}@${at}`));
  }

  #bucket(id: string): PriceHistory<BucketPoint, ImaginedTake> {
    return historyOf(this.#buckets, id, () => new PriceHistory(wouldBeServed, ({ seq }) => String(seq)));
  }
}

function historyOf<H>(all: Map<string, H>, id: string, make: () => H): H {
  const known = all.get(id);
  if (known !== undefined) return known;
  const made = make();
  all.set(id, made);
  return made;
}

function judgedOf<P extends { readonly at: number }, B>(histories: ReadonlyMap<string, PriceHistory<P, B>>): Judged[] {
  return [...histories].flatMap(([id, history]) => {
    const score = history.score();
    return score === undefined ? [] : [{ id, forecasts: history.judged, score }];
  });
}

/** The verdicts stand in the order of the bids. */
function pointOf({ bids }: AwardInput, reply: Committed): AwardPoint {
  const { cfp, at, units: offered, durationMs, clearingPriceMicro, verdicts } = reply;
  const ranked = bids.map(({ participant, units, price }, n) => {
    const { outcome, detail } = verdicts[n]!;
    return { participant, units, price, outcome, detail };
  });
  return awardPoint({ cfp, at, units: offered, durationMs, price: parseMicro(clearingPriceMicro)! }, ranked);
}
