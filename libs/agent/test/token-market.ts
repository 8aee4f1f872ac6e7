// A market with buckets of rate tokens, and an upstream with limits of its own, for the SDK's tests.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Msg } from 'nats';
import { expect, onTestFinished } from 'vitest';
import type { Agent, Taken, TokenHold } from '../src/index.js';
import { type SdkMarket, sdkMarket } from './support.js';

export interface Limit {
  readonly name: string;
  readonly capacity: number;
  readonly refillPerSecond: number;
  readonly reserve?: number;
  readonly priceMicro?: string;
}

/** Requests that are there at once, and next to none after them. */
export const few = (capacity: number, more: Partial<Limit> = {}): Limit => ({
  ...{ name: 'requests', capacity, refillPerSecond: 0.001 },
  ...more,
});

export interface TokenMarket extends SdkMarket {
  /** A bucket under a name of its own; nobody pays for noise unless a test is about it. */
  bucket(limits: readonly Limit[], more?: Record<string, unknown>): Promise<string>;
  /** Counts takes from now on; the function resolves when so many are at the broker: what is asked then comes after them. */
  takes(): Promise<(times: number) => Promise<void>>;
}

/** Stopped, it shows that no rule was broken. */
export async function tokenMarket(name: string): Promise<TokenMarket> {
  const m = await sdkMarket({ name });
  await m.order('account', { account: { id: 'till', kind: 'pool' } });
  let opened = 0;
  return {
    ...m,
    async bucket(limits, more = {}) {
      opened += 1;
      const id = `api.model-${opened}`;
      const spec = { bucket: id, account: 'till', limits, noiseMaxPermille: 1000, ...more };
      await m.order('bucket', { bucket: spec });
      return id;
    },
    async takes() {
      const asked = new Set<string>();
      const callback = (_error: unknown, msg: Msg) => void asked.add(JSON.parse(msg.string()).id);
      const sub = m.operator.nats.subscribe(`tender.${m.market}.bank.*.tokens`, { callback });
      onTestFinished(() => sub.unsubscribe());
      await m.operator.nats.flush();
      return async (times) => {
        await expect.poll(() => asked.size).toBe(times);
        // The broker has read whatever the server gave it before this question.
        await m.operator.admin('approvals', {});
      };
    },
    async stop() {
      const breaches = await m.breaches();
      await m.stop();
      expect(breaches).toEqual([]);
    },
  };
}

export function heldBy(taken: Taken): TokenHold {
  if (!taken.ok) throw new Error(JSON.stringify(taken));
  return taken.held;
}

export async function levelOf(agent: Agent, id: string, limit = 'requests'): Promise<number> {
  const view = await agent.bucket(id);
  if (!view.ok) throw new Error(JSON.stringify(view));
  return view.limits.find(({ name }) => name === limit)!.level;
}

export async function moneyOf(agent: Agent): Promise<readonly [available: number, pending: number]> {
  const account = await agent.account();
  if (!account.ok) throw new Error(JSON.stringify(account));
  return [Number(account.availableMicro), Number(account.pendingMicro)];
}

/** An HTTP server that takes `perSecond` requests in each second of its clock and answers 429 to the rest. */
export async function upstream(limit: () => number, more: Record<string, string> = {}) {
  let windowAt = 0;
  let taken = 0;
  const seen = { ok: 0, refused: 0 };
  const server = createServer((_request, response) => {
    const second = Math.floor(performance.now() / 1000);
    if (second !== windowAt) [windowAt, taken] = [second, 0];
    taken += 1;
    const fits = taken <= limit();
    seen[fits ? 'ok' : 'refused'] += 1;
    response.writeHead(fits ? 200 : 429, fits ? {} : more);
    response.end(fits ? 'done' : 'slow down');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}
