// R and L: what Redis gives to a bare client that does nothing but run the award script, or take and release locks.
import { connectRedis, metaKey, redisReady } from '@tender/credits/redis';
import { marketScripts, NegotiationLock } from '@tender/market/redis';
import { seeded } from '@tender/market/testing';
import type { Redis } from 'ioredis';
import { closedLoop, type LoopPlan, type LoopResult } from '../closed-loop.js';
import { LOCK_POOL, rawPools, type SeededAgent, SLOTS_PER_POOL } from '../place.js';
import type { WorkerConfig } from '../protocol.js';
import { awardInput, type Prepared, Stock } from '../stock.js';

/** `single`: one award per script call, 32 calls per pipeline. `batch`: 64 awards per call, as the broker sends them. */
export type RawMode = 'single' | 'batch';
export const rawSizes: Readonly<Record<RawMode, number>> = { single: 32, batch: 64 };

/** One round trip: the script calls' arguments, made before the burst. */
interface Trip {
  readonly prepared: readonly Prepared[];
  readonly arguments: readonly string[];
}

class RawClient {
  readonly #redis: Redis;
  readonly #stock: Stock;
  readonly #meta: string;
  #trips: Trip[] = [];
  #answered: { readonly trip: Trip; readonly replies: readonly string[] }[] = [];

  constructor(redis: Redis, stock: Stock, market: string) {
    this.#redis = redis;
    this.#stock = stock;
    this.#meta = metaKey(market);
  }

  async prepare({ mode, count }: { readonly mode: RawMode; readonly count: number }): Promise<void> {
    const size = rawSizes[mode];
    const prepared = await this.#stock.prepare('mac', Math.ceil(count / size) * size);
    for (let from = 0; from + size <= prepared.length; from += size) {
      const some = prepared.slice(from, from + size);
      const inputs = some.map(awardInput);
      const calls = mode === 'batch' ? [inputs] : inputs.map((input) => [input]);
      this.#trips.push({ prepared: some, arguments: calls.map((awards) => JSON.stringify({ awards })) });
    }
  }

  burst(plan: LoopPlan & { readonly mode: RawMode }): Promise<LoopResult> {
    const next = () => {
      const trip = this.#trips.pop();
      return trip && this.#send(trip);
    };
    return closedLoop(plan, next, rawSizes[plan.mode]);
  }

  async #send(trip: Trip): Promise<void> {
    const { sha } = marketScripts.award;
    if (trip.arguments.length === 1) {
      const reply = await this.#redis.evalsha(sha, 1, this.#meta, trip.arguments[0]!);
      this.#answered.push({ trip, replies: [reply as string] });
      return;
    }
    const pipeline = this.#redis.pipeline();
    for (const argument of trip.arguments) pipeline.evalsha(sha, 1, this.#meta, argument);
    const replies = (await pipeline.exec()) ?? [];
    for (const [error] of replies) if (error) throw error;
    this.#answered.push({ trip, replies: replies.map(([, text]) => text as string) });
  }

  /** Asserts every status of the burst, awards what was left over, settles all. */
  async finish(): Promise<number> {
    for (const left of this.#trips.splice(0)) await this.#send(left);
    const won: Prepared[] = [];
    for (const { trip, replies } of this.#answered.splice(0)) {
      const awards = replies.flatMap((text) => marketScripts.award.parse(text));
      trip.prepared.forEach((prepared, index) => {
        const reply = awards[index];
        if (!reply?.ok || reply.cfp !== prepared.cfp || reply.winners[0]?.participant !== prepared.winner) {
          throw new Error(`a raw award came to ${JSON.stringify(reply)}`);
        }
        won.push(prepared);
      });
    }
    await this.#stock.settle(won);
    return won.length;
  }
}

/** Takes and releases the lock of one slot, over and over, each of the loop's operations another slot. */
function lockLoop(redis: Redis, market: string, plan: LoopPlan): Promise<LoopResult> {
  const lock = new NegotiationLock([redis], market, Date.now);
  let count = 0;
  return closedLoop(plan, async () => {
    const slot = count++ % SLOTS_PER_POOL;
    const outcome = await lock.acquire(LOCK_POOL, [slot], 10_000);
    if (!outcome.ok) throw new Error(`a lock was ${outcome.why}`);
    await lock.release(LOCK_POOL, outcome.lock);
  });
}

export async function rawRole(config: WorkerConfig) {
  const redis = connectRedis(config.redisUrl);
  await redisReady(redis, 10_000);
  let client: RawClient | undefined;
  const started = (): RawClient => {
    if (client === undefined) throw new Error('start comes first');
    return client;
  };
  const { market, secret, seed } = config;
  return {
    start: async ({ bidders }: { readonly bidders: readonly SeededAgent[] }): Promise<void> => {
      const stock = await Stock.open({ redis, market, secret, bidders, pools: rawPools, draw: seeded(seed) });
      client = new RawClient(redis, stock, market);
    },
    prepare: async (order: { readonly mode: RawMode; readonly count: number }) => started().prepare(order),
    burst: async (plan: LoopPlan & { readonly mode: RawMode }) => started().burst(plan),
    finish: async (_: null) => started().finish(),
    locks: async (plan: LoopPlan) => lockLoop(redis, market, plan),
  };
}
