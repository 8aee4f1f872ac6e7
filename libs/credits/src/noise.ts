// Noise: how much of a bucket or a pool somebody took of late, and by how much that raises its price; never a ban.

/**
 * What somebody took, over a sliding window of two halves: `start` is when the present window began, in ms since the
 * epoch, `cur` what was taken in it, `prev` what was in the one before. The unit is the counter's own.
 */
export interface Use {
  readonly start: number;
  readonly prev: number;
  readonly cur: number;
}

export const NO_USE: Use = { start: 0, prev: 0, cur: 0 };

export function readUse(text: string | undefined): Use {
  if (text === undefined) return NO_USE;
  const [start = 0, prev = 0, cur = 0] = text.split(',').map(Number);
  return { start, prev, cur };
}

/** As it is kept: `start,prev,cur`. */
export function showUse({ start, prev, cur }: Use): string {
  return `${start},${prev},${cur}`;
}

/** The same use at `nowMs`, with the windows that have passed since left behind. */
export function rolledUse(use: Use, windowMs: number, nowMs: number): Use {
  const start = Math.floor(nowMs / windowMs) * windowMs;
  if (start === use.start) return use;
  return { start, prev: use.start === start - windowMs ? use.cur : 0, cur: 0 };
}

/** What was taken within the last `windowMs`: that of the window before counts by the part of it that still lies within. */
export function recentUse(use: Use, windowMs: number, nowMs: number): number {
  const { start, prev, cur } = rolledUse(use, windowMs, nowMs);
  return cur + Math.floor((prev * (windowMs - (nowMs - start))) / windowMs);
}

/** Whether nothing is left of a use, nor ever will be: whoever keeps it need not. */
export function hasFaded(use: Use, windowMs: number, nowMs: number): boolean {
  const { prev, cur } = rolledUse(use, windowMs, nowMs);
  return prev === 0 && cur === 0;
}

/**
 * In how many ms no more than `room` is left of a use, if nothing is added to it but `more` of the present window;
 * undefined where it is so now.
 */
export function roomInMs(use: Use, room: number, windowMs: number, nowMs: number, more = 0): number | undefined {
  if (recentUse(use, windowMs, nowMs) + more <= room) return undefined;
  const { start, prev, cur } = rolledUse(use, windowMs, nowMs);
  const present = cur + more;
  const ends =
    present <= room
      ? start + windowMs - Math.floor(((room - present) * windowMs) / prev)
      : start + 2 * windowMs - Math.floor((room * windowMs) / present);
  return Math.max(1, ends - nowMs);
}

/**
 * The use with `amount` more, as far as an integer reaches; below zero for what was given back, of what was taken at
 * `atMs`: it counts no more where it was counted, and takes nothing from what was taken since.
 */
export function usedMore(use: Use, amount: number, windowMs: number, nowMs: number, atMs = nowMs): Use {
  const rolled = rolledUse(use, windowMs, nowMs);
  if (atMs < rolled.start - windowMs) return rolled;
  if (atMs < rolled.start) return { ...rolled, prev: Math.max(0, rolled.prev + amount) };
  return { ...rolled, cur: Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, rolled.cur + amount)) };
}

/**
 * By what a price is multiplied, in thousandths: 1000 for who took nothing of late, rising evenly with the share of
 * `whole`, all that the window can give, up to `maxPermille` for who took all of it. `usage` and `whole` in one unit.
 */
export function noisePermille(usage: number, whole: number, maxPermille: number): number {
  if (maxPermille <= 1000) return 1000;
  const share = Math.min(1000, Math.floor((usage * 1000) / Math.max(1, whole)));
  return 1000 + Math.floor(((maxPermille - 1000) * share) / 1000);
}
