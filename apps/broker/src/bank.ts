// What every endpoint works with: one market's stores, keys and clocks.
import type { RedisLedger } from '@tender/credits/redis';
import type {
  AwardBatch,
  MarketReader,
  NegotiationLock,
  ReturnInput,
  ReturnReply,
  ScriptBatch,
  SpendReader,
} from '@tender/market/redis';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { EventPublisher } from './event-publisher.js';
import type { Metrics } from './metrics.js';
import type { PolicyBook } from './policy-book.js';
import type { PriceBook } from './price-book.js';
import type { SealCheck } from './seal-check.js';
import type { TokenDesk } from './token-desk.js';

export interface Bank {
  readonly market: string;
  readonly meta: string;
  readonly redis: Redis;
  readonly ledger: RedisLedger;
  readonly reader: MarketReader;
  readonly lock: NegotiationLock;
  readonly awards: AwardBatch;
  readonly tokens: TokenDesk;
  readonly returns: ScriptBatch<ReturnInput, ReturnReply>;
  readonly spending: SpendReader;
  readonly policies: PolicyBook;
  readonly prices: PriceBook;
  readonly seals: SealCheck;
  readonly events: EventPublisher;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly operators: ReadonlyMap<string, string>;
  readonly sessionMs: number;
}

/** One request, its sender taken from the subject and its envelope checked. */
export interface Asked<B> {
  readonly sender: string;
  readonly conversation: string;
  readonly body: B;
}

/** One that may have to wait: by the asker's clock, when it was sent and until when an answer is awaited. */
export interface AskedInTime<B> extends Asked<B> {
  readonly sentAt: number;
  readonly replyBy: number;
}
