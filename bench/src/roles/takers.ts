// Rate tokens: taken over NATS, by the script alone, and beside both a plain limiter's consume on the same Redis.
import { bodyDigest } from '@tender/credits';
import { connectRedis, metaKey, redisReady, runScript } from '@tender/credits/redis';
import { bankResults, decode, encode, envelopeOf, subjects } from '@tender/market';
import { connectNats, Inbox, newId, newUlid } from '@tender/market/nats';
import { marketScripts, type ReturnInput, type ReturnReply, ScriptBatch } from '@tender/market/redis';
import type { Redis } from 'ioredis';
import type { Msg, NatsConnection } from 'nats';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { closedLoop, type LoopPlan, type LoopResult } from '../closed-loop.js';
import { BUCKET, TAKERS_HOST } from '../place.js';
import type { WorkerConfig } from '../protocol.js';
import { type RawMode, rawSizes } from './raw.js';

const PATIENCE_MS = 20_000;
/** Longer than any burst: what is taken is given back between bursts. */
const TTL_MS = 600_000;
/** A request to a model, and the tokens that it may need. */
const AMOUNTS = { requests: 1, tokens: 3000 };
const PRICE_MICRO = '10000';
const AT_ONCE = 256;
const taken = envelopeOf('inform', bankResults.tokens);

interface Take {
  readonly agent: string;
  readonly hold: string;
}

/** One round trip of the bare client: several takes in one script call, or as many calls in one pipeline. */
interface Trip {
  readonly takes: readonly Take[];
  readonly arguments: readonly string[];
}

class Takers {
  readonly #nats: NatsConnection;
  readonly #redis: Redis;
  readonly #inbox: Inbox;
  readonly #market: string;
  readonly #agents: readonly string[];
  readonly #limiter: RateLimiterRedis;
  #turn = 0;
  #ready: { readonly take: Take; readonly request: Uint8Array }[] = [];
  #answered: { readonly take: Take; readonly reply: Msg }[] = [];
  #trips: Trip[] = [];
  #sent: { readonly trip: Trip; readonly replies: readonly string[] }[] = [];

  constructor(nats: NatsConnection, redis: Redis, market: string, agents: readonly string[]) {
    this.#nats = nats;
    this.#redis = redis;
    this.#inbox = new Inbox(nats, TAKERS_HOST);
    this.#market = market;
    this.#agents = agents;
    // Never empty, as the bucket is not: what is compared is the price of a yes.
    this.#limiter = new RateLimiterRedis({
      storeClient: redis,
      points: 1_000_000_000,
      duration: 60,
      keyPrefix: 'plain',
    });
  }

  #take(): Take {
    const agent = this.#agents[this.#turn++ % this.#agents.length]!;
    return { agent, hold: newId() };
  }

  /** Requests as an agent's host sends them, made before the burst. */
  prepare(count: number): void {
    for (let made = this.#ready.length; made < count; made += 1) {
      const take = this.#take();
      this.#ready.push({ take, request: requestOf(take) });
    }
  }

  prepareRaw(mode: RawMode, count: number): void {
    const size = rawSizes[mode];
    for (let made = 0; made < count; made += size) {
      const takes = Array.from({ length: size }, () => this.#take());
      const inputs = takes.map(inputOf);
      const calls = mode === 'batch' ? [inputs] : inputs.map((input) => [input]);
      this.#trips.push({
        takes,
        arguments: calls.map((some) => JSON.stringify({ bucket: BUCKET, takes: some, policy: 0 })),
      });
    }
  }

  burst(plan: LoopPlan): Promise<LoopResult> {
    const subject = subjects.bank(this.#market, TAKERS_HOST, 'tokens');
    return closedLoop(plan, () => {
      const one = this.#ready.pop();
      return one && this.#ask(subject, one.take, one.request);
    });
  }

  async #ask(subject: string, take: Take, request: Uint8Array): Promise<void> {
    const answered = await this.#inbox.request(subject, request, PATIENCE_MS);
    if (answered.kind !== 'reply') throw new Error(`a take was not answered: ${answered.kind}`);
    this.#answered.push({ take, reply: answered.msg });
  }

  rawBurst(plan: LoopPlan & { readonly mode: RawMode }): Promise<LoopResult> {
    const next = () => {
      const trip = this.#trips.pop();
      return trip && this.#send(trip);
    };
    return closedLoop(plan, next, rawSizes[plan.mode]);
  }

  async #send(trip: Trip): Promise<void> {
    const { sha } = marketScripts.takeTokens;
    const meta = metaKey(this.#market);
    const pipeline = this.#redis.pipeline();
    for (const argument of trip.arguments) pipeline.evalsha(sha, 1, meta, argument);
    const replies = (await pipeline.exec()) ?? [];
    for (const [error] of replies) if (error) throw error;
    this.#sent.push({ trip, replies: replies.map(([, text]) => text as string) });
  }

  /** A plain limiter: one key for each agent, one limit, no money, no journal, no priorities. */
  plain(plan: LoopPlan): Promise<LoopResult> {
    return closedLoop(plan, async () => {
      const agent = this.#agents[this.#turn++ % this.#agents.length]!;
      await this.#limiter.consume(agent, AMOUNTS.tokens);
    });
  }

  /** Asserts every answer, and gives all tokens back. */
  async finish(): Promise<number> {
    const holds: Take[] = [];
    for (const { take, reply } of this.#answered.splice(0)) {
      assertTaken(take, reply);
      holds.push(take);
    }
    // Nothing was registered for what was prepared and not sent: it may be dropped.
    this.#trips = [];
    this.#ready = [];
    for (const { trip, replies } of this.#sent.splice(0)) {
      const answers = replies.flatMap((text) => marketScripts.takeTokens.parse(text).answers);
      trip.takes.forEach((take, index) => {
        const answer = answers[index];
        if (!answer?.ok || answer.hold !== take.hold) throw new Error(`a raw take came to ${JSON.stringify(answer)}`);
        holds.push(take);
      });
    }
    const returns = new ScriptBatch((asked: readonly ReturnInput[]) =>
      runScript(this.#redis, marketScripts.returnTokens, metaKey(this.#market), { returns: asked }),
    );
    for (let from = 0; from < holds.length; from += AT_ONCE) {
      await Promise.all(holds.slice(from, from + AT_ONCE).map((take) => giveBack(returns, take)));
    }
    await this.#nats.flush();
    return holds.length;
  }
}

