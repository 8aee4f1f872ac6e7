// How each kind of variant is prepared, run and checked afterwards; only `run` is measured.
import type { Lab } from './lab.js';
import { type Swarm, swarmName } from './place.js';
import type { Sizes as EchoSizes } from './roles/wire.js';
import type { Market, Variant, VariantOf } from './variants.js';

/** What a burst came to. */
export interface Sample {
  /** Operations of the whole burst, ramp and drain included: CPU is divided by these. */
  readonly ops: number;
  /** Operations per second; undefined where the pace was given. */
  readonly perSecond?: number | undefined;
  /** Packed HDR histograms in µs, by name. */
  readonly histograms: Readonly<Record<string, string>>;
  readonly extra: Readonly<Record<string, number>>;
}

export interface Burst {
  readonly market: Market;
  prepare(): Promise<void>;
  run(): Promise<Sample>;
  finish(): Promise<void>;
}

export interface MessageSizes extends EchoSizes {
  /** A move of a negotiation between two; absent where none is measured. */
  readonly moveBytes?: number | undefined;
  readonly cfpBytes: number;
  readonly bidBytes: number;
}

/** What earlier bursts have taught, which later ones are planned by. */
export interface Learned {
  sizes: MessageSizes;
  /** Operations per second, by variant. */
  readonly peaks: Map<string, number[]>;
}

/** Work is prepared for this rate until a variant's own is known. */
const GUESS = { award: 7_000, raw: 12_000, take: 20_000 };
/** Four batches, as the broker keeps under way; eight pipelines, so that Redis never waits for its client. */
const RAW_IN_FLIGHT = { batch: 4, single: 8 };
const HEADROOM = 1.4;
/** Long enough for the first of 512 requests in flight to come back. */
const RAMP_SHARE = 0.4;
const OUTCOMES_WITHIN_MS = 30_000;
/** Slow enough for two thousand agents, who then send four thousand bids a second. */
const CROWD_CALLS_PER_SECOND = 2;
/** A crowd's burst, and that of the idle broker beside it, in throughput bursts. */
const CROWD_BURSTS = 16;
const LATENCY_WINDOW_MS = 50;
/** Calls per second at half load where the throughput is not measured in this run. */
const FALLBACK_PEAK = 40;

const nothing = async (): Promise<void> => undefined;

/** The burst of a variant. */
export function burstOf(lab: Lab, learned: Learned, variant: Variant): Burst {
  switch (variant.kind) {
    case 'award':
      return awardBurst(lab, learned, variant);
    case 'raw':
      return rawBurst(lab, learned, variant);
    case 'echo':
      return echoBurst(lab, learned, variant);
    case 'locks':
    case 'flow':
      return { market: 'one', prepare: nothing, run: () => ceiling(lab, learned, variant), finish: nothing };
    case 'haggle':
      return haggleBurst(lab, variant);
    case 'negotiation':
      return negotiationBurst(lab, variant);
    case 'take':
      return takeBurst(lab, learned, variant);
    case 'raw-take':
      return rawTakeBurst(lab, learned, variant);
    case 'plain':
      return plainBurst(lab);
    case 'idle':
      return { market: 'one', prepare: nothing, run: () => idle(lab), finish: nothing };
    case 'crowd':
      return crowdBurst(lab, variant);
    case 'latency':
      return latencyBurst(lab, learned, variant);
  }
}

function windows(lab: Lab, inFlight: number) {
  const { burstMs } = lab.options;
  return { inFlight, rampMs: burstMs * RAMP_SHARE, windowMs: burstMs };
}

function rate(count: number, ms: number): number {
  return ms > 0 ? (count * 1000) / ms : 0;
}

/** How many operations a burst of this variant will use up. */
function expected(lab: Lab, learned: Learned, variant: Variant, guess: number, inFlight: number): number {
  const known = learned.peaks.get(variant.id) ?? [];
  const perSecond = known.length > 0 ? Math.max(...known) : guess;
  const { rampMs, windowMs } = windows(lab, inFlight);
  return Math.ceil(((rampMs + windowMs) / 1000) * perSecond * HEADROOM) + inFlight;
}

function awardBurst(lab: Lab, learned: Learned, variant: VariantOf<'award'>): Burst {
  const { market, seal, inFlight } = variant;
  const wire = lab.workers.wire[market];
  return {
    market,
    prepare: async () => {
      await wire.ask('prepare', { seal, count: expected(lab, learned, variant, GUESS.award, inFlight) });
    },
    run: async () => {
      const result = await wire.ask('burst', { seal, ...windows(lab, inFlight) });
      return loopSample(result, { service: result.histogram });
    },
    finish: async () => {
      await wire.ask('finish', null);
    },
  };
}

