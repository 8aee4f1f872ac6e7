// Synthetic demand: bursty arrivals and heavy-tailed durations in the shape of a recorded GPU cluster.
import { clampDuration, type Demand, type DurationBounds, dealJobs, type JobDraft } from './job.js';
import type { Priority } from './priority.js';
import { createPrng, type Prng } from './prng.js';

/**
 * Fitted to the 7,064 rows of Alibaba's cluster-trace-gpu-v2023 (openb_pod_list_default.csv; Weng et al., FGD, USENIX
 * ATC '23) that ask for a GPU, by `node apps/agent-sim/dist/main.js fit FILE`: rows and their share by QoS, mean and
 * standard deviation of ln(deletion − creation in seconds), rows by GPUs asked. In order of priority.
 */
const classes: readonly ClassShape[] = [
  { rows: 2948, mu: 5.954, sigma: 1.861, units: { 1: 2948 } },
  { rows: 99, mu: 7.914, sigma: 3.138, units: { 1: 76, 2: 1, 4: 1, 8: 21 } },
  { rows: 6, mu: 9.686, sigma: 3.569, units: { 1: 6 } },
  { rows: 4011, mu: 6.747, sigma: 1.795, units: { 1: 3959, 2: 15, 4: 14, 8: 23 } },
];

interface ClassShape {
  readonly rows: number;
  readonly mu: number;
  readonly sigma: number;
  readonly units: Readonly<Record<number, number>>;
}

/**
 * Arrivals: a Markov-modulated Poisson process with two states. From the same file's hours since day 115 (before it,
 * 25 rows in 115 days): hours with more than twice the mean count as bursts; they are 10.5 % of the hours, last 1.85
 * hours in the mean, and bring 3.67 times as many jobs an hour as the others.
 */
const burst = { shareOfTime: 0.105, meanHours: 1.85, rateRatio: 3.67 } as const;

export interface SyntheticOptions {
  readonly seed: number;
  readonly agents: number;
  readonly slots: number;
  /** The most slots that one job may ask for. */
  readonly maxUnits: number;
  readonly seconds: number;
  /** Recorded time per run time: 2,500 puts 42 minutes into a second. */
  readonly speed: number;
  /** Slots asked for in the mean, as a share of the pool: above 1 not everybody can be served. */
  readonly load: number;
  readonly bounds: DurationBounds;
}

export function syntheticDemand(options: SyntheticOptions): Demand {
  const { seed, agents } = options;
  const shape = createPrng(seed, 'shape');
  const meanWork = meanSlotMs(options, createPrng(seed, 'mean'));
  const meanRate = (options.load * options.slots) / meanWork;
  const drafts: JobDraft[] = [];
  let clampedShort = 0;
  let clampedLong = 0;
  for (const arrivesAtMs of arrivals(options, meanRate, createPrng(seed, 'arrivals'))) {
    const draft = drawJob(options, shape);
    const durationMs = clampDuration(draft.durationMs, options.bounds);
    if (draft.durationMs < options.bounds.minMs) clampedShort++;
    if (draft.durationMs > options.bounds.maxMs) clampedLong++;
    drafts.push({ ...draft, durationMs, arrivesAtMs });
  }
  const jobs = dealJobs(drafts, agents, createPrng(seed, 'deal'));
  return { source: `synthetic, load ${options.load}, speed ${options.speed}`, jobs, clampedShort, clampedLong };
}

function drawJob(options: SyntheticOptions, prng: Prng): Omit<JobDraft, 'arrivesAtMs'> {
  const priority = prng.weighted(classes.map((shape) => shape.rows)) as Priority;
  const shape = classes[priority]!;
  const sizes = Object.keys(shape.units).map(Number);
  const units = Math.min(sizes[prng.weighted(Object.values(shape.units))]!, options.maxUnits);
  return { priority, units, durationMs: (prng.lognormal(shape.mu, shape.sigma) * 1000) / options.speed };
}

/** The mean of units × clamped duration; sampled, because clamping leaves no handy formula. */
function meanSlotMs(options: SyntheticOptions, prng: Prng): number {
  const draws = 20_000;
  let sum = 0;
  for (let draw = 0; draw < draws; draw++) {
    const job = drawJob(options, prng);
    sum += job.units * clampDuration(job.durationMs, options.bounds);
  }
  return sum / draws;
}

/** Arrival times in whole ms; `meanRate` in jobs per ms over both states. */
function* arrivals(options: SyntheticOptions, meanRate: number, prng: Prng): Generator<number> {
  const endMs = options.seconds * 1000;
  const calmRate = meanRate / (1 - burst.shareOfTime + burst.shareOfTime * burst.rateRatio);
  const burstMs = (burst.meanHours * 3_600_000) / options.speed;
  const calmMs = (burstMs * (1 - burst.shareOfTime)) / burst.shareOfTime;
  let bursting = prng.next() < burst.shareOfTime;
  let now = 0;
  let switchAt = prng.exponential(bursting ? burstMs : calmMs);
  while (now < endMs) {
    const gap = prng.exponential(1 / (calmRate * (bursting ? burst.rateRatio : 1)));
    if (now + gap < switchAt) {
      now += gap;
      if (now < endMs) yield Math.floor(now);
    } else {
      // The exponential has no memory: at a switch the wait simply starts anew at the other rate.
      now = switchAt;
      bursting = !bursting;
      switchAt = now + prng.exponential(bursting ? burstMs : calmMs);
    }
  }
}
