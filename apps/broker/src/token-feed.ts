// How every broker learns who waits for tokens no longer: whoever asked several brokers takes it back at one of them.
import { decodeJson, encode, idText, subjects } from '@tender/market';
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Bank } from './bank.js';

const forgotten = z.object({ v: z.literal(1), by: idText, hold: idText });

/** Where NATS is away, nobody is told: whoever waits still is answered when its time is over. */
export function tellForgotten(nats: NatsConnection, market: string, log: Logger): (by: string, hold: string) => void {
  return (by, hold) => {
    try {
      nats.publish(subjects.forgotten(market), encode({ v: 1, by, hold }));
    } catch (error) {
      log.warn({ error: String(error) }, 'other brokers were not told who waits no longer');
    }
  };
}

export function followForgotten({ market, tokens, log }: Bank, nats: NatsConnection): void {
  nats.subscribe(subjects.forgotten(market), {
    callback: (error, msg) => {
      if (error !== null) return log.warn({ error: String(error) }, 'NATS does not tell who waits no longer');
      const read = decodeJson(msg.data);
      const told = read.ok ? forgotten.safeParse(read.value) : undefined;
      if (told?.success) tokens.forget(told.data.by, told.data.hold);
    },
  });
}
