// What a provider can do, by when and at what cost; and of a task at certain issues whether that suffices.
import { MAX_MICRO } from '@tender/credits';
import { type Detail, type Refusal, refusal } from '../refusal.js';
import { MAX_UNITS } from '../terms.js';
import type { Issues } from './issues.js';
import { issueValue } from './issues.js';
import { type DataClass, dataClasses, type Task } from './task.js';

/** Units that are taken for a while; times by the broker's clock. */
export interface Busy {
  readonly from: number;
  readonly until: number;
  readonly units: number;
}

/** How fast and how dear a task is for a provider: its own estimate for the whole of it, on one unit. */
export interface Effort {
  /** Before and after the work, however much of it there is. */
  readonly setupMs: number;
  /** For scope 1000 on one unit; more units share it. */
  readonly workMs: number;
  readonly setupMicro: number;
  readonly unitHourMicro: number;
}

export interface Capability {
  readonly units: number;
  readonly busy: readonly Busy[];
  /** Per unit. */
  readonly memoryMb: number;
  /** Items that are handed over at once, at most. */
  readonly batch: number;
  /** Rate tokens: there are so many at `nowMs`, so many come in an hour, and more than `most` never gather. */
  readonly tokens: { readonly now: number; readonly perHour: number; readonly most: number };
  readonly dependencies: ReadonlySet<string>;
  readonly regions: readonly string[];
  /** Data up to this class. */
  readonly dataClass: DataClass;
  readonly effort: Effort;
  /** Of the price, what must be left above the cost. */
  readonly marginPermille: number;
}

/** What stands between a task and a provider; `wouldPass` where one issue alone would mend it. */
export interface Shortfall {
  readonly detail: Detail;
  readonly message: string;
  readonly wouldPass?: Partial<Issues> | undefined;
}

export type Appraised =
  | { readonly ok: true; readonly startsAt: number; readonly endsAt: number; readonly costMicro: number }
  | { readonly ok: false; readonly shortfalls: readonly [Shortfall, ...Shortfall[]] };

const HOUR_MS = 3_600_000;

/** How long so much of the work takes on so many units. */
export function runMs({ setupMs, workMs }: Effort, { scope, units }: Pick<Issues, 'scope' | 'units'>): number {
  return Math.max(1, setupMs + Math.ceil((workMs * scope) / (1000 * units)));
}

export function costMicro(effort: Effort, issues: Pick<Issues, 'scope' | 'units'>): number {
  return effort.setupMicro + Math.ceil((effort.unitHourMicro * issues.units * runMs(effort, issues)) / HOUR_MS);
}

/** The least price that leaves the margin. */
export function leastMicro({ effort, marginPermille }: Capability, issues: Pick<Issues, 'scope' | 'units'>): number {
  const cost = costMicro(effort, issues);
  return Math.max(1, marginPermille >= 1000 ? MAX_MICRO : Math.ceil((cost * 1000) / (1000 - marginPermille)));
}

/** From when on so many units are free for so long; undefined where they never are. */
export function freeFrom(
  { units: all, busy }: Pick<Capability, 'units' | 'busy'>,
  units: number,
  forMs: number,
  nowMs: number,
): number | undefined {
  if (units > all) return undefined;
  const ends = busy.map(({ until }) => until).filter((until) => until > nowMs);
  const starts = [nowMs, ...ends.sort((a, b) => a - b)];
  return starts.find((from) => mostBusy(busy, from, from + forMs) + units <= all);
}

/** The most units that are taken at any moment of a time. */
function mostBusy(busy: readonly Busy[], from: number, until: number): number {
  const during = busy.filter((one) => one.from < until && one.until > from);
  const at = (moment: number) =>
    during.reduce((sum, one) => (one.from <= moment && one.until > moment ? sum + one.units : sum), 0);
  return Math.max(0, at(from), ...during.filter((one) => one.from > from).map((one) => at(one.from)));
}

/** When there are as many rate tokens as the scope takes; undefined where there never are. */
function tokensFrom({ tokens }: Capability, needed: number, nowMs: number): number | undefined {
  if (needed <= tokens.now) return nowMs;
  if (needed > tokens.most || tokens.perHour <= 0) return undefined;
  return nowMs + Math.ceil(((needed - tokens.now) * HOUR_MS) / tokens.perHour);
}

