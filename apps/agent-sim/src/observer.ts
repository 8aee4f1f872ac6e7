// Watches the market from outside: the facts that the broker publishes, and whether the wire is there at all.
import { decode, type MarketEvent, marketEvent, subjects } from '@tender/market';
import { connectNats } from '@tender/market/nats';
import type { z } from 'zod';

export interface ObserverOptions {
  readonly natsUrl: string;
  readonly market: string;
  readonly run: string;
  readonly onEvent: (event: MarketEvent) => void;
  readonly onDisturbance: (what: string) => void;
}

export interface Observer {
  /** False while NATS is away. */
  readonly connected: boolean;
  close(): Promise<void>;
}

export async function observe(options: ObserverOptions): Promise<Observer> {
  const nc = await connectNats({ servers: options.natsUrl, sender: `observer-${options.run}` });
  let connected = true;
  const watch = async () => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') {
        connected = false;
        options.onDisturbance('NATS went away');
      } else if (status.type === 'reconnect') connected = true;
    }
  };
  void watch();
  nc.subscribe(subjects.events(options.market), {
    callback: (error, msg) => {
      if (error !== null) return options.onDisturbance(`subscription: ${error.message}`);
      const decoded = decode(marketEvent as z.ZodType<MarketEvent>, msg.data);
      if (decoded.ok) options.onEvent(decoded.value);
      else options.onDisturbance(`an event that cannot be read: ${decoded.message}`);
    },
  });
  await nc.flush();
  return {
    get connected() {
      return connected;
    },
    close: () => nc.close(),
  };
}
