// What people type and read as 12.5 credits, 30s, 50% or 4x, as the whole numbers that the bank counts in: exactly, no floats.
import { idText, poolIdText } from '@tender/market';
import { InvalidArgumentError } from 'commander';

const MICRO_DIGITS = 6;

/** `12.5` as 12500000 micro-credits. Throws InvalidArgumentError where it is no such amount. */
export function credits(text: string): string {
  const match = /^(\d{1,8})(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) {
    throw new InvalidArgumentError('credits are needed, up to 99999999, with six decimals at most: 12.5.');
  }
  return String(Number(`${match[1]}${(match[2] ?? '').padEnd(MICRO_DIGITS, '0')}`));
}

/** The same, above zero. */
export function someCredits(text: string): string {
  const micro = credits(text);
  if (micro === '0') throw new InvalidArgumentError('at least 0.000001 credits are needed.');
  return micro;
}

/** Digits of micro-credits as credits, every decimal that there is: `1,234.5`. */
export function showMicro(micro: string): string {
  const [sign, digits] = micro.startsWith('-') ? ['-', micro.slice(1)] : ['', micro];
  const padded = digits.padStart(MICRO_DIGITS + 1, '0');
  const whole = padded.slice(0, -MICRO_DIGITS).replace(/\B(?=(\d{3})+$)/g, ',');
  const decimals = padded.slice(-MICRO_DIGITS).replace(/0+$/, '');
  return `${sign}${whole}${decimals === '' ? '' : `.${decimals}`}`;
}

/** The same without separators, for programs that read tables. */
export function plainMicro(micro: string): string {
  return showMicro(micro).replaceAll(',', '');
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  second: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
};

/** `30s`, `5m`, `1.5h`, `250ms`, `m` in ms; undefined where it is no length of time, or no whole number of ms. */
export function lengthOf(text: string): number | undefined {
  const match = /^(\d{0,10})(?:\.(\d{1,3}))?([a-z]+)$/.exec(text);
  const unit = UNITS[match?.[3] ?? ''];
  if (match === null || unit === undefined || (match[1] === '' && match[2] !== undefined)) return undefined;
  const thousandths = match[1] === '' ? 1000 : Number(`${match[1]}${(match[2] ?? '').padEnd(3, '0')}`);
  const ms = (thousandths * unit) / 1000;
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** A length of time within bounds, in ms; a plain 0 needs no unit. */
export function duration(leastMs: number, mostMs: number) {
  return (text: string): number => {
    const ms = text === '0' ? 0 : lengthOf(text);
    if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms;
    throw new InvalidArgumentError(
      `a time from ${showDuration(leastMs)} to ${showDuration(mostMs)} is needed: 250ms, 30s, 5m, 2h, 1d.`,
    );
  };
}

/** In the largest unit that needs no fraction. */
export function showDuration(ms: number): string {
  if (ms === 0) return '0';
  for (const unit of ['d', 'h', 'm', 's'] as const) if (ms % UNITS[unit]! === 0) return `${ms / UNITS[unit]!}${unit}`;
  return `${ms}ms`;
}

/** How far away an instant is: as precise as somebody who waits for it needs. */
export function showLeft(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** `50%` as 500 thousandths, within bounds. */
export function percent(least: number, most: number) {
  return (text: string): number => {
    const match = /^(\d{1,4})(?:\.(\d))?%?$/.exec(text);
    const permille = match === null ? Number.NaN : Number(`${match[1]}${match[2] ?? '0'}`);
    if (permille >= least && permille <= most) return permille;
    throw new InvalidArgumentError(
      `a share from ${showPercent(least)} to ${showPercent(most)} is needed, with one decimal at most: 12.5%.`,
    );
  };
}

export function showPercent(permille: number): string {
  return `${permille / 10}%`;
}

/** `4` or `1.5x` as 4000 or 1500 thousandths, within bounds. */
export function factor(least: number, most: number) {
  return (text: string): number => {
    const match = /^(\d{1,6})(?:\.(\d{1,3}))?x?$/.exec(text);
    const permille = match === null ? Number.NaN : Number(`${match[1]}${(match[2] ?? '').padEnd(3, '0')}`);
    if (permille >= least && permille <= most) return permille;
    throw new InvalidArgumentError(
      `a factor from ${least / 1000} to ${most / 1000} is needed, with three decimals at most: 1.5.`,
    );
  };
}

export function showFactor(permille: number): string {
  return `${permille / 1000}x`;
}

const fitting = (spec: typeof idText) => (text: string) => {
  const parsed = spec.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`${parsed.error.issues[0]?.message}.`);
};
/** An account's or a budget's id, or a label. */
export const id = fitting(idText);
/** A pool's or a bucket's id: ids joined by dots. */
export const dottedId = fitting(poolIdText as unknown as typeof idText);

export function oneOf<T extends string>(choices: readonly T[]) {
  return (text: string): T => {
    const chosen = choices.find((choice) => choice === text);
    if (chosen !== undefined) return chosen;
    throw new InvalidArgumentError(`one of ${choices.join(', ')} is needed.`);
  };
}

/** An instant in ms since the epoch: `2026-11-21T08:00Z`, `2026-11-21`, or `2h` for two hours ago. */
export function instant(text: string): number {
  const ago = lengthOf(text);
  if (ago !== undefined) return Math.max(0, Date.now() - ago);
  // Without a zone it is UTC, as all times here are.
  const written = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?)?(Z|[+-]\d{2}:\d{2})?$/.exec(text);
  const zoned = written !== null && written[1] !== undefined && written[4] === undefined ? `${text}Z` : text;
  const at = written === null ? Number.NaN : Date.parse(zoned);
  if (at >= 0) return at;
  throw new InvalidArgumentError('a time is needed: 2026-11-21T08:00Z, or 2h for two hours ago.');
}

/** In UTC, to the second. */
export function showInstant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
