// The market as the bench lays it out: who is there, under which names, with how many slots.

/** Sells the pools of prepared calls. */
export const SELLER = 'seller';
/** Sells the pools of whole negotiations. */
export const CALLER = 'caller';
/** The account that is paid for all pools. */
export const TILL = 'till';
export const SLOTS_PER_POOL = 1024;
/** Longer than any burst; leases are settled between bursts. */
export const LEASE_MS = 600_000;
/** Those whose cheques lie in prepared calls. */
export const BIDDERS = 500;
/** Subscriptions of the fan-out reference. */
export const FAN_OUT = 500;

/** What is negotiated about between two, and how many there are of each side. */
export const HAGGLE_RESOURCE = 'haggle';
export const HAGGLERS = 20;

/** What rate tokens are taken from, by so many agents behind one host. */
export const BUCKET = 'api.model';
export const TAKERS = 100;
export const TAKERS_HOST = 'takers';

export const wirePools = Array.from({ length: 8 }, (_, index) => `wire.${index}`);
export const rawPools = Array.from({ length: 8 }, (_, index) => `raw.${index}`);
export const LOCK_POOL = 'lock.only';

/** `own`: a connection for each agent. `hosted`: all of them behind one host. */
export type SwarmMode = 'own' | 'hosted';

export interface Swarm {
  readonly mode: SwarmMode;
  readonly agents: number;
}

export function swarmName({ mode, agents }: Swarm): string {
  return `${mode}-${agents}`;
}

/** The pool to which the agents of a swarm listen, and nobody else. */
export function swarmPool({ mode, agents }: Swarm): string {
  return `${mode}.${agents}`;
}

/** An agent and the seed of its nkey. */
export interface SeededAgent {
  readonly id: string;
  readonly seed: string;
}
