// The last clearings of one pool or bucket, and the forecasts that the next one will judge; bounded in memory.
import { Calibration, type ForecastScore } from './brier.js';
import { nextProbability } from './win-probability.js';

/** So many clearings are remembered. */
export const REMEMBERED_CLEARINGS = 256;
/** So many forecasts wait for the next clearing; what is forecast beyond that is not judged. */
export const MAX_OPEN_FORECASTS = 128;

interface Clearing {
  /** By the market's clock, ms. */
  readonly at: number;
}

interface Forecast<B> {
  readonly bid: B;
  readonly probability: number;
  readonly at: number;
}

/** P: what is remembered of a clearing; B: a bid that somebody thinks about. */
export class PriceHistory<P extends Clearing, B> {
  readonly #succeeds: (point: P, bid: B) => boolean;
  readonly #idOf: (point: P) => string;
  /** The latest last. */
  #points: P[] = [];
  readonly #known = new Set<string>();
  #open: Forecast<B>[] = [];
  readonly #calibration = new Calibration();

  /** @param idOf what names a clearing: one that is told twice counts once */
  constructor(succeeds: (point: P, bid: B) => boolean, idOf: (point: P) => string) {
    this.#succeeds = succeeds;
    this.#idOf = idOf;
  }

  /** The forecasts that are older than it are judged by it. Later or earlier than others: it stands where it belongs. */
  add(point: P): void {
    const id = this.#idOf(point);
    if (this.#known.has(id)) return;
    const oldest = this.#points[0];
    if (this.#points.length === REMEMBERED_CLEARINGS && oldest !== undefined && point.at < oldest.at) return;
    this.#known.add(id);
    let place = this.#points.length;
    while (place > 0 && this.#points[place - 1]!.at > point.at) place -= 1;
    this.#points.splice(place, 0, point);
    if (this.#points.length > REMEMBERED_CLEARINGS) this.#known.delete(this.#idOf(this.#points.shift()!));
    this.#judge(point);
  }

  #judge(point: P): void {
    if (this.#open.length === 0) return;
    for (const { bid, probability, at } of this.#open) {
      if (at < point.at) this.#calibration.add(probability, this.#succeeds(point, bid));
    }
    this.#open = this.#open.filter(({ at }) => at >= point.at);
  }

  /** The last clearings, the latest first. */
  latest(most = REMEMBERED_CLEARINGS): readonly P[] {
    return this.#points.slice(Math.max(0, this.#points.length - most)).reverse();
  }

  /** Whether a bid succeeds in the next clearing, by the last ones; undefined where there was none. */
  probability(bid: B): number | undefined {
    return nextProbability(this.latest().map((point) => this.#succeeds(point, bid)));
  }

  /** Remembers what was forecast at `nowMs`, for the next clearing to judge. */
  forecast(bid: B, probability: number, nowMs: number): void {
    if (this.#open.length < MAX_OPEN_FORECASTS) this.#open.push({ bid, probability, at: nowMs });
  }

  /** How many forecasts were judged. */
  get judged(): number {
    return this.#calibration.total;
  }

  score(): ForecastScore | undefined {
    return this.#calibration.score();
  }
}
