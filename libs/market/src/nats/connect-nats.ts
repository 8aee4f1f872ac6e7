// One way to connect to NATS: for ever, without the client's costly stack traces, with an inbox of the sender's own.
import { type ConnectionOptions, connect, type NatsConnection } from 'nats';
import { subjects } from '../subjects.js';

export interface NatsAddress {
  /** nats://host:port, or several. */
  readonly servers: string | readonly string[];
  /** The sender's id: its inbox is `_INBOX_<sender>.…`, the only place to which the broker replies. */
  readonly sender: string;
}

/** Connects and reconnects for ever; rejects (NatsError) where the first connection fails. */
export function connectNats(address: NatsAddress, more: ConnectionOptions = {}): Promise<NatsConnection> {
  return connect({
    servers: typeof address.servers === 'string' ? address.servers : [...address.servers],
    name: address.sender,
    inboxPrefix: subjects.inbox(address.sender),
    noAsyncTraces: true,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
    reconnectJitter: 200,
    pingInterval: 20_000,
    maxPingOut: 3,
    ...more,
  });
}
