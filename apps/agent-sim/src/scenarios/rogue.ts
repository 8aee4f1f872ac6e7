// A rogue: an agent made of the wire alone, since the SDK would not let it break the rules that it is there to break.
import { createHash } from 'node:crypto';
import {
  adminText,
  type BankOperation,
  dealDigest,
  decodeJson,
  type Envelope,
  encode,
  type Fill,
  type Frame,
  type Issues,
  type Offer,
  type Performative,
  privateKeyOf,
  publicNkeyOf,
  sealEd25519,
  senderOf,
  signText,
  subjects,
} from '@tender/market';
import { connectNats, Inbox, newId, newUlid, stepHeaders } from '@tender/market/nats';

/** A message as it came, believed by nobody. */
export interface Heard extends Envelope {
  readonly from: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever others say is looked at by the scenarios that provoked it.
  readonly body: any;
}

export interface RogueKeys {
  readonly natsUrl: string;
  readonly market: string;
  readonly id: string;
  readonly seed: string;
  readonly now: () => number;
}

type NatsConnection = Awaited<ReturnType<typeof connectNats>>;
const PATIENCE_MS = 3_000;

export class Rogue {
  readonly id: string;
  readonly nkey: string;
  readonly #keys: RogueKeys;
  readonly #nc: NatsConnection;
  readonly #inbox: Inbox;
  #heard: Heard[] = [];
  #waiting: (() => void)[] = [];

  private constructor(nc: NatsConnection, keys: RogueKeys) {
    this.id = keys.id;
    this.nkey = publicNkeyOf(keys.seed);
    this.#keys = keys;
    this.#nc = nc;
    this.#inbox = new Inbox(nc, keys.id);
  }

  /** Hears what is said to it, and the calls for these resources. */
  static async connect(keys: RogueKeys, resources: readonly string[] = []): Promise<Rogue> {
    const nc = await connectNats({ servers: keys.natsUrl, sender: keys.id });
    const rogue = new Rogue(nc, keys);
    rogue.#listen(subjects.talks(keys.market, keys.id));
    rogue.#listen(subjects.bids(keys.market, keys.id));
    for (const resource of resources) rogue.#listen(subjects.cfps(keys.market, resource));
    await nc.flush();
    return rogue;
  }

