// The composition root: connects the parts of one broker and takes them down in order.
import { createHmac } from 'node:crypto';
import { connectRedis, metaKey, RedisLedger, redisReady, runScript } from '@tender/credits/redis';
import { subjects } from '@tender/market';
import { connectNats, newUlid } from '@tender/market/nats';
import {
  AwardBatch,
  MarketReader,
  marketScripts,
  NegotiationLock,
  ScriptBatch,
  SpendReader,
} from '@tender/market/redis';
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import type { Bank } from './bank.js';
import { bucketTakes } from './bucket-takes.js';
import type { BrokerConfig } from './config.js';
import { EventPublisher } from './event-publisher.js';
import { type HttpSide, serveHttp } from './http.js';
import { InvariantWatch } from './invariant-watch.js';
import { openLog } from './log.js';
import { Metrics } from './metrics.js';
import { PolicyBook } from './policy-book.js';
import { PriceBook } from './price-book.js';
import { followPrices, tellPrices } from './price-feed.js';
import { watchForecasts } from './price-metrics.js';
import { SealCheck } from './seal-check.js';
import { BankService } from './service.js';
import { Steward } from './steward.js';
import { storeRisks } from './store-check.js';
import { Sweeper } from './sweeper.js';
import { TokenDesk } from './token-desk.js';
import { followForgotten, tellForgotten } from './token-feed.js';

export const VERSION = '0.1.0';
const START_MS = 10_000;

export interface Broker {
  readonly httpPort: number;
  readonly log: Logger;
  /** Resolves when the connection to NATS is closed and will not come back by itself. */
  readonly cutOff: Promise<string>;
  /** Takes no new work, answers what has arrived, then closes its connections. */
  stop(): Promise<void>;
}

export async function startBroker(config: BrokerConfig): Promise<Broker> {
  const log = openLog(config);
  const redis = connectRedis(config.REDIS_URL, (error) => log.debug({ error: String(error) }, 'redis'));
  const lockUrls = config.TENDER_LOCK_REDIS_URLS.split(',').filter((url) => url.length > 0);
  const lockRedises = lockUrls.map((url) => connectRedis(url));
  await redisReady(redis, START_MS);
  await sameSecret(redis, config);
  for (const risk of await storeRisks(redis)) log.warn(risk);
  const nats = await connectBus(config, log);
  const bank = compose(config, log, redis, lockRedises, nats);
  followForgotten(bank, nats);
  await Promise.all([followPolicy(bank, nats), followPrices(bank, nats)]);
  const service = new BankService(bank, nats);
  const sweeper = new Sweeper(bank, config.TENDER_SWEEP_MS);
  const invariants = new InvariantWatch(bank, config.TENDER_CHECK_MS);
  await service.start(VERSION);
  sweeper.start();
  invariants.start();
  const http = await serveHttp(bank, nats, config.HTTP_HOST, config.HTTP_PORT);
  const steward =
    config.TENDER_STEWARD && new Steward(config.NATS_URL, config.TENDER_MARKET, config.TENDER_STEWARD, log);
  log.info({ http: http.port, nats: nats.getServer(), steward: config.TENDER_STEWARD?.id }, 'listening');
  return {
    httpPort: http.port,
    log,
    cutOff: nats.closed().then((error) => `NATS is closed for good: ${error?.message ?? 'no reason given'}`),
    stop: async () => {
      await steward?.stop();
      sweeper.stop();
      invariants.stop();
      bank.tokens.close();
      await service.stop();
      bank.prices.close();
      await closeAll(http, nats);
      for (const connection of [redis, ...lockRedises]) connection.disconnect();
    },
  };
}

/** Reads the rules, and again whenever a broker says that they changed; what is missed is found out by a script. */
async function followPolicy({ market, policies, log }: Bank, nats: NatsConnection): Promise<void> {
  nats.subscribe(subjects.events(market, 'policy'), {
    callback: (error) => {
      if (error !== null) return log.warn({ error: String(error) }, 'NATS does not tell when the rules change');
      policies.load().catch((failure: unknown) => log.warn({ error: String(failure) }, 'the rules could not be read'));
    },
  });
  await policies.load();
}

