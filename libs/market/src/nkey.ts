// NATS nkeys over node:crypto: the client's own ed25519 is JavaScript, and a swarm of agents would wait seconds for it.
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

// Prefix bytes of the nkeys format; base32 turns them into the letters U and SU.
const USER = 20 << 3;
const SEED = 18 << 3;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const spki = Buffer.from('302a300506032b6570032100', 'hex');
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** CRC-16/XMODEM, the checksum of nkeys. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

function encode(bytes: Uint8Array): string {
  const checksum = Buffer.alloc(2);
  checksum.writeUInt16LE(crc16(bytes));
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of [...bytes, ...checksum]) {
    value = ((value << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(value >> bits) & 31];
    }
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text;
}

/** The bytes before the checksum, or undefined where the text is no nkey: letters, padding or checksum are wrong. */
function decode(text: string): Buffer | undefined {
  // A variable of the environment that nobody set, in a program without types.
  if (typeof text !== 'string') return undefined;
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const letter of text) {
    const digit = alphabet.indexOf(letter);
    if (digit < 0) return undefined;
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
  }
  const all = Buffer.from(bytes);
  if (all.length < 3) return undefined;
  const body = all.subarray(0, -2);
  // One key has one text: leftover bits that are not zero would make another of it.
  return all.readUInt16LE(body.length) === crc16(body) && encode(body) === text ? body : undefined;
}

/** The key object of a public user nkey (`U…`), or undefined where the text is none. */
export function publicKeyOf(nkey: string): KeyObject | undefined {
  const body = decode(nkey);
  if (body?.length !== 33 || body[0] !== USER) return undefined;
  return createPublicKey({ key: Buffer.concat([spki, body.subarray(1)]), format: 'der', type: 'spki' });
}

/** The key object of a user seed (`SU…`), or undefined where the text is none. */
export function privateKeyOf(seed: string): KeyObject | undefined {
  const body = decode(seed);
  // Two prefixes share the first two bytes: that it is a seed, and of a user.
  if (body?.length !== 34 || body[0] !== (SEED | (USER >> 5)) || body[1] !== (USER & 31) << 3) return undefined;
  return createPrivateKey({ key: Buffer.concat([pkcs8, body.subarray(2)]), format: 'der', type: 'pkcs8' });
}

/** The public nkey (`U…`) of a user seed; throws a TypeError where it is none. */
export function publicNkeyOf(seed: string): string {
  const key = privateKeyOf(seed);
  if (key === undefined) throw new TypeError('not a user seed: 58 characters that start with SU');
  const raw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(spki.length);
  return encode(Buffer.concat([Buffer.from([USER]), raw]));
}

/** The seed (`SU…`) of 32 random bytes. */
export function seedOf(random: Uint8Array): string {
  if (random.length !== 32) throw new TypeError('a seed has 32 bytes');
  return encode(Buffer.concat([Buffer.from([SEED | (USER >> 5), (USER & 31) << 3]), random]));
}
