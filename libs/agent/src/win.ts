// The short way to a slot: bid in every call under one intent until one is won.
import { formatMicro } from '@tender/credits';
import { type Detail, refusal } from '@tender/market';
import { newId } from '@tender/market/nats';
import { bid } from './decision.js';
import type { ListenHandlers, Listening } from './handlers.js';
import type { Lease } from './lease.js';
import { RefusedError } from './refused-error.js';

export interface WinOptions {
  /** Slots, all from one call; 1 when absent. */
  readonly units?: number;
  /** At most so many micro-credits per slot for the call's duration. */
  readonly maxPriceMicro: number;
  /** Gives up after so many ms; 60,000 when absent. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** Losing for these reasons will not change by waiting for the next call. */
const hopeless: ReadonlySet<Detail> = new Set(['unknown', 'not-permitted', 'bad-signature', 'frozen']);

/** What `win` needs of an agent. */
export interface Listens {
  listen(pool: string, handlers: ListenHandlers): Listening;
}

export function win(agent: Listens, pool: string, options: WinOptions): Promise<Lease> {
  const { units = 1, maxPriceMicro, deadlineMs = 60_000, signal } = options;
  const price = formatMicro(maxPriceMicro);
  const intent = newId();
  return new Promise((resolve, reject) => {
    let last: Detail | undefined;
    let listening: Listening | undefined;
    let over = false;
    const end = () => {
      over = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
      listening?.stop({ withdraw: true });
    };
    const giveUp = (error: unknown) => {
      if (over) return;
      end();
      reject(error);
    };
    const aborted = () => giveUp(signal?.reason);
    const timer = setTimeout(() => {
      const why = last === undefined ? 'there was no call with enough units' : `the last bid lost: ${last}`;
      giveUp(new RefusedError(refusal(last ?? 'no-capacity', `nothing was won in ${deadlineMs} ms; ${why}`)));
    }, deadlineMs);
    if (signal?.aborted) return aborted();
    signal?.addEventListener('abort', aborted, { once: true });
    listening = agent.listen(pool, {
      evaluate: (call) => {
        if (over || call.units < units || call.reservePriceMicro > maxPriceMicro) return undefined;
        return bid({ units, price, intent });
      },
      onLease: (lease) => {
        // Won while giving up: nobody would use it, so it goes back.
        if (over) return void lease.release();
        end();
        resolve(lease);
      },
      onLost: ({ detail }) => {
        last = detail;
        if (hopeless.has(detail))
          giveUp(new RefusedError(refusal(detail, `the bank bars this agent's bids: ${detail}`)));
      },
    });
  });
}
