// New keys: an agent is its nkey, and the seed never leaves the agent.
import { nkeys } from 'nats';

/** A new user seed (`SU…`); its public nkey (`publicNkeyOf(seed)`) is what an operator registers. */
export function createSeed(): string {
  return new TextDecoder().decode(nkeys.createUser().getSeed());
}
