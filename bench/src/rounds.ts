// The run: all variants stay alive and take turns in short bursts, each round in another random order.

import { seeded } from '@tender/market/testing';
import { type Burst, burstOf, type Learned, type Sample } from './bursts.js';
import { calibrate } from './calibration.js';
import { between, type CpuMicros, readCpu } from './cpu.js';
import type { Lab } from './lab.js';
import { QuietHost } from './quiet.js';
import { shuffled } from './shuffled.js';
import type { Variant } from './variants.js';

/** One burst, with what the host was like at the time. */
export interface BurstRecord extends Sample {
  readonly round: number;
  readonly id: string;
  readonly wallMs: number;
  /** Of the market's brokers, NATS, Redis and all clients, over the whole burst. */
  readonly cpuMicros: CpuMicros;
  readonly calibrationMs: number;
  /** Share of the machine that processes other than the bench's took. */
  readonly foreignShare: number;
  /** How many bursts were thrown away before this one because others used the machine. */
  readonly repeated: number;
}

const MAX_REPEATS = 2;
const PROBE = { inFlight: 8, rampMs: 0, windowMs: 40 };

export interface Rounds {
  readonly records: readonly BurstRecord[];
  readonly waitedMs: number;
  /** What ended the run early, a status that was not as it must be for instance. */
  readonly failure?: string | undefined;
}

/** Runs a warm-up round in the variants' order, then `rounds` in random order. What goes wrong ends them. */
export async function runRounds(
  lab: Lab,
  variants: readonly Variant[],
  cores: number,
  say: (line: string) => void,
): Promise<Rounds> {
  const { options } = lab;
  const learned: Learned = { sizes: await probeSizes(lab, variants), peaks: new Map() };
  const { requestBytes, replyBytes, cfpBytes, bidBytes } = learned.sizes;
  const { moveBytes } = learned.sizes;
  if (moveBytes !== undefined) say(`a move of a negotiation ${moveBytes} B`);
  say(`award ${requestBytes} B, its reply ${replyBytes} B, cfp ${cfpBytes} B, bid ${bidBytes} B`);
  const draw = seeded(options.seed);
  const records: BurstRecord[] = [];
  const host = new QuietHost(cores, options.maxForeignShare, options.patienceS * 1000);
  const one = async (round: number): Promise<void> => {
    const order = round === 0 ? variants : shuffled(variants, draw);
    const startedAt = performance.now();
    for (const variant of order) {
      const record = await measure(lab, learned, variant, round, host);
      if (record.perSecond !== undefined) {
        const known = learned.peaks.get(variant.id) ?? [];
        learned.peaks.set(variant.id, [...known, record.perSecond]);
      }
      if (round > 0) records.push(record);
    }
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    say(round === 0 ? `warmed up in ${seconds} s` : `round ${round} of ${options.rounds}: ${seconds} s`);
  };
  try {
    for (let round = 0; round <= options.rounds; round += 1) await one(round);
    return { records, waitedMs: host.waitedMs };
  } catch (error) {
    return { records, waitedMs: host.waitedMs, failure: error instanceof Error ? error.stack : String(error) };
  }
}

/** How large the real messages are: the references carry as much. */
async function probeSizes(lab: Lab, variants: readonly Variant[]): Promise<Learned['sizes']> {
  const { wire, echo, hagglers, initiator } = lab.workers;
  await wire.one.ask('prepare', { seal: 'mac', count: 64 });
  await wire.one.ask('burst', { seal: 'mac', ...PROBE });
  await wire.one.ask('finish', null);
  const award = await wire.one.ask('sizes', null);
  await echo.ask('size', { replyBytes: award.replyBytes });
  const moveBytes = await hagglers?.ask('moveBytes', null);
  await hagglers?.ask('finish', null);
  // A bid of one agent by itself, where such agents are there.
  const swarms = variants.flatMap((variant) => ('swarm' in variant ? [variant.swarm] : []));
  const swarm = swarms.find(({ mode }) => mode === 'own');
  if (swarm === undefined) return { ...award, moveBytes, cfpBytes: 700, bidBytes: 700 };
  const call = await initiator.ask('sizes', swarm);
  await initiator.ask('finish', null);
  return { ...award, ...call, moveBytes };
}

async function measure(
  lab: Lab,
  learned: Learned,
  variant: Variant,
  round: number,
  host: QuietHost,
): Promise<BurstRecord> {
  for (let repeated = 0; ; repeated += 1) {
    const burst = burstOf(lab, learned, variant);
    const record = await once(lab, burst, host, { round, id: variant.id, repeated });
    // Judged by what others did to the host alone, never by the figure.
    if (record.foreignShare <= lab.options.maxForeignShare || repeated === MAX_REPEATS) return record;
  }
}

async function once(
  lab: Lab,
  burst: Burst,
  host: QuietHost,
  head: Pick<BurstRecord, 'round' | 'id' | 'repeated'>,
): Promise<BurstRecord> {
  await burst.prepare();
  const pids = lab.pids(burst.market);
  const idle = lab.idlePids(burst.market);
  await host.wait([...Object.values(pids).flat(), ...idle]);
  const calibrationMs = calibrate();
  const before = readCpu(pids, idle);
  const sample = await burst.run();
  const used = between(before, readCpu(pids, idle), host.cores);
  await burst.finish();
  return { ...head, ...sample, ...used, calibrationMs };
}
