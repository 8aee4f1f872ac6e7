// The receiving half of D and M: subscriptions that count, and tell the sender how far they are.
import { connectNats } from '@tender/market/nats';
import type { NatsConnection } from 'nats';
import { FAN_OUT } from '../place.js';
import type { WorkerConfig } from '../protocol.js';

/** One word back for so many one-to-one messages. */
export const ACK_EVERY = 64;

export async function listenersRole(config: WorkerConfig) {
  const connectOne = (name: string) => connectNats({ servers: config.natsUrl, sender: name });
  const one = await connectOne('listeners');
  const many: NatsConnection[] = [];
  for (let index = 0; index < FAN_OUT; index += 1) many.push(await connectOne(`listener-${index}`));
  const empty = new Uint8Array();

  // A message is acknowledged when its last delivery has arrived.
  const fanOut = (kind: string, connections: readonly NatsConnection[]) => {
    let deliveries = 0;
    const callback = (error: Error | null) => {
      if (error !== null) return;
      deliveries += 1;
      if (deliveries % FAN_OUT === 0) one.publish('bench.ack', empty);
    };
    for (let index = 0; index < FAN_OUT; index += 1) {
      connections[index % connections.length]!.subscribe(`bench.fan.${kind}`, { callback });
    }
  };
  fanOut('one', [one]);
  fanOut('many', many);
  let messages = 0;
  one.subscribe('bench.direct', {
    callback: (error) => {
      if (error !== null) return;
      messages += 1;
      if (messages % ACK_EVERY === 0) one.publish('bench.ack', empty);
    },
  });
  await Promise.all([one, ...many].map((nats) => nats.flush()));
  return { ready: async (_: null): Promise<void> => undefined };
}
