// Publishes what has been committed: the facts of one turn of the event loop and one pool travel in one message.
import { type AwardedFact, encode, type SettledFact, subjects } from '@tender/market';
import type { AwardReply, SettleReply } from '@tender/market/redis';
import type { NatsConnection } from 'nats';

type Kind = 'awarded' | 'settled';

/** Facts of one message, at most: a burst must not outgrow the payload limit. */
const MAX_FACTS = 128;

export class EventPublisher {
  readonly #nats: NatsConnection;
  readonly #market: string;
  readonly #waiting = new Map<string, { kind: Kind; pool: string; facts: (AwardedFact | SettledFact)[] }>();

  constructor(nats: NatsConnection, market: string) {
    this.#nats = nats;
    this.#market = market;
  }

  /** An award as the script committed it. */
  awarded(reply: Extract<AwardReply, { ok: true }>): void {
    const { cfp, initiator, at, rule, units, durationMs, clearingPriceMicro, winners, outbid } = reply;
    const fact = { cfp, initiator, at, rule, units, durationMs, clearingPriceMicro, winners };
    this.#add('awarded', reply.pool, outbid === undefined ? fact : { ...fact, outbid });
  }

  settled(reply: Extract<SettleReply, { ok: true }>): void {
    const { contract, participant, at, outcome, slots, paidMicro, refundedMicro } = reply;
    this.#add('settled', reply.pool, { contract, participant, at, outcome, slots, paidMicro, refundedMicro });
  }

  #add(kind: Kind, pool: string, fact: AwardedFact | SettledFact): void {
    if (this.#waiting.size === 0) setImmediate(() => this.#flush());
    const name = `${kind}|${pool}`;
    const group = this.#waiting.get(name);
    if (group === undefined) this.#waiting.set(name, { kind, pool, facts: [fact] });
    else group.facts.push(fact);
  }

  #flush(): void {
    for (const { kind, pool, facts } of this.#waiting.values()) {
      for (let from = 0; from < facts.length; from += MAX_FACTS) {
        const event = { v: 1, kind, pool, facts: facts.slice(from, from + MAX_FACTS) };
        // Events are news, not the record: where NATS is away the journal still has them.
        if (!this.#nats.isClosed()) this.#nats.publish(subjects.event(this.#market, kind, pool), encode(event));
      }
    }
    this.#waiting.clear();
  }
}
