// The head of a script call that changes something: whoever asks again under the same key gets the same answer.
import { bodyDigest } from '@tender/credits/redis';
import type { AdminOperation, BankOperation } from '@tender/market';
import type { Keyed } from '@tender/market/redis';

/** `digest` is of what is asked: under the same key anything else is refused. */
export function keyed(operation: BankOperation | AdminOperation, by: string, body: { readonly key: string }): Keyed {
  return { by, key: body.key, digest: bodyDigest(operation, body) };
}
