// A random test must have been everywhere. What is rare gets more runs before its absence is a failure: chance is none.
import { expect } from 'vitest';

/** So often the runs are made at most: where one round in twenty misses an outcome, five do once in three million. */
const ROUNDS = 5;

/** Makes the runs until each of these outcomes was seen. */
export async function untilSeen(
  outcomes: readonly string[],
  seen: ReadonlyMap<string, number>,
  runs: () => unknown,
): Promise<void> {
  const missing = () => outcomes.filter((outcome) => !seen.has(outcome));
  for (let round = 1; round <= ROUNDS; round += 1) {
    await runs();
    if (missing().length === 0) break;
  }
  if (process.env.TENDER_SHOW) console.log(Object.fromEntries([...seen].sort()));
  expect(missing()).toEqual([]);
}
