// A market participant made of the wire alone: tests must not trust the SDK with what they prove about the broker.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  adminText,
  type BankOperation,
  type Bid,
  type Call,
  type Cheque,
  encode,
  ephemeralText,
  privateKeyOf,
  publicNkeyOf,
  sealMac,
  seedOf,
  sessionText,
  signText,
  subjects,
  termsDigest,
  unwrapSessionKey,
} from '@tender/market';
import { connectNats, Inbox, newId, newUlid } from '@tender/market/nats';
import type { MsgHdrs, NatsConnection } from 'nats';

export interface Reply {
  readonly performative: string;
  // biome-ignore lint/suspicious/noExplicitAny: replies of every operation, read by tests.
  readonly body: any;
  readonly headers: MsgHdrs | undefined;
}

export function newSeed(): string {
  return seedOf(randomBytes(32));
}

export class WireClient {
  readonly id: string;
  readonly seed: string;
  readonly nkey: string;
  readonly nats: NatsConnection;
  readonly market: string;
  readonly #inbox: Inbox;
  #session: { session: string; until: number; key: Uint8Array } | undefined;
  /** Every operation that was answered with success, for the checker. */
  readonly acknowledged: { by: string; key: string }[] = [];

  private constructor(nats: NatsConnection, market: string, id: string, seed: string) {
    this.nats = nats;
    this.market = market;
    this.id = id;
    this.seed = seed;
    this.nkey = publicNkeyOf(seed);
    this.#inbox = new Inbox(nats, id);
  }

  static async connect(natsUrl: string, market: string, id: string, seed = newSeed()): Promise<WireClient> {
    const nats = await connectNats({ servers: natsUrl, sender: id }, { reconnectTimeWait: 20, reconnectJitter: 20 });
    return new WireClient(nats, market, id, seed);
  }

  envelope(body: unknown): Record<string, unknown> {
    const now = Date.now();
    const head = { v: 1, id: newUlid(), conversation: this.id, sender: this.id, sentAt: now, replyBy: now + 10_000 };
    return { ...head, performative: 'request', body };
  }

  /** Sends bytes as they are and waits for an answer; undefined where none comes. */
  async raw(subject: string, payload: Uint8Array, withinMs = 9_000, headers?: MsgHdrs): Promise<Reply | undefined> {
    const answered = await this.#inbox.request(subject, payload, withinMs, headers);
    if (answered.kind !== 'reply') return undefined;
    const { performative, body } = JSON.parse(answered.msg.string());
    return { performative, body, headers: answered.msg.headers };
  }

  /** Asks once. */
  once(operation: BankOperation, body: unknown, withinMs?: number): Promise<Reply | undefined> {
    return this.raw(subjects.bank(this.market, this.id, operation), encode(this.envelope(body)), withinMs);
  }

  /** Asks until there is an answer that says what was done, under the same key; throws after a minute. */
  async ask(operation: BankOperation, body: Record<string, unknown>): Promise<Reply> {
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      const reply = await this.once(operation, body, 1_000);
      if (reply === undefined || reply.body.detail === 'unavailable') {
        await new Promise((resume) => setTimeout(resume, 20));
        continue;
      }
      if (reply.performative === 'inform' && typeof body.key === 'string') {
        this.acknowledged.push({ by: this.id, key: body.key });
      }
      return reply;
    }
    throw new Error(`no answer to ${operation} within a minute`);
  }

  /** As `ask`, and the result; a refusal throws, so that a test sees it. */
  async done(operation: BankOperation, body: Record<string, unknown>): Promise<Reply['body']> {
    const reply = await this.ask(operation, body);
    if (reply.performative !== 'inform') throw new Error(`${operation} refused: ${JSON.stringify(reply.body)}`);
    return reply.body;
  }

  async login(): Promise<void> {
    const nonce = newId();
    const at = Date.now();
    const { privateKey } = generateKeyPairSync('x25519');
    const ephemeral = ephemeralText(privateKey);
    const text = sessionText(this.market, this.id, nonce, at, ephemeral);
    const signature = signText(text, privateKeyOf(this.seed)!);
    const answer = await this.done('session', { nkey: this.nkey, nonce, at, ephemeral, signature });
    const about = { market: this.market, agent: this.id, session: answer.session, until: answer.until };
    const key = unwrapSessionKey(privateKey, answer.ephemeral, about, answer.sealedKey)!;
    this.#session = { session: answer.session, until: answer.until, key };
  }

  get session(): { session: string; until: number; key: Uint8Array } {
    if (this.#session === undefined) throw new Error('log in first');
    return this.#session;
  }

  /** Seals a bid for a call under this agent's session; what `more` says overrides the bid. */
  cheque(call: Call, price: number, more: Partial<Bid> = {}): Cheque {
    const bid = {
      participant: this.id,
      units: 1,
      priceMicro: String(price),
      intent: newId(),
      until: call.awardBy,
      ...more,
    };
    const { session } = this;
    const { market, cfp } = call.terms;
    return sealMac(market, cfp, termsDigest(call.terms), bid, session, session.key);
  }

  /** A body for `lock` that sells one slot; what `more` says overrides it. */
  offer(pool: string, more: Record<string, unknown> = {}): Record<string, unknown> {
    const body = { key: `lock-${newId()}`, cfp: newId(), pool, units: 1, rule: 'uniform-price', durationMs: 60_000 };
    return { ...body, windowMs: 50, ttlMs: 10_000, seals: ['mac'], ...more };
  }

  award(call: Call, bids: readonly Cheque[], key = `award-${newId()}`): Record<string, unknown> {
    return { key, cfp: call.terms.cfp, digest: termsDigest(call.terms), bids };
  }

  /** An operator's signed request; `more` overrides parts of the signed body, to forge it. */
  async admin(operation: string, request: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Reply> {
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      const envelope = this.envelope(undefined);
      const digest = createHash('sha256').update(JSON.stringify(request)).digest('base64url');
      const text = adminText(this.market, this.id, operation, String(envelope.id), Number(envelope.sentAt), digest);
      const signature = signText(text, privateKeyOf(this.seed)!);
      const body = { nkey: this.nkey, signature, request, ...more };
      const subject = `tender.${this.market}.admin.${this.id}.${operation}`;
      const reply = await this.raw(subject, encode({ ...envelope, body }), 2_000);
      if (reply !== undefined && reply.body.detail !== 'unavailable') return reply;
      // A bank without its store says so at once: asking in a hurry would be over before Redis is back.
      await new Promise((resume) => setTimeout(resume, 20));
    }
    throw new Error(`no answer to admin ${operation} within a minute`);
  }

  close(): Promise<void> {
    return this.nats.close();
  }
}