/** Brokers of one market derive the same session keys, or agents' cheques would bounce by chance. */
async function sameSecret(redis: Bank['redis'], config: BrokerConfig): Promise<void> {
  const key = Buffer.from(config.TENDER_SECRET, 'hex');
  const print = createHmac('sha256', key).update('tender-fingerprint-1').digest('base64url').slice(0, 16);
  const meta = metaKey(config.TENDER_MARKET);
  await redis.hsetnx(meta, 'secret', print);
  if ((await redis.hget(meta, 'secret')) === print) return;
  throw new Error(
    `the market ${config.TENDER_MARKET} was opened with another TENDER_SECRET: give every broker the same one ` +
      `(to change it, stop all brokers and HDEL ${meta} secret; agents then log in anew)`,
  );
}

async function connectBus(config: BrokerConfig, log: Logger): Promise<NatsConnection> {
  const { NATS_URL: url, TENDER_NATS_SEED: seed } = config;
  let nats: NatsConnection;
  try {
    nats = await connectNats({ servers: url.split(','), sender: 'broker', ...(seed === undefined ? {} : { seed }) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `NATS at ${url} does not let it in (${why}): is it running, are NATS_URL and TENDER_NATS_SEED right?`,
    );
  }
  void watch(nats, log);
  return nats;
}

async function watch(nats: NatsConnection, log: Logger): Promise<void> {
  for await (const { type, data } of nats.status()) {
    if (type === 'disconnect') log.warn({ nats: data }, 'NATS is away');
    if (type === 'reconnect') log.info({ nats: data }, 'NATS is back');
  }
}

function compose(
  config: BrokerConfig,
  log: Logger,
  redis: Bank['redis'],
  lockRedises: readonly Bank['redis'][],
  nats: NatsConnection,
): Bank {
  const market = config.TENDER_MARKET;
  const meta = metaKey(market);
  const metrics = new Metrics(() => tokens.waiting());
  const reader = new MarketReader(redis, market);
  const events = new EventPublisher(nats, market, log);
  const prices = new PriceBook(newUlid(), tellPrices(nats, market, log));
  watchForecasts(metrics.registry, prices);
  const awards = new AwardBatch(redis, market, (replies, asked) => {
    for (const [n, reply] of replies.entries()) {
      if (!reply.ok || reply.replayed) continue;
      metrics.awarded(reply);
      events.awarded(reply);
      prices.awarded(asked[n]!, reply);
    }
  });
  const policies = new PolicyBook(reader);
  const take = bucketTakes({ redis, meta, reader, policies, metrics, events, prices });
  const tokens = new TokenDesk(take, tellForgotten(nats, market, log));
  return {
    market,
    meta,
    redis,
    ledger: new RedisLedger(redis, market),
    reader,
    policies,
    prices,
    lock: new NegotiationLock([redis, ...lockRedises], market, Date.now),
    awards,
    tokens,
    returns: new ScriptBatch((returns) => runScript(redis, marketScripts.returnTokens, meta, { returns })),
    spending: spendReader(redis, market, log),
    seals: new SealCheck(Buffer.from(config.TENDER_SECRET, 'hex'), market),
    events,
    metrics,
    log,
    operators: config.TENDER_OPERATORS,
    sessionMs: config.TENDER_SESSION_MS,
  };
}

/** An entry that does not fit is told once, however often the journal is read. */
function spendReader(redis: Bank['redis'], market: string, log: Logger): SpendReader {
  let told = 0;
  return new SpendReader(redis, market, (seq, why) => {
    if (seq > told) log.error({ seq, why }, 'spending is told wrong: an entry does not fit the rules');
    told = Math.max(told, seq);
  });
}

async function closeAll(http: HttpSide, nats: NatsConnection): Promise<void> {
  await http.close();
  // Where NATS is away there is nothing to drain.
  await nats.drain().catch(() => nats.close());
}
