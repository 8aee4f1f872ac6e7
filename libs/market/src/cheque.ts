// A bid is a cheque drawn on the bank: what is sealed, by what, and how the bank convinces itself.
import { createHmac, type KeyObject, sign, timingSafeEqual, verify } from 'node:crypto';
import { positiveMicroText } from '@tender/credits';
import { z } from 'zod';
import { idText, timeMs } from './ids.js';
import { MAX_UNITS } from './terms.js';

const common = {
  participant: idText,
  units: z.int().min(1).max(MAX_UNITS),
  /** The most that the participant pays per unit for the whole duration. */
  priceMicro: positiveMicroText,
  /** At most one cheque per intent is ever cashed. */
  intent: idText,
  /** By the broker's clock; the bank refuses the cheque afterwards. */
  until: timeMs,
  /** A bundle: the bid stands only while the participant holds these rate tokens. */
  tokens: idText.optional(),
};

/** A cheque; the CFP and its terms' digest are sealed with it but travel once per message. */
export const chequeSpec = z.discriminatedUnion('seal', [
  z.strictObject({
    ...common,
    seal: z.literal('mac'),
    session: idText,
    sessionUntil: timeMs,
    signature: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  }),
  z.strictObject({
    ...common,
    seal: z.literal('ed25519'),
    nkey: z.string().regex(/^U[A-Z2-7]{55}$/),
    signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
  }),
]);
export type Cheque = z.infer<typeof chequeSpec>;

/** What a participant decides; sealing makes a cheque of it. Units whole, price in micro-credits as digits. */
export interface Bid {
  readonly participant: string;
  readonly units: number;
  readonly priceMicro: string;
  readonly intent: string;
  readonly until: number;
  readonly tokens?: string | undefined;
}

/** A session as a cheque names it; `until` by the broker's clock. */
export interface Session {
  readonly session: string;
  readonly until: number;
}

/** The text under the seal; no field can hold a bar, so that no two bids share a text. */
export function sealedText(market: string, cfp: string, digest: string, bid: Bid): string {
  return `tender-cheque-1|${market}|${cfp}|${digest}|${bid.participant}|${bid.units}|${bid.priceMicro}|${bid.intent}|${bid.until}${bid.tokens === undefined ? '' : `|${bid.tokens}`}`;
}

/** The session key, derived again by any broker: HMAC-SHA256 of (market, agent, session, until) under its secret. */
export function sessionKey(secret: Uint8Array, market: string, agent: string, session: string, until: number): Buffer {
  return createHmac('sha256', secret).update(`tender-session-1|${market}|${agent}|${session}|${until}`).digest();
}

/** Seals a bid under a session key (32 bytes). */
export function sealMac(
  market: string,
  cfp: string,
  digest: string,
  bid: Bid,
  session: Session,
  key: Uint8Array,
): Cheque {
  const signature = createHmac('sha256', key)
    .update(sealedText(market, cfp, digest, bid))
    .digest('base64url');
  return { ...bid, seal: 'mac', session: session.session, sessionUntil: session.until, signature };
}

/** Seals a bid with the agent's own nkey. */
export function sealEd25519(
  market: string,
  cfp: string,
  digest: string,
  bid: Bid,
  nkey: string,
  key: KeyObject,
): Cheque {
  const signature = sign(null, Buffer.from(sealedText(market, cfp, digest, bid)), key).toString('base64url');
  return { ...bid, seal: 'ed25519', nkey, signature };
}

/** Whether a `mac` cheque was sealed under this session key. */
export function macHolds(market: string, cfp: string, digest: string, cheque: Cheque, key: Uint8Array): boolean {
  const expected = createHmac('sha256', key)
    .update(sealedText(market, cfp, digest, cheque))
    .digest();
  const given = Buffer.from(cheque.signature, 'base64url');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Whether an `ed25519` cheque was sealed by the nkey that it names (that it is the account's is for the script). */
export function signatureHolds(market: string, cfp: string, digest: string, cheque: Cheque, key: KeyObject): boolean {
  return verify(
    null,
    Buffer.from(sealedText(market, cfp, digest, cheque)),
    key,
    Buffer.from(cheque.signature, 'base64url'),
  );
}

/** Signs a text (a login, an operator's request) with an nkey. */
export function signText(text: string, key: KeyObject): string {
  return sign(null, Buffer.from(text), key).toString('base64url');
}

export function textSignatureHolds(text: string, signature: string, key: KeyObject): boolean {
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
}
