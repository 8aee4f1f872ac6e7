// New keys: an agent is its nkey, and the seed never leaves the agent.
import { randomBytes } from 'node:crypto';
import { seedOf } from '@tender/market';

/** A new user seed (`SU…`); its public nkey (`publicNkeyOf(seed)`) is what an operator registers. */
export function createSeed(): string {
  return seedOf(randomBytes(32));
}
