// account, grant, retire, pool: what operators do, each request signed with an operator's nkey.
import { createHash } from 'node:crypto';
import { bodyDigest, runScript } from '@tender/credits/redis';
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
import { marketScripts } from '@tender/market/redis';
import type { z } from 'zod';
import type { Bank } from '../bank.js';
import { ledgerOutcome, type Outcome, ok } from '../outcome.js';

/** How far a signature's time may lie from the market's clock; within it, idempotency keys stop a replay. */
const SIGNED_WINDOW_MS = 5 * 60_000;

type AdminEnvelope = Envelope<'request', z.infer<typeof adminBody>>;

/** Checks who signs, then does it. Works on the request as sent, since the signature covers its very text. */
export async function admin(
  bank: Bank,
  operation: AdminOperation,
  envelope: AdminEnvelope,
): Promise<Outcome<{ status: string }>> {
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
  const checked = check(adminRequests[operation] as z.ZodType<AnyAdmin>, body.request);
  return checked.ok ? perform(bank, sender, checked.value) : checked;
}

/** JSON without white space; undefined where there is none, or the nesting is deeper than the stack. */
function textOf(request: unknown): string | undefined {
  try {
    return JSON.stringify(request);
  } catch {
    return undefined;
  }
}

type AnyAdmin = { [O in AdminOperation]: z.output<(typeof adminRequests)[O]> }[AdminOperation];

async function perform(bank: Bank, by: string, request: AnyAdmin): Promise<Outcome<{ status: string }>> {
  const { key } = request;
  if ('account' in request) {
    const { id } = request.account;
    // Keys and answers are told apart by who they are of: an agent must not be called like an operator, or the bank.
    if (id === 'bank' || bank.operators.has(id)) return refusal('not-permitted', `account.id: ${id} is taken`);
    return ledgerOutcome(await bank.ledger.apply({ kind: 'open-account', by, key, account: request.account }));
  }
  if ('pool' in request) {
    const digest = bodyDigest('pool', request);
    const reply = await runScript(bank.redis, marketScripts.openPool, bank.meta, {
      by,
      key,
      digest,
      pool: request.pool,
    });
    return reply.ok ? ok({ status: 'done' }) : refusal(reply.detail, reply.message);
  }
  if (!('to' in request) && !('from' in request)) return refusal('unavailable', 'not yet');
  const tags = request.tags === undefined ? {} : { tags: request.tags };
  if ('to' in request) {
    return ledgerOutcome(
      await bank.ledger.apply({ kind: 'grant', by, key, to: request.to, amount: request.amountMicro, ...tags }),
    );
  }
  return ledgerOutcome(
    await bank.ledger.apply({ kind: 'retire', by, key, from: request.from, amount: request.amountMicro, ...tags }),
  );
}