function loopSample(
  result: { counted: number; windowMs: number; total: number; exhausted: boolean },
  histograms: Record<string, string>,
): Sample {
  const extra = { exhausted: result.exhausted ? 1 : 0 };
  return { ops: result.total, perSecond: rate(result.counted, result.windowMs), histograms, extra };
}

function rawBurst(lab: Lab, learned: Learned, variant: VariantOf<'raw'>): Burst {
  const { mode } = variant;
  const { raw } = lab.workers;
  const inFlight = RAW_IN_FLIGHT[mode];
  return {
    market: 'one',
    prepare: async () => {
      await raw.ask('prepare', { mode, count: expected(lab, learned, variant, GUESS.raw, inFlight * 64) });
    },
    run: async () => {
      const result = await raw.ask('burst', { mode, ...windows(lab, inFlight) });
      return loopSample(result, { roundTrip: result.histogram });
    },
    finish: async () => {
      await raw.ask('finish', null);
    },
  };
}

/** Q is as large as an award and its reply; the others as a move of a negotiation and the next one. */
function echoBurst(lab: Lab, { sizes }: Learned, { id, inFlight }: VariantOf<'echo'>): Burst {
  const { workers } = lab;
  const { moveBytes = sizes.requestBytes } = sizes;
  const { requestBytes, replyBytes } = id === 'Q' ? sizes : { requestBytes: moveBytes, replyBytes: moveBytes };
  return {
    market: 'one',
    prepare: () => workers.echo.ask('size', { replyBytes }),
    run: async () => {
      const result = await workers.wire.one.ask('echo', { requestBytes, replyBytes, ...windows(lab, inFlight) });
      return loopSample(result, { service: result.histogram });
    },
    finish: nothing,
  };
}

async function ceiling(lab: Lab, { sizes }: Learned, variant: VariantOf<'locks'> | VariantOf<'flow'>): Promise<Sample> {
  const { workers } = lab;
  if (variant.kind === 'locks') {
    const result = await workers.raw.ask('locks', windows(lab, 16));
    return loopSample(result, { service: result.histogram });
  }
  const { flow: kind } = variant;
  const bytes = kind === 'direct' ? sizes.bidBytes : sizes.cfpBytes;
  const result = await workers.publisher.ask('flow', { kind, bytes, ...windows(lab, kind === 'direct' ? 32 : 16) });
  return loopSample(result, {});
}

async function idle(lab: Lab): Promise<Sample> {
  await new Promise((resume) => setTimeout(resume, CROWD_BURSTS * lab.options.burstMs));
  return { ops: 1, histograms: {}, extra: {} };
}

/** Reads the swarm's outcomes before, and asserts after, that every bid of these calls was answered as it must be. */
function watched(lab: Lab, swarm: Swarm) {
  const worker = lab.workers.swarms.get(swarmName(swarm))!;
  const read = (count: number) => worker.ask('outcomes', { swarm, count, withinMs: OUTCOMES_WITHIN_MS });
  let before = { leases: 0, outbid: 0, sum: 0 };
  return {
    prepare: async () => {
      before = await read(0);
    },
    /** All bids of so many calls: one lease each, all others outbid. Returns when the last answer came. */
    settledAt: async (calls: number): Promise<number> => {
      const tally = await read(before.sum + calls * swarm.agents);
      const leases = tally.leases - before.leases;
      const outbid = tally.outbid - before.outbid;
      if (leases !== calls || outbid !== calls * (swarm.agents - 1)) {
        throw new Error(
          `${calls} calls of ${swarm.agents} gave ${leases} leases, ${outbid} outbid: ${JSON.stringify(tally)}`,
        );
      }
      return tally.lastAtMs;
    },
    /** Where bids may come too late: one lease for each call that sold, no outcomes but those of lateness. */
    leasesOf: async (calls: number): Promise<void> => {
      const patience = performance.now() + OUTCOMES_WITHIN_MS;
      for (;;) {
        const tally = await read(0);
        // `expired` is what a bidder hears when a call closed before any bid had come.
        const strange = Object.keys(tally.other).filter((detail) => detail !== 'late' && detail !== 'expired');
        if (strange.length > 0) throw new Error(`bids came to ${strange.join(', ')}`);
        if (tally.leases - before.leases === calls) return;
        if (performance.now() > patience) throw new Error(`${tally.leases - before.leases} leases of ${calls} calls`);
        await new Promise((resume) => setTimeout(resume, 5));
      }
    },
  };
}

