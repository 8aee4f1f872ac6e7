// The client of award bursts: prepared requests over NATS through one multiplexed inbox; also the asking half of Q.
import { connectRedis, redisReady } from '@tender/credits/redis';
import { bankResults, decode, envelopeOf, type SealKind, subjects } from '@tender/market';
import { connectNats, Inbox } from '@tender/market/nats';
import { seeded } from '@tender/market/testing';
import type { Msg, NatsConnection } from 'nats';
import { closedLoop, type LoopPlan, type LoopResult } from '../closed-loop.js';
import { SELLER, type SeededAgent, wirePools } from '../place.js';
import type { WorkerConfig } from '../protocol.js';
import { awardRequest, type Prepared, Stock } from '../stock.js';
import { wireSize } from '../wire-size.js';

const PATIENCE_MS = 20_000;
const awarded = envelopeOf('inform', bankResults.award);

interface Ready {
  readonly prepared: Prepared;
  readonly request: Uint8Array;
}

export interface Sizes {
  readonly requestBytes: number;
  readonly replyBytes: number;
}

class WireClient {
  readonly #nats: NatsConnection;
  readonly #inbox: Inbox;
  readonly #stock: Stock;
  readonly #subject: string;
  readonly #ready: Record<SealKind, Ready[]> = { mac: [], ed25519: [] };
  #answered: { readonly ready: Ready; readonly reply: Msg }[] = [];
  #sizes: Sizes = { requestBytes: 0, replyBytes: 0 };

  constructor(nats: NatsConnection, stock: Stock, market: string) {
    this.#nats = nats;
    this.#inbox = new Inbox(nats, SELLER);
    this.#stock = stock;
    this.#subject = subjects.bank(market, SELLER, 'award');
  }

  /** Sees to it that `count` calls with cheques under this seal are ready, as far as there are slots. */
  async prepare({ seal, count }: { readonly seal: SealKind; readonly count: number }): Promise<number> {
    const ready = this.#ready[seal];
    const prepared = await this.#stock.prepare(seal, Math.max(0, count - ready.length));
    for (const one of prepared) ready.push({ prepared: one, request: awardRequest(one) });
    return ready.length;
  }

  burst(plan: LoopPlan & { readonly seal: SealKind }): Promise<LoopResult> {
    const ready = this.#ready[plan.seal];
    return closedLoop(plan, () => {
      const one = ready.pop();
      return one && this.#ask(one);
    });
  }

  async #ask(ready: Ready): Promise<void> {
    const answered = await this.#inbox.request(this.#subject, ready.request, PATIENCE_MS);
    if (answered.kind !== 'reply') throw new Error(`an award was not answered: ${answered.kind}`);
    this.#answered.push({ ready, reply: answered.msg });
  }

  /** After a burst: every reply is read, its status asserted, and the leases are settled. */
  async finish(): Promise<number> {
    const answered = this.#answered;
    this.#answered = [];
    for (const { ready, reply } of answered) assertAwarded(ready.prepared, reply);
    const last = answered.at(-1);
    if (last !== undefined) {
      this.#sizes = { requestBytes: last.ready.request.length, replyBytes: wireSize(last.reply) };
    }
    await this.#stock.settle(answered.map(({ ready }) => ready.prepared));
    return answered.length;
  }

  async sizes(): Promise<Sizes> {
    return this.#sizes;
  }

  /** Request and reply by the same inbox, answered by a service that does nothing. */
  async echo(plan: LoopPlan & Sizes): Promise<LoopResult> {
    const request = new Uint8Array(plan.requestBytes).fill(0x20);
    const result = await closedLoop(plan, async () => {
      const answered = await this.#inbox.request('bench.echo', request, PATIENCE_MS);
      const length = answered.kind === 'reply' ? answered.msg.data.length : -1;
      if (length !== plan.replyBytes) throw new Error(`an echo of ${length} bytes: ${answered.kind}`);
    });
    await this.#nats.flush();
    return result;
  }
}

function assertAwarded({ cfp, winner }: Prepared, reply: Msg): void {
  const status = reply.headers?.get('Tender-Status');
  const decoded = decode(awarded, reply.data);
  const body = decoded.ok ? decoded.value.body : undefined;
  const first = body?.winners[0];
  if (status !== '200' || body?.cfp !== cfp || body.winners.length !== 1 || first?.participant !== winner) {
    throw new Error(`an award came to ${status}: ${Buffer.from(reply.data).toString()}`);
  }
}

export async function wireRole(config: WorkerConfig) {
  const redis = connectRedis(config.redisUrl);
  await redisReady(redis, 10_000);
  const nats = await connectNats({ servers: config.natsUrl, sender: SELLER });
  let client: WireClient | undefined;
  const started = (): WireClient => {
    if (client === undefined) throw new Error('start comes first');
    return client;
  };
  const { market, secret, seed } = config;
  return {
    start: async ({ bidders }: { readonly bidders: readonly SeededAgent[] }): Promise<void> => {
      const stock = await Stock.open({ redis, market, secret, bidders, pools: wirePools, draw: seeded(seed) });
      client = new WireClient(nats, stock, market);
    },
    prepare: async (order: { readonly seal: SealKind; readonly count: number }) => started().prepare(order),
    burst: async (plan: LoopPlan & { readonly seal: SealKind }) => started().burst(plan),
    finish: async (_: null) => started().finish(),
    sizes: async (_: null) => started().sizes(),
    echo: async (plan: LoopPlan & Sizes) => started().echo(plan),
  };
}
