// How agents live with a limit that nobody shares out: ask, hear 429, back off, ask again, until patience ends.
import { setTimeout as delay } from 'node:timers/promises';
import type { Prng } from '../prng.js';
import { tokensUsed, type Way } from './rate-play.js';

/** As the usual clients of model APIs do it: half a second, doubled each time up to eight, up to a quarter less by chance. */
const FIRST_MS = 500;
const LONGEST_MS = 8000;

/** Each request by itself, straight to the upstream; Retry-After is heeded. */
export function unmanaged(prng: Prng): Way {
  return async ({ leftMs, send }) => {
    for (let attempt = 0; ; attempt++) {
      const response = await send();
      if (response.status !== 429) return { tokens: await tokensUsed(response), paidMicro: 0, noiseMicro: 0 };
      await response.body?.cancel();
      const backOff = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt) * (1 - prng.next() / 4);
      const waitMs = Math.max(backOff, Number(response.headers.get('retry-after') ?? 0) * 1000);
      const left = leftMs();
      if (waitMs > left) {
        await delay(Math.max(0, left));
        return { tokens: 0, paidMicro: 0, noiseMicro: 0, refused: '429' };
      }
      await delay(waitMs);
    }
  };
}
