// How far the opening of a swarm has come: rewritten in place on a terminal, now and then a line elsewhere.
import { showCount } from './figures.js';
import type { Output } from './screen.js';

const LIVE_EVERY_MS = 100;
const PLAIN_EVERY_MS = 5_000;

/** A swarm that is opened within the time of a line shows none. */
export function openingProgress(output: Output, agents: number, nowMs: () => number = () => performance.now()) {
  const live = output.isTTY === true;
  let shownAtMs = nowMs();
  let drawn = false;
  return {
    step(opened: number, connected: number): void {
      if (nowMs() - shownAtMs < (live ? LIVE_EVERY_MS : PLAIN_EVERY_MS)) return;
      shownAtMs = nowMs();
      const what =
        opened < agents ? `${showCount(opened)} accounts opened` : `${showCount(connected)} agents connected`;
      const text = `  ${what} of ${showCount(agents)}`;
      output.write(live ? `\r${text}\u001b[K` : `${text}\n`);
      drawn = live;
    },
    /** Takes the line away again. */
    end(): void {
      if (drawn) output.write('\r\u001b[K');
      drawn = false;
    },
  };
}
