// The sending half of D and M: publishes as fast as the receivers acknowledge.
import { connectNats } from '@tender/market/nats';
import { closedLoop, type LoopPlan, type LoopResult } from '../closed-loop.js';
import { FAN_OUT } from '../place.js';
import type { WorkerConfig } from '../protocol.js';
import { ACK_EVERY } from './listeners.js';

export type FlowKind = 'one' | 'many' | 'direct';

export async function publisherRole(config: WorkerConfig) {
  const nats = await connectNats({ servers: config.natsUrl, sender: 'publisher' });
  const waiting: (() => void)[] = [];
  // Acknowledgements come in the order of sending: the oldest waiter is meant.
  nats.subscribe('bench.ack', { callback: (error) => error === null && waiting.shift()?.() });
  await nats.flush();

  /** One operation is one acknowledgement: FAN_OUT deliveries, or ACK_EVERY messages. */
  const flow = (plan: LoopPlan & { readonly kind: FlowKind; readonly bytes: number }): Promise<LoopResult> => {
    const payload = new Uint8Array(plan.bytes).fill(0x20);
    const direct = plan.kind === 'direct';
    const subject = direct ? 'bench.direct' : `bench.fan.${plan.kind}`;
    const next = () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        for (let count = direct ? ACK_EVERY : 1; count > 0; count -= 1) nats.publish(subject, payload);
      });
    return closedLoop(plan, next, direct ? ACK_EVERY : FAN_OUT);
  };
  return { flow };
}
