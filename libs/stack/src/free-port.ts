// Finds loopback ports for servers: a guess that is checked, and that the caller repeats where the bind fails.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Linux hands out 32768 and up to outgoing connections. Below that, no connection of a neighbour can sit on a server's
 * port while the server is down, and a restart on the same port succeeds.
 */
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;

/** A port of 127.0.0.1 that was free a moment ago. Another process may still be faster: the caller retries. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port found on 127.0.0.1 between ${FIRST_PORT} and ${LAST_PORT}.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const server = createServer();
    server.once('error', () => settle(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => settle(true)));
  });
}
