// A host speaks for many agents over one connection: one subscription per pool, their bids in one message.
import { type Agent, type AgentKeys, MarketAgent } from './agent.js';
import { type Counts, type LinkOptions, openLink } from './link.js';
import { Listener } from './listener.js';
import { Switchboard } from './switchboard.js';

export interface Host {
  readonly id: string;
  readonly counts: Readonly<Counts>;
  readonly agents: readonly Agent[];
  /**
   * Adds an agent whose account names this host. Its login is under way when this resolves; bids wait for it. A
   * refused login shows in `onLost` of its first bid. Throws where the seed is none or the id is taken.
   */
  agent(keys: AgentKeys): Promise<Agent>;
  /** Closes all agents (their leases run on, unless `release` is set) and the connection that is its own. */
  close(options?: { readonly release?: boolean }): Promise<void>;
}

/** So many logins are on their way at once; each costs the broker a signature's check. */
const LOGINS_AT_ONCE = 32;

/** Connects a host; rejects with a NatsError where NATS does not answer. */
export async function connectHost(options: LinkOptions): Promise<Host> {
  const link = await openLink(options);
  const switchboard = new Switchboard(link);
  const listener = new Listener(switchboard);
  const agents = new Map<string, MarketAgent>();
  const queue: MarketAgent[] = [];
  let running = 0;
  const next = () => {
    while (running < LOGINS_AT_ONCE && queue.length > 0) {
      running++;
      const agent = queue.shift()!;
      void agent.sealer.login().then((refused) => {
        running--;
        if (refused !== undefined) link.log.warn({ agent: agent.id, detail: refused.detail }, refused.message);
        next();
      });
    }
  };
  return {
    id: options.id,
    counts: link.counts,
    get agents() {
      return [...agents.values()];
    },
    async agent(keys) {
      if (agents.has(keys.id)) throw new TypeError(`${keys.id} is hosted here already`);
      const onClose = async () => {
        agents.delete(keys.id);
        switchboard.agents.delete(keys.id);
      };
      const agent = new MarketAgent(keys, { switchboard, listener, onClose });
      agents.set(keys.id, agent);
      switchboard.agents.add(keys.id);
      queue.push(agent);
      next();
      return agent;
    },
    async close(closing) {
      await Promise.all([...agents.values()].map((agent) => agent.close(closing)));
      listener.close();
      switchboard.close();
      await link.close();
    },
  };
}
