// What a provider has, less what its contracts take: from it come judgements on tasks, prices and counter-proposals.
import { formatMicro, MAX_MICRO } from '@tender/credits';
import {
  appraise,
  type Busy,
  type Capability,
  type CounterKind,
  costMicro,
  counterFor,
  counterKinds,
  type Effort,
  type Issues,
  leastMicro,
  type Means,
  runMs,
  shortfallRefusal,
  type Task,
  type TaskView,
} from '@tender/market';
import type { CapabilityOptions } from './capability-options.js';
import type { Appraisal, TaskRequest } from './provide-options.js';

const HOUR_MS = 3_600_000;
/** So much time, at least and at most, a counter-proposal leaves for being asked for again. */
const LEAST_SLACK_MS = 2000;
const MOST_SLACK_MS = 60_000;
const NO_LIMIT = 1_000_000_000_000;

export class Capacity {
  readonly #options: CapabilityOptions;
  readonly #kinds: readonly CounterKind[];
  readonly #busy = new Map<string, Busy>();
  #tokens: number;
  #tokensAt: number;

  constructor(options: CapabilityOptions, counters: readonly CounterKind[] | undefined, nowMs: number) {
    this.#options = options;
    this.#kinds = counters ?? counterKinds.filter((kind) => kind !== 'priceMicro');
    this.#tokens = options.tokens?.most ?? NO_LIMIT;
    this.#tokensAt = nowMs;
  }

  /** A contract takes its units from now on, and its tokens at once. */
  take({ contract, frame, issues }: TaskView, nowMs: number): void {
    const until = nowMs + runMs(this.#effort(frame.task), issues);
    this.#busy.set(contract, { from: nowMs, until, units: issues.units });
    this.#tokens = this.#tokensNow(nowMs) - (frame.task.tokens ?? 0);
  }

  free(contract: string): void {
    this.#busy.delete(contract);
  }

  /** What is there to begin this contract with: it has taken its own units already. */
  meansFor(view: TaskView, nowMs: number): Means {
    const { units = 1, memoryMb = NO_LIMIT, dependencies } = this.#options;
    let taken = 0;
    for (const [contract, busy] of this.#busy) if (contract !== view.contract) taken += busy.units;
    const { task } = view.frame;
    return {
      units: units - taken,
      memoryMb,
      tokens: this.#tokensNow(nowMs) + (task.tokens ?? 0),
      dependencies: new Set(dependencies ?? task.dependencies),
    };
  }

  costMicro(task: Task, issues: Issues): string {
    return formatMicro(Math.min(MAX_MICRO, costMicro(this.#effort(task), issues)));
  }

  /** `allowed`: whether the provider's own rules let it do a task so. */
  appraise(request: TaskRequest, allowed: (issues: Issues) => boolean): Appraisal {
    const { frame, issues, nowMs } = request;
    const { task } = frame;
    const capability = this.#capability(task, issues, nowMs);
    // Whether the price will do is for the negotiation.
    const judged = appraise(task, atAnyPrice(issues), capability, nowMs);
    if (judged.ok) {
      const least = leastMicro(capability, issues);
      const { wishPermille } = this.#options;
      const wishMicro = wishPermille === undefined ? undefined : Math.ceil((least * wishPermille) / 1000);
      return { ok: true, costMicro: judged.costMicro, leastMicro: least, wishMicro, completesAt: judged.endsAt };
    }
    const { shortfalls } = judged;
    const mendable = shortfalls.every(({ wouldPass }) => wouldPass !== undefined);
    const { detail, message, final, retryAfterMs } = shortfallRefusal(shortfalls, mendable);
    // To look for what would mend what nothing mends is work for nobody.
    const counter = mendable ? this.#counter(request, capability, allowed) : undefined;
    return { ok: false, detail, message, final: final && counter === undefined, retryAfterMs, counter };
  }

  #counter(
    { frame, issues, ask, bounds, protocol, nowMs: askedAt }: TaskRequest,
    capability: Capability,
    allowed: (issues: Issues) => boolean,
  ): Issues | undefined {
    // What would pass now must pass when it is asked for again.
    const nowMs = askedAt + Math.min(Math.max(2 * protocol.roundMs, LEAST_SLACK_MS), MOST_SLACK_MS);
    const found = counterFor(
      atAnyPrice(issues),
      { ask: atAnyPrice(ask), bounds: { ...bounds, priceMicro: { min: '1', max: formatMicro(MAX_MICRO) } } },
      {
        regions: capability.regions,
        nowMs,
        passes: (one) => appraise(frame.task, one, capability, nowMs).ok && allowed(one),
      },
      this.#kinds,
    );
    return found && { ...found.issues, priceMicro: issues.priceMicro };
  }

  #effort(task: Task): Effort {
    const { effort } = this.#options;
    return typeof effort === 'function' ? effort(task) : effort;
  }

  #capability(task: Task, issues: Issues, nowMs: number): Capability {
    const { units = 1, memoryMb = NO_LIMIT, batch = NO_LIMIT, tokens, dependencies, regions } = this.#options;
    const { dataClass = 'public', marginPermille = 0 } = this.#options;
    return {
      units,
      memoryMb,
      batch,
      dataClass,
      marginPermille,
      effort: this.#effort(task),
      // Work that takes longer than was thought still takes its units.
      busy: [...this.#busy.values()].map((busy) => ({ ...busy, until: Math.max(busy.until, nowMs + 1) })),
      tokens: {
        now: this.#tokensNow(nowMs),
        ...(tokens === undefined ? { most: NO_LIMIT, perHour: NO_LIMIT } : tokens),
      },
      dependencies: new Set(dependencies ?? task.dependencies),
      regions: regions ?? [issues.region],
    };
  }

  #tokensNow(nowMs: number): number {
    const { tokens } = this.#options;
    if (tokens === undefined) return NO_LIMIT;
    const come = Math.floor(((nowMs - this.#tokensAt) * tokens.perHour) / HOUR_MS);
    if (come > 0) {
      this.#tokens = Math.min(tokens.most, this.#tokens + come);
      this.#tokensAt = nowMs;
    }
    return this.#tokens;
  }
}

function atAnyPrice(issues: Issues): Issues {
  return { ...issues, priceMicro: formatMicro(MAX_MICRO) };
}
