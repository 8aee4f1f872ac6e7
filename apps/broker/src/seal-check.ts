// Checks the seals of cheques: the bank is convinced by a key, never by who handed the cheque in.
import type { KeyObject } from 'node:crypto';
import { type Cheque, macHolds, publicKeyOf, sessionKey, signatureHolds } from '@tender/market';

const MAX_CACHED = 20_000;

export class SealCheck {
  readonly #secret: Buffer;
  readonly #market: string;
  readonly #sessionKeys = new Map<string, Buffer>();
  readonly #publicKeys = new Map<string, KeyObject | undefined>();

  constructor(secret: Buffer, market: string) {
    this.#secret = secret;
    this.#market = market;
  }

  /** Whether the cheque's seal is good for this call; its limits in time are the script's to judge. */
  holds(cfp: string, digest: string, cheque: Cheque): boolean {
    if (cheque.seal === 'mac') {
      const key = this.keyOf(cheque.participant, cheque.session, cheque.sessionUntil);
      return macHolds(this.#market, cfp, digest, cheque, key);
    }
    const key = this.publicKey(cheque.nkey);
    return key !== undefined && signatureHolds(this.#market, cfp, digest, cheque, key);
  }

  /** The session's key, derived again: no broker stores one for another. */
  keyOf(agent: string, session: string, until: number): Buffer {
    const name = `${agent}|${session}|${until}`;
    return cached(this.#sessionKeys, name, () => sessionKey(this.#secret, this.#market, agent, session, until));
  }

  publicKey(nkey: string): KeyObject | undefined {
    return cached(this.#publicKeys, nkey, () => publicKeyOf(nkey));
  }
}

/** The oldest entry makes room: keys are cheap to derive again. */
function cached<T>(map: Map<string, T>, name: string, make: () => T): T {
  if (map.has(name)) return map.get(name)!;
  if (map.size >= MAX_CACHED) map.delete(map.keys().next().value!);
  const made = make();
  map.set(name, made);
  return made;
}