function negotiationBurst(lab: Lab, { swarm, inFlight }: VariantOf<'negotiation'>): Burst {
  const { initiator } = lab.workers;
  const answers = watched(lab, swarm);
  // Few calls fit into a burst where each has many bidders.
  const windowMs = lab.options.burstMs * (swarm.agents > 100 ? 4 : 2);
  return {
    market: 'one',
    prepare: answers.prepare,
    run: async () => {
      const result = await initiator.ask('loop', { swarm, inFlight, rampMs: 0, windowMs });
      const settledAt = await answers.settledAt(result.total);
      return {
        ops: result.total,
        // From the first call to the last bidder's answer: filling and draining count against the market.
        perSecond: rate(result.total, settledAt - result.startedAtMs),
        histograms: { negotiation: result.histogram },
        extra: { collisions: result.collisions },
      };
    },
    finish: async () => {
      await initiator.ask('finish', null);
    },
  };
}

function haggleBurst(lab: Lab, { inFlight }: VariantOf<'haggle'>): Burst {
  const hagglers = lab.workers.hagglers!;
  return {
    market: 'one',
    prepare: nothing,
    run: async () => {
      const { burstMs } = lab.options;
      const result = await hagglers.ask('burst', { inFlight, rampMs: burstMs * RAMP_SHARE, windowMs: 3 * burstMs });
      const sample = loopSample(result, { negotiation: result.histogram, round: result.rounds });
      return { ...sample, extra: { ...sample.extra, rounds: result.answered / Math.max(1, result.total) } };
    },
    finish: async () => {
      await hagglers.ask('finish', null);
    },
  };
}

function takeBurst(lab: Lab, learned: Learned, variant: VariantOf<'take'>): Burst {
  const takers = lab.workers.takers!;
  const { inFlight } = variant;
  return {
    market: 'one',
    prepare: () => takers.ask('prepare', { count: expected(lab, learned, variant, GUESS.raw, inFlight) }),
    run: async () => {
      const result = await takers.ask('burst', windows(lab, inFlight));
      return loopSample(result, { service: result.histogram });
    },
    finish: async () => {
      await takers.ask('finish', null);
    },
  };
}

function rawTakeBurst(lab: Lab, learned: Learned, variant: VariantOf<'raw-take'>): Burst {
  const takers = lab.workers.takers!;
  const { mode } = variant;
  const inFlight = RAW_IN_FLIGHT[mode];
  return {
    market: 'one',
    prepare: () =>
      takers.ask('prepareRaw', { mode, count: expected(lab, learned, variant, GUESS.take, inFlight * 64) }),
    run: async () => {
      const result = await takers.ask('rawBurst', { mode, ...windows(lab, inFlight) });
      return loopSample(result, { roundTrip: result.histogram });
    },
    finish: async () => {
      await takers.ask('finish', null);
    },
  };
}

function plainBurst(lab: Lab): Burst {
  const takers = lab.workers.takers!;
  return {
    market: 'one',
    prepare: nothing,
    run: async () => {
      const result = await takers.ask('plain', windows(lab, 256));
      return loopSample(result, { service: result.histogram });
    },
    finish: nothing,
  };
}

function crowdBurst(lab: Lab, { swarm }: VariantOf<'crowd'>): Burst {
  const { initiator } = lab.workers;
  const answers = watched(lab, swarm);
  return {
    market: 'one',
    prepare: answers.prepare,
    run: async () => {
      const lengthMs = CROWD_BURSTS * lab.options.burstMs;
      const plan = { swarm, perSecond: CROWD_CALLS_PER_SECOND, lengthMs };
      const result = await initiator.ask('paced', plan);
      await answers.settledAt(result.calls);
      const histograms = { fromSchedule: result.fromSchedule };
      return { ops: result.calls, histograms, extra: { bids: result.bids } };
    },
    finish: async () => {
      await initiator.ask('finish', null);
    },
  };
}

function latencyBurst(lab: Lab, learned: Learned, { swarm, half }: VariantOf<'latency'>): Burst {
  const { initiator } = lab.workers;
  const answers = watched(lab, swarm);
  return {
    market: 'one',
    prepare: answers.prepare,
    run: async () => {
      const peaks = learned.peaks.get(half) ?? [];
      const peak = peaks.length > 0 ? peaks.toSorted((a, b) => a - b)[peaks.length >> 1]! : FALLBACK_PEAK;
      const plan = { swarm, perSecond: peak / 2, lengthMs: 6 * lab.options.burstMs, windowMs: LATENCY_WINDOW_MS };
      const result = await initiator.ask('paced', plan);
      await answers.leasesOf(result.calls - result.unsold);
      return {
        ops: result.calls,
        histograms: { fromSchedule: result.fromSchedule, fromCfp: result.fromCfp },
        extra: { callsPerSecond: peak / 2, short: result.short, unsold: result.unsold, bids: result.bids },
      };
    },
    finish: async () => {
      await initiator.ask('finish', null);
    },
  };
}
