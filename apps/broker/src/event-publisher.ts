// Publishes what has been committed: the facts of one turn of the event loop and one pool travel in one message.
import {
  type AwardedFact,
  type DepositEnd,
  type DepositFact,
  type EngagedFact,
  type ProposalFact,
  type SettledFact,
  subjects,
  type TaskFact,
  type TokensFact,
} from '@tender/market';
import type { AwardReply, DepositReply, ProposalReply, SettleReply, TakeReply } from '@tender/market/redis';
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';

type Kind = 'awarded' | 'settled' | 'engaged' | 'task' | 'proposal' | 'tokens' | 'deposit';
type Fact = AwardedFact | SettledFact | EngagedFact | TaskFact | ProposalFact | TokensFact | DepositFact;

/** What the facts of a kind have in common is named so. */
const abouts: Readonly<Record<Kind, string>> = {
  awarded: 'pool',
  settled: 'pool',
  engaged: 'pool',
  task: 'pool',
  proposal: 'asker',
  tokens: 'bucket',
  deposit: 'pool',
};

/** A message is closed beyond this size: one fact of 64 winners has some 20 KB, and NATS takes a megabyte. */
const FULL_BYTES = 256 * 1024;

export class EventPublisher {
  readonly #nats: NatsConnection;
  readonly #market: string;
  readonly #log: Logger;
  readonly #waiting = new Map<string, { kind: Kind; pool: string; facts: Fact[] }>();

  constructor(nats: NatsConnection, market: string, log: Logger) {
    this.#nats = nats;
    this.#log = log;
    this.#market = market;
  }

  /** An award as the script committed it. */
  awarded(reply: Extract<AwardReply, { ok: true }>): void {
    const { cfp, initiator, at, rule, units, durationMs, clearingPriceMicro, winners, outbid } = reply;
    const fact = { cfp, initiator, at, rule, units, durationMs, clearingPriceMicro, winners };
    this.#add('awarded', reply.pool, outbid === undefined ? fact : { ...fact, outbid });
    this.depositsEnded(reply);
  }

  settled(reply: Extract<SettleReply, { ok: true }>): void {
    const { contract, participant, at, outcome, slots, paidMicro, refundedMicro, compensationMicro } = reply;
    const fact = { contract, participant, at, outcome, slots, paidMicro, refundedMicro };
    this.#add('settled', reply.pool, compensationMicro === undefined ? fact : { ...fact, compensationMicro });
    this.depositsEnded(reply);
  }

  /** A deposit as the script set it aside. */
  depositSetAside(reply: Extract<DepositReply, { ok: true }>): void {
    const { cfp, agent, at, amountMicro, until } = reply;
    this.#add('deposit', reply.pool, { cfp, agent, at, amountMicro, state: 'set-aside', until });
  }

  /** The deposits that a change has ended, whatever the change was. */
  depositsEnded({ deposits }: { readonly deposits?: readonly DepositEnd[] | undefined }): void {
    for (const { pool, ...fact } of deposits ?? []) this.#add('deposit', pool, fact);
  }

  engaged(resource: string, fact: EngagedFact): void {
    this.#add('engaged', resource, fact);
  }

  task(resource: string, fact: TaskFact): void {
    this.#add('task', resource, fact);
  }

  /** A take as the script committed it. */
  tokens(reply: Extract<TakeReply, { ok: true }>): void {
    const { hold, agent, at, amounts, amountMicro, ratePermille, noisePermille } = reply;
    this.#add('tokens', reply.bucket, { hold, agent, at, amounts, amountMicro, ratePermille, noisePermille });
  }

  /** What waits for an operator, or waits no more: told under its asker's name. */
  proposal(reply: Extract<ProposalReply, { ok: true }>): void {
    const { proposal, about, state, asker, conversation, at } = reply;
    this.#add('proposal', asker, { proposal, about, state, conversation, at });
  }

  /** The market has new rules. */
  policy(fact: { readonly version: number; readonly at: number }): void {
    this.#send('policy', this.#market, JSON.stringify({ v: 1, kind: 'policy', ...fact }));
  }

  #add(kind: Kind, pool: string, fact: Fact): void {
    if (this.#waiting.size === 0) setImmediate(() => this.#flush());
    const name = `${kind}|${pool}`;
    const group = this.#waiting.get(name);
    if (group === undefined) this.#waiting.set(name, { kind, pool, facts: [fact] });
    else group.facts.push(fact);
  }

  #flush(): void {
    for (const { kind, pool, facts } of this.#waiting.values()) {
      let texts: string[] = [];
      let bytes = 0;
      for (const fact of facts) {
        const text = JSON.stringify(fact);
        if (bytes + text.length > FULL_BYTES && texts.length > 0) {
          this.#publish(kind, pool, texts);
          texts = [];
          bytes = 0;
        }
        texts.push(text);
        bytes += text.length;
      }
      this.#publish(kind, pool, texts);
    }
    this.#waiting.clear();
  }

  #publish(kind: Kind, pool: string, facts: readonly string[]): void {
    const text = `{"v":1,"kind":"${kind}","${abouts[kind]}":"${pool}","facts":[${facts.join(',')}]}`;
    this.#send(kind, pool, text);
  }

  #send(kind: Kind | 'policy', id: string, text: string): void {
    try {
      this.#nats.publish(subjects.event(this.#market, kind, id), text);
    } catch (error) {
      // Events are news, not the record: where NATS is away the journal still has them.
      this.#log.warn({ id, kind, error: String(error) }, 'an event was not published');
    }
  }
}
