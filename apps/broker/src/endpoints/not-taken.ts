// Why there are no tokens in hand, as the wire tells it: until when to wait, and what would have passed.
import { type Refusal, refusal } from '@tender/market';
import type { TakeReply } from '@tender/market/redis';

export function notTaken(reply: Extract<TakeReply, { ok: false }>): Refusal {
  const { detail, message, wait, retryAt, priceMicro, rule } = reply;
  if (detail === 'no-capacity') return neverThere(message);
  const no = refusal(detail, message, {
    ...(wait === undefined ? {} : { retryAfterMs: Math.ceil(wait.ms), priceMicro: wait.priceMicro }),
    ...(retryAt === undefined ? {} : { retryAt, retryAfterMs: Math.max(0, retryAt - Date.now()) }),
    ...(priceMicro === undefined ? {} : { priceMicro }),
    ...(rule === undefined ? {} : { rule }),
  });
  return rule === undefined ? no : { ...no, reason: 'policy-refused' };
}

/** More tokens than can ever be there at once: nothing to come again for, unlike slots that others hold just now. */
export function neverThere(message: string): Refusal {
  const { retryAfterMs: _, ...refused } = refusal('no-capacity', message);
  return { ...refused, final: true };
}
