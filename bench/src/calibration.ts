// A fixed piece of work, timed before each burst: where it takes longer, the host was slow or busy, not the market.
import { createHash } from 'node:crypto';

const block = Buffer.alloc(1024, 7);

/** Some milliseconds of plain JavaScript and hashing, always the same; returns how long they took. */
export function calibrate(): number {
  const startedAt = performance.now();
  let state = 1;
  for (let index = 0; index < 1_000_000; index += 1) state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  const hash = createHash('sha256').update(String(state));
  for (let index = 0; index < 1_500; index += 1) hash.update(block);
  hash.digest();
  return performance.now() - startedAt;
}
