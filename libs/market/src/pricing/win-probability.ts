// How likely it is that something happens in the next clearing, from whether it would have in the last ones.

/** What happened so many clearings ago counts half as much as what happened in the last one. */
export const HALF_LIFE = 16;
const DECAY = 2 ** (-1 / HALF_LIFE);
/** Of each outcome, before anything is known. */
const PRIOR = 0.5;

/**
 * The mean of the Beta posterior over weighted Bernoulli trials, with Jeffreys' prior Beta(½, ½):
 * `(½ + Σ 2^(−i/16) · yᵢ) / (1 + Σ 2^(−i/16))`, where yᵢ is 1 where it would have happened i clearings ago. Strictly
 * between 0 and 1: nobody is told that something is certain. Undefined where nothing is known.
 *
 * Jeffreys, _An Invariant Form for the Prior Probability in Estimation Problems_, Proc. R. Soc. A 186 (1946); the
 * weights are exponential smoothing: Brown, _Smoothing, Forecasting and Prediction_ (1963).
 *
 * @param outcomes the latest first
 */
export function nextProbability(outcomes: readonly boolean[]): number | undefined {
  if (outcomes.length === 0) return undefined;
  let happened = PRIOR;
  let all = 2 * PRIOR;
  let weight = 1;
  for (const outcome of outcomes) {
    all += weight;
    if (outcome) happened += weight;
    weight *= DECAY;
  }
  return happened / all;
}

/** The mean of values, each weighted as above, and of their squares; undefined where there is none. */
export function recentMoments(
  values: readonly number[],
): { readonly mean: number; readonly square: number } | undefined {
  if (values.length === 0) return undefined;
  let [mean, square, all, weight] = [0, 0, 0, 1];
  for (const value of values) {
    mean += weight * value;
    square += weight * value * value;
    all += weight;
    weight *= DECAY;
  }
  return { mean: mean / all, square: square / all };
}