/** Whether a provider can do a task at these issues: when it would begin and end, or all that is in the way. */
export function appraise(task: Task, issues: Issues, capability: Capability, nowMs: number): Appraised {
  const { effort } = capability;
  const forMs = runMs(effort, issues);
  const tokens = tokensFrom(capability, tokensOf(task, issues), nowMs);
  const startsAt = tokens === undefined ? undefined : freeFrom(capability, issues.units, forMs, tokens);
  const shortfalls = [
    ...fixedShortfalls(task, issues, capability),
    ...amountShortfalls(task, issues, capability, tokens),
    ...(startsAt === undefined ? [] : timeShortfalls(issues, startsAt, forMs)),
    ...priceShortfalls(issues, capability),
  ];
  const [first, ...others] = shortfalls;
  if (first !== undefined) return { ok: false, shortfalls: [first, ...others] };
  // Without a start something above was in the way.
  const from = startsAt ?? nowMs;
  return { ok: true, startsAt: from, endsAt: from + forMs, costMicro: costMicro(effort, issues) };
}

function tokensOf({ tokens = 0 }: Task, { scope }: Issues): number {
  return Math.ceil((tokens * scope) / 1000);
}

/** What no issue but the region mends. */
function fixedShortfalls(task: Task, issues: Issues, capability: Capability): Shortfall[] {
  const { memoryMb = 0, dependencies = [], dataClass } = task;
  const found: Shortfall[] = [];
  const missing = dependencies.filter((name) => !capability.dependencies.has(name));
  if (missing.length > 0) found.push({ detail: 'missing-dependency', message: `missing: ${missing.join(', ')}` });
  if (memoryMb > capability.memoryMb) {
    found.push({ detail: 'no-capacity', message: `memoryMb: at most ${capability.memoryMb} per unit` });
  }
  if (dataClasses.indexOf(dataClass) > dataClasses.indexOf(capability.dataClass)) {
    found.push({ detail: 'not-permitted', message: `data up to ${capability.dataClass}` });
  }
  const [region] = capability.regions;
  if (!capability.regions.includes(issues.region)) {
    const message = `region: ${capability.regions.join(' or ')}`;
    found.push({ detail: 'region', message, ...(region === undefined ? {} : { wouldPass: { region } }) });
  }
  return found;
}

function amountShortfalls(task: Task, issues: Issues, capability: Capability, tokens: number | undefined): Shortfall[] {
  const found: Shortfall[] = [];
  const { units, batch } = capability;
  if (issues.units > units) {
    const wouldPass = units > 0 ? { units: Math.min(units, MAX_UNITS) } : undefined;
    found.push({ detail: 'no-capacity', message: `units: at most ${units}`, wouldPass });
  }
  if (issues.batch > batch) {
    found.push({ detail: 'no-capacity', message: `batch: at most ${batch}`, wouldPass: { batch } });
  }
  if (tokens === undefined) {
    const { now, most, perHour } = capability.tokens;
    const there = perHour > 0 ? Math.max(now, most) : now;
    const scope = Math.floor((there * 1000) / (task.tokens ?? 1));
    const wouldPass = scope > 0 ? { scope: Math.min(scope, issues.scope) } : undefined;
    found.push({ detail: 'token-limit', message: `tokens: at most ${there} at once`, wouldPass });
  }
  return found;
}

function timeShortfalls(issues: Issues, startsAt: number, forMs: number): Shortfall[] {
  const found: Shortfall[] = [];
  const late = (message: string, wouldPass: Partial<Issues>) =>
    found.push({ detail: 'deadline-infeasible', message, wouldPass });
  if (issues.startBy < startsAt) late(`startBy: ${startsAt} at the earliest`, { startBy: startsAt });
  if (issues.durationMs < forMs) late(`durationMs: ${forMs} at least`, { durationMs: forMs });
  const end = startsAt + forMs;
  if (issues.deadline < end) late(`deadline: ${end} at the earliest`, { deadline: end });
  return found;
}

function priceShortfalls(issues: Issues, capability: Capability): Shortfall[] {
  const least = leastMicro(capability, issues);
  if (issueValue(issues, 'priceMicro') >= least) return [];
  return [
    {
      detail: 'below-reserve-price',
      message: `priceMicro: ${least} at least`,
      wouldPass: { priceMicro: String(least) },
    },
  ];
}

/** As it is told to the buyer: the first thing that is in the way, final where no other issues would do. */
export function shortfallRefusal([first]: readonly [Shortfall, ...Shortfall[]], mendable: boolean): Refusal {
  return { ...refusal(first.detail, first.message), final: !mendable };
}
