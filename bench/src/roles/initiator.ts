// Calls for proposals through the SDK: as many as can be, or at times fixed beforehand (an open loop).
import { type Agent, type CallOutcome, connectAgent } from '@tender/agent';
import { connectRedis, redisReady } from '@tender/credits/redis';
import { connectNats } from '@tender/market/nats';
import type { Msg } from 'nats';
import { closedLoop, type LoopPlan, type LoopResult } from '../closed-loop.js';
import { newHistogram, packed, recordMs } from '../histogram.js';
import { CALLER, LEASE_MS, type Swarm, swarmPool } from '../place.js';
import type { WorkerConfig } from '../protocol.js';
import { settleContracts } from '../stock.js';
import { wireSize } from '../wire-size.js';

/** A window that no burst outlasts: such a call closes when all bids are in. */
const OPEN_END_MS = 20_000;

export interface PacedPlan {
  readonly swarm: Swarm;
  readonly perSecond: number;
  readonly lengthMs: number;
  /** The bid window; undefined closes when all bids are in. */
  readonly windowMs?: number | undefined;
}

export interface PacedResult {
  readonly calls: number;
  readonly startedAtMs: number;
  /** From the scheduled start to the award, less the bid window. */
  readonly fromSchedule: string;
  /** From the announcement to the award, less the bid window. */
  readonly fromCfp: string;
  /** Calls that closed with fewer bids than agents: their bids came after the window. */
  readonly short: number;
  /** Calls that closed before any bid had come. */
  readonly unsold: number;
  readonly bids: number;
}

export interface NegotiationResult extends LoopResult {
  readonly startedAtMs: number;
  /** Calls that were refused because another had just taken their slot, and asked for again. */
  readonly collisions: number;
}

class Initiator {
  readonly #agent: Agent;
  #won: { readonly contract: string; readonly participant: string }[] = [];
  #bids = 0;
  #short = 0;
  #unsold = 0;
  #collisions = 0;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  /** One negotiation; throws where it does not end with a winner. */
  async #negotiate(swarm: Swarm, windowMs: number | undefined, onOpen: () => void): Promise<void> {
    for (;;) {
      const outcome = await this.#agent.call({
        pool: swarmPool(swarm),
        rule: 'uniform-price',
        durationMs: LEASE_MS,
        windowMs: windowMs ?? OPEN_END_MS,
        seals: ['mac'],
        onOpen,
        ...(windowMs === undefined ? { closeAfterBids: swarm.agents } : {}),
      });
      // Two calls chose the same slot, and the other was awarded first: refused before anything was announced, and
      // asked again as any initiator would. The time lost is part of the negotiation's.
      if (outcome.ok || outcome.detail !== 'no-capacity') return this.#take(outcome, swarm);
      this.#collisions += 1;
    }
  }

  #take(outcome: CallOutcome, swarm: Swarm): void {
    if (!outcome.ok) throw new Error(`a call was refused: ${outcome.detail}: ${outcome.message}`);
    this.#bids += outcome.ranked.length;
    if (outcome.ranked.length < swarm.agents) this.#short += 1;
    if (outcome.ranked.length === 0) {
      this.#unsold += 1;
      return;
    }
    if (outcome.winners.length !== 1) throw new Error(`a call had ${outcome.winners.length} winners`);
    const { contract, participant } = outcome.winners[0]!;
    this.#won.push({ contract, participant });
  }

  async loop(plan: LoopPlan & { readonly swarm: Swarm }): Promise<NegotiationResult> {
    const startedAtMs = monotonicMs();
    const result = await closedLoop(plan, () => this.#negotiate(plan.swarm, undefined, () => undefined));
    return { ...result, startedAtMs, collisions: this.#collisions };
  }

  /** Starts each call at its time, whatever became of those before it. */
  async paced(plan: PacedPlan): Promise<PacedResult> {
    const { swarm, windowMs } = plan;
    const fromSchedule = newHistogram();
    const fromCfp = newHistogram();
    const startedAtMs = monotonicMs();
    const calls = Math.max(1, Math.floor((plan.lengthMs * plan.perSecond) / 1000));
    const everyMs = 1000 / plan.perSecond;
    const from = performance.now();
    const running: Promise<unknown>[] = [];
    const start = async (scheduled: number): Promise<void> => {
      let openAt = scheduled;
      await this.#negotiate(swarm, windowMs, () => {
        openAt = performance.now();
      });
      const now = performance.now() - (windowMs ?? 0);
      recordMs(fromSchedule, now - scheduled);
      recordMs(fromCfp, now - openAt);
    };
    for (let index = 0; index < calls; index += 1) {
      const scheduled = from + index * everyMs;
      const wait = scheduled - performance.now();
      if (wait > 0) await new Promise((resume) => setTimeout(resume, wait));
      // Kept until all have started: one that fails must not end the process while others are still to come.
      running.push(start(scheduled).then(() => undefined, toError));
    }
    const failures = (await Promise.all(running)).filter((failure) => failure !== undefined);
    if (failures.length > 0) throw failures[0];
    const counts = { short: this.#short, unsold: this.#unsold, bids: this.#bids };
    return { calls, startedAtMs, fromSchedule: packed(fromSchedule), fromCfp: packed(fromCfp), ...counts };
  }

  /** Hands over the leases of the last burst. */
  takeWon(): { readonly contract: string; readonly participant: string }[] {
    this.#bids = 0;
    this.#short = 0;
    this.#unsold = 0;
    this.#collisions = 0;
    return this.#won.splice(0);
  }
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** The same clock in all processes of this machine. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export async function initiatorRole(config: WorkerConfig) {
  const { natsUrl: servers, market } = config;
  const redis = connectRedis(config.redisUrl);
  await redisReady(redis, 10_000);
  let initiator: Initiator | undefined;
  const started = (): Initiator => {
    if (initiator === undefined) throw new Error('start comes first');
    return initiator;
  };
  return {
    start: async ({ seed }: { readonly seed: string }): Promise<void> => {
      initiator = new Initiator(await connectAgent({ servers, market, id: CALLER, seed }));
    },
    loop: async (plan: LoopPlan & { readonly swarm: Swarm }) => started().loop(plan),
    paced: async (plan: PacedPlan) => started().paced(plan),
    /** Settles what the last burst sold; its slots are free again. */
    finish: async (_: null): Promise<number> => {
      const won = started().takeWon();
      await settleContracts(redis, market, won);
      return won.length;
    },
    /** The sizes of a cfp and of a bid, seen during one negotiation. */
    sizes: async (swarm: Swarm): Promise<{ readonly cfpBytes: number; readonly bidBytes: number }> => {
      const nats = await connectNats({ servers, sender: 'onlooker' });
      let [cfpBytes, bidBytes] = [0, 0];
      const see = (subject: string, take: (msg: Msg) => void) =>
        nats.subscribe(subject, { callback: (error, msg) => error === null && take(msg) });
      see(`tender.${market}.cfp.>`, (msg) => {
        cfpBytes = wireSize(msg);
      });
      see(`tender.${market}.bid.>`, (msg) => {
        bidBytes = wireSize(msg);
      });
      await nats.flush();
      await started().loop({ swarm, inFlight: 1, rampMs: 0, windowMs: 1 });
      await nats.flush();
      await nats.close();
      return { cfpBytes, bidBytes };
    },
  };
}
