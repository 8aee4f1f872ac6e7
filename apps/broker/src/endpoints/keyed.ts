// The head of a script call that changes something: whoever asks again under the same key gets the same answer.

import { bodyDigest } from '@tender/credits/redis';
import type { AdminOperation, BankOperation } from '@tender/market';

interface Keyed {
  readonly by: string;
  readonly key: string;
  /** Of what is asked: the same key is refused for anything else. */
  readonly digest: string;
}

export function keyed(operation: BankOperation | AdminOperation, by: string, body: { readonly key: string }): Keyed {
  return { by, key: body.key, digest: bodyDigest(operation, body) };
}
