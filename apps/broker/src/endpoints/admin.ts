// An operator's request: signed with an operator's nkey, or nothing is done.
import { createHash } from 'node:crypto';
import {
  type AdminOperation,
  type adminBody,
  adminRequests,
  adminText,
  check,
  type Envelope,
  refusal,
  textSignatureHolds,
} from '@tender/market';
import type { z } from 'zod';
import type { Bank } from '../bank.js';
import type { AdminDone, AdminRequested } from './admin-done.js';
import { adminTable } from './admin-operations.js';

/** How far a signature's time may lie from the market's clock; within it, idempotency keys stop a replay. */
const SIGNED_WINDOW_MS = 5 * 60_000;

type AdminEnvelope = Envelope<'request', z.infer<typeof adminBody>>;

/** Checks who signs, then does it. Works on the request as sent, since the signature covers its very text. */
export async function admin(bank: Bank, operation: AdminOperation, envelope: AdminEnvelope): Promise<AdminDone> {
  const { sender, id, sentAt, body } = envelope;
  const nkey = bank.operators.get(sender);
  const request = textOf(body.request);
  if (request === undefined) return refusal('malformed', 'request: is nested too deeply, or absent');
  const digest = createHash('sha256').update(request).digest('base64url');
  const text = adminText(bank.market, sender, operation, id, sentAt, digest);
  const key = nkey === body.nkey ? bank.seals.publicKey(body.nkey) : undefined;
  if (key === undefined || !textSignatureHolds(text, body.signature, key)) {
    return refusal('bad-signature', `${sender} is no operator of this market, or the signature is not its nkey's`);
  }
  const clock = await bank.reader.clock();
  if (Math.abs(clock - sentAt) > SIGNED_WINDOW_MS) {
    return refusal('stale', `signed at ${sentAt}, the market's clock is at ${clock}: sign it anew`);
  }
  return perform(bank, sender, operation, body.request);
}

function perform<O extends AdminOperation>(bank: Bank, by: string, operation: O, request: unknown): Promise<AdminDone> {
  const checked = check(adminRequests[operation] as unknown as z.ZodType<AdminRequested<O>>, request);
  return checked.ok ? adminTable[operation](bank, by, checked.value) : Promise.resolve(checked);
}

/** JSON without white space; undefined where there is none, or the nesting is deeper than the stack. */
function textOf(request: unknown): string | undefined {
  try {
    return JSON.stringify(request);
  } catch {
    return undefined;
  }
}
