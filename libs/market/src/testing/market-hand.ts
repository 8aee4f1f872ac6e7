// A hand on a market's scripts for tests and benches: calls, awards and leases in one line each, keys made up.
import { bodyDigest, marketKey, metaKey, runScript } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import type { CallTerms, ShownBid } from '../model/command.js';
import type { Ruling } from '../policy/ruling.js';
import type { Keyed } from '../redis/script-reply.js';
import { type AwardInput, type AwardReply, marketScripts } from '../redis/scripts.js';
import { SELLER } from './seed-market.js';

/** A bid with what a test does not care about left out: one unit, an intent of its own, valid for an hour. */
export type BidDraft = Partial<ShownBid> & { readonly participant: string; readonly price: number };

/** A call with what a test does not care about left out: the seller's, at a uniform price, for a minute. */
export type CallDraft = Partial<Keyed & CallTerms> & { readonly cfp: string; readonly slots: readonly number[] };

/** The digest of a drafted call's terms: any text does, as long as opening and award agree. */
const DRAFT_DIGEST = 'd'.repeat(43);

export class MarketHand {
  readonly redis: Redis;
  readonly market: string;
  #keys = 0;

  constructor(redis: Redis, market: string) {
    this.redis = redis;
    this.market = market;
  }

  /** An idempotency key that this hand has not used. */
  key(): string {
    this.#keys += 1;
    return `key-${String(this.#keys).padStart(6, '0')}`;
  }

  lockKey(pool: string, slot: number): string {
    return marketKey(this.market, 'lock', `${pool}:${slot}`);
  }

  /** Sets the slots' locks as redlock does. */
  async lock(pool: string, slots: readonly number[], value: string, ttlMs = 60_000): Promise<void> {
    for (const slot of slots) await this.redis.set(this.lockKey(pool, slot), value, 'PX', ttlMs);
  }

  /** Opens a call under an idempotency key; the locks are the caller's affair. */
  openCall(draft: CallDraft) {
    const call: Keyed & CallTerms = {
      ...{
        by: SELLER,
        key: this.key(),
        digest: '',
        pool: 'gpu',
        lockValue: `lock-${draft.cfp}`,
        rule: 'uniform-price',
      },
      ...{ reservePriceMicro: '0', durationMs: 60_000, windowMs: 1_000, ttlMs: 60_000, seals: ['mac', 'ed25519'] },
      ...{ termsDigest: DRAFT_DIGEST, ...draft },
    };
    const { key, by, digest: _digest, ...body } = call;
    const input = { ...body, by, key, digest: bodyDigest('lock', body) };
    return runScript(this.redis, marketScripts.openCall, metaKey(this.market), input);
  }

  /** Locks the slots and opens the call; throws where it is refused. */
  async call(draft: CallDraft): Promise<void> {
    await this.lock(draft.pool ?? 'gpu', draft.slots, draft.lockValue ?? `lock-${draft.cfp}`);
    const reply = await this.openCall(draft);
    if (!reply.ok) throw new Error(`call ${draft.cfp}: ${reply.detail}, ${reply.message}`);
  }

  awardInput(cfp: string, bids: readonly BidDraft[], draft: Partial<AwardInput> = {}): AwardInput {
    const body = {
      ...{ cfp, termsDigest: draft.termsDigest ?? DRAFT_DIGEST, policy: 0 },
      bids: bids.map((bid, index) => ({
        ...{ intent: `${cfp}-${index}`, units: 1, until_ms: Date.now() + 3_600_000 },
        ...bid,
      })),
    };
    return { by: SELLER, key: this.key(), digest: bodyDigest('award', body), ...body, ...draft };
  }

  /** Several awards in one script call. */
  awards(awards: readonly AwardInput[]): Promise<AwardReply[]> {
    return runScript(this.redis, marketScripts.award, metaKey(this.market), { awards });
  }

  /** One award; bids must be given in rank order. */
  async award(cfp: string, bids: readonly BidDraft[], draft: Partial<AwardInput> = {}): Promise<AwardReply> {
    const [reply] = await this.awards([this.awardInput(cfp, bids, draft)]);
    return reply!;
  }

  deposit(
    agent: string,
    cfp: string,
    amountMicro: string,
    by = agent,
    key = this.key(),
    more: Partial<Ruling> & { readonly untilMs?: number | undefined } = {},
  ) {
    const body = { cfp, agent, amountMicro, untilMs: more.untilMs };
    const input = { by, key, digest: bodyDigest('deposit', body), ...body, policy: 0, ...more };
    return runScript(this.redis, marketScripts.deposit, metaKey(this.market), input);
  }

  withdrawDeposit(agent: string, cfp: string, by = agent, key = this.key()) {
    const body = { cfp, agent };
    const input = { by, key, digest: bodyDigest('withdraw-deposit', body), ...body };
    return runScript(this.redis, marketScripts.withdrawDeposit, metaKey(this.market), input);
  }

  /** As the sweeper does. */
  returnDeposits(cfp: string) {
    return runScript(this.redis, marketScripts.returnDeposits, metaKey(this.market), { cfp });
  }

  renew(
    by: string,
    contract: string,
    maxPriceMicro: string,
    { key = this.key(), ...ruling }: Partial<Ruling> & { readonly key?: string } = {},
  ) {
    const body = { contract, maxPriceMicro };
    const input = { by, key, digest: bodyDigest('renew', body), ...body, policy: 0, ...ruling };
    return runScript(this.redis, marketScripts.renew, metaKey(this.market), input);
  }

  release(by: string, contract: string, key = this.key()) {
    const input = { kind: 'release' as const, by, key, digest: bodyDigest('settle', { contract }), contract };
    return runScript(this.redis, marketScripts.settle, metaKey(this.market), input);
  }

  preempt(by: string, contract: string, operator?: true) {
    const body = { kind: 'preempt' as const, contract, operator };
    const input = { ...body, by, key: this.key(), digest: bodyDigest('preempt', { contract }) };
    return runScript(this.redis, marketScripts.settle, metaKey(this.market), input);
  }

  hear(by: string, contract: string, step: 'run' | 'progress', key = this.key()) {
    const input = { by, key, digest: bodyDigest('report', { contract, step }), contract, step };
    return runScript(this.redis, marketScripts.hear, metaKey(this.market), input);
  }

  expire(contract: string) {
    return runScript(this.redis, marketScripts.settle, metaKey(this.market), { kind: 'expire', contract });
  }

  releaseCall(cfp: string, by = SELLER, key = this.key()) {
    const input = { kind: 'release' as const, by, key, digest: bodyDigest('release', { cfp }), cfp };
    return runScript(this.redis, marketScripts.closeCall, metaKey(this.market), input);
  }

  lapseCall(cfp: string) {
    return runScript(this.redis, marketScripts.closeCall, metaKey(this.market), { kind: 'lapse', cfp });
  }

  extendCall(cfp: string, ttlMs: number, by = SELLER, key = this.key()) {
    const input = { by, key, digest: bodyDigest('extend', { cfp, ttlMs }), cfp, ttlMs };
    return runScript(this.redis, marketScripts.extendCall, metaKey(this.market), input);
  }
}
