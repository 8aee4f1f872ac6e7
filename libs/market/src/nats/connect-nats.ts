// One way to connect to NATS: for ever, without the client's costly stack traces, with an inbox of the sender's own.
import { type Authenticator, type ConnectionOptions, connect, type NatsConnection } from 'nats';
import { signText } from '../cheque.js';
import { privateKeyOf, publicNkeyOf } from '../nkey.js';
import { subjects } from '../subjects.js';

export interface NatsAddress {
  /** nats://host:port, or several. */
  readonly servers: string | readonly string[];
  /** The sender's id: its inbox is `_INBOX_<sender>.…`, the only place to which the broker replies. */
  readonly sender: string;
  /** The sender's user nkey seed: shown to a server that asks for one, unused by a server that does not. */
  readonly seed?: string;
}

/** As the client's nkeyAuthenticator, but by node:crypto, and only where the server sends a nonce to sign. */
function nkeyLogin(seed: string): Authenticator {
  const key = privateKeyOf(seed);
  if (key === undefined) throw new TypeError('not a user seed: 58 characters that start with SU');
  const nkey = publicNkeyOf(seed);
  return (nonce) => (nonce === undefined ? undefined : { nkey, sig: signText(nonce, key) });
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
    ...(address.seed === undefined ? {} : { authenticator: nkeyLogin(address.seed) }),
    ...more,
  });
}
