// A hand on rate tokens for tests and benches: buckets, takes and returns in one line each, keys and holds made up.
import { type BucketSpec, bucketSpec } from '@tender/credits';
import { bodyDigest, metaKey, runScript } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import type { z } from 'zod';
import type { BuyAsked, TakeAsked } from '../model/tokens-command.js';
import { marketScripts } from '../redis/scripts.js';
import type { BuyReply, ReturnInput, ReturnReply, TakeReply, TakesReply } from '../redis/token-scripts.js';
import type { TokenAmounts, UpstreamWord } from '../tokens.js';
import { POOL_ACCOUNT } from './seed-market.js';

/** A take with what a test does not care about left out: a hold of its own, for a minute, for what it may cost. */
export type TakeDraft = Partial<TakeAsked> & { readonly agent: string };

export type BuyDraft = Partial<BuyAsked> & { readonly agent: string; readonly of: string };

/** A bucket with what a test does not care about left out: 100 requests at once, 10 a second, for one micro-credit each. */
export type BucketDraft = Partial<z.input<typeof bucketSpec>>;

export class TokenHand {
  readonly #redis: Redis;
  readonly #meta: string;
  #keys = 0;

  constructor(redis: Redis, market: string) {
    this.#redis = redis;
    this.#meta = metaKey(market);
  }

  #next(name: string): string {
    this.#keys += 1;
    return `${name}-${String(this.#keys).padStart(6, '0')}`;
  }

  bucketSpec(draft: BucketDraft = {}): BucketSpec {
    const limits = [{ name: 'requests', capacity: 100, refillPerSecond: 10 }];
    return bucketSpec.parse({ bucket: 'api', account: POOL_ACCOUNT, limits, ...draft });
  }

  openBucket(draft: BucketDraft = {}, key = this.#next('bucket')) {
    const bucket = this.bucketSpec(draft);
    const input = { by: 'operator', key, digest: bodyDigest('bucket', bucket), bucket };
    return runScript(this.#redis, marketScripts.openBucket, this.#meta, input);
  }

  takeAsked(draft: TakeDraft): TakeAsked {
    const body = {
      ...{ hold: draft.hold ?? this.#next('hold'), agent: draft.agent, amounts: { requests: 1 } },
      ...{ maxPrice: 1_000, ttlMs: 60_000, ...draft },
    };
    const { by = draft.agent, digest = bodyDigest('tokens', { ...body, by: undefined }) } = draft;
    return { ...body, by, digest };
  }

  /** Takes of one instant. */
  async takes(drafts: readonly TakeDraft[], bucket = 'api'): Promise<readonly TakeReply[]> {
    return (await this.clearing(drafts, bucket)).answers;
  }

  /** The same, and what is left thereafter. */
  async clearing(drafts: readonly TakeDraft[], bucket = 'api', judgedBy?: number): Promise<TakesReply> {
    const takes = drafts.map((draft) => this.takeAsked(draft));
    const policy = judgedBy ?? (await this.#policy());
    return runScript(this.#redis, marketScripts.takeTokens, this.#meta, { bucket, takes, policy });
  }

  /** The version of the market's rules. */
  async #policy(): Promise<number> {
    return Number((await this.#redis.hget(this.#meta, 'policyVersion')) ?? 0);
  }

  async take(draft: TakeDraft, bucket = 'api'): Promise<TakeReply> {
    return (await this.takes([draft], bucket))[0]!;
  }

  returnAsked(draft: Partial<ReturnInput> & Pick<ReturnInput, 'by' | 'hold' | 'used'>): ReturnInput {
    const { by, key = this.#next('return'), hold, used, upstream } = draft;
    const body = { hold, used, ...(upstream === undefined ? {} : { upstream }) };
    return { by, key, digest: bodyDigest('return', body), ...body };
  }

  /** Returns of one instant. */
  returns(returns: readonly ReturnInput[]): Promise<ReturnReply[]> {
    return runScript(this.#redis, marketScripts.returnTokens, this.#meta, { returns });
  }

  async return(by: string, hold: string, used: ReturnInput['used'], upstream?: UpstreamWord, key?: string) {
    return (await this.returns([this.returnAsked({ by, hold, used, upstream, ...(key && { key }) })]))[0]!;
  }

  offer(by: string, hold: string, to: string, amounts: TokenAmounts, price: number, key = this.#next('offer')) {
    const body = { hold, to, amounts, price };
    const input = { by, key, digest: bodyDigest('offer-tokens', body), ...body };
    return runScript(this.#redis, marketScripts.offerTokens, this.#meta, input);
  }

  async buy({ policy: judgedBy, barred, seller, ...draft }: BuyDraft): Promise<BuyReply> {
    const body = {
      ...{ hold: this.#next('bought'), amounts: { requests: 1 }, maxPrice: 1_000, ...draft },
    };
    const { by = draft.agent, digest = bodyDigest('buy-tokens', { ...body, by: undefined }) } = draft;
    const policy = judgedBy ?? (await this.#policy());
    const asked = { ...body, by, digest, policy, barred, seller };
    return runScript(this.#redis, marketScripts.buyTokens, this.#meta, asked);
  }

  expire(hold: string) {
    return runScript(this.#redis, marketScripts.expireHold, this.#meta, { hold });
  }

  view(bucket = 'api', agent?: string) {
    return runScript(this.#redis, marketScripts.bucketView, this.#meta, { bucket, agent });
  }
}
