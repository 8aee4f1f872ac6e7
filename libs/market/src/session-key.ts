// How a session's key travels: encrypted to the login, because whoever can listen on the bus could cash under it.
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';

// Each pair of ephemeral keys encrypts once: a nonce that does not change is one that is not reused.
const NONCE = Buffer.alloc(12);

/** The 32 bytes of an X25519 public key (of either half of a pair), base64url. */
export function ephemeralText(key: KeyObject): string {
  const half = key.type === 'private' ? createPublicKey(key) : key;
  return half.export({ format: 'jwk' }).x!;
}

/** RFC 7748 and RFC 5869: the shared secret, drawn out under what the key is for. Undefined for a key that is none. */
function wrappingKey(ours: KeyObject, theirs: string, context: string): Buffer | undefined {
  try {
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: theirs }, format: 'jwk' });
    return Buffer.from(hkdfSync('sha256', diffieHellman({ privateKey: ours, publicKey }), '', context, 32));
  } catch {
    // A text that is no key, or one of the points whose secret would be the same for everybody.
    return undefined;
  }
}

function contextOf(market: string, agent: string, session: string, until: number): string {
  return `tender-session-key-1|${market}|${agent}|${session}|${until}`;
}

/** Encrypts a session's key to a login's ephemeral key; base64url of 32 bytes and their tag. */
export function wrapSessionKey(
  ours: KeyObject,
  theirs: string,
  about: { readonly market: string; readonly agent: string; readonly session: string; readonly until: number },
  key: Uint8Array,
): string | undefined {
  const wrapping = wrappingKey(ours, theirs, contextOf(about.market, about.agent, about.session, about.until));
  if (wrapping === undefined) return undefined;
  const cipher = createCipheriv('aes-256-gcm', wrapping, NONCE);
  return Buffer.concat([cipher.update(key), cipher.final(), cipher.getAuthTag()]).toString('base64url');
}

/** The reverse; undefined where the text was not made for this login. */
export function unwrapSessionKey(
  ours: KeyObject,
  theirs: string,
  about: { readonly market: string; readonly agent: string; readonly session: string; readonly until: number },
  sealedKey: string,
): Buffer | undefined {
  const wrapping = wrappingKey(ours, theirs, contextOf(about.market, about.agent, about.session, about.until));
  const bytes = Buffer.from(sealedKey, 'base64url');
  if (wrapping === undefined || bytes.length !== 48) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', wrapping, NONCE);
  decipher.setAuthTag(bytes.subarray(32));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(0, 32)), decipher.final()]);
  } catch {
    return undefined;
  }
}
