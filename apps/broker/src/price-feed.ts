// How a broker's price book learns what other brokers sold, and what was sold before it started.
import { decodeJson, encode, type PricesMessage, subjects } from '@tender/market';
import { recentPrices } from '@tender/market/redis';
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import type { Bank } from './bank.js';

/** Tells the other brokers. Prices are news, not the record: where NATS is away the journal still has them. */
export function tellPrices(nats: NatsConnection, market: string, log: Logger): (message: PricesMessage) => void {
  return (message) => {
    try {
      nats.publish(subjects.prices(market), encode(message));
    } catch (error) {
      log.warn({ error: String(error) }, 'other brokers were not told of prices');
    }
  };
}

/** Hears the other brokers from now on, and reads the end of the journal; without it, quotes know less for a while. */
export async function followPrices({ market, redis, prices, log }: Bank, nats: NatsConnection): Promise<void> {
  nats.subscribe(subjects.prices(market), {
    callback: (error, msg) => {
      if (error !== null) return log.warn({ error: String(error) }, 'NATS does not tell what other brokers sell');
      const read = decodeJson(msg.data);
      if (read.ok) prices.heard(read.value);
    },
  });
  try {
    for await (const sold of recentPrices(redis, market)) prices.remember(sold);
  } catch (error) {
    log.warn({ error: String(error) }, 'the prices of before could not be read');
  }
}
