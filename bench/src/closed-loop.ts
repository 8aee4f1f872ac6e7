// A closed loop: so many operations under way at any time, counted once the pipeline is full, drained at the end.
import { newHistogram, packed, recordMs } from './histogram.js';

export interface LoopPlan {
  readonly inFlight: number;
  /** Work as in the window, but not counted: pipes fill, batches form. */
  readonly rampMs: number;
  readonly windowMs: number;
}

export interface LoopResult {
  /**
   * Operations that ended within the window, and the time from the last end before it to the last one in it. Batches
   * end in waves: counted against the window's own edges, one wave more or less would be a fifth of a short burst.
   */
  readonly counted: number;
  readonly windowMs: number;
  /** All operations, ramp and drain included: CPU is divided by these. */
  readonly total: number;
  /** Service times within the window, packed. */
  readonly histogram: string;
  /** Ran out of prepared work: the window ended early. */
  readonly exhausted: boolean;
}

/** `next` starts one operation of `size` operations' worth, or returns undefined where none is left. */
export function closedLoop(plan: LoopPlan, next: () => Promise<unknown> | undefined, size = 1): Promise<LoopResult> {
  const histogram = newHistogram();
  const from = performance.now() + plan.rampMs;
  let to = from + plan.windowMs;
  let counted = 0;
  let total = 0;
  let running = 0;
  let exhausted = false;
  let lastBefore = performance.now();
  let lastWithin = lastBefore;
  return new Promise((resolve, reject) => {
    const launch = (): void => {
      const sentAt = performance.now();
      const operation = sentAt < to ? next() : undefined;
      if (operation === undefined) {
        if (sentAt < to) {
          exhausted = true;
          to = sentAt;
        }
        if (running === 0) finish();
        return;
      }
      running += 1;
      operation.then(() => {
        running -= 1;
        total += size;
        const now = performance.now();
        if (now < from) {
          lastBefore = now;
        } else if (now < to) {
          lastWithin = now;
          counted += size;
          recordMs(histogram, now - sentAt);
        }
        launch();
      }, reject);
    };
    const finish = (): void =>
      resolve({
        counted,
        windowMs: Math.max(lastWithin - lastBefore, 0),
        total,
        histogram: packed(histogram),
        exhausted,
      });
    // Should the first one find nothing, the loop is over before it began.
    for (let index = 0; index < plan.inFlight && !exhausted; index += 1) launch();
  });
}
