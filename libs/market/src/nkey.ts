// NATS nkeys as node:crypto wants them: nkeys.js checks and encodes, its own ed25519 in JavaScript would be slow.
import { nkeys } from 'nats';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function base32(text: string): Buffer {
  let bits = 0;
  let value = 0;
  const bytes: number[] = [];
  for (const letter of text) {
    value = ((value << 5) | alphabet.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
  }
  return Buffer.from(bytes);
}

/** The 32 bytes of a public user nkey (`U…`), or undefined where prefix or checksum is wrong. */
export function rawPublicKey(nkey: string): Buffer | undefined {
  if (!/^U[A-Z2-7]{55}$/.test(nkey)) return undefined;
  try {
    nkeys.fromPublic(nkey);
  } catch {
    return undefined;
  }
  return base32(nkey).subarray(1, 33);
}

/** The 32 bytes of a user seed (`SU…`), or undefined where prefix or checksum is wrong. */
export function rawSeed(seed: string): Buffer | undefined {
  if (!/^SU[A-Z2-7]{56}$/.test(seed)) return undefined;
  try {
    nkeys.fromSeed(new TextEncoder().encode(seed));
  } catch {
    return undefined;
  }
  return base32(seed).subarray(2, 34);
}

/** The public nkey (`U…`) of a user seed; throws where it is none. */
export function publicNkeyOf(seed: string): string {
  return nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();
}