async function giveBack(returns: ScriptBatch<ReturnInput, ReturnReply>, { agent, hold }: Take): Promise<void> {
  const body = { key: newUlid(), hold, used: { requests: 0, tokens: 0 } };
  const reply = await returns.ask({ by: agent, digest: bodyDigest('return', body), ...body });
  if (!reply.ok) throw new Error(`tokens could not be given back: ${reply.detail}: ${reply.message}`);
}

function bodyOf({ agent, hold }: Take) {
  return { hold, bucket: BUCKET, amounts: AMOUNTS, maxPriceMicro: PRICE_MICRO, ttlMs: TTL_MS, waitMs: 0, agent };
}

/** The take as the broker hands it to the script. */
function inputOf(take: Take) {
  return {
    by: TAKERS_HOST,
    hold: take.hold,
    digest: bodyDigest('tokens', bodyOf(take)),
    agent: take.agent,
    amounts: AMOUNTS,
    maxPrice: Number(PRICE_MICRO),
    ttlMs: TTL_MS,
  };
}

function requestOf(take: Take): Uint8Array {
  const sentAt = Date.now();
  return encode({
    v: 1,
    id: newUlid(),
    conversation: take.hold,
    sender: TAKERS_HOST,
    sentAt,
    replyBy: sentAt + TTL_MS,
    performative: 'request',
    body: bodyOf(take),
  });
}

function assertTaken(take: Take, reply: Msg): void {
  const status = reply.headers?.get('Tender-Status');
  const decoded = decode(taken, reply.data);
  const body = decoded.ok ? decoded.value.body : undefined;
  if (status !== '200' || body?.hold !== take.hold || body.amounts.tokens !== AMOUNTS.tokens) {
    throw new Error(`a take came to ${status}: ${Buffer.from(reply.data).toString()}`);
  }
}

export async function takersRole(config: WorkerConfig) {
  const redis = connectRedis(config.redisUrl);
  await redisReady(redis, 10_000);
  for (const script of [marketScripts.takeTokens, marketScripts.returnTokens]) await redis.script('LOAD', script.text);
  const nats = await connectNats({ servers: config.natsUrl, sender: TAKERS_HOST });
  let takers: Takers | undefined;
  const started = (): Takers => {
    if (takers === undefined) throw new Error('start comes first');
    return takers;
  };
  return {
    start: async ({ agents }: { readonly agents: readonly string[] }): Promise<void> => {
      takers = new Takers(nats, redis, config.market, agents);
    },
    prepare: async ({ count }: { readonly count: number }) => started().prepare(count),
    prepareRaw: async ({ mode, count }: { readonly mode: RawMode; readonly count: number }) =>
      started().prepareRaw(mode, count),
    burst: async (plan: LoopPlan) => started().burst(plan),
    rawBurst: async (plan: LoopPlan & { readonly mode: RawMode }) => started().rawBurst(plan),
    plain: async (plan: LoopPlan) => started().plain(plan),
    finish: async (_: null) => started().finish(),
  };
}
