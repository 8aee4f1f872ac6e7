// The other half of Q: a service that answers at once with as many bytes as an award's reply has.
import { connectNats } from '@tender/market/nats';
import type { WorkerConfig } from '../protocol.js';

export async function echoRole(config: WorkerConfig) {
  const nats = await connectNats({ servers: config.natsUrl, sender: 'echo' });
  let reply = new Uint8Array();
  nats.subscribe('bench.echo', { queue: 'echo', callback: (error, msg) => error === null && msg.respond(reply) });
  return {
    size: async ({ replyBytes }: { readonly replyBytes: number }): Promise<void> => {
      reply = new Uint8Array(replyBytes).fill(0x20);
      await nats.flush();
    },
  };
}
