// Two agents at a time, about a price: buyers and providers of bilateral negotiations, through the SDK.
import { type Agent, connectAgent, type Hired, type NegotiateOptions } from '@tender/agent';
import { decideMonotonic, type Preferences, subjects } from '@tender/market';
import { connectNats } from '@tender/market/nats';
import { seeded } from '@tender/market/testing';
import type { Histogram } from 'hdr-histogram-js';
import { closedLoop, type LoopPlan, type LoopResult } from '../closed-loop.js';
import { newHistogram, packed, recordMs } from '../histogram.js';
import { HAGGLE_RESOURCE, type SeededAgent } from '../place.js';
import type { WorkerConfig } from '../protocol.js';

/** What the buyer begins with, the least that it comes to be worth to it, and how much more it may be. */
const OPENING_MICRO = 300_000;
const LIMIT_MICRO = 1_000_000;
const SPREAD_MICRO = 400_000;
/** Below every buyer's limit, so that there always is a deal. */
const LEAST_MICRO = 900_000;
const LEAST_SPREAD_MICRO = 100_000;
/** Longer than any burst: nothing may end by the clock. */
const PATIENCE_MS = 30_000;

export interface HaggleResult extends LoopResult {
  /** From a buyer's proposal to the provider's answer, packed. */
  readonly rounds: string;
  /** Proposals of the buyers that were answered. */
  readonly answered: number;
}

/** Price alone matters: from `worst` to `best` it is worth all the more. */
function priceAlone(side: 'buyer' | 'provider', worst: number, best: number): Preferences {
  return { side, issues: { priceMicro: { weight: 1000, worst, best } }, reservePermille: 0 };
}

export async function hagglersRole(config: WorkerConfig) {
  const { natsUrl: servers, market } = config;
  const draw = seeded(config.seed);
  let buyers: Agent[] = [];
  let providers: readonly string[] = [];
  let moves = 0;
  let moveBytes = 0;
  let hired: Hired[] = [];
  let next = 0;

  const negotiate = async (rounds: Histogram, answered: { count: number }, alone: boolean): Promise<void> => {
    const buyer = buyers[next % buyers.length]!;
    const provider = providers[Math.floor(draw() * providers.length)]!;
    next += 1;
    const limitMicro = LIMIT_MICRO + Math.floor(draw() * SPREAD_MICRO);
    const preferences = priceAlone('buyer', limitMicro, OPENING_MICRO);
    let saidAt = 0;
    const options: NegotiateOptions = {
      task: { resource: HAGGLE_RESOURCE },
      ask: { priceMicro: OPENING_MICRO },
      limitMicro,
      mode: 'fast',
      // The strategy reckons with as many rounds as fit into the time.
      roundMs: PATIENCE_MS / 15,
      withinMs: PATIENCE_MS,
      decide: (turn, nowMs) => {
        // The opening makes both sides' books as well: it is not a round like the others.
        if (turn.ours.length > 1) recordMs(rounds, performance.now() - saidAt);
        answered.count += 1;
        const move = decideMonotonic({ preferences, believes: true }, turn, nowMs);
        saidAt = performance.now();
        return move;
      },
    };
    const outcome = await buyer.negotiate(provider, options);
    if (!outcome.ok) throw new Error(`no deal: ${outcome.detail}: ${outcome.message} ${JSON.stringify(outcome.trail)}`);
    hired.push(...outcome.tasks);
    // One at a time means that the work of the last one is over, too.
    if (alone) await outcome.tasks[0]!.settled;
  };

  return {
    start: async (order: { readonly buyers: readonly SeededAgent[]; readonly providers: readonly string[] }) => {
      buyers = await Promise.all(order.buyers.map((keys) => connectAgent({ servers, market, ...keys })));
      providers = order.providers;
    },
    /** How large a move of a negotiation is, measured on one. */
    moveBytes: async (_: null): Promise<number> => {
      const tap = await connectNats({ servers, sender: 'tap' });
      tap.subscribe(subjects.talks(market, '*'), {
        callback: (error, msg) => {
          if (error !== null || !msg.string().includes('"counter-propose"')) return;
          moves += 1;
          moveBytes += msg.data.length;
        },
      });
      await tap.flush();
      await negotiate(newHistogram(), { count: 0 }, true);
      await tap.flush();
      await tap.close();
      if (moves === 0) throw new Error('a negotiation without a move');
      return Math.round(moveBytes / moves);
    },
    burst: async (plan: LoopPlan): Promise<HaggleResult> => {
      const rounds = newHistogram();
      const answered = { count: 0 };
      const result = await closedLoop(plan, () => negotiate(rounds, answered, plan.inFlight === 1));
      return { ...result, rounds: packed(rounds), answered: answered.count };
    },
    /** After a burst: every task was done and paid as agreed. */
    finish: async (_: null): Promise<number> => {
      const views = await Promise.all(hired.map((task) => task.settled));
      for (const { contract, outcome, paidMicro, issues } of views) {
        if (outcome !== 'done' || paidMicro !== issues.priceMicro) {
          throw new Error(`${contract}: ${outcome}, ${paidMicro} paid of ${issues.priceMicro}`);
        }
      }
      hired = [];
      return views.length;
    },
  };
}

export async function providersRole(config: WorkerConfig) {
  const { natsUrl: servers, market } = config;
  return {
    start: async (order: { readonly providers: readonly SeededAgent[] }): Promise<void> => {
      const agents = await Promise.all(order.providers.map((keys) => connectAgent({ servers, market, ...keys })));
      for (const agent of agents) {
        const providing = agent.provide(HAGGLE_RESOURCE, {
          // The same to each question about one negotiation: its id is drawn by chance.
          appraise: ({ frame }) => {
            const leastMicro = LEAST_MICRO + (Number.parseInt(frame.conversation.slice(-4), 36) % LEAST_SPREAD_MICRO);
            return { ok: true, costMicro: LEAST_MICRO, leastMicro, wishMicro: LIMIT_MICRO + SPREAD_MICRO };
          },
          run: () => ({}),
        });
        await providing.ready;
      }
    },
  };
}
