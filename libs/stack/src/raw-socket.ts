// Asks a server one question over a bare socket: readiness must not depend on the clients whose tests start it.
import { connect } from 'node:net';

/**
 * Connects, sends `question`, and resolves with what was received as soon as `complete` says that it suffices;
 * with undefined where nothing answers so within `timeoutMs`. Never rejects.
 */
export function ask(
  address: { host: string; port: number },
  question: string,
  complete: (received: string) => boolean,
  timeoutMs = 2_000,
): Promise<string | undefined> {
  return new Promise((settle) => {
    const socket = connect(address);
    let received = '';
    const end = (answer: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      settle(answer);
    };
    const timer = setTimeout(() => end(undefined), timeoutMs);
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(question));
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (complete(received)) end(received);
    });
    socket.on('error', () => end(undefined));
    socket.on('close', () => end(undefined));
  });
}
