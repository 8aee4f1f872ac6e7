// How figures are written for people: one way each, on the board, in the verdict and in the report.
import { CREDIT } from '@tender/credits';

/** `1.2 s`, `340 ms`, `–` where there is none. */
export function showMs(ms: number | undefined): string {
  if (ms === undefined) return '–';
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** `2.41` for 2,410,000 micro-credits. */
export function showPrice(micro: number | undefined): string {
  return micro === undefined ? '–' : (micro / CREDIT).toFixed(2);
}

export function showCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** Whole credits, `12,345`. */
export function showWholeCredits(micro: number): string {
  return showCount(micro / CREDIT);
}

export function showShare(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** `01:05` */
export function showClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}
