// Agents that listen and bid for real, through the SDK: each on a connection of its own, or all behind one host.
import { type Agent, bid, connectAgent, connectHost, type ListenHandlers } from '@tender/agent';
import { seeded } from '@tender/market/testing';
import { type SeededAgent, type Swarm, swarmName, swarmPool } from '../place.js';
import type { WorkerConfig } from '../protocol.js';

const CONNECTING_AT_ONCE = 50;

export interface Tally {
  readonly leases: number;
  readonly outbid: number;
  readonly sum: number;
  /** Outcomes that no bid of a burst may have. */
  readonly other: Readonly<Record<string, number>>;
  /** When the last outcome came, by the system's monotonic clock. */
  readonly lastAtMs: number;
}

class Outcomes {
  leases = 0;
  outbid = 0;
  readonly other: Record<string, number> = {};
  #lastAt = 0n;

  took(detail: string): void {
    if (detail === 'lease') this.leases += 1;
    else if (detail === 'outbid') this.outbid += 1;
    else this.other[detail] = (this.other[detail] ?? 0) + 1;
    this.#lastAt = process.hrtime.bigint();
  }

  get sum(): number {
    return Object.values(this.other).reduce((sum, count) => sum + count, this.leases + this.outbid);
  }

  tally(): Tally {
    const { leases, outbid, sum, other } = this;
    return { leases, outbid, sum, other: { ...other }, lastAtMs: Number(this.#lastAt) / 1e6 };
  }
}

export async function swarmRole(config: WorkerConfig) {
  const { natsUrl: servers, market } = config;
  const outcomes = new Map<string, Outcomes>();
  const draw = seeded(config.seed);

  const handlersOf = (counts: Outcomes): ListenHandlers => ({
    evaluate: () => bid({ price: 1_000 + Math.floor(draw() * 1_000_000) }),
    onLease: () => counts.took('lease'),
    onLost: ({ detail }) => counts.took(detail),
  });

  const connected = async ({ swarm, host, agents }: SwarmOrder): Promise<Agent[]> => {
    if (swarm.mode === 'hosted') {
      const hosting = await connectHost({ servers, market, id: host });
      return Promise.all(agents.map((keys) => hosting.agent(keys)));
    }
    const all: Agent[] = [];
    for (let from = 0; from < agents.length; from += CONNECTING_AT_ONCE) {
      const some = agents.slice(from, from + CONNECTING_AT_ONCE);
      all.push(...(await Promise.all(some.map((keys) => connectAgent({ servers, market, ...keys })))));
    }
    return all;
  };

  return {
    start: async (order: SwarmOrder): Promise<void> => {
      const counts = new Outcomes();
      outcomes.set(swarmName(order.swarm), counts);
      const agents = await connected(order);
      for (const agent of agents) agent.listen(swarmPool(order.swarm), handlersOf(counts));
    },
    /** Resolves when so many bids have got an answer since the start, or fails after `withinMs`. */
    outcomes: async (asked: { readonly swarm: Swarm; readonly count: number; readonly withinMs: number }) => {
      const counts = outcomes.get(swarmName(asked.swarm))!;
      const patience = performance.now() + asked.withinMs;
      while (counts.sum < asked.count) {
        if (performance.now() > patience) {
          throw new Error(`${counts.sum} of ${asked.count} bids were answered: ${JSON.stringify(counts.tally())}`);
        }
        await new Promise((resume) => setTimeout(resume, 2));
      }
      return counts.tally();
    },
  };
}

export interface SwarmOrder {
  readonly swarm: Swarm;
  /** The host's id, where the agents are hosted. */
  readonly host: string;
  readonly agents: readonly SeededAgent[];
}
