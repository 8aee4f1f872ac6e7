// The broker's HTTP side: is it alive, can it work, what are its figures.
import type { AddressInfo } from 'node:net';
import { type ServerType, serve } from '@hono/node-server';
import { Hono } from 'hono';
import type { NatsConnection } from 'nats';
import type { Bank } from './bank.js';
import { within } from './within.js';

const READY_MS = 1_000;

export interface HttpSide {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves /healthz, /readyz and /metrics; resolves once it listens, rejects where the port is taken. */
export function serveHttp(bank: Bank, nats: NatsConnection, hostname: string, port: number): Promise<HttpSide> {
  const app = new Hono();
  app.get('/healthz', (c) => c.json({ status: 'alive' }));
  app.get('/readyz', async (c) => {
    const [redis, bus] = await Promise.all([answers(bank.redis.ping()), answers(nats.rtt())]);
    return c.json({ redis, nats: bus }, redis && bus ? 200 : 503);
  });
  app.get('/metrics', async (c) => {
    const text = await bank.metrics.render(bank.redis, bank.meta);
    return c.text(text, 200, { 'content-type': bank.metrics.registry.contentType });
  });
  return new Promise((resolve, reject) => {
    const server: ServerType = serve({ fetch: app.fetch, hostname, port }, (info: AddressInfo) => {
      const close = () =>
        new Promise<void>((closed) => {
          server.close(() => closed());
          // A scrape that waits for a Redis which is away must not keep the process.
          if ('closeAllConnections' in server) server.closeAllConnections();
        });
      resolve({ port: info.port, close });
    });
    server.once('error', reject);
  });
}

async function answers(question: Promise<unknown>): Promise<boolean> {
  const answered = question.then(
    () => true,
    () => false,
  );
  return (await within(READY_MS, answered)) ?? false;
}
