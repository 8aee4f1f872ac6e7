// Placement by brute force: the most that could be done at all, to measure what a market did.

/**
 * The most tasks that can be placed, each with one of the providers that can do it, where a provider takes so many at
 * most. Augmenting paths (Kuhn 1955; Berge 1957): as exact as trying all assignments, and quick.
 */
export function mostPlaced(able: readonly (readonly number[])[], capacity: readonly number[]): number {
  const held: number[][] = capacity.map(() => []);
  const place = (task: number, seen: Set<number>): boolean => {
    for (const provider of able[task]!) {
      if (seen.has(provider)) continue;
      seen.add(provider);
      const tasks = held[provider]!;
      if (tasks.length < capacity[provider]!) {
        tasks.push(task);
        return true;
      }
      const moved = tasks.findIndex((other) => place(other, seen));
      if (moved >= 0) {
        tasks[moved] = task;
        return true;
      }
    }
    return false;
  };
  return able.filter((_, task) => place(task, new Set())).length;
}

/** The least that so many units cost, taking each offer whole or not at all; undefined where they do not add up. */
export function cheapestFill(
  offers: readonly { readonly units: number; readonly price: number }[],
  units: number,
): number | undefined {
  const least = new Array<number>(units + 1).fill(Number.POSITIVE_INFINITY);
  least[0] = 0;
  for (const offer of offers) {
    for (let sum = units; sum >= offer.units; sum--) {
      least[sum] = Math.min(least[sum]!, least[sum - offer.units]! + offer.price);
    }
  }
  return Number.isFinite(least[units]!) ? least[units] : undefined;
}