  #listen(subject: string): void {
    this.#nc.subscribe(subject, {
      callback: (error, msg) => {
        const from = senderOf(msg.subject);
        const parsed = decodeJson(msg.data);
        if (error !== null || from === undefined || !parsed.ok) return;
        this.#heard.push({ ...(parsed.value as Envelope), from });
        for (const wake of this.#waiting.splice(0)) wake();
      },
    });
  }

  /** The next message that fits, heard already or within the time; undefined where none comes. Each is taken once. */
  async hear(fits: (heard: Heard) => boolean, withinMs = PATIENCE_MS): Promise<Heard | undefined> {
    const dueMs = performance.now() + withinMs;
    for (;;) {
      const index = this.#heard.findIndex(fits);
      if (index >= 0) return this.#heard.splice(index, 1)[0];
      const leftMs = dueMs - performance.now();
      if (leftMs <= 0) return undefined;
      await new Promise<void>((wake) => {
        const timer = setTimeout(wake, leftMs);
        this.#waiting.push(() => {
          clearTimeout(timer);
          wake();
        });
      });
    }
  }

  /** The next message of a conversation with one of these performatives. */
  answer(conversation: string, performatives: readonly Performative[], withinMs?: number): Promise<Heard | undefined> {
    return this.hear((one) => one.conversation === conversation && performatives.includes(one.performative), withinMs);
  }

  /** Says anything to anybody, true or not. */
  tell(to: string, performative: Performative, conversation: string, body: object, status = 261): void {
    this.#publish(subjects.talk(this.#keys.market, to, this.id), performative, conversation, body, status);
  }

  /** Ends a conversation, so that nobody waits for it. */
  leave(to: string, conversation: string): void {
    this.tell(to, 'cancel', conversation, { kind: 'task', detail: 'expired' }, 410);
  }

  /** Answers an announced call. */
  bid(to: string, performative: Performative, conversation: string, body: object): void {
    this.#publish(subjects.bid(this.#keys.market, to, conversation, this.id), performative, conversation, body, 261);
  }

  #publish(subject: string, performative: Performative, conversation: string, body: object, status: number): void {
    const { round, issues } = body as { round?: number; issues?: Issues };
    const headers = stepHeaders({ status, conversation, round, budget: issues?.priceMicro });
    this.#nc.publish(subject, encode(this.#envelope(performative, conversation, body)), { headers });
  }

  #envelope(performative: Performative, conversation: string, body?: object): Envelope {
    const sentAt = this.#keys.now();
    const replyBy = sentAt + PATIENCE_MS;
    return { v: 1, id: newUlid(), conversation, sender: this.id, sentAt, replyBy, performative, body };
  }

  /** Asks the bank, as often as it takes to be heard. */
  ask(operation: BankOperation, body: object): Promise<Heard> {
    return this.#request(subjects.bank(this.#keys.market, this.id, operation), body);
  }

  /** Closes on offers by itself, whatever was agreed before. */
  engage(frame: Frame, ask: Issues, offers: readonly Offer[], kind: Fill['kind'] = 'one'): Promise<Heard> {
    const fill: Fill = { kind, by: 'units' };
    return this.ask('engage', { key: newUlid(), frame, ask, rule: 'lowest-price', fill, offers });
  }

  /** Asks for what operators alone may have, as properly signed as it can: by its own key. */
  askAsOperator(operation: 'decide' | 'policy' | 'set-account', request: object): Promise<Heard> {
    const { market, seed } = this.#keys;
    return this.#request(subjects.admin(market, this.id, operation), undefined, ({ id, sentAt }) => {
      const digest = createHash('sha256').update(JSON.stringify(request)).digest('base64url');
      const text = adminText(market, this.id, operation, id, sentAt, digest);
      return { nkey: this.nkey, signature: signText(text, privateKeyOf(seed)!), request };
    });
  }

  async #request(subject: string, body?: object, signed?: (head: Envelope) => object): Promise<Heard> {
    for (let attempt = 0; attempt < 10; attempt++) {
      const head = this.#envelope('request', this.id, body);
      const payload = encode(signed === undefined ? head : { ...head, body: signed(head) });
      const answered = await this.#inbox.request(subject, payload, PATIENCE_MS);
      if (answered.kind !== 'reply') continue;
      const parsed = decodeJson(answered.msg.data);
      if (!parsed.ok) continue;
      const heard: Heard = { ...(parsed.value as Envelope), from: 'bank' };
      if (heard.body?.detail !== 'unavailable') return heard;
    }
    throw new Error(`${this.id}: the bank does not answer to ${subject}`);
  }

  /** Seals whatever it likes with its nkey, good for a minute. */
  offer(frame: Frame, issues: Issues, more: Partial<Offer> = {}, intent = newId()): Offer {
    const { units, priceMicro } = issues;
    const until = this.#keys.now() + 60_000;
    const bid = { participant: this.id, units, priceMicro, intent, until };
    const digest = dealDigest(frame, issues, more.hold);
    const key = privateKeyOf(this.#keys.seed)!;
    const seal = sealEd25519(this.#keys.market, frame.conversation, digest, bid, this.nkey, key);
    return {
      issues,
      seal,
      completesAt: issues.deadline,
      assumptions: [],
      dependencies: [],
      quality: 500,
      risk: 100,
      ...more,
    };
  }

  async close(): Promise<void> {
    this.#inbox.close();
    for (const wake of this.#waiting.splice(0)) wake();
    await this.#nc.close();
  }
}

/** Has a rogue answer every call that it hears; gives back how to stop. */
export function answerCalls(rogue: Rogue, answer: (call: Heard) => void): () => Promise<void> {
  let over = false;
  const working = (async () => {
    while (!over) {
      const call = await rogue.hear(({ performative }) => performative === 'cfp', 100);
      if (call !== undefined) answer(call);
    }
  })();
  return async () => {
    over = true;
    await working;
  };
}
