// What is fair among those who want more than there is, and how near to it a division came; pure.

/**
 * Max-min fair shares (Bertsekas and Gallager, Data Networks, 1992, §6.5.2): nobody gets more than it asks, and what
 * the modest leave is shared equally by the others.
 */
export function maxMinShares(demands: readonly number[], capacity: number): number[] {
  const shares = demands.map(() => 0);
  const rising = demands.map((demand, index) => ({ demand, index })).sort((a, b) => a.demand - b.demand);
  let left = Math.max(0, capacity);
  for (const [place, { demand, index }] of rising.entries()) {
    const share = Math.min(demand, left / (rising.length - place));
    shares[index] = share;
    left -= share;
  }
  return shares;
}

/** Jain, Chiu and Hawe 1984: 1 where all have the same, 1/n where one has all; 1 for nobody or nothing. */
export function jainIndex(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  return squares === 0 ? 1 : (sum * sum) / (values.length * squares);
}
