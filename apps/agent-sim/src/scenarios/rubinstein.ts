// Rubinstein's split, in closed form: what perfectly informed sides who take turns agree on at once.

/** What a unit of utility is still worth a round later, 0 to 1. */
export interface Patience {
  readonly first: number;
  readonly second: number;
}

/**
 * The share of whoever proposes first: (1 − δ₂) / (1 − δ₁δ₂) (Rubinstein, Perfect Equilibrium in a Bargaining Model,
 * Econometrica 50, 1982). A half where neither loses anything by waiting: the limit of equal patience.
 */
export function firstShare({ first, second }: Patience): number {
  const most = 1 - first * second;
  return most <= 0 ? 0.5 : (1 - second) / most;
}
