// The steward sells an operator's pools: whenever slots are free it calls for proposals, like any initiator.
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent } from '@tender/agent';
import type { Refusal } from '@tender/market';
import type { Logger } from 'pino';
import type { StewardConfig } from './config.js';

/** Where nobody bids the steward calls less often, down to this; a sale brings it back to once a window. */
const IDLE_MS = 250;

/** The steward cannot tell which bidders may take the priority reserve: it shows many, the bank knows. */
const STANDBYS = 32;

export class Steward {
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #told = new Set<string>();
  readonly #work: Promise<void>;

  /** Begins at once; the steward's account and its pools may be opened later, it waits for them. */
  constructor(servers: string, market: string, config: StewardConfig, log: Logger) {
    this.#log = log;
    this.#work = this.#run(servers, market, config);
  }

  async #run(servers: string, market: string, config: StewardConfig): Promise<void> {
    const { signal } = this.#stop;
    // A broker that sells nothing starts without the agents' side.
    const { connectAgent } = await import('@tender/agent');
    let agent: Agent | undefined;
    for (let told = false; agent === undefined && !signal.aborted; ) {
      try {
        agent = await connectAgent({ servers: servers.split(','), market, id: config.id, seed: config.seed });
      } catch (error) {
        if (!told)
          this.#log.warn({ steward: config.id, error: String(error) }, 'the steward waits until it can log in');
        told = true;
        await pause(IDLE_MS, signal);
      }
    }
    const seller = agent;
    if (seller === undefined) return;
    this.#log.info({ steward: config.id }, 'the steward sells');
    await Promise.all(config.pools.map((offer) => this.#sell(seller, offer)));
    await seller.close();
  }

  async #sell(agent: Agent, offer: StewardConfig['pools'][number]): Promise<void> {
    const { signal } = this.#stop;
    let idleMs = 0;
    while (!signal.aborted) {
      try {
        const outcome = await agent.call({
          pool: offer.pool,
          units: offer.units,
          atLeast: 1,
          rule: offer.rule,
          durationMs: offer.durationMs,
          windowMs: offer.windowMs,
          ttlMs: offer.ttlMs,
          seals: offer.seals,
          standbys: STANDBYS,
          signal,
          ...(offer.reservePriceMicro === undefined ? {} : { reservePriceMicro: Number(offer.reservePriceMicro) }),
        });
        idleMs = outcome.ok && outcome.winners.length > 0 ? 0 : Math.min(IDLE_MS, 2 * idleMs + 10);
        if (!outcome.ok) this.#tell(offer.pool, outcome);
      } catch (error) {
        this.#log.warn({ pool: offer.pool, error: String(error) }, 'call failed, the steward goes on');
        idleMs = IDLE_MS;
      }
      if (idleMs > 0) await pause(idleMs, signal);
    }
  }

  /** What cannot pass as it is configured is said once and aloud; that nothing is free or wanted is daily bread. */
  #tell(pool: string, { detail, message, final }: Refusal): void {
    const name = `${pool} ${detail}`;
    const loud = final && !this.#told.has(name);
    this.#told.add(name);
    this.#log[loud ? 'warn' : 'debug']({ pool, detail }, message);
  }

  /** Ends the calls under way, then leaves. */
  stop(): Promise<void> {
    this.#stop.abort();
    return this.#work;
  }
}

/** Waits, unless the steward stops. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
