// Why there are no tokens in hand, as the wire tells it: until when to wait, and what would have passed.
import { type Refusal, refusal } from '@tender/market';
import type { TakeReply } from '@tender/market/redis';

export function notTaken({ detail, message, wait, retryAt, priceMicro }: Extract<TakeReply, { ok: false }>): Refusal {
  return refusal(detail, message, {
    ...(wait === undefined ? {} : { retryAfterMs: Math.ceil(wait.ms), priceMicro: wait.priceMicro }),
    ...(retryAt === undefined ? {} : { retryAt, retryAfterMs: Math.max(0, retryAt - Date.now()) }),
    ...(priceMicro === undefined ? {} : { priceMicro }),
  });
}
