// Prepared work for award bursts: registered calls, each on its own slot under its own negotiation lock, with sealed
// cheques. Preparing and settling are not what is measured; both go to the same scripts that the broker runs.
import { type KeyObject, randomBytes } from 'node:crypto';
import { bodyDigest, marketKey, metaKey, runScript } from '@tender/credits/redis';
import {
  type Bid,
  type Cheque,
  encode,
  privateKeyOf,
  publicNkeyOf,
  rankBids,
  type SealKind,
  sealEd25519,
  sealMac,
  sessionKey,
  type Terms,
  termsDigest,
} from '@tender/market';
import { newId, newUlid } from '@tender/market/nats';
import { type AwardInput, marketScripts } from '@tender/market/redis';
import type { Redis } from 'ioredis';
import { LEASE_MS, SELLER, type SeededAgent, SLOTS_PER_POOL } from './place.js';

interface Participant {
  readonly id: string;
  readonly nkey: string;
  readonly key: KeyObject;
}

interface Slot {
  readonly pool: string;
  readonly number: number;
}

/** A call that can be awarded: one cheque that will win, and the runner-up that sets the uniform price. */
export interface Prepared {
  readonly cfp: string;
  readonly slot: Slot;
  readonly winner: string;
  readonly digest: string;
  readonly cheques: readonly Cheque[];
}

const HOURS = 3_600_000;
const AT_ONCE = 256;

export class Stock {
  readonly #redis: Redis;
  readonly #market: string;
  readonly #participants: readonly Participant[];
  readonly #draw: () => number;
  readonly #session: { readonly id: string; readonly until: number };
  readonly #sessionKeys: readonly Buffer[];
  readonly #free: Slot[] = [];
  #next = 0;

  /** Loads the scripts that prepared work needs. */
  static async open(on: ConstructorParameters<typeof Stock>[0]): Promise<Stock> {
    for (const script of [marketScripts.openCall, marketScripts.award, marketScripts.settle]) {
      await on.redis.script('LOAD', script.text);
    }
    return new Stock(on);
  }

