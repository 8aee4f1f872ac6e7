// A whole market for a test: real servers, as many brokers as asked for, an operator; all of it gone afterwards.
import { fileURLToPath } from 'node:url';
import { connectRedis } from '@tender/credits/redis';
import { type Acknowledged, type Finding, publicNkeyOf } from '@tender/market';
import { newId } from '@tender/market/nats';
import { checkRedis } from '@tender/market/redis';
import { type Stack, type StackOptions, spawnTethered, startStack, type Tethered } from '@tender/stack';
import type { Redis } from 'ioredis';
import { newSeed, type Reply, WireClient } from './wire-client.js';

export const brokerMain = fileURLToPath(new URL('../apps/broker/dist/main.js', import.meta.url));

export interface MarketUnderTest {
  readonly market: string;
  readonly stack: Stack;
  readonly redis: Redis;
  readonly operator: WireClient;
  readonly env: Readonly<Record<string, string>>;
  /** Starts one more broker and waits until it serves. */
  broker(more?: Record<string, string>): Promise<Tethered>;
  /** An operator's request, under a key of its own unless it names one. */
  say(operation: string, request: Record<string, unknown>): Promise<Reply>;
  /** As `say`, and what it came to; a refusal throws, so that a test sees it. */
  order(operation: string, request: Record<string, unknown>): Promise<Reply['body']>;
  /** What the checker finds wrong: nothing, in a market that keeps its rules. */
  breaches(acknowledged?: readonly Acknowledged[]): Promise<readonly Finding[]>;
  /** An agent with an account, credits and a session. */
  agent(id: string, credits?: number, more?: Record<string, unknown>): Promise<WireClient>;
  /** A pool of slots with its account, sold by `seller`. */
  pool(pool: string, seller: string, slots: number, more?: Record<string, unknown>): Promise<void>;
  stop(): Promise<void>;
}

/** Waits until `condition` holds, or throws after `withinMs` with what was waited for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resume) => setTimeout(resume, 10));
  }
}

export async function startMarket(brokers: number, options: StackOptions = {}): Promise<MarketUnderTest> {
  const stack = await startStack(options);
  const market = `t-${newId().slice(-8)}`;
  const seed = newSeed();
  const env = {
    NATS_URL: stack.natsUrl,
    REDIS_URL: stack.redisUrl,
    TENDER_MARKET: market,
    TENDER_SECRET: '5e'.repeat(32),
    TENDER_OPERATORS: `op:${publicNkeyOf(seed)}`,
    HTTP_PORT: '0',
    LOG_LEVEL: 'info',
  };
  const running: Tethered[] = [];
  const clients: WireClient[] = [];
  const redis = connectRedis(stack.redisUrl);
  const operator = await WireClient.connect(stack.natsUrl, market, 'op', seed);
  clients.push(operator);
  const broker = async (more: Record<string, string> = {}) => {
    const child = spawnTethered(process.execPath, [brokerMain], {
      env: { PATH: process.env.PATH, ...env, ...more },
      stdio: ['ignore', 'pipe', 'inherit'],
      name: 'broker',
    });
    running.push(child);
    await listening(child);
    return child;
  };
  const say: MarketUnderTest['say'] = (operation, request) =>
    operator.admin(operation, { key: `${operation}-${newId()}`, ...request });
  const order: MarketUnderTest['order'] = async (operation, request) => {
    const { performative, body } = await say(operation, request);
    if (performative !== 'inform') throw new Error(`${operation} refused: ${JSON.stringify(body)}`);
    return body;
  };
  await Promise.all(Array.from({ length: brokers }, () => broker()));
  return {
    market,
    stack,
    redis,
    operator,
    env,
    broker,
    say,
    order,
    breaches: async (acknowledged = []) => {
      const { findings } = await checkRedis(redis, market, { acknowledged });
      return findings.filter(({ ok }) => !ok);
    },
    agent: async (id, credits = 1_000, more = {}) => {
      const client = await WireClient.connect(stack.natsUrl, market, id);
      clients.push(client);
      const account = { id, kind: 'agent', nkey: client.nkey, ...more };
      await order('account', { account });
      if (credits > 0) await order('grant', { to: id, amountMicro: String(credits * 1_000_000) });
      await client.login();
      return client;
    },
    pool: async (pool, seller, slots, more = {}) => {
      const account = `${pool.replaceAll('.', '-')}-till`;
      await order('account', { account: { id: account, kind: 'pool' } });
      await order('pool', { pool: { pool, account, seller, slots, ...more } });
    },
    stop: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all(running.map((child) => child.kill('SIGKILL')));
      redis.disconnect();
      await stack.stop();
    },
  };
}

/** Resolves at the broker's log line `listening`; rejects where it ends before. */
export async function listening(child: Tethered): Promise<void> {
  let text = '';
  await new Promise<void>((resolve, reject) => {
    child.process.stdout!.on('data', (chunk: Buffer) => {
      if (text.length < 100_000) text += chunk;
      if (text.includes('"listening"')) resolve();
    });
    void child.exited.then(({ code }) => reject(new Error(`the broker ended with ${code}: ${text}`)));
  });
}
