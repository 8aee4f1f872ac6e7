// The steward sells an operator's pools: whenever slots are free it calls for proposals, like any initiator.
import { type Agent, connectAgent } from '@tender/agent';
import type { Logger } from 'pino';
import type { StewardConfig } from './config.js';

/** Where nobody bids the steward calls less often, down to this; a sale brings it back to once a window. */
const IDLE_MS = 250;

export class Steward {
  readonly #agent: Agent;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #loops: Promise<void>[] = [];

  private constructor(agent: Agent, log: Logger) {
    this.#agent = agent;
    this.#log = log;
  }

  /** Connects as the steward's own agent; its pools may be opened later, it waits for them. */
  static async start(servers: string, market: string, config: StewardConfig, log: Logger): Promise<Steward> {
    const agent = await connectAgent({ servers, market, id: config.id, seed: config.seed });
    const steward = new Steward(agent, log);
    steward.#loops = config.pools.map((pool) => steward.#sell(pool));
    return steward;
  }

  async #sell(offer: StewardConfig['pools'][number]): Promise<void> {
    const { signal } = this.#stop;
    let idleMs = 0;
    while (!signal.aborted) {
      try {
        const outcome = await this.#agent.call({
          pool: offer.pool,
          units: offer.units,
          atLeast: 1,
          rule: offer.rule,
          durationMs: offer.durationMs,
          windowMs: offer.windowMs,
          ttlMs: offer.ttlMs,
          seals: offer.seals,
          ...(offer.reservePriceMicro === undefined ? {} : { reservePriceMicro: offer.reservePriceMicro }),
        });
        idleMs = outcome.ok && outcome.winners.length > 0 ? 0 : Math.min(IDLE_MS, 2 * idleMs + 10);
        if (!outcome.ok) this.#log.debug({ pool: offer.pool, detail: outcome.detail }, outcome.message);
      } catch (error) {
        this.#log.warn({ pool: offer.pool, error: String(error) }, 'call failed, the steward goes on');
        idleMs = IDLE_MS;
      }
      if (idleMs > 0) await pause(idleMs, signal);
    }
  }

  /** Ends the calls under way, then leaves. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    await this.#agent.close();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
