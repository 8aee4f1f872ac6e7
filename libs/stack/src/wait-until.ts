// Waits on a condition rather than on a guess of how long it takes.
import { setTimeout as delay } from 'node:timers/promises';

/** Asks until the condition holds; false where it did not within `withinMs`. */
export async function waitUntil(condition: () => Promise<boolean> | boolean, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
    if (await condition()) return true;
    if (performance.now() > deadline) return false;
    await delay(pauseMs);
  }
}
