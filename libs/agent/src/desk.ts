// What an agent negotiates with: its name, its seal, and the line that it shares with its host's others.
import type { Link } from './link.js';
import type { Sealer } from './sealer.js';
import type { Switchboard } from './switchboard.js';

export interface Desk {
  /** The agent's account. */
  readonly id: string;
  readonly link: Link;
  readonly switchboard: Switchboard;
  readonly sealer: Sealer;
}

/** In whose name the bank is asked, where the sender is the agent's host. */
export function namedFor(id: string, { sender }: Pick<Link, 'sender'>): { readonly agent?: string } {
  return id === sender ? {} : { agent: id };
}
