// Jobs: what an agent needs slots for, when, and what that is worth to it.
import { createHash } from 'node:crypto';
import { CREDIT } from '@tender/credits';
import { type Priority, priorities } from './priority.js';
import type { Prng } from './prng.js';

/** Times in ms of the run (0 is its start). The job is worth `valueMicro` if it is done by the deadline, else nothing. */
export interface Job {
  readonly id: string;
  /** The agent's number, from 0. */
  readonly agent: number;
  readonly arrivesAtMs: number;
  /** Slots that it needs at once. */
  readonly units: number;
  readonly durationMs: number;
  readonly valueMicro: number;
  readonly priority: Priority;
  readonly deadlineMs: number;
}

/** What came of making jobs: the jobs in order of arrival, and what was changed or left out on the way, by name. */
export interface Demand {
  readonly source: string;
  readonly jobs: readonly Job[];
  /** Raised to the shortest duration that a lease is worth. */
  readonly clampedShort: number;
  /** Cut to the longest duration that fits a run. */
  readonly clampedLong: number;
  readonly trace?: TraceCounts | undefined;
}

/** Every row of a trace is in exactly one of `used`, `unusable` and `outside`. */
export interface TraceCounts {
  readonly rows: number;
  readonly used: number;
  readonly unusable: Readonly<Record<string, number>>;
  /** Usable rows that the window (`--from`, `--speed`, `--seconds`), `--limit` or `--sample` left out. */
  readonly outside: Readonly<Record<string, number>>;
  /** Used rows that asked for a fraction of a GPU and were given one slot. */
  readonly fractions: number;
  /** Used rows that the recorded cluster never placed: their lifetime stands in for their duration. */
  readonly neverScheduled: number;
  readonly fromS: number;
  readonly speed: number;
}

/** The span within which a job's duration is kept: below it a lease is not worth its negotiation. */
export interface DurationBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface JobDraft {
  readonly arrivesAtMs: number;
  readonly units: number;
  readonly durationMs: number;
  readonly priority: Priority;
}

/**
 * Deals drafts out to agents and gives each job a worth and a deadline: credits per slot and second by priority,
 * spread log-normally (sigma 0.5), and a patience by priority plus half the job's duration. A recorded trace holds
 * neither; both are this simulator's assumption. Drafts must be in order of arrival.
 */
export function dealJobs(drafts: readonly JobDraft[], agents: number, prng: Prng): Job[] {
  return drafts.map((draft, index) => {
    const { worth, patienceMs } = priorities[draft.priority];
    const slotSeconds = (draft.units * draft.durationMs) / 1000;
    const value = slotSeconds * worth * prng.lognormal(0, 0.5);
    const slack = patienceMs * (0.5 + prng.next()) + draft.durationMs * 0.5;
    return {
      ...draft,
      id: `j${String(index + 1).padStart(5, '0')}`,
      agent: prng.int(agents),
      valueMicro: Math.max(1, Math.round(value * CREDIT)),
      deadlineMs: Math.round(draft.arrivesAtMs + draft.durationMs + slack),
    };
  });
}

/** SHA-256 of the job list: the same seed and options give the same digest. */
export function demandDigest(jobs: readonly Job[]): string {
  const lines = jobs.map((job) =>
    [
      job.id,
      job.agent,
      job.arrivesAtMs,
      job.units,
      job.durationMs,
      job.valueMicro,
      job.priority,
      job.deadlineMs,
    ].join(),
  );
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

/** A duration within the bounds, whole milliseconds. */
export function clampDuration(durationMs: number, bounds: DurationBounds): number {
  return Math.round(Math.min(bounds.maxMs, Math.max(bounds.minMs, durationMs)));
}
