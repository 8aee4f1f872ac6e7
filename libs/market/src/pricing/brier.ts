// How good forecasts were: the Brier score, its skill against knowing the base rate alone, and a reliability table.

/** The last so many forecasts are judged, so that a score tells of the market as it is. */
const JUDGED = 1024;
const BINS = 10;

export interface ReliabilityBin {
  /** Of the forecasts in it; undefined where there is none. */
  readonly meanForecast: number | undefined;
  /** How often it came true. */
  readonly rate: number | undefined;
  readonly count: number;
}

export interface ForecastScore {
  readonly count: number;
  /** Mean of (forecast − outcome)²: 0 is perfect, 0.25 what saying one half all the time gets. */
  readonly brier: number;
  /** How often it came true at all. */
  readonly baseRate: number;
  /** 1 − brier / (baseRate · (1 − baseRate)): above 0 where the forecasts know more than the base rate; undefined where that is 0 or 1. */
  readonly skill: number | undefined;
  /** Forecasts in [0, 0.1), [0.1, 0.2) … [0.9, 1]. */
  readonly bins: readonly ReliabilityBin[];
}

/**
 * Keeps forecasts and what became of them.
 *
 * Brier, _Verification of Forecasts Expressed in Terms of Probability_, Monthly Weather Review 78 (1950); skill and
 * reliability: Murphy, _A New Vector Partition of the Probability Score_, J. Applied Meteorology 12 (1973).
 */
export class Calibration {
  readonly #judged: { readonly forecast: number; readonly came: boolean }[] = [];
  #next = 0;
  #total = 0;

  /** Of all time. */
  get total(): number {
    return this.#total;
  }

  /** @param forecast a probability, 0 to 1 */
  add(forecast: number, came: boolean): void {
    this.#judged[this.#next] = { forecast, came };
    this.#next = (this.#next + 1) % JUDGED;
    this.#total += 1;
  }

  /** Undefined before the first. */
  score(): ForecastScore | undefined {
    const count = this.#judged.length;
    if (count === 0) return undefined;
    const bins = Array.from({ length: BINS }, () => ({ forecasts: 0, came: 0, count: 0 }));
    let squares = 0;
    let came = 0;
    for (const one of this.#judged) {
      const outcome = one.came ? 1 : 0;
      squares += (one.forecast - outcome) ** 2;
      came += outcome;
      const bin = bins[Math.min(BINS - 1, Math.floor(one.forecast * BINS))]!;
      bin.forecasts += one.forecast;
      bin.came += outcome;
      bin.count += 1;
    }
    const brier = squares / count;
    const baseRate = came / count;
    const reference = baseRate * (1 - baseRate);
    return {
      ...{ count, brier, baseRate, skill: reference === 0 ? undefined : 1 - brier / reference },
      bins: bins.map((bin) => ({
        meanForecast: bin.count === 0 ? undefined : bin.forecasts / bin.count,
        rate: bin.count === 0 ? undefined : bin.came / bin.count,
        count: bin.count,
      })),
    };
  }
}
