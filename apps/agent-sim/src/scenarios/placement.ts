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

export interface Part {
  readonly units: number;
  readonly price: number;
}

/**
 * The cheapest offers that together make up so many units at least, each whole; undefined where all of them do not. By
 * the least that each number of units costs, offer by offer (Bellman, Dynamic Programming, 1957).
 */
export function cheapestFill<T extends Part>(offers: readonly T[], units: number): readonly T[] | undefined {
  const best: ({ readonly price: number; readonly parts: readonly T[] } | undefined)[] = [{ price: 0, parts: [] }];
  for (const offer of offers) {
    for (let had = units - 1; had >= 0; had--) {
      const before = best[had];
      if (before === undefined) continue;
      const sum = Math.min(units, had + offer.units);
      const price = before.price + offer.price;
      if (price < (best[sum]?.price ?? Number.POSITIVE_INFINITY))
        best[sum] = { price, parts: [...before.parts, offer] };
    }
  }
  return best[units]?.parts;
}

export function priceOfParts(parts: readonly Part[]): number {
  return parts.reduce((sum, { price }) => sum + price, 0);
}