  constructor(on: {
    readonly redis: Redis;
    readonly market: string;
    readonly secret: string;
    readonly pools: readonly string[];
    readonly bidders: readonly SeededAgent[];
    readonly draw: () => number;
  }) {
    this.#redis = on.redis;
    this.#market = on.market;
    this.#participants = on.bidders.map(({ id, seed }) => {
      return { id, nkey: publicNkeyOf(seed), key: privateKeyOf(seed)! };
    });
    this.#draw = on.draw;
    this.#session = { id: randomBytes(8).toString('hex'), until: Date.now() + 12 * HOURS };
    const { id, until } = this.#session;
    const secret = Buffer.from(on.secret, 'hex');
    this.#sessionKeys = on.bidders.map((one) => sessionKey(secret, on.market, one.id, id, until));
    // Neighbours lie in different pools: awards that meet in one batch are of several pools, as in a market.
    for (let number = 0; number < SLOTS_PER_POOL; number += 1) {
      for (const pool of on.pools) this.#free.push({ pool, number });
    }
  }

  /** Opens calls and seals cheques for them. Throws where a call is refused. */
  async prepare(seal: SealKind, count: number): Promise<Prepared[]> {
    const made: Prepared[] = [];
    while (made.length < count && this.#free.length > 0) {
      const slots = this.#free.splice(0, Math.min(AT_ONCE, count - made.length));
      made.push(...(await this.#open(slots, seal)));
    }
    return made;
  }

  async #open(slots: readonly Slot[], seal: SealKind): Promise<Prepared[]> {
    const pipeline = this.#redis.pipeline();
    const calls = slots.map((slot) => {
      const cfp = newId();
      const terms = this.#terms(cfp, slot.pool);
      const digest = termsDigest(terms);
      const lockValue = randomBytes(20).toString('hex');
      pipeline.set(marketKey(this.#market, 'lock', `${slot.pool}:${slot.number}`), lockValue, 'PX', 2 * HOURS);
      const input = {
        by: SELLER,
        key: newUlid(),
        digest: bodyDigest('lock', terms),
        cfp,
        pool: slot.pool,
        slots: [slot.number],
        lockValue,
        rule: terms.rule,
        reservePriceMicro: terms.reservePriceMicro,
        durationMs: terms.durationMs,
        windowMs: terms.windowMs,
        ttlMs: HOURS,
        seals: terms.seals,
        termsDigest: digest,
      };
      pipeline.evalsha(marketScripts.openCall.sha, 1, metaKey(this.#market), JSON.stringify(input));
      return { cfp, slot, digest };
    });
    const replies = (await pipeline.exec()) ?? [];
    return calls.map((call, index) => {
      const [error, text] = replies[2 * index + 1] ?? [new Error('no reply')];
      if (error) throw error;
      const reply = marketScripts.openCall.parse(text as string);
      if (!reply.ok) throw new Error(`a call could not be prepared: ${reply.detail}: ${reply.message}`);
      return { ...call, ...this.#cheques(call.cfp, call.digest, seal) };
    });
  }

  #terms(cfp: string, pool: string): Terms {
    return {
      cfp,
      market: this.#market,
      pool,
      initiator: SELLER,
      direction: 'sell',
      units: 1,
      rule: 'uniform-price',
      reservePriceMicro: '0',
      durationMs: LEASE_MS,
      windowMs: 60,
      seals: ['mac', 'ed25519'],
    };
  }

  #cheques(cfp: string, digest: string, seal: SealKind): Pick<Prepared, 'winner' | 'cheques'> {
    const first = this.#next++ % this.#participants.length;
    const second = (first + 1) % this.#participants.length;
    const high = 2_000 + Math.floor(this.#draw() * 1_000);
    const low = 1_000 + Math.floor(this.#draw() * 1_000);
    const cheques = [this.#seal(first, high, cfp, digest, seal), this.#seal(second, low, cfp, digest, seal)];
    return { winner: this.#participants[first]!.id, cheques };
  }

  #seal(index: number, price: number, cfp: string, digest: string, seal: SealKind): Cheque {
    const { id, nkey, key } = this.#participants[index]!;
    const bid: Bid = {
      participant: id,
      units: 1,
      priceMicro: String(price),
      intent: newId(),
      until: Date.now() + HOURS,
    };
    if (seal === 'ed25519') return sealEd25519(this.#market, cfp, digest, bid, nkey, key);
    const session = { session: this.#session.id, until: this.#session.until, key: '' };
    return sealMac(this.#market, cfp, digest, bid, session, this.#sessionKeys[index]!);
  }

  /** Ends the leases that awards have made, and takes their slots back. Throws where one is refused. */
  async settle(won: readonly Prepared[]): Promise<void> {
    await settleContracts(
      this.#redis,
      this.#market,
      won.map(({ cfp, winner }) => ({ contract: `${cfp}-1`, participant: winner })),
    );
    for (const { slot } of won) this.#free.push(slot);
  }
}

/** Ends leases in the name of their holders, many at a time. */
export async function settleContracts(
  redis: Redis,
  market: string,
  leases: readonly { readonly contract: string; readonly participant: string }[],
): Promise<void> {
  for (let from = 0; from < leases.length; from += AT_ONCE) {
    const some = leases.slice(from, from + AT_ONCE);
    const replies = await Promise.all(
      some.map(({ contract, participant }) => {
        const body = { key: newUlid(), contract };
        const input = { kind: 'release' as const, by: participant, digest: bodyDigest('settle', body), ...body };
        return runScript(redis, marketScripts.settle, metaKey(market), input);
      }),
    );
    for (const reply of replies) {
      if (!reply.ok) throw new Error(`a lease could not be settled: ${reply.detail}: ${reply.message}`);
    }
  }
}

/** The award as a request to the bank: the message that an initiator would send. */
export function awardRequest(prepared: Prepared): Uint8Array {
  const sentAt = Date.now();
  const { cfp, digest, cheques } = prepared;
  return encode({
    v: 1,
    id: newUlid(),
    conversation: cfp,
    sender: SELLER,
    sentAt,
    replyBy: sentAt + 10_000,
    performative: 'request',
    body: { key: newUlid(), cfp, digest, bids: cheques },
  });
}

/** The award as the broker hands it to the script. */
export function awardInput(prepared: Prepared): AwardInput {
  const { cfp, digest, cheques } = prepared;
  const key = newUlid();
  const bids = cheques.map((cheque) => {
    const { participant, intent, units, priceMicro } = cheque;
    const bid = { participant, intent, units, price: Number(priceMicro) };
    return cheque.seal === 'mac'
      ? { ...bid, until_ms: Math.min(cheque.until, cheque.sessionUntil) }
      : { ...bid, until_ms: cheque.until, nkey: cheque.nkey };
  });
  return {
    by: SELLER,
    key,
    digest: bodyDigest('award', { key, cfp, digest, bids: cheques }),
    cfp,
    termsDigest: digest,
    bids: rankBids(digest, bids),
    policy: 0,
  };
}
