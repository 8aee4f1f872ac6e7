// Fills a market with accounts, credits and pools, by the ledger's own scripts.
import { type AccountSpec, bucketSpec, MAX_TOKENS } from '@tender/credits';
import { metaKey, RedisLedger, runScript } from '@tender/credits/redis';
import { publicNkeyOf } from '@tender/market';
import { newUlid } from '@tender/market/nats';
import { marketScripts } from '@tender/market/redis';
import type { Redis } from 'ioredis';
import { type SeededAgent, TILL } from './place.js';

const OPERATOR = 'op';
/** Enough for every bid of a run; a bidder that runs dry would make an award fail, and the bench with it. */
const CREDITS = '10000000000';
const AT_ONCE = 200;

export class MarketSetup {
  readonly #redis: Redis;
  readonly #market: string;
  readonly #ledger: RedisLedger;

  constructor(redis: Redis, market: string) {
    this.#redis = redis;
    this.#market = market;
    this.#ledger = new RedisLedger(redis, market);
  }

  async till(): Promise<void> {
    await this.#apply({ kind: 'open-account', account: { id: TILL, kind: 'pool', class: 'standard' } });
  }

  /** Opens accounts and grants them credits; `host` where they share one's connection. */
  async agents(agents: readonly SeededAgent[], host?: string): Promise<void> {
    for (let from = 0; from < agents.length; from += AT_ONCE) {
      await Promise.all(agents.slice(from, from + AT_ONCE).map((agent) => this.#agent(agent, host)));
    }
  }

  async #agent({ id, seed }: SeededAgent, host: string | undefined): Promise<void> {
    const account = { id, kind: 'agent', class: 'standard', nkey: publicNkeyOf(seed) } as const;
    await this.#apply({ kind: 'open-account', account: host === undefined ? account : { ...account, host } });
    await this.#apply({ kind: 'grant', to: id, amount: CREDITS });
  }

  async #apply(
    command: { kind: 'open-account'; account: AccountSpec } | { kind: 'grant'; to: string; amount: string },
  ): Promise<void> {
    const { status, detail } = await this.#ledger.apply({ ...command, by: OPERATOR, key: newUlid() });
    if (status !== 'done') throw new Error(`${command.kind}: ${status} ${detail ?? ''}`);
  }

  /** A bucket that is never empty: what is measured is a yes. */
  async bucket(bucket: string): Promise<void> {
    const limit = { capacity: MAX_TOKENS, refillPerSecond: MAX_TOKENS };
    const spec = bucketSpec.parse({
      bucket,
      account: TILL,
      limits: ['requests', 'tokens'].map((name) => ({ name, ...limit })),
    });
    const input = { by: OPERATOR, key: newUlid(), digest: 'bench', bucket: spec };
    const reply = await runScript(this.#redis, marketScripts.openBucket, metaKey(this.#market), input);
    if (!reply.ok) throw new Error(`bucket ${bucket}: ${reply.detail}: ${reply.message}`);
  }

  async pool(pool: string, seller: string, slots: number): Promise<void> {
    const reply = await runScript(this.#redis, marketScripts.openPool, metaKey(this.#market), {
      by: OPERATOR,
      key: newUlid(),
      digest: 'bench',
      pool: {
        pool,
        account: TILL,
        seller,
        slots,
        reserve: 0,
        reservePriceMicro: '0',
        seals: ['mac', 'ed25519'],
        maxTerms: 64,
        graceMs: 0,
        idleMs: 0,
        compensationPermille: 100,
        lendMs: 0,
        noiseMaxPermille: 1000,
        noiseWindowMs: 1000,
        ownerMax: 0,
      },
    });
    if (!reply.ok) throw new Error(`pool ${pool}: ${reply.detail}: ${reply.message}`);
  }
}
